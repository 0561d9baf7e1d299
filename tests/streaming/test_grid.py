"""The streaming clock gives bit for bit what the clock of whole recordings gives, however the samples arrive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.recording import Recording, Stream
from otolith.streaming.grid import Grid, Piece
from otolith.streaming.sensor import Sensor
from otolith.windows.clock import contiguous

MAX_LAG_S = 1e9


def clock_of(rng: np.random.Generator, n: int, rate: float, start: float, gaps: int, jitter: float) -> np.ndarray:
    steps = np.full(n, 1 / rate) * (1 + jitter * rng.uniform(-1, 1, n))
    for place in rng.integers(0, n, gaps):
        steps[place] += rng.uniform(0.2, 1.5)
    return start + np.cumsum(steps) - steps[0]


def joined(pieces: list[Piece]) -> list[tuple[float, np.ndarray]]:
    out: list[tuple[float, list[np.ndarray]]] = []
    for piece in pieces:
        if piece.new:
            out.append((piece.start_s, []))
        out[-1][1].append(piece.values)
    return [(start, np.concatenate(parts, 1)) for start, parts in out]


def streamed(
    streams: list[Stream], rng: np.random.Generator, largest: int, lag: float = MAX_LAG_S
) -> list[tuple[float, np.ndarray]]:
    sensors = [Sensor(str(i), s.channels, s.rate_hz, s.start_s) for i, s in enumerate(streams)]
    grid = Grid(sensors, lag)
    at, pieces = [0] * len(streams), []
    while any(a < s.n_samples for a, s in zip(at, streams, strict=True)):
        i = int(rng.choice([i for i, s in enumerate(streams) if at[i] < s.n_samples]))
        stop = min(streams[i].n_samples, at[i] + int(rng.integers(1, largest + 1)))
        times = streams[i].times
        sensors[i].push(streams[i].values[:, at[i] : stop], None if times is None else times[at[i] : stop])
        at[i] = stop
        pieces += list(grid.advance())
    return joined(pieces + list(grid.finish()))


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    rates=st.sampled_from([(50.0,), (50.0, 50.0), (87.0, 200.0), (50.0, 20.0), (100.0, 30.0, 25.0)]),
    timed=st.lists(st.booleans(), min_size=3, max_size=3),
    gaps=st.integers(0, 4),
    jitter=st.sampled_from([0.0, 0.2]),
    largest=st.sampled_from([1, 7, 60, 1000]),
)
def test_it_agrees_with_the_whole_recording(
    seed: int, rates: tuple[float, ...], timed: list[bool], gaps: int, jitter: float, largest: int
) -> None:
    rng = np.random.default_rng(seed)
    streams = []
    for i, rate in enumerate(rates):
        n = int(rng.integers(1, round(6 * rate)))
        start = float(rng.uniform(0, 0.3)) * int(rng.integers(0, 2))
        times = clock_of(rng, n, rate, start, gaps, jitter) if timed[i] else None
        streams.append(
            Stream((f"c{i}", f"d{i}"), rng.normal(size=(2, n)), rate, times, 0.0 if times is not None else start)
        )
    if all(s.times is None and s.rate_hz == streams[0].rate_hz and s.start_s == streams[0].start_s for s in streams):
        shortest = min(s.n_samples for s in streams)  # what is pushed in full by all; offline refuses the rest
        streams = [Stream(s.channels, s.values[:, :shortest], s.rate_hz, None, s.start_s) for s in streams]
    try:
        whole = contiguous(Recording("r", 1, tuple(streams)))
    except DataError as error:  # never at the same time: nothing may come out
        assume("slower than" not in str(error))  # a stream cannot know that from its beginning
        whole = []
    came = streamed(streams, rng, largest)
    assert [start for start, _ in came] == [stream.start_s for stream in whole]
    for (_, values), stream in zip(came, whole, strict=True):
        np.testing.assert_array_equal(values, stream.values)


def test_a_silent_sensor_bounds_what_the_other_holds() -> None:
    rng = np.random.default_rng(0)
    acc, gyro = Sensor("acc", ("a",), 100.0, 0.0), Sensor("gyro", ("g",), 100.0, 0.0)
    grid = Grid([acc, gyro], 5.0)
    gyro.push(rng.normal(size=(1, 100)), np.arange(100) / 100)
    held = 0
    for second in range(200):
        acc.push(rng.normal(size=(1, 100)), second + np.arange(100) / 100)
        list(grid.advance())
        held = max(held, sum(run.times.size for run in acc.runs))
    assert held < 700
    gyro.push(rng.normal(size=(1, 400)), 198 + np.arange(400) / 100)
    assert [(p.start_s, p.new, p.values.shape[1]) for p in grid.advance()] == [(198.0, True, 200)]


def test_memory_is_bounded_however_long_it_runs() -> None:
    rng = np.random.default_rng(0)
    sensors = [Sensor("acc", ("a",), 100.0, 0.0), Sensor("gyro", ("g",), 50.0, 0.0)]
    grid, times, held = Grid(sensors, 30.0), [0, 0], 0
    for _ in range(300):
        for i, sensor in enumerate(sensors):
            n = round(sensor.rate_hz)
            sensor.push(rng.normal(size=(1, n)), (times[i] + np.arange(n)) / sensor.rate_hz)
            times[i] += n
        list(grid.advance())
        held = max(held, sum(run.times.size for sensor in sensors for run in sensor.runs))
    assert held < 20


@pytest.mark.parametrize("first", [0, 1])
def test_a_sensor_that_stays_behind_without_time_stamps_is_refused(first: int) -> None:
    sensors = [Sensor("acc", ("a",), 100.0, 0.0), Sensor("gyro", ("g",), 100.0, 0.0)]
    grid = Grid(sensors, 2.0)
    sensors[first].push(np.zeros((1, 500)), None)
    with pytest.raises(DataError, match="no time stamps"):
        list(grid.advance())


def test_a_late_sensor_and_gaps_of_the_other_do_not_mix_stretches() -> None:
    """What was begun together ends where the late sensor fell silent, before anything of the other is dropped."""
    rng = np.random.default_rng(0)
    acc, gyro = Sensor("acc", ("a",), 100.0, 0.0), Sensor("gyro", ("g",), 100.0, 0.0)
    grid = Grid([acc, gyro], 3.0)
    a, g = rng.normal(size=(1, 2000)), rng.normal(size=(1, 700))
    times = np.r_[np.arange(100), 150 + np.arange(1900)] / 100  # half a second is missing after the first second
    both = np.r_[np.arange(60), 1800 + np.arange(640)] / 100
    pieces = []
    gyro.push(g[:, :60], both[:60])
    for i in range(0, 2000, 50):
        acc.push(a[:, i : i + 50], times[i : i + 50])
        pieces += list(grid.advance())
    gyro.push(g[:, 60:], both[60:])
    pieces += [*grid.advance(), *grid.finish()]
    streams = (Stream(("a",), a, 100.0, times), Stream(("g",), g, 100.0, both))
    whole = contiguous(Recording("r", 1, streams))
    came = joined(pieces)
    assert [start for start, _ in came] == [stream.start_s for stream in whole] == [0.0, 18.0]
    for (_, values), stream in zip(came, whole, strict=True):
        np.testing.assert_array_equal(values, stream.values)
