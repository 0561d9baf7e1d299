"""What every registered data set must keep to. A new one is found here without being named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets import Dataset, FixedSubjects, info, kind_of, load, names
from otolith.datasets.mobiact import ACTIVITIES
from otolith.recording import CHANNELS

REQUEST_ONLY = ["mobiact"]
"""Nobody may pass these on: their readers are tested on files written here."""

EVERY = names()
SELF_CONTAINED = [name for name in EVERY if not kind_of(name).folder_names]
NEED_FILES = [name for name in EVERY if kind_of(name).folder_names and name not in REQUEST_ONLY]


@pytest.mark.parametrize("name", EVERY)
def test_info_is_complete(name: str) -> None:
    described = info(name)
    assert described.name == name
    for field in ("title", "licence", "terms", "citation", "how_to_get"):
        assert getattr(described, field).strip(), field
    assert described.homepage.startswith("https://") or not kind_of(name).folder_names
    assert described.download_url is None or described.download_url.startswith("https://")
    assert 10 <= described.rate_hz <= 1000
    assert described.channels == CHANNELS
    assert described.units == ("m/s^2",) * 3 + ("rad/s",) * 3
    assert len(set(described.activities)) == len(described.activities) >= 2
    assert described.n_subjects is not None
    assert described.n_subjects >= 3
    split = described.default_split
    if isinstance(split, FixedSubjects):
        assert not set(split.val) & set(split.test)
    assert kind_of(name).expects or not kind_of(name).folder_names
    with pytest.raises(dataclasses.FrozenInstanceError):
        described.name = "another"  # type: ignore[misc]


def keeps_the_contract(dataset: Dataset) -> None:
    described = dataset.info
    assert [problem for problem in dataset.check() if problem.serious] == []
    assert dataset.cache_key() == type(dataset)(dataset.root).cache_key() if dataset.root else dataset.cache_key()
    files = dataset.files()
    assert files == sorted(files)
    assert all(path.is_file() for path in files)
    seen = set()
    activities = set()
    magnitudes, rotations = [], []
    for recording in dataset.recordings():
        assert recording.name not in seen
        seen.add(recording.name)
        assert isinstance(recording.subject, int)
        assert recording.channels == described.channels
        end_s = 0.0
        for stream in recording.streams:
            assert stream.values.shape == (len(stream.channels), stream.n_samples)
            assert np.isfinite(stream.values).all()
            assert stream.rate_hz <= described.rate_hz
            if stream.times is not None:
                assert stream.times.shape == (stream.n_samples,)
                assert (np.diff(stream.times) > 0).all()
                end_s = max(end_s, float(stream.times[-1]))
            else:
                end_s = max(end_s, stream.start_s + stream.n_samples / stream.rate_hz)
            rows = dict(zip(stream.channels, stream.values, strict=True))
            for triad, found in (("acc", magnitudes), ("gyro", rotations)):
                if f"{triad}_x" in rows:
                    found.append(np.median(np.linalg.norm([rows[f"{triad}_{axis}"] for axis in "xyz"], axis=0)))
        before = 0.0
        for segment in recording.segments:
            activities.add(segment.activity)
            stop_s = end_s if segment.stop_s is None else segment.stop_s
            assert before <= segment.start_s < stop_s <= end_s + 1 / described.rate_hz
            before = stop_s
    assert activities == set(described.activities)
    assert 9.0 < np.median(magnitudes) < 11.5  # gravity in m/s²
    assert np.median(rotations) < 6.0  # rad/s: as deg/s a walk alone would be above


@pytest.mark.parametrize("name", SELF_CONTAINED)
def test_recordings_without_files(name: str) -> None:
    keeps_the_contract(load(name))


@pytest.mark.realdata
@pytest.mark.parametrize("name", NEED_FILES)
def test_real_recordings(name: str, real_root: Path) -> None:
    keeps_the_contract(load(name, real_root))


def test_sets_on_request(write_mobiact: Callable[..., Path], tmp_path: Path) -> None:
    for code in ACTIVITIES:
        for subject in (3, 5):
            path = write_mobiact(f"{code}_{subject}_1", [code] * 60)
            path.write_text(path.read_text().replace(",9.8,", ",9.81,"))
    split = info("mobiact").default_split
    assert isinstance(split, FixedSubjects)
    for subject in {*split.val, *split.test} - {3, 5}:
        write_mobiact(f"STD_{subject}_1", ["STD"] * 60)
    keeps_the_contract(load("mobiact", tmp_path))


@pytest.mark.parametrize("name", NEED_FILES + REQUEST_ONLY)
def test_missing_folder_has_a_cure(name: str, tmp_path: Path) -> None:
    from otolith.errors import DataError

    with pytest.raises(DataError, match="no recordings found") as caught:
        load(name, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert info(name).how_to_get in str(caught.value)
