"""Recordings of sensors: the value that every data set yields and that `windows.cut` takes, and names of channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith import showing
from otolith.errors import DataError, unknown

CHANNELS = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
"""The paper's six channels in its order (Section IV-A): accelerometer in m/s², then gyroscope in rad/s."""

STANDARD_GRAVITY = 9.80665
"""m/s² in one g."""


Triads = tuple[tuple[int, int, int], ...]
"""Indices of the x, y and z channel of each three-axis sensor."""


def unit_of(channel: str) -> str:
    """Return the unit in which otolith holds a channel: m/s^2 for accelerometers, rad/s for gyroscopes."""
    return "rad/s" if channel.startswith("gyro") else "m/s^2"


def sensor_of(channel: str) -> str:
    """Return the sensor that a channel belongs to: "acc" for "acc_x"."""
    return channel.rpartition("_")[0] or channel


def sensors_of(channels: Sequence[str]) -> tuple[str, ...]:
    """Return the sensors of channels, in their order: ("acc", "gyro") for the paper's six."""
    return tuple(dict.fromkeys(sensor_of(channel) for channel in channels))


def known_sensors(there: Sequence[str]) -> tuple[str, ...]:
    """Return the sensors that may be named where these are there: these, and the paper's in any case.

    >>> known_sensors(("acc", "mag"))
    ('acc', 'gyro', 'mag')
    """
    return tuple(dict.fromkeys((*sensors_of(CHANNELS), *there)))


def channels_of(channels: Sequence[str], sensors: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the channels that belong to `sensors`, in their order; all of them where no sensor is named.

    Raises:
        DataError: a sensor that is not there; `where` says what lacks it.
    """
    there = sensors_of(channels)
    for sensor in sensors:
        if sensor not in there:
            raise DataError(f"{where}: {unknown('sensor', sensor, there)}")
    return tuple(channel for channel in channels if not sensors or sensor_of(channel) in sensors)


def triads(channels: Sequence[str]) -> Triads:
    """Return the indices of x, y and z of each complete three-axis sensor, in the order of the x.

    >>> triads(("gyro_x", "gyro_y", "gyro_z", "acc_x", "acc_y"))
    ((0, 1, 2),)
    """
    index = {channel: i for i, channel in enumerate(channels)}
    axes = [[f"{channel.removesuffix('_x')}_{axis}" for axis in "xyz"] for channel in channels if channel[-2:] == "_x"]
    return tuple((index[x], index[y], index[z]) for x, y, z in axes if y in index and z in index)


@dataclass(frozen=True, eq=False)
class Stream:
    """Signals that were sampled together, in SI units.

    `values` is (channels, samples). `times` is None for a regularly sampled stream, whose sample i was taken at
    `start_s + i / rate_hz`; otherwise it holds the time of every sample in seconds, increasing, and `rate_hz` is
    the sensor's nominal rate (see `otolith.windows.clock`).

    >>> Stream(("acc_x", "acc_y", "acc_z"), np.zeros((3, 50)), rate_hz=25.0).n_samples
    50
    """

    channels: tuple[str, ...]
    values: NDArray[np.floating]
    rate_hz: float
    times: NDArray[np.float64] | None = None
    start_s: float = 0.0

    def __repr__(self) -> str:
        channels = showing.plain(", ".join(self.channels), 60)
        return f"<Stream: {channels}, {showing.count(self.n_samples, 'sample')} at {self.rate_hz:g} Hz>"

    @property
    def sample_times(self) -> NDArray[np.float64]:
        """Time of every sample, in seconds on the recording's clock."""
        if self.times is not None:
            return np.asarray(self.times, np.float64)
        return self.start_s + np.arange(self.n_samples) / self.rate_hz

    @property
    def n_samples(self) -> int:
        return int(self.values.shape[1])

    @property
    def length_s(self) -> float:
        """Seconds from the first sample to the end of the last one."""
        if self.times is None or not self.n_samples:
            return self.n_samples / self.rate_hz
        return float(self.times[-1] - self.times[0]) + 1 / self.rate_hz


@dataclass(frozen=True)
class Segment:
    """A stretch of one activity, in seconds on the recording's clock; `stop_s` None means to the end.

    On a regular stream the segment holds the samples round(start_s * rate) up to, not including, round(stop_s * rate).
    `activity` is a name of the data set's `info.activities`.

    >>> Segment(2.0, None, "walking")
    Segment(start_s=2.0, stop_s=None, activity='walking')
    """

    start_s: float
    stop_s: float | None
    activity: str


@dataclass(frozen=True, eq=False)
class Recording:
    """One uninterrupted wearing of one device by one subject.

    `name` is unique within its data set. `segments` are the labelled stretches, in order and without overlap;
    everything between them is unlabelled. `repairs` has a sentence for each repair of its time stamps.

    >>> stream = Stream(("acc_x", "acc_y", "acc_z"), np.zeros((3, 50)), rate_hz=25.0)
    >>> Recording("walk", "ann", (stream,), (Segment(0.0, 2.0, "walking"),)).channels
    ('acc_x', 'acc_y', 'acc_z')
    """

    name: str
    subject: int | str
    streams: tuple[Stream, ...]
    segments: tuple[Segment, ...] = ()
    repairs: tuple[str, ...] = ()

    def __repr__(self) -> str:
        sensors = showing.plain(", ".join(sensors_of(self.channels)), 40)
        told = [f"of {showing.plain(self.subject, 30)}", sensors, self._length]
        return showing.line("Recording", self.name, [*told, showing.count(len(self.segments), "segment")])

    def _repr_html_(self) -> str:
        streams = [f"{', '.join(sensors_of(stream.channels))} at {stream.rate_hz:g} Hz" for stream in self.streams]
        activities = list(dict.fromkeys(segment.activity for segment in self.segments))
        facts = {"of": self.subject, "length": self._length, "sensors": streams, "activities": activities}
        return showing.card("Recording", self.name, facts | {"repairs": self.repairs}, self.pictures())

    @property
    def _length(self) -> str:
        return showing.duration(max((stream.length_s for stream in self.streams), default=0.0))

    def pictures(self, seconds: float = 10.0) -> list[str]:
        """Return a picture (SVG) of each stream's middle `seconds`."""
        found = []
        for stream in self.streams:
            half = max(1, round(seconds / 2 * stream.rate_hz))
            middle = stream.n_samples // 2
            part = stream.values[:, max(0, middle - half) : middle + half]
            found.append(showing.signal(part, stream.channels, showing.duration(part.shape[1] / stream.rate_hz)))
        return found

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(c for stream in self.streams for c in stream.channels)
