"""The unit of a sensor's numbers, and whether gravity is in them: from option, format, header, data or a person.

A user's option holds. What format or header say holds unless the data plainly say otherwise; then, and where nothing
says anything, a person is asked. Every outcome is noted with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.naming.units import ACC_UNITS, GYRO_UNITS, factor_of
from otolith.importing.sensors.evidence import (
    Blocks,
    acc_unit_at_rest,
    acc_unit_of_data,
    are_whole,
    blocks_of,
    gravity_of_data,
    gyro_unit_of_data,
)
from otolith.importing.session import Sensor
from otolith.recording import STANDARD_GRAVITY

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.windows.times import Samples

MOST_MS2 = 50.0
"""Beyond gravity in m/s², on average over two seconds: numbers are thousandths of a g, or counts."""
SHORTEST_S = 1.0
"""Less tells no unit."""
MOST_STILL = 2 * STANDARD_GRAVITY
"""m/s² beyond which no body's acceleration stays, on average over two seconds, for most of a recording."""
LEAST_WHOLE = 0.7
"""Least length in g, whichever way it points, that may have gravity in it though its mean has none."""
GYRO_COUNTS = " If these are raw counts, say so: --gyro-unit 16.4/dps, or range and bits: --gyro-unit 2000dps/16bit."
GRAVITY_MEANING = (("included", "at rest it shows 9.8 m/s^2"), ("removed", "at rest it shows about 0"))


def acc_unit(sensor: Sensor, parts: list[Samples], questions: Questions, findings: Findings) -> tuple[float, str]:
    """Return m/s² in one of the file's units, and whether gravity is "included" or "removed".

    Raises:
        DataError: nothing decides, or header and data contradict, and there is nobody to ask.
    """
    options, blocks = questions.options, acc_blocks(parts)
    linear = sensor.gravity == "removed"
    seen = None if options.gravity == "removed" else acc_unit_of_data(blocks)
    evidence = f"its mean over two seconds is typically {blocks.typical:.3g}"
    if seen is None and options.gravity != "removed" and not linear and (rest := acc_unit_at_rest(blocks)):
        seen, evidence = rest[0], f"where it moves little its length is {rest[1]:.3g}"
    hint = _hint(sensor, questions)
    if hint and not linear and blocks.typical * ACC_UNITS[hint[0]] > MOST_STILL:  # such as a magnetometer's
        hint = None
    meanings = [(unit, f"1 g is {STANDARD_GRAVITY / factor:.5g}") for unit, factor in ACC_UNITS.items()]
    counts = ""
    if blocks.typical > MOST_MS2:
        counts = (
            f" Its length is typically {blocks.typical:.4g}: if these are raw counts, give how many make a g, such "
        )
        counts += f"as --acc-unit {likely_counts(blocks.typical)}/g, or range and bits, such as --acc-unit 8g/16bit."
    unit = _decided(
        "accelerometer unit", sensor, questions, findings,
        given=options.acc_unit,
        stated=(sensor.unit, sensor.unit_why),
        seen=(seen, f"{evidence}, the length of gravity in {seen}"),
        hint=None if linear else hint,
        question=(f"In which unit is the accelerometer?{counts}", meanings, "--acc-unit"),
        lasting_s=lasting(parts),
    )  # fmt: skip
    factor = factor_of(unit, ACC_UNITS) or math.nan
    blocks = blocks.scaled(factor)
    shown = gravity_of_data(blocks)
    if shown == "removed" and sensor.gravity == "included" and blocks.whole >= LEAST_WHOLE * STANDARD_GRAVITY:
        shown = None  # what turns within two seconds has no mean either
    gravity = _decided(
        "gravity", sensor, questions, findings,
        given=options.gravity,
        stated=(sensor.gravity, sensor.gravity_why),
        seen=(shown, f"its mean over two seconds is typically {blocks.typical:.3g} m/s^2"),
        hint=hint and ("included", hint[1]),
        question=("Is gravity in the accelerometer's signal?", GRAVITY_MEANING, "--gravity"),
        lasting_s=lasting(parts),
    )  # fmt: skip
    return factor, gravity


def likely_counts(length: float) -> int:
    """Return the power of two nearest to a length, as accelerometers give for a g.

    >>> likely_counts(4013.0), likely_counts(0.2)
    (4096, 4096)
    """
    return 2 ** round(math.log2(length)) if 100 < length < 1e6 else 4096


def gyro_unit(
    sensor: Sensor, parts: list[Samples], acc: list[Samples] | None, questions: Questions, findings: Findings
) -> float:
    """Return rad/s in one of the file's units.

    Args:
        acc: samples of an accelerometer on the same clock that have gravity in them.

    Raises:
        DataError: nothing decides, or header and data contradict, and there is nobody to ask.
    """
    counts = GYRO_COUNTS if all(are_whole(part.values) for part in parts) else ""
    seen = (gyro_evidence(parts, acc) if acc is not None else None) or (None, "")
    meanings = [(unit, f"a turn in a second is {round(2 * np.pi / f, 2):g}") for unit, f in GYRO_UNITS.items()]
    unit = _decided(
        "gyroscope unit", sensor, questions, findings,
        given=questions.options.gyro_unit,
        stated=(sensor.unit, sensor.unit_why),
        seen=(seen[0], f"in the data {seen[1]}"),
        hint=_hint(sensor, questions),
        question=(f"In which unit is the gyroscope?{counts}", meanings, "--gyro-unit"),
        lasting_s=lasting(parts),
    )  # fmt: skip
    return factor_of(unit, GYRO_UNITS) or math.nan


def _decided(
    what: str,
    sensor: Sensor,
    questions: Questions,
    findings: Findings,
    *,
    given: str | None,
    stated: tuple[str | None, str],
    seen: tuple[str | None, str],
    hint: tuple[str, str] | None,
    question: tuple[str, Sequence[tuple[str, str]], str],
    lasting_s: float,
) -> str:
    """Return the value that option, format or header, data, another file's data or a person give, in this order.

    Args:
        given: by the option.
        stated: by format or header, and by which.
        seen: in the data, and the evidence.
        hint: seen in the data of another table of the same columns, and in which.
        question: its words, the choices and the option.
        lasting_s: length of the recording.

    Raises:
        Undecided: nothing decides.
        DataError: the recording is too short for anything to decide.
    """
    where, columns = sensor.table.where, sensor.table.columns
    (claimed, source), (found, evidence) = stated, seen
    if given:
        value, why = given, "given" + (f", although {evidence}" if found not in (None, given) else "")
    elif claimed and found in (None, claimed):
        value, why = claimed, source
    elif found and not claimed:
        value, why = found, evidence
    elif hint and not claimed:
        value, why = hint[0], f"as in {hint[1]}, a table of the same columns"
    else:
        if lasting_s < SHORTEST_S:
            raise DataError(
                f"{where}: the {sensor.kind} lasts {lasting_s:.2g} s, too short to tell the {what}. Leave the file "
                f"out, or give {question[2]}."
            )
        words, choices, option = question
        words = f"The file states the {what} as {claimed} ({source}), but {evidence}. {words}" if claimed else words
        value, why = questions.choose((what, columns, claimed, found), where, words, choices, option), "asked"
    findings.decide(what, value, why)
    return value


def _hint(sensor: Sensor, questions: Questions) -> tuple[str, str] | None:
    return questions.hints.get((sensor.kind, sensor.table.columns))


def lasting(parts: list[Samples]) -> float:
    """Return how many seconds the parts of a sensor last together."""
    return sum(float(part.times[-1] - part.times[0]) for part in parts if len(part.times))


def acc_blocks(parts: list[Samples]) -> Blocks:
    """Return what the parts of an accelerometer say of gravity."""
    return blocks_of(*((part.times, part.values) for part in parts))


def gyro_evidence(parts: list[Samples], acc: list[Samples]) -> tuple[str, str] | None:
    """Return unit and reason from the first part whose data decide it; `acc` has gravity in it."""
    for part, beside in zip(parts, acc, strict=True):
        found = gyro_unit_of_data(beside.times, beside.values, part.times, part.values)
        if found is not None:
            return found
    return None
