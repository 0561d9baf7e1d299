"""The cutting rule against a plain loop, resampling against known signals, bad input against its message."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows import WindowMeta, Windows, cut, resample, window_starts
from tests.helpers.progress import Told

META = WindowMeta("toy", ("walk", "sit"))


def recording(
    n: int = 200,
    rate_hz: float = 50.0,
    name: str = "r",
    subject: int | str = 1,
    seed: int = 0,
    **more: object,
) -> Recording:
    values = np.random.default_rng(seed).normal(size=(6, n))
    segments = more.pop("segments", (Segment(0.0, None, "walk"),))
    return Recording(name, subject, (Stream(CHANNELS, values, rate_hz, **more),), segments)  # type: ignore[arg-type]


def starts_by_loop(n: int, f: float, s: float, overlap: float) -> list[int]:
    """The rule of the data sheet, word for word."""
    h = s * (1 - overlap)
    found = []
    k = 0
    while round(k * h * f) + round(s * f) <= n:
        found.append(round(k * h * f))
        k += 1
    return found


def resampled_by_hand(window: np.ndarray, n_out: int) -> np.ndarray:
    """One window (channels, time): the line through its ends, and the filtered rest."""
    n_in = window.shape[1]
    if n_in == n_out:
        return window
    at = np.arange(n_out) * n_in / n_out  # output samples in input samples
    rows = []
    for row in window:
        slope = (row[-1] - row[0]) / (n_in - 1)
        rest = row - row[0] - slope * np.arange(n_in)
        common = math.gcd(n_in, n_out)
        rows.append(resample_poly(rest, n_out // common, n_in // common) + row[0] + slope * at)
    return np.stack(rows)


@settings(max_examples=200, deadline=None)
@given(
    n=st.integers(0, 3000),
    f=st.one_of(st.floats(5, 400), st.sampled_from([20.0, 50.0, 100.0, 200.0, 49.87])),
    s=st.one_of(st.floats(0.2, 5), st.sampled_from([0.5, 1.0, 2.56])),
    overlap=st.one_of(st.floats(0, 0.95), st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.9])),
)
def test_starts_follow_the_rule(n: int, f: float, s: float, overlap: float) -> None:
    assume(s * (1 - overlap) * f >= 1)
    assert window_starts(n, f, s, overlap).tolist() == starts_by_loop(n, f, s, overlap)


@settings(max_examples=40, deadline=None)
@given(
    f=st.one_of(st.floats(12, 120), st.sampled_from([30.0, 50.0])),
    rate=st.sampled_from([10.0, 20.0, 30.0, 31.7, 75.0]),
    s=st.sampled_from([0.5, 1.0, 1.3]),
    overlap=st.sampled_from([0.0, 0.5, 0.7]),
    bounds=st.lists(st.integers(0, 600), min_size=4, max_size=4, unique=True).map(sorted),
    unlabelled=st.booleans(),
)
def test_cut_agrees_with_a_plain_loop(
    f: float, rate: float, s: float, overlap: float, bounds: list[int], unlabelled: bool
) -> None:
    a, b, c, d = bounds
    pieces = [(0, a, -1), (a, b, 0), (b, c, -1), (c, d, 1), (d, 600, -1)]
    segments = (Segment(a / f, b / f, "walk"), Segment(c / f, d / f, "sit"))
    source = recording(600, f, segments=segments)
    values = source.streams[0].values
    x, y, start, short = [], [], [], 0
    for first, stop, label in pieces:
        if label < 0 and not unlabelled:
            continue
        inside = starts_by_loop(stop - first, f, s, overlap)
        short += label >= 0 and not inside
        for i in inside:
            window = values[:, first + i : first + i + round(s * f)]
            x.append(resampled_by_hand(window, round(s * rate)))
            y.append(label)
            start.append((first + i) / f)
    assume(x and f >= rate / 2)
    w = cut([source], replace(META, rate_hz=rate, seconds=s, overlap=overlap), unlabelled)
    assert w.y.tolist() == y
    assert w.meta.n_short == short
    np.testing.assert_allclose(w.start, start, atol=1e-9)
    np.testing.assert_allclose(w.x, np.stack(x), atol=2e-6)


def test_shapes_types_and_order() -> None:
    w = cut([recording(100, name="b", subject=7), recording(150, name="a", subject=2)], META)
    assert w.x.shape == (3 + 5, 6, 30)
    assert [getattr(w, name).dtype.kind for name in ("x", "y", "subject", "recording", "start")] == list("fiiUf")
    assert (w.x.dtype, w.y.dtype, w.subject.dtype) == (np.float32, np.int64, np.int64)
    assert w.recording.tolist() == ["b"] * 3 + ["a"] * 5
    assert w.subject.tolist() == [7] * 3 + [2] * 5
    assert w.start.tolist() == [0, 0.5, 1.0, 0, 0.5, 1.0, 1.5, 2.0]
    assert (len(w), w.n_classes, w.activities) == (8, 2, ("walk", "sit"))


def test_arrays_are_read_only_and_the_callers_stay_writable() -> None:
    own = np.zeros((4, 6, 30), np.float32)
    w = Windows.from_arrays(own)
    with pytest.raises(ValueError, match="read-only"):
        w.x[0] = 1
    own[0] = 1


def test_named_subjects_become_strings() -> None:
    w = cut([recording(subject="anna"), recording(name="s", subject=3)], META)
    assert sorted(set(w.subject.tolist())) == ["3", "anna"]


def test_a_subject_number_beyond_64_bits_becomes_a_string() -> None:
    w = cut([recording(subject=2**63), recording(name="s", subject=3)], META)
    assert sorted(set(w.subject.tolist())) == ["3", str(2**63)]


def test_unlabelled_is_everything_between_the_segments() -> None:
    parts = (Segment(2.0, 4.0, "sit"), Segment(4.0, 6.0, "walk"))
    w = cut([recording(500, segments=parts)], META, unlabelled=True)
    assert w.labelled.tolist() == [False] * 3 + [True] * 6 + [False] * 7
    assert w.start[~w.labelled].tolist() == [0, 0.5, 1.0, 6, 6.5, 7, 7.5, 8, 8.5, 9]
    assert w.y[w.labelled].tolist() == [1, 1, 1, 0, 0, 0]


def test_a_wholly_unlabelled_recording_joins_only_on_request() -> None:
    pair = [recording(), recording(name="free", segments=())]
    assert set(cut(pair, META).recording) == {"r"}
    assert set(cut(pair, META, unlabelled=True).recording) == {"r", "free"}


def test_channels_are_picked_by_name_and_put_in_order() -> None:
    source = recording()
    stream = source.streams[0]
    turned = replace(source, streams=(replace(stream, channels=CHANNELS[::-1], values=stream.values[::-1]),))
    acc = replace(META, channels=CHANNELS[:3])
    np.testing.assert_array_equal(cut([turned], META).x, cut([source], META).x)
    np.testing.assert_array_equal(cut([turned], acc).x, cut([source], META).x[:, :3])


def test_segments_are_counted_from_the_recordings_clock() -> None:
    """A stream that starts at 10 s: the segment from 11 s begins at its sample 50."""
    source = recording(200, start_s=10.0, segments=(Segment(11.0, 12.0, "sit"),))
    w = cut([source], replace(META, rate_hz=50.0))
    np.testing.assert_array_equal(w.x[0], source.streams[0].values[:, 50:100].astype(np.float32))
    assert w.start.tolist() == [11.0]


def test_a_gap_ends_a_segment() -> None:
    times = np.concatenate([np.arange(0, 3, 0.02), np.arange(4, 7, 0.02)])
    w = cut([recording(len(times), times=times)], META)
    assert ((w.start + 1 <= 3.0) | (w.start >= 4.0)).all()
    assert len(w) == 2 * len(starts_by_loop(150, 50, 1.0, 0.5))


def test_a_long_recording_is_cut_in_chunks_alike() -> None:
    source = recording(5000 * 25 + 25, 50.0)
    w = cut([source], META)
    assert len(w) == 5000
    one = resample(source.streams[0].values[:, 4500 * 25 : 4500 * 25 + 50], 30)
    np.testing.assert_allclose(w.x[4500], one, atol=1e-6)


def test_short_segments_are_counted_not_dropped_in_silence() -> None:
    segments = (Segment(0.0, 0.5, "sit"), Segment(1.0, 3.0, "walk"), Segment(90.0, 95.0, "sit"))
    w = cut([recording(segments=segments)], META, unlabelled=True)
    assert (w.meta.n_short, w.meta.n_short_unlabelled) == (2, 1)
    assert set(w.y.tolist()) == {-1, 0}


def test_progress_counts_recordings() -> None:
    told = Told()
    pair = [recording(), recording(name="s")]
    cut(pair, META, progress=told)
    cut(iter(pair), META, progress=told)
    assert [total for _, total, _ in told.stages] == [2, None]
    assert told.done == [1, 2, 1, 2]
    assert told.said == []


# resampling


@pytest.mark.parametrize(("n_in", "n_out"), [(50, 30), (100, 30), (20, 30), (49, 31), (30, 30), (1, 4), (3000, 1500)])
def test_constant_signals_stay_constant(n_in: int, n_out: int) -> None:
    np.testing.assert_allclose(resample(np.full((2, n_in), 9.80665), n_out), 9.80665, rtol=1e-12)


def test_cut_keeps_gravity_to_the_last_bit() -> None:
    source = recording(500, 100.0)
    still = replace(source, streams=(replace(source.streams[0], values=np.full((6, 500), 9.80665)),))
    assert (cut([still], META).x == np.float32(9.80665)).all()


@settings(max_examples=30, deadline=None)
@given(
    n_in=st.integers(80, 400),
    n_out=st.integers(60, 400),
    share=st.floats(0.05, 0.7),
    phase=st.floats(0, 6.28),
)
def test_tones_below_nyquist_keep_frequency_and_amplitude(n_in: int, n_out: int, share: float, phase: float) -> None:
    """Sample i of the output lies at i * n_in / n_out samples of the input."""
    tone = share * min(n_in, n_out) / 2  # cycles per window, below the lower Nyquist frequency
    signal = np.sin(2 * np.pi * tone * np.arange(n_in) / n_in + phase)
    expected = np.sin(2 * np.pi * tone * np.arange(n_out) / n_out + phase)
    inner = slice(n_out // 3, 2 * n_out // 3)  # the filter's edges apart
    np.testing.assert_allclose(resample(signal, n_out)[inner], expected[inner], atol=0.03)


@settings(max_examples=20, deadline=None)
@given(n_in=st.integers(200, 400), share=st.floats(1.35, 2.0), phase=st.floats(0, 6.28))
def test_tones_above_the_new_nyquist_vanish(n_in: int, share: float, phase: float) -> None:
    n_out = n_in // 3
    tone = share * n_out / 2
    signal = np.sin(2 * np.pi * tone * np.arange(n_in) / n_in + phase)
    inner = slice(n_out // 4, 3 * n_out // 4)
    assert np.abs(resample(signal, n_out)[inner]).max() < 0.05


def test_matrix_and_filter_agree_across_the_limit() -> None:
    long = np.random.default_rng(0).normal(size=1200)
    np.testing.assert_allclose(resample(long, 700), resampled_by_hand(long[None], 700)[0], atol=1e-12)
    np.testing.assert_allclose(resample(long[:1000], 700), resampled_by_hand(long[None, :1000], 700)[0], atol=1e-12)


def test_scipys_own_line_padding_is_the_same_filter_to_a_ten_thousandth() -> None:
    noise = np.random.default_rng(1).normal(size=100)
    np.testing.assert_allclose(resample(noise, 30), resample_poly(noise, 3, 10, padtype="line"), atol=1e-3)


def test_a_window_sees_nothing_outside_itself() -> None:
    source = recording(300)
    other = source.streams[0].values.copy()
    other[:, 50:] = 1e6
    altered = replace(source, streams=(replace(source.streams[0], values=other),))
    np.testing.assert_array_equal(cut([altered], META).x[0], cut([source], META).x[0])


# bad input


def holding(value: float) -> Recording:
    source = recording()
    values = source.streams[0].values.copy()
    values[4, 123] = value
    return replace(source, streams=(replace(source.streams[0], values=values),))


@pytest.mark.parametrize(
    ("recordings", "meta", "words"),
    [
        ([holding(np.nan)], META, r"'r': channel gyro_y is nan at sample 123"),
        ([holding(np.inf)], META, r"gyro_y is inf at sample 123"),
        ([holding(1e39)], META, r"gyro_y is 1e\+39 at sample 123"),
        ([recording(40)], META, r"the longest has 0\.8 s \(recording 'r'\)\. Choose shorter windows"),
        ([recording(segments=())], META, r"labelled segment.*unlabelled=True"),
        ([], META, r"holds no recording"),
        ([recording(), recording()], META, r"Two recordings are named 'r'"),
        ([recording(rate_hz=0.0)], META, r"rate is 0\.0 Hz"),
        ([recording(rate_hz=-50.0)], META, r"rate is -50\.0 Hz"),
        ([recording()], replace(META, channels=("acc_x", "mag_x")), r"has no channel 'mag_x' \(it has acc_x"),
        ([recording(segments=(Segment(0, 3, "wlak"),))], META, r"did you mean 'walk'"),
        ([recording(segments=(Segment(3, 2, "walk"),))], META, r"from 3 s to 2 s"),
        ([recording(segments=(Segment(np.nan, 2, "walk"),))], META, r"from nan s"),
        (
            [recording(segments=(Segment(0, 3, "walk"), Segment(2, 4, "sit")))],
            META,
            r"overlaps the one before",
        ),
        ([recording()], replace(META, overlap=0.99), r"less than one sample .* smaller overlap"),
        ([recording(rate_hz=0.3)], replace(META, rate_hz=0.6), r"no sample in a window"),
    ],
)
def test_cut_refuses(recordings: list[Recording], meta: WindowMeta, words: str) -> None:
    with pytest.raises(DataError, match=words):
        cut(recordings, meta)


def test_overlap_of_nine_tenths_moves_by_one_sample_at_ten_hertz() -> None:
    """1 - 0.9 is a little less than 0.1 in floating point."""
    assert len(cut([recording(20, 10.0)], replace(META, overlap=0.9, rate_hz=20.0))) == 11


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rate_hz": 0.0}, "rate_hz is 0.0"),
        ({"rate_hz": -30.0}, "rate_hz is -30.0"),
        ({"rate_hz": float("nan")}, "rate_hz is nan"),
        ({"seconds": 0.0}, "seconds is 0.0"),
        ({"seconds": float("inf")}, "seconds is inf"),
        ({"overlap": 1.0}, r"overlap is 1.0.*\[0, 1\)"),
        ({"overlap": -0.1}, "overlap is -0.1"),
        ({"overlap": float("nan")}, "overlap is nan"),
        ({"seconds": 0.01}, "holds no sample"),
        ({"seconds": 1e9}, "longer than 1,000,000"),
        ({"channels": ("a", "a")}, "twice"),
        ({"channels": ()}, "at least one channel"),
    ],
)
def test_meta_refuses(change: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        replace(META, **change)  # type: ignore[arg-type]


# windows that people bring


def test_from_arrays_fills_in_what_is_not_given() -> None:
    x = np.zeros((5, 6, 40))
    w = Windows.from_arrays(x, y=[0, 1, 2, -1, 0], subject=["a", "b", "a", "b", "a"], rate_hz=20.0)
    assert (w.meta.seconds, w.meta.n_steps, w.activities) == (2.0, 40, ("0", "1", "2"))
    assert w.recording.tolist() == ["a", "b", "a", "b", "a"]
    assert w.start.tolist() == [0, 0, 2, 2, 4]
    assert w.labelled.tolist() == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": np.zeros((5, 30))}, r"shape \(5, 30\), expected \(windows, channels, time\)"),
        ({"x": np.zeros((0, 6, 30))}, "none of them 0"),
        ({"x": np.zeros((5, 6, 30), complex)}, "expected real numbers"),
        ({"x": np.full((5, 6, 30), np.nan)}, "window 0, channel 0, step 0"),
        ({"x": np.full((5, 6, 30), 1e300)}, "not finite"),
        ({"x": np.zeros((5, 4, 30))}, "4 channels; name them"),
        ({"channels": ("a", "b")}, "6 channels, but 2 are named"),
        ({"y": [0, 1]}, r"y has shape \(2,\), expected \(5,\)"),
        ({"y": [0.0] * 5}, "expected integers"),
        ({"y": [0, 1, 2, 3, 4], "activities": ("a", "b")}, r"y lies in 0\.\.4"),
        ({"y": [0, 0, 0, 0, -2]}, r"y lies in -2"),
        ({"subject": [1, 2]}, "subject has shape"),
        ({"start": [0, 1, 2, 3, np.inf]}, "start is not finite at window 4"),
        ({"rate_hz": 0.0}, "rate_hz is 0.0"),
    ],
)
def test_from_arrays_refuses(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Windows.from_arrays(**({"x": np.zeros((5, 6, 30))} | arguments))  # type: ignore[arg-type]


def test_take_keeps_all_arrays_together() -> None:
    w = cut([recording(), recording(name="s", subject=2, seed=1)], META)
    some = w.take([5, 2])
    np.testing.assert_array_equal(some.x, w.x[[5, 2]])
    assert some.start.tolist() == w.start[[5, 2]].tolist()
    assert len(w.take(w.subject == 2)) == (w.subject == 2).sum()


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("uci-har", [4692, 4396, 4044, 4889, 5343, 5303]),
        ("usc-had", [7558, 5106, 5440, 4166, 3878, 3460, 2072, 5160, 4650, 7430, 3206, 3195]),
    ],
)
def test_real_recordings_give_the_known_counts(real_root: object, name: str, counts: list[int]) -> None:
    from otolith import datasets

    dataset = datasets.load(name, real_root)  # type: ignore[arg-type]
    w = cut(dataset.recordings(), WindowMeta.of(dataset.info))
    assert np.bincount(w.y).tolist() == counts
    assert w.meta.n_short == 0


def test_watch_gives_the_known_count() -> None:
    from otolith import datasets

    dataset = datasets.load("watch")
    assert len(cut(dataset.recordings(), WindowMeta.of(dataset.info))) == 9556
