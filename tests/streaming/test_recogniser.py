"""Streaming against offline prediction: the same windows, probabilities and smoothed states, whatever the pieces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import otolith
from otolith import pipeline, splits
from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction import Timeline, predict_recordings
from otolith.recording import CHANNELS, Recording, Stream
from otolith.streaming import Prediction, StreamingRecogniser
from tests.helpers import tiny


@pytest.fixture(scope="session")
def model() -> Model:
    """Windows overlap by half, and gravity is in them, as in most recordings."""
    torch.set_num_threads(1)
    w = tiny.windows_with_gravity()
    split = splits.holdout(w, 0)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(), "random"), w, split)


def signal(rng: np.random.Generator, n: int, rate: float) -> np.ndarray:
    time = np.arange(n) / rate
    swing = np.sin(2 * np.pi * 2 * time * (1 + np.floor(time / 3) % 3)) * np.arange(1, 7)[:, None]
    return swing + rng.normal(0, 0.3, (6, n)) + np.array([0, 0, 9.81, 9, 12, 15])[:, None]


def offline(model: Model, recording: Recording, smoothing: str = "causal") -> Timeline | None:
    (found,) = predict_recordings(model, [recording], smoothing=smoothing)
    return found.timeline


def agree(timeline: Timeline | None, came: list[Prediction]) -> None:
    if timeline is None:
        assert came == []
        return
    np.testing.assert_array_equal([p.start_s for p in came], timeline.start_s)
    np.testing.assert_allclose([p.probabilities for p in came], timeline.probabilities, atol=1e-6)
    assert [p.unknown for p in came] == timeline.flagged.tolist()
    assert [p.activity for p in came] == timeline.activity
    np.testing.assert_allclose([p.probability for p in came], timeline.probability, atol=1e-5)
    if timeline.belief is not None:
        np.testing.assert_allclose([p.belief for p in came], timeline.belief, atol=1e-5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    rate=st.sampled_from([12.0, 25.0, 50.0, 61.7]),
    smoothing=st.sampled_from(["causal", "none"]),
)
def test_one_stream_in_any_pieces(model: Model, seed: int, rate: float, smoothing: str) -> None:
    rng = np.random.default_rng(seed)
    values = signal(rng, int(rng.integers(1, 6 * rate)), rate)
    stream = StreamingRecogniser(model, rate, smoothing=smoothing)
    came, at = [], 0
    while at < values.shape[1]:
        n = int(rng.choice([1, 1, 3, 20, 200]))
        piece = values[:, at : at + n]
        came += stream.push(piece[:, 0] if piece.shape[1] == 1 else piece)
        at += n
    came += stream.finish()
    agree(offline(model, Recording("r", 1, (Stream(CHANNELS, values, rate),)), smoothing), came)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), largest=st.sampled_from([1, 11, 400]), gap=st.booleans())
def test_two_sensors_with_clocks_of_their_own(model: Model, seed: int, largest: int, gap: bool) -> None:
    rng = np.random.default_rng(seed)
    streams = []
    for rate, rows in ((50.0, slice(0, 3)), (73.0, slice(3, 6))):
        n = round(6 * rate)
        steps = (1 + 0.2 * rng.uniform(-1, 1, n)) / rate
        if gap:
            steps[n // 2] += 0.7
        times = rng.uniform(0, 0.2) + np.cumsum(steps)
        streams.append(Stream(CHANNELS[rows], signal(rng, n, rate)[rows], rate, times))
    sensors = {"acc": CHANNELS[:3], "gyro": CHANNELS[3:]}
    stream = StreamingRecogniser(model, {"acc": 50.0, "gyro": 73.0}, sensors=sensors)
    came, at = [], [0, 0]
    while any(a < s.n_samples for a, s in zip(at, streams, strict=True)):
        i = int(rng.choice([i for i, s in enumerate(streams) if at[i] < s.n_samples]))
        piece = slice(at[i], at[i] + int(rng.integers(1, largest + 1)))
        times = streams[i].times
        assert times is not None
        came += stream.push(streams[i].values[:, piece], times[piece], list(sensors)[i])
        at[i] = piece.stop
    came += stream.finish()
    agree(offline(model, Recording("r", 1, tuple(streams))), came)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), rate=st.sampled_from([12.0, 50.0, 61.7]), largest=st.integers(1, 30))
def test_no_window_is_complete_before_the_time_that_is_told(model: Model, seed: int, rate: float, largest: int) -> None:
    rng = np.random.default_rng(seed)
    n = round(18 * rate)
    steps = (1 + rng.uniform(-0.3, 0.3, n)) / rate
    steps[rng.choice(np.arange(round(11 * rate), n), 3)] += [0.2, 0.3, 1.2]  # two of them gaps
    times, values = np.cumsum(steps), signal(rng, n, rate)
    at_once, kept = StreamingRecogniser(model, rate), StreamingRecogniser(model, rate)
    expected, found, waiting, at, saved = [], [], [], 0, 0
    while at < n:
        piece = slice(at, at := min(n, at + int(rng.integers(1, largest + 1))))
        expected += at_once.push(values[:, piece], times[piece])
        waiting.append(piece)
        if times[piece][-1] < kept.due_s:
            saved += 1
            assert expected[len(found) :] == []
            continue
        joined = slice(waiting[0].start, piece.stop)
        waiting = []
        found += kept.push(values[:, joined], times[joined])
        assert [p.start_s for p in found] == [p.start_s for p in expected]
    assert saved or largest > 3
    np.testing.assert_allclose([p.belief for p in found], [p.belief for p in expected], atol=1e-6)


def test_channels_in_another_order_and_more_of_them(model: Model) -> None:
    rng = np.random.default_rng(1)
    values = signal(rng, 300, 50.0)
    order = [4, 2, 0, 5, 1, 3]
    rows = np.concatenate([values[order], rng.normal(size=(1, 300))])
    names = (*(CHANNELS[i] for i in order), "pressure")
    stream = StreamingRecogniser(model, 50.0, channels=names)
    agree(offline(model, Recording("r", 1, (Stream(CHANNELS, values, 50.0),))), stream.push(rows))
    agree(
        offline(model, Recording("r", 1, (Stream(names, rows, 50.0),))),
        StreamingRecogniser(model, 50.0, channels=names).push(rows),
    )


def test_it_starts_over(model: Model) -> None:
    values = signal(np.random.default_rng(2), 200, 50.0)
    stream = StreamingRecogniser(model, 50.0)
    first = stream.push(values) + stream.finish()
    with pytest.raises(DataError, match="finished"):
        stream.push(values)
    stream.reset()
    again = stream.push(values)
    assert [p.belief.tolist() for p in again if p.belief is not None] == [
        p.belief.tolist() for p in first if p.belief is not None
    ]


def test_it_holds_no_more_than_a_window(model: Model) -> None:
    values = signal(np.random.default_rng(3), 50, 50.0)
    stream = StreamingRecogniser(model, 50.0)
    for _ in range(40):
        stream.push(values)
        held = stream._buffer.shape[1] + sum(run.times.size for s in stream._sensors.values() for run in s.runs)
        assert held <= 52
        assert stream._beginning._acceleration.shape[1] < 500


def test_latency_is_told(model: Model) -> None:
    stream = StreamingRecogniser(model, 50.0)
    assert np.isnan(stream.latency.compute_s)
    for column in signal(np.random.default_rng(3), 120, 50.0).T:
        for prediction in stream.push(column):
            assert prediction.waited_s == pytest.approx(0.0, abs=1e-9)  # the sample that fills a window is its last
            assert prediction.compute_s > 0
    assert stream.latency.window_s == 1.0
    assert stream.latency.hop_s == 0.5
    assert stream.latency.compute_s > 0


def test_what_it_refuses(model: Model) -> None:
    for options, message in (
        ({"channels": CHANNELS[:3]}, "has no gyro_x, gyro_y, gyro_z"),
        ({"channels": (*CHANNELS, "acc_x")}, "named twice"),
        ({"smoothing": "offline"}, "smoothing of a stream"),
        ({"rate_hz": 5.0}, "the model expects 12 Hz"),
        ({"rate_hz": float("nan")}, "the model expects 12 Hz"),
        ({"sensors": {"acc": CHANNELS[:3], "gyro": CHANNELS[3:]}, "rate_hz": {"acc": 50.0}}, "unknown sensor 'gyro'"),
    ):
        with pytest.raises(DataError, match=message):
            StreamingRecogniser(model, **{"rate_hz": 50.0} | options)  # type: ignore[arg-type]
    stream = StreamingRecogniser(model, 50.0)
    with pytest.raises(DataError, match=r"expected \(6, n\)"):
        stream.push(np.zeros((3, 4)))
    with pytest.raises(DataError, match="acc_y of sample 1 is nan"):
        stream.push(np.where(np.arange(18).reshape(6, 3) == 4, np.nan, 1.0))
    with pytest.raises(DataError, match="unknown sensor 'acc'"):
        stream.push(np.zeros((6, 1)), sensor="acc")
    stream.push(np.zeros((6, 2)), [0.0, 0.1])
    with pytest.raises(DataError, match="have to increase"):
        stream.push(np.zeros((6, 1)), 0.1)
    with pytest.raises(DataError, match="with every push"):
        stream.push(np.zeros((6, 1)))


def test_a_stream_without_gravity_or_in_degrees_is_refused(model: Model) -> None:
    values = signal(np.random.default_rng(4), 600, 50.0)
    flat = values.copy()
    flat[2] -= 9.81
    with pytest.raises(DataError, match="trained with gravity"):
        StreamingRecogniser(model, 50.0).push(flat)
    values[3:] *= 180 / np.pi
    with pytest.raises(DataError, match="degrees"):
        StreamingRecogniser(model, 50.0).push(values)


@pytest.mark.parametrize(
    ("samples", "times", "message"),
    [
        ([[1, 2], [3]], None, "samples of sensor 'acc' are no array of numbers; expected m/s² or rad/s, "),
        ([["1"], ["2"], ["3"]], None, "samples of sensor 'acc' are no array of numbers but <U1"),
        ([[1j], [0], [0]], None, "samples of sensor 'acc' are no array of numbers but complex128"),
        ([None, 1, 2], None, "samples of sensor 'acc' are no array of numbers"),
        (1.0, None, r"samples of sensor 'acc' have shape \(\), expected \(3, n\)"),
        (np.zeros((4, 2)), [0, 1], r"samples of sensor 'acc' have shape \(4, 2\), expected \(3, n\)"),
        ([0, np.inf, 0], None, "samples of sensor 'acc': acc_y of sample 0 is inf"),
        (np.zeros((3, 2)), [0.0], r"times of sensor 'acc' have shape \(1,\), expected \(2,\)"),
        (np.zeros((3, 2)), [[0.0, 1.0]], r"times of sensor 'acc' have shape \(1, 2\), expected \(2,\)"),
        (np.zeros((3, 2)), [0, np.nan], "times of sensor 'acc': that of sample 1 is not finite"),
        (np.zeros((3, 2)), [1, 1], "times of sensor 'acc' have to increase"),
        (np.zeros((3, 1)), np.array(["2026-01-01"], "datetime64[s]"), "no array of numbers but datetime64"),
        (np.zeros((3, 1)), "now", "times of sensor 'acc' are no array of numbers but <U3; expected seconds"),
    ],
)
def test_errors_name_the_argument_and_the_sensor(model: Model, samples: object, times: object, message: str) -> None:
    stream = StreamingRecogniser(model, 50.0, sensors={"acc": CHANNELS[:3], "gyro": CHANNELS[3:]})
    with pytest.raises(DataError, match=message):
        stream.push(samples, times, "acc")  # type: ignore[arg-type]
    stream.push(np.zeros(3), 0.0, "acc")  # nothing of it was taken


def test_errors_name_the_sensors_there_are(model: Model) -> None:
    stream = StreamingRecogniser(model, 50.0, sensors={"acc": CHANNELS[:3], "gyro": CHANNELS[3:]})
    with pytest.raises(DataError, match="without sensor; name the one that the samples are of: acc, gyro"):
        stream.push(np.zeros(3))
    with pytest.raises(DataError, match="argument sensor: unknown sensor 'gyr'; did you mean 'gyro'"):
        stream.push(np.zeros(3), 0.0, "gyr")
    with pytest.raises(DataError, match="leave the argument sensor out"):
        StreamingRecogniser(model, 50.0).push(np.zeros(6), 0.0, "acc")


def test_gravity_is_checked_before_the_first_answer(model: Model) -> None:
    """In the smallest pieces, too; a device that is turned over at the beginning is not refused."""
    values = signal(np.random.default_rng(4), 200, 50.0)
    flat = values.copy()
    flat[2] -= 9.81
    for wrong in (flat, values / 9.81):
        stream = StreamingRecogniser(model, 50.0)
        assert [stream.push(sample) for sample in wrong.T[:49]] == [[]] * 49
        with pytest.raises(DataError, match="trained with gravity"):
            stream.push(wrong[:, 49])
    turn = 2 * np.pi * np.arange(50) / 50
    values[:3, :50] = 9.81 * np.array([np.sin(turn), 0 * turn, np.cos(turn)])
    assert StreamingRecogniser(model, 50.0).push(values)


def test_it_is_a_public_name() -> None:
    assert otolith.StreamingRecogniser is StreamingRecogniser


def test_a_sample_that_comes_too_late_is_refused(model: Model) -> None:
    sensors = {"acc": CHANNELS[:3], "gyro": CHANNELS[3:]}
    stream = StreamingRecogniser(model, 50.0, sensors=sensors, max_lag_s=2.0)
    stream.push(np.ones((3, 200)), np.arange(200) / 50, "acc")
    with pytest.raises(DataError, match=r"'gyro' is more than 2 s behind: its sample of 1\.5 s comes too late"):
        stream.push(np.ones(3), 1.5, "gyro")
    stream.push(np.ones(3), 2.5, "gyro")


def test_a_short_stream_without_gravity_is_refused_at_its_end(model: Model) -> None:
    """Its first second leaves a doubt: shaken, with gravity or without."""
    values = signal(np.random.default_rng(4), 200, 50.0)
    values[2] -= 9.81
    values[0, :50] += 15 * np.sin(np.arange(50) * 2 * np.pi / 5)
    stream = StreamingRecogniser(model, 50.0)
    stream.push(values)
    with pytest.raises(DataError, match="trained with gravity"):
        stream.finish()
