"""Recordings in SI units with true time stamps, from the sensors that a format found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.disk_buffer import Texts
from otolith.importing.labels.segments import segments_of_rows
from otolith.importing.sensors.decide import acc_blocks, acc_unit, gyro_evidence, gyro_unit
from otolith.importing.sensors.evidence import acc_unit_of_data
from otolith.importing.session import ACC, GYRO, NO_ACC, SENSORS, Sensor, Session
from otolith.importing.signals.flags import flags_of
from otolith.importing.signals.repair import clean, gaps
from otolith.importing.times.local_time import ahead_s
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.system.memory import mapped, release
from otolith.windows.clock import check_contiguous
from otolith.windows.pieces import slices, where_step
from otolith.windows.times import Samples, rate_of

if TYPE_CHECKING:
    from otolith.importing.disk_buffer import Keep
    from otolith.importing.findings import Findings
    from otolith.importing.questions import Questions

NO_SECONDS, NO_VALUES = np.empty(0), np.empty((3, 0))


@dataclass(frozen=True)
class Prepared:
    """The sensors of a session, the accelerometer first, and their samples on one clock in the file's units.

    `parts` has a list for each sensor, with a part for each stretch between jumps of the clock.
    """

    session: Session
    sensors: list[Sensor]
    parts: list[list[Samples]]
    origin: int | None


def prepare(session: Session, questions: Questions) -> Prepared:
    """Repair the sensors' samples and bring them onto one clock.

    Raises:
        DataError: no accelerometer, clocks that cannot be compared, or too little that can be used.
    """
    findings = session.findings
    sensors = [sensor for sensor in session.sensors if not (questions.options.acc_only and sensor.kind == GYRO)]
    if not any(sensor.kind == ACC for sensor in sensors):
        raise DataError(f"{session.name}: {NO_ACC}")
    sensors.sort(key=lambda sensor: sensor.kind != ACC)
    origin = _common_origin(session.name, sensors)
    parts = [_shifted(clean(sensor, findings), sensor, origin) for sensor in sensors]
    if len({len(each) for each in parts}) > 1:
        listed = ", ".join(f"{sensor.kind} {len(each)}" for sensor, each in zip(sensors, parts, strict=True))
        raise DataError(
            f"{session.name}: the sensors' clocks jump back at different places (parts: {listed}), so their parts "
            "cannot be matched. Cut the files at the jumps, or leave the gyroscope out: --acc-only"
        )
    return Prepared(session, sensors, parts, origin)


def buffered(prepared: Prepared, keep: Keep) -> Prepared:
    """Return the same to `assemble`, with samples and labels where `keep` puts them and without their tables."""
    outlines = {id(sensor.table): sensor.table for sensor in prepared.sensors}  # both sensors may stand in one
    outlines = {key: table.outline(keep) for key, table in outlines.items()}
    sensors = [
        replace(
            sensor,
            table=outlines[id(sensor.table)],
            clock=replace(sensor.clock, seconds=NO_SECONDS),
            values=NO_VALUES,
            elsewhere=None,
        )
        for sensor in prepared.sensors
    ]
    parts = [
        [Samples(keep(part.times), keep(part.values), keep(part.rows)) for part in each] for each in prepared.parts
    ]
    labels = prepared.session.labels
    labels = Texts(labels, keep) if isinstance(labels, list) else labels
    return Prepared(replace(prepared.session, sensors=[], labels=labels), sensors, parts, prepared.origin)


def note_units(prepared: Prepared, questions: Questions) -> None:
    """Note the units that the data alone decide, for other files of the same layout."""
    acc, samples = prepared.sensors[0], prepared.parts[0]
    if acc.gravity == "removed" or questions.options.gravity == "removed":
        return
    seen = [(acc, acc_unit_of_data(acc_blocks(samples)))]
    if seen[0][1] is not None or acc.gravity is not None:
        for sensor, parts in zip(prepared.sensors[1:], prepared.parts[1:], strict=True):
            seen.append((sensor, (gyro_evidence(parts, samples, sensor.raw) or (None,))[0]))
    for sensor, unit in seen:
        if unit is not None:
            questions.hints.setdefault((sensor.kind, sensor.table.columns), (unit, sensor.table.where))


def assemble(prepared: Prepared, questions: Questions) -> list[tuple[Recording, Findings]]:
    """Return recordings in SI units, one for each part.

    Raises:
        DataError: nothing decides a unit; names the option to give.
    """
    session, sensors, findings = prepared.session, prepared.sensors, prepared.session.findings
    factor, gravity = acc_unit(sensors[0], prepared.parts[0], questions, findings)
    factors = [factor]
    if len(sensors) > 1:
        acc = prepared.parts[0] if gravity == "included" else None
        factors.append(gyro_unit(sensors[1], prepared.parts[1], acc, questions, findings))
    count = len(prepared.parts[0])
    out = []
    for number in range(count):
        parts = [
            replace(each[number], values=_scaled(each[number].values, factor))
            for each, factor in zip(prepared.parts, factors, strict=True)
        ]
        name = session.name if count == 1 else f"{session.name} part {number + 1}"
        recording, found = _recording(name, session, sensors, parts, prepared.origin, questions)
        check_contiguous(recording)  # what the clock refuses later is better refused now
        out.append((recording, found))
    return out


def _common_origin(name: str, sensors: list[Sensor]) -> int | None:
    """Return the instant, in ns since 1970, from which all times of a session count; None where none is known."""
    origins = {sensor.kind: sensor.clock.origin_ns for sensor in sensors}
    known = [origin for origin in origins.values() if origin is not None]
    if not known:
        return None
    if len(known) < len(origins) or len({sensor.clock.zone for sensor in sensors}) > 1:
        raise DataError(
            f"{name}: its sensors count time in two ways ({', '.join(sensor.table.where for sensor in sensors)}), so "
            "they cannot be brought onto one clock. Name other time columns, or leave the gyroscope out: --acc-only"
        )
    return min(known)


def _shifted(parts: list[Samples], sensor: Sensor, origin: int | None) -> list[Samples]:
    if origin is None or sensor.clock.origin_ns == origin:
        return parts
    shift = ((sensor.clock.origin_ns or 0) - origin) / 1e9
    return [replace(part, times=part.times + shift) for part in parts]


def _recording(
    name: str, session: Session, sensors: list[Sensor], parts: list[Samples], origin: int | None, questions: Questions
) -> tuple[Recording, Findings]:
    shared, options = session.findings, questions.options
    found = replace(shared, decisions=list(shared.decisions), repairs=list(shared.repairs), gaps=[], flags=[])
    zero = min(float(part.times[0]) for part in parts)
    if origin is None:
        origin = sensors[0].clock.about_ns
    if origin is not None:
        begin = origin + round(zero * 1e9)
        named = bool(sensors[0].clock.zone)
        if options.timezone is not None and not named:
            begin -= 1_000_000_000 * ahead_s(options.timezone, begin // 1_000_000_000)
            named = True
        moment = datetime.fromtimestamp(begin // 1_000_000_000, UTC).replace(tzinfo=None)
        zone = "Z" if named else ""
        found.started = f"{moment.isoformat()}.{begin % 1_000_000_000 // 1000:06d}{zone}"
        found.started_s = begin / 1e9
        found.timezone = options.timezone or shared.timezone or sensors[0].clock.local
    else:
        found.zero_s = zero
    parts = [_from_zero(part, zero, sensor, found) for part, sensor in zip(parts, sensors, strict=True)]
    streams = [_stream(sensor, part) for sensor, part in zip(sensors, parts, strict=True)]
    for sensor, part, stream in zip(sensors, parts, streams, strict=True):
        found.gaps += gaps(part, sensor.kind)
        found.flags += flags_of(stream)
    segments: tuple[Segment, ...] = ()
    if session.labels is not None:
        segments = segments_of_rows(parts[0], session.labels, streams[0].rate_hz, questions.kept_words, found)
    subject = options.subject or session.subject or (session.folder if options.subject_folder else "")
    return Recording(name, subject or session.name, tuple(_joined(streams)), segments), found


def _from_zero(part: Samples, zero: float, sensor: Sensor, found: Findings) -> Samples:
    """Return a part that counts from `zero`; samples that are then too close to be told apart become one."""
    times = part.times - zero if zero else part.times
    again = where_step(times, lambda steps: steps <= 0) + 1
    if not len(again):
        return replace(part, times=times)
    what = f"{len(again)} rows of the {sensor.kind} follow within no time; the first of them is kept"
    found.repair(sensor.table.at(int(part.rows[again[0]])), what, len(again))
    keep = np.ones(len(times), np.bool_)
    keep[again] = False
    return replace(part, times=times).take(keep)


def _scaled(values: NDArray[np.floating], factor: float) -> NDArray[np.floating]:
    """Return values in another unit; in place where they lie in a file that is ours to change."""
    if mapped(values) is None or not values.flags.writeable:
        return values * factor
    if factor == 1:
        return values
    for at in slices(values.shape[1]):
        values[:, at] *= factor
        release(values)
    return values


def _stream(sensor: Sensor, part: Samples) -> Stream:
    if sensor.clock.regular is not None and not len(where_step(part.rows, lambda steps: steps != 1)):
        return Stream(SENSORS[sensor.kind], part.values, sensor.clock.regular, None, float(part.times[0]))
    rate = sensor.clock.regular or (rate_of(part.times) if len(part.times) > 1 else 0.0)
    if not (np.isfinite(rate) and rate > 0):
        raise DataError(
            f"{sensor.table.where}: the times of the {sensor.kind} give no rate. Name another --time column."
        )
    return Stream(SENSORS[sensor.kind], part.values, rate, part.times)


def _joined(streams: list[Stream]) -> list[Stream]:
    """Return one stream where both sensors were sampled together."""
    first, *others = streams
    if not others or (first.n_samples, first.times is None) != (others[0].n_samples, others[0].times is None):
        return streams
    if first.times is not None:
        same = first.times is others[0].times or np.array_equal(first.times, others[0].sample_times)
    else:
        same = (first.rate_hz, first.start_s) == (others[0].rate_hz, others[0].start_s)
    if not same:
        return streams
    return [replace(first, channels=CHANNELS, values=_stacked(first.values, others[0].values))]


def _stacked(acc: NDArray[np.floating], gyro: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (6, samples); without a copy where the second lies beside the first in one file."""
    apart = gyro.__array_interface__["data"][0] - acc.__array_interface__["data"][0]
    if mapped(acc) is not None and mapped(acc) is mapped(gyro) and apart == 3 * acc.strides[0]:
        return np.lib.stride_tricks.as_strided(acc, (6, acc.shape[1]), acc.strides)
    return np.concatenate([acc, gyro])
