"""One clock for all sensors: what is stacked, what is interpolated, what ends a stretch, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Stream
from otolith.windows.clock import check_contiguous, contiguous

ACC, GYRO = CHANNELS[:3], CHANNELS[3:]


def of(*streams: Stream) -> Recording:
    return Recording("walk-1", 1, streams)


def regular(channels: tuple[str, ...], n: int, rate_hz: float = 50.0, start_s: float = 0.0) -> Stream:
    values = np.random.default_rng(n).normal(size=(len(channels), n))
    return Stream(channels, values, rate_hz, start_s=start_s)


def timed(channels: tuple[str, ...], times: np.ndarray, rate_hz: float, values: np.ndarray | None = None) -> Stream:
    if values is None:
        values = np.stack([times * (i + 1) for i in range(len(channels))])
    return Stream(channels, values, rate_hz, times)


def test_one_regular_stream_comes_back_as_it_is() -> None:
    stream = regular(CHANNELS, 100)
    assert contiguous(of(stream)) == [stream]
    assert contiguous(of(stream))[0] is stream


def test_equal_regular_streams_are_stacked_without_a_change() -> None:
    acc, gyro = regular(ACC, 100, start_s=3.0), regular(GYRO, 100, start_s=3.0)
    (both,) = contiguous(of(gyro, acc))
    assert both.channels == GYRO + ACC
    assert (both.rate_hz, both.start_s, both.times) == (50.0, 3.0, None)
    np.testing.assert_array_equal(both.values, np.concatenate([gyro.values, acc.values]))


def test_the_grid_has_the_highest_rate_and_the_common_time() -> None:
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.uniform(0.010, 0.015, 400)) + 0.5
    fast = np.arange(1200) / 200
    (out,) = contiguous(of(timed(ACC, slow, 80.0), timed(GYRO, fast, 200.0)))
    assert out.rate_hz == 200.0
    assert out.start_s == slow[0]
    last = out.start_s + (out.n_samples - 1) / 200
    assert min(slow[-1], fast[-1]) - 1 / 200 < last <= min(slow[-1], fast[-1])
    # straight lines are what linear interpolation keeps exactly
    times = out.start_s + np.arange(out.n_samples) / 200
    np.testing.assert_allclose(out.values, np.stack([times * k for k in (1, 2, 3, 1, 2, 3)]), atol=1e-9)


def test_regular_streams_that_start_apart_meet_on_one_grid() -> None:
    late, early = regular(ACC, 100, start_s=0.3), regular(GYRO, 100, start_s=0.0)
    (out,) = contiguous(of(late, early))
    assert out.start_s == 0.3
    assert out.n_samples == 100 - 15
    np.testing.assert_allclose(out.values[3:], early.values[:, 15:], atol=1e-9)
    np.testing.assert_allclose(out.values[:3], late.values[:, :85], atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    gaps=st.lists(st.integers(5, 95), max_size=3, unique=True),
    others=st.lists(st.integers(5, 95), max_size=3, unique=True),
)
def test_no_gap_of_any_stream_is_bridged(seed: int, gaps: list[int], others: list[int]) -> None:
    rng = np.random.default_rng(seed)

    def clock(where: list[int], step: float) -> np.ndarray:
        steps = rng.uniform(0.8 * step, 1.2 * step, 100)
        steps[where] = rng.uniform(0.3, 2.0, len(where))
        return np.cumsum(steps)

    clocks = [clock(gaps, 0.05), clock(others, 0.04)]
    out = contiguous(of(timed(ACC, clocks[0], 20.0), timed(GYRO, clocks[1], 25.0)))
    covered = 0.0
    for stream in out:
        begin, end = stream.start_s, stream.start_s + (stream.n_samples - 1) / 25
        covered += end - begin
        for times in clocks:
            for i in np.flatnonzero(np.diff(times) > 0.25):
                assert end <= times[i] + 1e-9 or begin >= times[i + 1] - 1e-9
            assert times[0] - 1e-9 <= begin
            assert end <= times[-1] + 1e-9
    assert [s.start_s for s in out] == sorted(s.start_s for s in out)
    # nothing else is lost: the gap-free time that the streams share, less one period per stretch
    fine = np.arange(0, 30, 0.001)
    shared = np.ones(len(fine), bool)
    for times in clocks:
        at = np.searchsorted(times, fine)
        inside = (at > 0) & (at < len(times))
        shared &= inside & (np.diff(times, prepend=0)[np.minimum(at, len(times) - 1)] <= 0.25)
    assert shared.sum() * 0.001 - covered < 0.05 * (len(out) + len(gaps) + len(others)) + 0.05


def test_a_gap_of_exactly_the_limit_is_none() -> None:
    times = np.array([0.0, 0.1, 0.35, 0.45])
    assert len(contiguous(of(timed(ACC, times, 10.0)))) == 1
    assert len(contiguous(of(timed(ACC, times + np.array([0, 0, 0.001, 0.001]), 10.0)))) == 2


def test_the_gap_can_be_chosen() -> None:
    times = np.concatenate([np.arange(0, 2, 0.02), np.arange(2.5, 4, 0.02)])
    assert len(contiguous(of(timed(ACC, times, 50.0)))) == 2
    assert len(contiguous(of(timed(ACC, times, 50.0)), max_gap_s=1.0)) == 1


def spoilt(channel: int, sample: int, value: float) -> Stream:
    stream = regular(CHANNELS, 50)
    stream.values[channel, sample] = value
    return stream


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        (
            of(regular(ACC, 100), regular(GYRO, 90)),
            r"'walk-1'.*acc_z: 100 samples.*gyro_z: 90 samples",
        ),
        (of(spoilt(3, 17, np.nan)), r"'walk-1': channel gyro_x is nan at sample 17 \(of 50"),
        (of(spoilt(0, 0, -np.inf)), r"channel acc_x is -inf at sample 0"),
        (of(spoilt(0, 0, 1e300)), r"channel acc_x is 1e+300 at sample 0".replace("+", r"\+")),
        (
            of(timed(ACC, np.array([0, 0.1, 0.1, 0.2]), 10.0)),
            r"but sample 2 is at 0.1 s after 0.1 s",
        ),
        (
            of(timed(ACC, np.array([0, 0.2, 0.1, 0.3]), 10.0)),
            r"but sample 2 is at 0.1 s after 0.2 s",
        ),
        (
            of(timed(ACC, np.array([0, np.nan, 0.1]), 10.0, np.zeros((3, 3)))),
            r"but sample 1 is at nan s",
        ),
        (of(timed(ACC, np.array([0, 0.1, np.inf]), 10.0, np.zeros((3, 3)))), r"time of sample 2 is inf"),
        (of(timed(ACC, np.arange(5) * 0.1, 10.0, np.zeros((3, 4)))), r"\(5,\) time stamps for 4 samples"),
        (of(timed(ACC, np.arange(9) * 1.0, 10.0)), r"samples come every 1 s"),
        (of(regular(ACC, 50), regular(ACC, 50)), r"channel 'acc_x' twice"),
        (of(regular(ACC, 50, start_s=0), regular(GYRO, 50, start_s=10)), r"never record at the same time"),
        (of(regular(ACC, 50), timed(GYRO, np.empty(0), 50.0)), r"gyro_x/gyro_y/gyro_z holds no sample"),
        (of(Stream(ACC, np.zeros((2, 9)), 50.0)), r"shape \(2, 9\), expected \(3, samples\)"),
        (of(Stream(ACC, np.zeros((3, 9), int), 50.0)), r"expected floating point"),
        (of(Stream(ACC, np.zeros((3, 9)), float("nan"))), r"rate is nan Hz"),
        (of(Stream(ACC, np.zeros((3, 9)), 50.0, start_s=float("nan"))), r"start is nan s"),
        (of(), r"holds no stream"),
        (of(timed(ACC, np.arange(9) * 0.1, 1e9)), r"9 samples over 0.8 s would become 800,000,001 at its highest rate"),
    ],
)
def test_refuses(recording: Recording, words: str) -> None:
    with pytest.raises(DataError, match=words):
        contiguous(recording)


def test_refuses_a_gap_that_is_no_length() -> None:
    with pytest.raises(DataError, match="max_gap_s is 0"):
        contiguous(of(regular(ACC, 50)), max_gap_s=0)


@pytest.mark.parametrize("late", [0.0, 99.0])
def test_checking_refuses_what_the_grid_refuses_and_makes_none(late: float, monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.arange(100) / 50
    streams = (
        Stream(("acc_x",), np.zeros((1, 100)), 50.0, times),
        Stream(("gyro_x",), np.zeros((1, 100)), 50.0, times + late),
    )
    recording = Recording("r", 1, streams)
    monkeypatch.setattr(np, "interp", None)
    if late:
        with pytest.raises(DataError, match="never record at the same time"):
            check_contiguous(recording)
    else:
        check_contiguous(recording)
