"""Windows that several processes cut are those that one cuts, to the byte, and errors are the same too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.datasets import DatasetInfo
from otolith.datasets.folder import FolderDataset, write_folder
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows import Windows, blocks, cache, cut
from otolith.windows.cache import ARRAYS, windows_for
from otolith.windows.value import WindowMeta
from tests.helpers.progress import Told

INFO = DatasetInfo(
    name="many",
    title="Many",
    rate_hz=50.0,
    activities=("walk", "sit"),
    n_subjects=None,
    n_recordings=None,
    licence="none",
    terms="for tests",
    citation="",
    homepage="",
    how_to_get="",
    own=True,
)
N = 3 * blocks.BLOCK + 2


def recordings(broken: tuple[int, ...] = ()) -> list[Recording]:
    """Regular and irregular ones of many lengths, some too short for a window; `broken` overlap in their segments."""
    rng = np.random.default_rng(0)
    out = []
    for number in range(N):
        n = 20 if number % 7 == 3 else 2000 if number == 5 else int(rng.integers(80, 300))
        times = np.cumsum(rng.uniform(0.015, 0.025, n)) if number % 2 else None
        stream = Stream(CHANNELS, rng.normal(size=(6, n)), 50.0, times, 0.0)
        stop = 1.5 if number not in broken else 0.5
        segments = (Segment(0, stop, "walk"), Segment(stop, None, "sit"))
        out.append(Recording(f"r{number:03d}", f"s{number % 11}", (stream,), segments))
    return out


@pytest.fixture
def folder(tmp_path: Path) -> FolderDataset:
    return FolderDataset(write_folder(tmp_path / "many", INFO, recordings()))


def files_of(home: Path) -> dict[str, bytes]:
    (entry,) = (path for path in home.iterdir() if path.name != "index")
    return {path.name: path.read_bytes() for path in entry.iterdir()}


def test_the_bytes_are_the_same_with_any_number_of_workers(folder: FolderDataset, tmp_path: Path) -> None:
    told = Told()
    one = windows_for(folder, unlabelled=True, folder=tmp_path / "1", workers=1)
    windows_for(folder, unlabelled=True, folder=tmp_path / "2", workers=2, progress=told)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")
    assert set(files_of(tmp_path / "2")) == {"manifest.json", *(f"{name}.npy" for name in ARRAYS)}
    assert told.done == [16, 32, 48, 50]
    assert len(np.unique(one.recording)) == N - 7  # those of 20 samples give none


def test_windows_on_disk_are_those_that_are_cut_in_memory(folder: FolderDataset, tmp_path: Path) -> None:
    stored = windows_for(folder, folder=tmp_path / "c", workers=1)
    whole: Windows = cut(list(folder.recordings()), WindowMeta.of(folder.info))
    for name in ARRAYS:
        ours, theirs = getattr(stored, name), getattr(whole, name)
        assert ours.dtype == theirs.dtype, name
        assert np.array_equal(ours, theirs), name
    assert stored.meta == whole.meta


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_broken_recording_is_named_whoever_meets_it(tmp_path: Path, workers: int) -> None:
    data = FolderDataset(write_folder(tmp_path / "many", INFO, recordings()))
    for number in (20, 40):
        (data.root / f"signals/{number:06d}-0.parquet").write_bytes(b"no table")
    with pytest.raises(DataError, match=r"000020-0\.parquet"):
        windows_for(data, folder=tmp_path / "c", workers=workers)
    assert [path.name for path in (tmp_path / "c").iterdir()] in (["index"], [])


def test_small_data_sets_start_no_process_and_large_ones_do(
    folder: FolderDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import joblib

    monkeypatch.setattr(joblib, "cpu_count", lambda: 3)
    assert cache._workers(folder) == 1
    monkeypatch.setattr(cache, "_WORTH_WORKERS", 1)
    assert cache._workers(folder) == 3


def test_memory_holds_no_more_than_one_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays that a recording gave are written and let go before the next one is read."""
    import weakref

    alive: list[weakref.ref[np.ndarray]] = []
    most = 0
    plain = blocks.cut_recording

    def watched(*arguments: object, **further: object) -> object:
        nonlocal most
        for part in plain(*arguments, **further):  # type: ignore[arg-type]
            alive.append(weakref.ref(part.x))
            most = max(most, sum(each() is not None for each in alive))
            yield part
            del part

    monkeypatch.setattr(blocks, "cut_recording", watched)
    data = FolderDataset(write_folder(tmp_path / "many", INFO, recordings()))
    windows_for(data, folder=tmp_path / "c", workers=1)
    assert len(alive) == N - 7
    assert most <= 2
