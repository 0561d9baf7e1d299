"""Files of one recording: accelerometer, gyroscope and gravity in tables whose names differ in the sensor alone."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.errors import DataError
from otolith.importing.naming.files import RATE, sensor_of_file, without_sensor
from otolith.importing.sensors.columns import Mapping
from otolith.importing.session import Sheet

Planned = tuple[Sheet, Mapping]
"""A file and the meaning of its columns."""


@dataclass(frozen=True)
class Files:
    """An accelerometer's table, and those of the gyroscope and of gravity where they are others.

    `linear` says that by its name the accelerometer is without gravity.
    """

    acc: Planned
    gyro: Planned | None = None
    gravity: Planned | None = None
    linear: bool = False

    @property
    def plans(self) -> tuple[Planned, ...]:
        return tuple(each for each in (self.acc, self.gyro, self.gravity) if each is not None)


def files_of_one(mapped: list[Planned]) -> list[Files]:
    """Return the files of each recording, in the order of their accelerometers.

    Of an accelerometer and another without gravity the first is taken, as is a calibrated sensor rather than what
    Android calls uncalibrated; gravity in a file of its own is added to one that is without.

    Args:
        mapped: files with a sensor in them.

    Raises:
        DataError: a gyroscope has no accelerometer beside it, or an accelerometer has several.
    """
    mapped = _calibrated(mapped)
    kinds = [_kind(plan) for plan in mapped]
    beside: dict[str, dict[str, list[Planned]]] = {"gyro": {}, "gravity": {}}
    for plan, kind in zip(mapped, kinds, strict=True):
        if kind in beside:
            beside[kind].setdefault(without_sensor(plan[0].stem), []).append(plan)
    whole = {without_sensor(plan[0].stem) for plan, kind in zip(mapped, kinds, strict=True) if kind == "acc"}
    out: list[Files] = []
    turning = dict(beside["gyro"])
    for plan, kind in zip(mapped, kinds, strict=True):
        stem = without_sensor(plan[0].stem)
        if kind in ("gyro", "gravity") or (kind == "linear" and stem in whole and sensor_of_file(plan[0].stem)):
            continue
        has_gyro = "gyro" in plan[1].columns or any(place.gyro for place in plan[1].places)
        gyro = None if has_gyro or stem not in turning else _only(turning.pop(stem), plan[0])
        if gyro is not None:  # labels, and what tells recordings apart, may stand in the other file alone
            other, mapping = gyro
            lacking = (what for what in ("recording", "subject-column") if mapping.column(what) not in other.columns)
            gyro = other, mapping.without("label", *lacking)
        still = beside["gravity"].get(stem, []) if kind == "linear" else []
        out.append(Files(plan, gyro, _only(still, plan[0]) if still else None, kind == "linear"))
    for (sheet, _), *_ in turning.values():
        raise DataError(
            f"{sheet.where}: holds a gyroscope, but no file beside it the accelerometer. Put it there, under the "
            "same name with `acc` for `gyro`; or name the columns: --acc X,Y,Z"
        )
    return out


def _kind(plan: Planned) -> str:
    """Return "acc", "linear", "gravity" or "gyro", the last for tables without an accelerometer."""
    sheet, mapping = plan
    if "acc" not in mapping.columns and not mapping.places:
        return "gyro"
    said = sensor_of_file(sheet.stem)
    return said if said in ("linear", "gravity") else "acc"


def _calibrated(mapped: list[Planned]) -> list[Planned]:
    """Return the files without those of uncalibrated sensors that are there calibrated, too."""
    there = {_sensor_and_rest(sheet.stem) for sheet, _ in mapped}
    out = []
    for plan in mapped:
        kind, rest = _sensor_and_rest(plan[0].stem)
        without = " ".join(word for word in rest.split() if word != "uncalibrated")
        if without == rest or (kind, without) not in there:
            out.append(plan)
    return out


def _sensor_and_rest(stem: str) -> tuple[str | None, str]:
    return sensor_of_file(stem), without_sensor(stem)


def _only(several: list[Planned], acc: Sheet) -> Planned:
    """Return the file beside an accelerometer, of several the one at its stated rate; copies of a file are one.

    Raises:
        DataError: several are left.
    """
    if len(several) > 1:
        rate = RATE.findall(acc.stem)
        several = [plan for plan in several if rate and RATE.findall(plan[0].stem) == rate] or several
    first = min(several, key=lambda plan: len(plan[0].stem))
    for plan in several:
        if plan is not first and plan[0].member.read() != first[0].member.read():
            raise DataError(
                f"{first[0].where} and {plan[0].where} both belong to {acc.where} by their names. Leave one of them "
                "out."
            )
    return first
