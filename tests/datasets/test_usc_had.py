"""The USC-HAD reader on MATLAB files written here, and on the real recordings."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from otolith.datasets.usc_had import UscHad, read_readings
from otolith.errors import DataError


def write(path: Path, readings: Any, **others: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"title": "USC Human Motion Dataset", "sensor_readings": readings, **others}, do_compression=True)
    return path


def readings(seed: int, n_samples: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_samples, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 840 files; what the files say of subject and activity is wrong on purpose."""
    root = tmp_path_factory.mktemp("usc") / "USC-HAD"
    for subject in range(1, 15):
        for activity in range(1, 13):
            for trial in range(1, 6):
                path = root / f"Subject{subject}" / f"a{activity}t{trial}.mat"
                seed = subject * 1000 + activity * 10 + trial
                write(path, readings(seed), subject="99", activity_numbr="2")
    return root


def test_subject_and_activity_come_from_the_path(folder: Path) -> None:
    recordings = list(UscHad(folder).recordings())
    assert len(recordings) == 840
    recording = recordings[(13 * 12 + 2) * 5 + 1]
    assert (recording.name, recording.subject) == ("Subject14/a3t2", 14)
    (segment,) = recording.segments
    assert (segment.start_s, segment.stop_s, segment.activity) == (0.0, None, "walking right")


def test_signals_in_si_units(folder: Path) -> None:
    recording = next(UscHad(folder).recordings())
    raw = readings(1011).astype(np.float64)
    (stream,) = recording.streams
    assert stream.rate_hz == 100.0
    np.testing.assert_allclose(stream.values[:3], raw[:, :3].T * 9.80665, rtol=1e-15)
    np.testing.assert_allclose(stream.values[3:], np.deg2rad(raw[:, 3:].T), rtol=1e-15)


def test_missing_files_are_counted(folder: Path, tmp_path: Path) -> None:
    for subject in range(1, 14):
        (tmp_path / f"Subject{subject}").symlink_to(folder / f"Subject{subject}")
    with pytest.raises(DataError, match=r"60 of 840 files are missing, the first is Subject14/a1t1\.mat"):
        next(UscHad(tmp_path).recordings())
    problems = UscHad(tmp_path).check()
    assert len(problems) == 60


def test_single_and_double_precision_have_one_fingerprint(tmp_path: Path) -> None:
    single = write(tmp_path / "a.mat", readings(0))
    double = write(tmp_path / "b.mat", readings(0).astype(np.float64))
    dataset = UscHad(tmp_path)
    assert single.read_bytes() != double.read_bytes()
    assert dataset.fingerprint(single) == dataset.fingerprint(double)
    assert dataset.fingerprint(single)["samples"] == 8
    assert dataset.fingerprint(single) != dataset.fingerprint(write(tmp_path / "c.mat", readings(1)))


@pytest.mark.parametrize("cut", [0, 60, 140, 300])
def test_truncated_file(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "a1t1.mat", readings(0, 500))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"a1t1\.mat"):
        read_readings(path)


def test_damaged_and_foreign_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a1t1.mat", readings(0, 500))
    good = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for _ in range(60):
        bad = bytearray(good)
        for place in random.integers(128, len(bad), 4):
            bad[place] ^= 0xFF
        path.write_bytes(bytes(bad))
        # damage within the numbers may give other numbers; it must never give another error
        with contextlib.suppress(DataError):
            read_readings(path)
    path.write_bytes(b"PK\x03\x04 this is no MATLAB file" * 20)
    with pytest.raises(DataError, match="not a readable MATLAB file"):
        read_readings(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.mat"):
        read_readings(tmp_path / "nothing.mat")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((5, 3)), "of shape (5, 3), expected numbers of shape (samples, 6)"),
        (np.zeros((0, 6)), "holds no samples"),
        ("six numbers", "sensor_readings is not an array of real numbers"),
        (np.full((4, 6), np.nan), "acc_x of sample 0 is nan"),
    ],
)
def test_bad_readings(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path / "a1t1.mat", content)
    with pytest.raises(DataError, match=re.escape(message)):
        read_readings(path)


def test_infinite_sample_is_named(tmp_path: Path) -> None:
    values = readings(0)
    values[5, 4] = np.inf
    with pytest.raises(DataError, match="gyro_y of sample 5 is inf"):
        read_readings(write(tmp_path / "a1t1.mat", values))


def test_key_missing(tmp_path: Path) -> None:
    savemat(tmp_path / "a1t1.mat", {"title": "nothing else"})
    with pytest.raises(DataError, match="has no key 'sensor_readings'"):
        read_readings(tmp_path / "a1t1.mat")


@pytest.mark.realdata
def test_real_counts(real_root: Path) -> None:
    from otolith.datasets import load

    recordings = list(load("usc-had", real_root).recordings())
    assert len(recordings) == 840
    assert sum(recording.streams[0].n_samples for recording in recordings) == 2_811_490
    assert {recording.subject for recording in recordings} == set(range(1, 15))


@pytest.mark.realdata
def test_real_files_match_the_manifest(real_root: Path) -> None:
    from otolith.datasets import load

    assert load("usc-had", real_root).check(deep=True) == []
    assert load("uci-har", real_root).check(deep=True) == []
