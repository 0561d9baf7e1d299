"""Which unit a sensor's numbers have, and whether gravity is in them: from option, format, header, data or a person.

What the user says holds. What format or header say holds unless the data plainly say otherwise; then, and where nothing
says anything, a person is asked. Every outcome is noted with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from otolith.importing.session import Sensor
from otolith.importing.units import (
    ACC_UNITS,
    GYRO_UNITS,
    Blocks,
    acc_unit_of_data,
    blocks_of,
    gravity_of_data,
    gyro_unit_of_data,
)
from otolith.recording import STANDARD_GRAVITY

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions
    from otolith.windows.times import Samples

GRAVITY_MEANING = (("included", "at rest it shows 9.8 m/s^2"), ("removed", "at rest it shows about 0"))


def acc_blocks(parts: list[Samples]) -> Blocks:
    """What the parts of an accelerometer say of gravity."""
    return blocks_of(*((part.times, part.values) for part in parts))


def gyro_evidence(parts: list[Samples], acc: list[Samples]) -> tuple[str, str] | None:
    """Unit and reason from the first part whose data decide it; `acc` has gravity in it."""
    for part, beside in zip(parts, acc, strict=True):
        found = gyro_unit_of_data(beside.times, beside.values, part.times, part.values)
        if found is not None:
            return found
    return None


def acc_unit(sensor: Sensor, parts: list[Samples], questions: Questions, findings: Findings) -> tuple[float, str]:
    """m/s² in one of the file's units, and whether gravity is "included" or "removed".

    Raises:
        DataError: nothing decides, or header and data contradict, and there is nobody to ask.
    """
    options, where = questions.options, sensor.table.where
    blocks = acc_blocks(parts)
    seen = acc_unit_of_data(blocks) if options.gravity != "removed" and sensor.gravity != "removed" else None
    hint = questions.hints.get((sensor.kind, sensor.table.columns))
    evidence = f"its mean over two seconds is typically {blocks.typical:.3g}, the length of gravity in {seen}"
    if options.acc_unit:
        unit, why = (
            options.acc_unit,
            "given" + (f", although {evidence}" if seen not in (None, options.acc_unit) else ""),
        )
    elif sensor.unit and seen in (None, sensor.unit):
        unit, why = sensor.unit, sensor.unit_why
    elif seen and not sensor.unit:
        unit, why = seen, evidence
    elif hint and not sensor.unit and sensor.gravity != "removed":
        unit, why = hint[0], f"as in {hint[1]}, a table of the same columns"
    else:
        contradiction = f"{sensor.unit_why} says {sensor.unit}, but {evidence}. " if sensor.unit else ""
        unit = questions.choose(
            ("acc", sensor.table.columns, sensor.unit, seen),
            where,
            f"{contradiction}In which unit is the accelerometer?",
            [(name, f"1 g is {STANDARD_GRAVITY / factor:.5g}") for name, factor in ACC_UNITS.items()],
            "--acc-unit",
        )
        why = "asked"
    findings.decide("accelerometer unit", unit, why)
    factor = ACC_UNITS[unit]
    return factor, _gravity(sensor, blocks.scaled(factor), questions, findings)


def _gravity(sensor: Sensor, blocks: Blocks, questions: Questions, findings: Findings) -> str:
    seen = gravity_of_data(blocks)
    hint = questions.hints.get((sensor.kind, sensor.table.columns))
    evidence = f"its mean over two seconds is typically {blocks.typical:.3g} m/s^2"
    given = questions.options.gravity
    if given:
        gravity, why = given, "given" + (f", although {evidence}" if seen not in (None, given) else "")
    elif sensor.gravity and seen in (None, sensor.gravity):
        gravity, why = sensor.gravity, sensor.gravity_why
    elif seen and not sensor.gravity:
        gravity, why = seen, evidence
    elif hint and not sensor.gravity:
        gravity, why = "included", f"as in {hint[1]}, a table of the same columns"
    else:
        contradiction = (
            f"{sensor.gravity_why} says that gravity is {sensor.gravity}, but {evidence}. " if sensor.gravity else ""
        )
        gravity = questions.choose(
            ("gravity", sensor.table.columns, sensor.gravity, seen),
            sensor.table.where,
            f"{contradiction}Is gravity in the accelerometer's signal?",
            GRAVITY_MEANING,
            "--gravity",
        )
        why = "asked"
    findings.decide("gravity", gravity, why)
    return gravity


def gyro_unit(
    sensor: Sensor, parts: list[Samples], acc: list[Samples] | None, questions: Questions, findings: Findings
) -> float:
    """rad/s in one of the file's units. `acc`: samples of an accelerometer on the same clock that have gravity in them.

    Raises:
        DataError: nothing decides, or header and data contradict, and there is nobody to ask.
    """
    options = questions.options
    seen = gyro_evidence(parts, acc) if acc is not None else None
    hint = questions.hints.get((sensor.kind, sensor.table.columns))
    found = seen[0] if seen else None
    evidence = f"in the data {seen[1]}" if seen else ""
    if options.gyro_unit:
        unit = options.gyro_unit
        why = "given" + (f", although {evidence}" if found not in (None, unit) else "")
    elif sensor.unit and found in (None, sensor.unit):
        unit, why = sensor.unit, sensor.unit_why
    elif found and not sensor.unit:
        unit, why = found, evidence
    elif hint and not sensor.unit:
        unit, why = hint[0], f"as in {hint[1]}, a table of the same columns"
    else:
        contradiction = f"{sensor.unit_why} says {sensor.unit}, but {evidence}. " if sensor.unit else ""
        unit = questions.choose(
            ("gyro", sensor.table.columns, sensor.unit, found),
            sensor.table.where,
            f"{contradiction}In which unit is the gyroscope?",
            [(name, f"a turn in a second is {round(2 * np.pi / factor, 2):g}") for name, factor in GYRO_UNITS.items()],
            "--gyro-unit",
        )
        why = "asked"
    findings.decide("gyroscope unit", unit, why)
    return GYRO_UNITS[unit]
