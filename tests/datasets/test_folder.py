"""Users' own data sets: what is written is what is read, and nothing wrong is written or read."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from otolith.datasets import DatasetInfo, FixedSubjects, load
from otolith.datasets.folder import FolderDataset, write_folder
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream

INFO = DatasetInfo(
    name="garden work",
    title="Three people in a garden",
    rate_hz=100.0,
    activities=("digging", "raking"),
    n_subjects=None,
    n_recordings=None,
    licence="CC BY 4.0",
    terms="Name the gärtner.",
    citation="",
    homepage="",
    how_to_get="Ask.",
)


def signal(n_channels: int, n_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_channels, n_samples))


def regular(name: str = "morning", subject: int | str = "ada", **changes: Any) -> Recording:
    stream = Stream(CHANNELS, signal(6, 300).astype(np.float32), 100.0, start_s=2.5)
    segments = (Segment(2.5, 3.5, "digging"), Segment(4.0, None, "raking"))
    return dataclasses.replace(Recording(name, subject, (stream,), segments), **changes)


def irregular(name: str = "noon", subject: int | str = 7) -> Recording:
    acc_times = np.cumsum(np.random.default_rng(1).uniform(0.008, 0.02, 50))
    acc = Stream(CHANNELS[:3], signal(3, 50), 80.0, times=acc_times)
    gyro = Stream(CHANNELS[3:], signal(3, 90), 100.0, times=np.arange(90) / 100 + 0.05)
    return Recording(name, subject, (acc, gyro))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "garden", INFO, iter([regular(), irregular()]))


def test_times_are_repaired_and_told(folder: Path) -> None:
    path = folder / "signals" / "000001-0.parquet"
    frame = pl.read_parquet(path)
    path.unlink()
    frame.with_columns(frame["time_s"].gather([*range(20), 19, *range(21, 50)]).alias("time_s")).write_parquet(path)
    noon = list(load(str(folder)).recordings())[1]
    assert noon.streams[0].n_samples == 49
    (told,) = noon.repairs
    assert told.startswith(f"{path}, row 21: 1 row of the acc_x/acc_y/acc_z shares a time with another value")


def test_round_trip(folder: Path) -> None:
    dataset = load(str(folder))
    assert dataset.check(deep=True) == []
    assert dataset.info == dataclasses.replace(INFO, n_subjects=2, n_recordings=2, own=True)
    for before, after in zip([regular(), irregular()], dataset.recordings(), strict=True):
        assert (before.name, before.subject, before.segments) == (after.name, after.subject, after.segments)
        for a, b in zip(before.streams, after.streams, strict=True):
            assert (a.channels, a.rate_hz, a.start_s) == (b.channels, b.rate_hz, b.start_s)
            assert a.values.dtype == b.values.dtype
            np.testing.assert_array_equal(a.values, b.values)
            np.testing.assert_array_equal(a.times, b.times)
            assert (a.times is None) == (b.times is None)


@pytest.mark.parametrize(
    "split",
    [FixedSubjects(("ada",), (7,)), FixedSubjects((1,), (2,), (3,), True), dataclasses.replace(INFO).default_split],
)
def test_split_survives(tmp_path: Path, split: Any) -> None:
    path = write_folder(tmp_path / "d", dataclasses.replace(INFO, default_split=split), [regular()])
    assert load(path).info.default_split == split


def test_wholly_unlabelled_set_with_accelerometer_only(tmp_path: Path) -> None:
    info = dataclasses.replace(INFO, activities=(), channels=CHANNELS[:3])
    recording = Recording("walk", 1, (Stream(CHANNELS[:3], signal(3, 40), 50.0),))
    dataset = load(write_folder(tmp_path / "d", info, [recording]))
    assert dataset.info.activities == ()
    assert [r.segments for r in dataset.recordings()] == [()]


def test_files_and_cache_key(folder: Path) -> None:
    dataset = load(folder)
    assert [path.name for path in dataset.files()] == [
        "card.json",
        "000000-0.parquet",
        "000001-0.parquet",
        "000001-1.parquet",
    ]
    assert all(path.is_file() for path in dataset.files())


def test_nothing_is_overwritten(folder: Path) -> None:
    before = (folder / "card.json").read_bytes()
    with pytest.raises(DataError, match="exists already"):
        write_folder(folder, INFO, [regular("another")])
    assert (folder / "card.json").read_bytes() == before


def test_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    def two() -> Any:
        yield regular()
        yield regular()

    with pytest.raises(DataError, match="two recordings are called 'morning'"):
        write_folder(tmp_path / "d", INFO, two())
    with pytest.raises(DataError, match="nothing to write"):
        write_folder(tmp_path / "d", INFO, [])
    assert list(tmp_path.iterdir()) == []


def with_stream(**changes: Any) -> Recording:
    recording = regular()
    return dataclasses.replace(recording, streams=(dataclasses.replace(recording.streams[0], **changes),))


def with_sample(value: float) -> Recording:
    values = signal(6, 300)
    values[4, 17] = value
    return with_stream(values=values)


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        (with_stream(channels=CHANNELS[3:] + CHANNELS[:3]), "channels gyro_x, gyro_y"),
        (with_stream(values=signal(5, 300)), "values have shape (5, 300), expected (6, samples)"),
        (with_stream(values=signal(6, 0)), "hold no sample"),
        (with_stream(rate_hz=0.0), "rate is 0.0 Hz"),
        (with_stream(start_s=float("nan")), "start is nan s"),
        (with_sample(np.nan), "gyro_y is nan at sample 17"),
        (with_sample(-np.inf), "gyro_y is -inf at sample 17"),
        (with_stream(times=np.arange(299.0)), "(299,) time stamps for 300 samples"),
        (with_stream(times=np.r_[np.arange(299.0), 298.0]), "sample 299 is at 298.0 s"),
        (with_stream(times=np.r_[np.nan, np.arange(299.0)]), "at 0.0 s after nan s"),
        (with_stream(times=np.r_[np.arange(299.0), np.inf]), "the time of sample 299 is inf"),
        (regular(segments=(Segment(0.0, 1.0, "dancing"),)), "activity 'dancing' at 0.0 s, expected one of digging"),
        (regular(segments=(Segment(1.0, 1.0, "digging"),)), "from 1.0 s to 1.0 s"),
        (regular(segments=(Segment(0.0, 2.0, "digging"), Segment(1.0, 3.0, "raking"))), "not before 2.0 s"),
        (regular(segments=(Segment(0.0, None, "digging"), Segment(1.0, 3.0, "raking"))), "not before inf s"),
    ],
)
def test_wrong_recordings_are_not_written(tmp_path: Path, recording: Recording, message: str) -> None:
    with pytest.raises(DataError, match=re.escape("Recording 'morning'")) as caught:
        write_folder(tmp_path / "d", INFO, [recording])
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": ("acc_x", "temperature")}, "channels acc_x, temperature"),
        ({"channels": ("acc_x", "acc_x")}, "each once"),
        ({"channels": ()}, "expected some of"),
        ({"activities": ("a", "a")}, "different, non-empty names"),
        ({"activities": ("a", "")}, "different, non-empty names"),
        ({"name": ""}, "a name without slashes"),
        ({"name": "/home/me"}, "a name without slashes"),
    ],
)
def test_wrong_descriptions_are_not_written(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_folder(tmp_path / "d", dataclasses.replace(INFO, **changes), [regular()])


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    change(card)
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="other"), "its format is not"),
        (lambda c: c.update(version=2), "version 2, this otolith reads version 1"),
        (lambda c: c.pop("terms"), "terms: Field required"),
        (lambda c: c.update(rate_hz="fast"), "rate_hz: Input should be a valid number (got 'fast')"),
        (lambda c: c.update(rate_hz=-1), "rate_hz: expected a number above 0, got -1"),
        (lambda c: c.update(rate_hz=10**400), "a number of 401 digits"),
        (lambda c: c.update(rate_hz=float("nan")), "holds NaN, which is not a finite number"),
        (lambda c: c.update(channels="acc_x"), "channels: Input should be a valid array (got 'acc_x')"),
        (lambda c: c["units"].update(acc_x="g"), "units: expected {'acc_x'"),
        (lambda c: c.update(default_split={"val": [1]}), "default_split"),
        (lambda c: c.update(default_split={"seed": True}), "default_split"),
        (lambda c: c.update(recordings=[]), "recordings: expected at least one"),
        (lambda c: c["recordings"].append(c["recordings"][0]), "two recordings are called 'morning'"),
        (lambda c: c["recordings"][1].pop("subject"), "recordings.1.subject: Field required"),
        (lambda c: c["recordings"][1].update(subject=1.5), "recordings.1.subject"),
        (lambda c: c["recordings"][0].update(streams=[]), "recordings.0: expected at least one stream"),
        (lambda c: c["recordings"][0]["streams"][0].update(file="../x.parquet"), "a file inside the folder"),
        (lambda c: c["recordings"][0]["streams"][0].update(file="/x.parquet"), "a file inside the folder"),
        (lambda c: c["recordings"][0]["streams"][0].update(file="C:\\x"), "a file inside the folder"),
        (
            lambda c: c["recordings"][0]["streams"][0].update(samples="300"),
            "samples: Input should be a valid integer",
        ),
        (
            lambda c: c["recordings"][0]["streams"][0].update(start_s=None),
            "0.start_s: Input should be a valid number",
        ),
        (lambda c: c.update(colour="red"), "colour: Unexpected keyword argument (got 'red')"),
        (lambda c: c["recordings"][0].update(segments=[[0, 1]]), "recordings.0.segments.0.2: Field required"),
    ],
)
def test_wrong_cards_are_refused(folder: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    edit(folder, change)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load(folder)
    assert "card.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_card_that_is_no_json(folder: Path, content: bytes) -> None:
    (folder / "card.json").write_bytes(content)
    with pytest.raises(DataError, match=r"card\.json"):
        load(folder)


def test_unknown_activity_in_the_card(folder: Path) -> None:
    edit(folder, lambda card: card["recordings"][0]["segments"].append([90.0, None, "sleeping"]))
    (problem,) = load(folder).check(deep=True)
    assert "sleeping" in problem.what


def test_folder_without_card(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no card\.json"):
        load(tmp_path)


def test_missing_and_damaged_signals(folder: Path) -> None:
    first, second = folder / "signals" / "000000-0.parquet", folder / "signals" / "000001-1.parquet"
    second.write_bytes(second.read_bytes()[:100])
    dataset = FolderDataset(folder)
    assert dataset.check() == []
    (problem,) = dataset.check(deep=True)
    assert problem.where == str(second)
    with pytest.raises(DataError, match=r"000001-1\.parquet: is not a Parquet file"):
        list(dataset.recordings())
    first.unlink()
    assert [problem.where for problem in dataset.check(deep=True)] == [str(first), str(second)]
    with pytest.raises(DataError, match=r"000000-0\.parquet: cannot be read"):
        list(dataset.recordings())


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({c: np.zeros(299, np.float32) for c in CHANNELS}), "holds 299 samples, the card says 300"),
        (pl.DataFrame({c: ["a"] * 300 for c in CHANNELS}), "expected floats only"),
        (pl.DataFrame({c: [None] * 300 for c in CHANNELS}, schema=dict.fromkeys(CHANNELS, pl.Float64)), "floats only"),
        (pl.DataFrame({c: np.zeros(300) for c in CHANNELS[:5]}), "is not a Parquet file with"),
        (pl.DataFrame({c: np.full(300, np.nan) for c in CHANNELS}), "acc_x is nan at sample 0"),
    ],
)
def test_wrong_signals(folder: Path, frame: pl.DataFrame, message: str) -> None:
    frame.write_parquet(folder / "signals" / "000000-0.parquet")
    with pytest.raises(DataError, match=message):
        next(load(folder).recordings())
