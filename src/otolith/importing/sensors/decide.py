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
from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
from otolith.importing.naming.units import factor_of
from otolith.importing.sensors.evidence import (
    Blocks,
    acc_unit_at_rest,
    acc_unit_of_data,
    are_whole,
    blocks_of,
    gravity_of_data,
    gyro_unit_of_data,
    scale_contradicted,
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
OTHER = "another"
"""Stands for a unit that data show in place of a stated multiple of one."""
GYRO_COUNTS = " If these are raw counts, say so: --gyro-unit 16.4/dps, or range and bits: --gyro-unit 2000dps/16bit."
GRAVITY_MEANING = (("included", "at rest it shows 9.8 m/s^2"), ("removed", "at rest it shows about 0"))


def acc_unit(sensor: Sensor, parts: list[Samples], questions: Questions, findings: Findings) -> tuple[float, str]:
    """Return m/s² in one of the file's units, and whether gravity is "included" or "removed".

    Raises:
        DataError: nothing decides, or header and data contradict, and there is nobody to ask.
    """
    options, blocks = questions.options, acc_blocks(parts)
    linear = sensor.gravity == "removed"
    scale = _scale(sensor, ACC_UNITS)
    there = blocks if scale is None else blocks.scaled(scale)
    seen = None if options.gravity == "removed" else acc_unit_of_data(there)
    evidence = f"its mean over two seconds is typically {blocks.typical:.3g}"
    if seen is None and options.gravity != "removed" and not linear and (rest := acc_unit_at_rest(there)):
        length = rest[1] if scale is None else rest[1] / scale
        seen, evidence = rest[0], f"where it moves little its length is {length:.3g}"
    evidence += f", the length of gravity in {seen}" if scale is None else ", which is no length of gravity in it"
    if scale is not None and seen is not None:
        seen = sensor.unit if seen == "m/s^2" else OTHER
    hint = _hint(sensor, questions)
    if hint and not linear and blocks.typical * ACC_UNITS[hint[0]] > MOST_STILL:  # such as a magnetometer's
        hint = None
    from_zero = seen == "mg" and all(are_whole(part.values) and part.values.min() >= 0 for part in parts)
    if (sensor.raw or from_zero) and not sensor.unit:  # a thousand counts for a g look like mg
        seen, hint = None if seen == "mg" else seen, None if hint and hint[0] == "mg" else hint
    meanings = [(unit, f"1 g is {STANDARD_GRAVITY / factor:.5g}") for unit, factor in ACC_UNITS.items()]
    counts = ""
    if blocks.typical > MOST_MS2 or sensor.unread or sensor.raw or from_zero:
        counts = (
            f" Its length is typically {blocks.typical:.4g}: if these are raw counts, give how many make a g, such "
        )
        counts += f"as --acc-unit {likely_counts(blocks.typical)}/g, or range and bits, such as --acc-unit 8g/16bit."
    unit = _decided(
        "accelerometer unit", sensor, questions, findings,
        given=options.acc_unit,
        stated=(sensor.unit, sensor.unit_why),
        seen=(seen, evidence),
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
    counts = GYRO_COUNTS if sensor.unread or sensor.raw or all(are_whole(part.values) for part in parts) else ""
    scale = _scale(sensor, GYRO_UNITS)
    if scale is not None:
        wrong = _against_scale(parts, acc, scale) if acc is not None else ""
        seen: tuple[str | None, str] = (OTHER if wrong else None, wrong)
    else:
        found = gyro_evidence(parts, acc, sensor.raw) if acc is not None else None
        seen = (None, "") if found is None else (found[0], f"in the data {found[1]}")
    meanings = [(unit, f"a turn in a second is {round(2 * np.pi / f, 2):g}") for unit, f in GYRO_UNITS.items()]
    unit = _decided(
        "gyroscope unit", sensor, questions, findings,
        given=questions.options.gyro_unit,
        stated=(sensor.unit, sensor.unit_why),
        seen=seen,
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
    unread = sensor.unread if what != "gravity" else ""
    if given:
        value, why = given, "given" + (f", although {evidence}" if found not in (None, given) else "")
    elif claimed and found in (None, claimed):
        value, why = claimed, source
    elif found and not claimed and not unread:
        value, why = found, evidence
    elif hint and not claimed and not unread:
        value, why = hint[0], f"as in {hint[1]}, a table of the same columns"
    else:
        if lasting_s < SHORTEST_S and not unread:
            raise DataError(
                f"{where}: the {sensor.kind} lasts {lasting_s:.2g} s, too short to tell the {what}. Leave the file "
                f"out, or give {question[2]}."
            )
        words, choices, option = question
        if claimed:
            words = f"The file states the {what} as {claimed} ({source}), but {evidence}. {words}"
        elif unread:
            words = f"The file states the {what} as {unread!r} ({source}), which is not one known unit. {words}"
        value, why = questions.choose((what, columns, claimed, found), where, words, choices, option), "asked"
    findings.decide(what, value, why)
    return value


def _scale(sensor: Sensor, units: dict[str, float]) -> float | None:
    """Return SI units in one of a file's numbers where it states a multiple of a unit, which no data tell."""
    return None if sensor.unit is None or sensor.unit in units else factor_of(sensor.unit, units)


def _against_scale(parts: list[Samples], acc: list[Samples], scale: float) -> str:
    """Return what contradicts a gyroscope's stated scale in the first part whose data say something of it, or ""."""
    for part, beside in zip(parts, acc, strict=True):
        found = scale_contradicted(beside.times, beside.values, part.times, part.values, scale)
        if found is not None:
            return found[1] if found[0] else ""
    return ""


def _hint(sensor: Sensor, questions: Questions) -> tuple[str, str] | None:
    return questions.hints.get((sensor.kind, sensor.table.columns))


def lasting(parts: list[Samples]) -> float:
    """Return how many seconds the parts of a sensor last together."""
    return sum(float(part.times[-1] - part.times[0]) for part in parts if len(part.times))


def acc_blocks(parts: list[Samples]) -> Blocks:
    """Return what the parts of an accelerometer say of gravity."""
    return blocks_of(*((part.times, part.values) for part in parts))


def gyro_evidence(parts: list[Samples], acc: list[Samples], raw: bool = False) -> tuple[str, str] | None:
    """Return unit and reason from the first part whose data decide it; `acc` has gravity in it."""
    for part, beside in zip(parts, acc, strict=True):
        found = gyro_unit_of_data(beside.times, beside.values, part.times, part.values, raw)
        if found is not None:
            return found
    return None
