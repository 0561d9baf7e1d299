"""Recordings that are too long for memory give what others give, a piece at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from otolith import pipeline, splits
from otolith.datasets import DatasetInfo
from otolith.datasets import folder as folders
from otolith.datasets.folder import FolderDataset
from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction import long, matching, predict_recordings, run, units
from otolith.prediction.store import Store
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows import WindowMeta, clock, pieces
from otolith.windows.cutting import CutLog, cut_recording
from tests.helpers import tiny
from tests.helpers.commandline import make_set


@pytest.fixture(scope="module")
def model() -> Model:
    torch.set_num_threads(1)
    w = tiny.windows_with_gravity()
    split = splits.holdout(w, 0)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(), "random"), w, split)


def recording(n: int = 2000, timed: bool = False) -> Recording:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (6, n)) + np.array([0, 0, 9.81, 0, 0, 0])[:, None]
    times = np.arange(n) / 25 + np.where(np.arange(n) < n // 3, 0, 5.0) if timed else None
    return Recording("r", 1, (Stream(CHANNELS, x, 25.0, times),))


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_parts_of_windows_are_the_windows(most: int) -> None:
    given = replace(recording(timed=True), segments=(Segment(3.0, 20.0, "a"), Segment(30.0, 40.0, "b")))
    meta = WindowMeta("own", ("a", "b"), ("gyro_x", "acc_z"), 12.0, 1.3, 0.4)
    whole = list(cut_recording(given, meta, True, CutLog()))
    parts = list(cut_recording(given, meta, True, CutLog(), most))
    assert max(len(part.y) for part in parts) <= most
    for name in ("x", "y", "start"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(part, name) for part in parts]),
            np.concatenate([getattr(part, name) for part in whole]),
        )


def test_pieces_are_predicted_as_the_whole(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = predict_recordings(model, [recording(timed=True)])
    monkeypatch.setattr(run, "AT_ONCE", 16)
    monkeypatch.setattr(matching, "AT_ONCE", 90)
    monkeypatch.setattr(pieces, "AT_ONCE", 64)
    monkeypatch.setattr(clock, "LONG", 100)
    (parts,) = predict_recordings(model, [recording(timed=True)])
    assert whole.timeline is not None
    assert parts.timeline is not None
    np.testing.assert_array_equal(whole.timeline.start_s, parts.timeline.start_s)
    np.testing.assert_allclose(whole.timeline.probabilities, parts.timeline.probabilities, atol=1e-6)
    np.testing.assert_array_equal(whole.timeline.flagged, parts.timeline.flagged)


def test_what_is_wrong_is_found_in_any_piece(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", 64)
    monkeypatch.setattr(matching, "AT_ONCE", 64)
    given = recording()
    given.streams[0].values[4, 1999] = np.nan
    (found,) = predict_recordings(model, [given])
    assert "channel gyro_y is nan at sample 1999" in found.why_not
    given = recording()
    given.streams[0].values[4, 1999] = 300
    (found,) = predict_recordings(model, [given])
    assert "reaches 300" in found.why_not


def test_a_long_recording_is_read_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_set(tmp_path / "moves", n_subjects=1)
    (reader,) = FolderDataset(folder).readers()
    assert not long.is_long(reader)
    monkeypatch.setattr(long, "LONG", 100)
    monkeypatch.setattr(long, "AT_ONCE", 64)
    assert long.is_long(reader)
    (tmp_path / "scratch").mkdir()
    usual, found = reader(), long.read_long(reader, tmp_path / "scratch")
    np.testing.assert_array_equal(found.streams[0].values, usual.streams[0].values)
    assert not found.streams[0].values.flags.writeable
    assert (found.name, found.subject, found.segments) == (usual.name, usual.subject, usual.segments)
    assert list((tmp_path / "scratch").iterdir()) == []
    (unit,) = units.plan([folder]).units
    (given,) = unit.read({}, None, tmp_path / "scratch").given
    assert isinstance(given.recording.streams[0].values.base, np.ndarray)
    (file,) = (folder / "signals").iterdir()
    pl.read_parquet(file)[:-1].write_parquet(file)
    with pytest.raises(DataError, match="does not hold"):
        long.read_long(reader, tmp_path / "scratch")
    file.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match="is not a Parquet file"):
        long.read_long(reader, tmp_path / "scratch")
    assert Store(tmp_path).outcome("none") is None


def jittered(n: int = 2000) -> Recording:
    """Two sensors on clocks of their own, with gaps."""
    rng = np.random.default_rng(1)
    streams = []
    for names, rate in ((CHANNELS[:3], 25.0), (CHANNELS[3:], 20.0)):
        times = np.cumsum(np.abs(rng.normal(1 / rate, 0.1 / rate, n)) + 1e-4)
        times[n // 2 :] += 3
        streams.append(Stream(names, rng.normal(0, 1, (3, n)), rate, times))
    return Recording("r", 1, tuple(streams))


def test_a_long_grid_is_computed_as_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = clock.contiguous(jittered())
    monkeypatch.setattr(clock, "LONG", 10)
    found = clock.contiguous(jittered())
    assert len(found) == len(usual) > 1
    for a, b in zip(usual, found, strict=True):
        assert not isinstance(b.values, np.ndarray)
        assert (a.n_samples, a.start_s, a.rate_hz) == (b.n_samples, b.start_s, b.rate_hz)
        for first, stop in ((0, 1), (5, 9), (400, 777), (a.n_samples - 3, a.n_samples), (0, a.n_samples), (7, 7)):
            np.testing.assert_array_equal(a.values[:, first:stop], b.values[:, first:stop])
        np.testing.assert_array_equal(a.values[[4, 0], 3:30], b.values[[4, 0], 3:30])


def test_long_streams_are_written_in_pieces_and_read_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", 300)
    monkeypatch.setattr(folders, "AT_ONCE", 300)
    info = DatasetInfo(
        name="own", title="Own", rate_hz=25.0, activities=(), n_subjects=None, n_recordings=None, licence="none",
        terms="", citation="", homepage="", how_to_get="", channels=CHANNELS, own=True,
    )  # fmt: skip
    given = jittered()
    folders.write_folder(tmp_path / "own", info, [given])
    assert len(list((tmp_path / "own" / "signals").iterdir())) == 2
    monkeypatch.setattr(long, "AT_ONCE", 64)
    (reader,) = FolderDataset(tmp_path / "own").readers()
    for found in (reader(), long.read_long(reader, tmp_path)):
        for a, b in zip(given.streams, found.streams, strict=True):
            np.testing.assert_array_equal(a.values, b.values)
            np.testing.assert_array_equal(a.times, b.times)
