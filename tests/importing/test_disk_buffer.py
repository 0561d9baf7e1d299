"""Arrays on disk: equal to what was put there, read-only, and gone with the last of them."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from otolith.errors import DataError
from otolith.importing import disk_buffer
from otolith.importing.disk_buffer import DiskBuffer, Texts, in_memory

ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int32, np.bool_]), hnp.array_shapes(max_dims=3, max_side=40)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(ARRAYS, st.booleans()), max_size=8))
def test_what_is_kept_is_equal(arrays: list[tuple[np.ndarray, bool]]) -> None:
    put = DiskBuffer(Path(tempfile.gettempdir()), first_bytes=4096).keep
    given_ = [array.T if turned else array for array, turned in arrays]
    kept = [put(array) for array in given_]
    for before, after in zip(given_, kept, strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)
        with pytest.raises(ValueError, match="read-only"):
            after[...] = 0


def test_an_array_may_be_larger_than_a_file(tmp_path: Path) -> None:
    keeper = DiskBuffer(tmp_path, first_bytes=4096)
    small, large = keeper.keep(np.arange(10)), keeper.keep(np.arange(1_000_000))
    assert (small.sum(), large.sum()) == (45, 499_999_500_000)
    assert keeper.keep(np.empty((3, 0))).shape == (3, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_files_are_gone_with_their_arrays(tmp_path: Path) -> None:
    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count(str(tmp_path))

    keeper = DiskBuffer(tmp_path, first_bytes=65_536)
    kept = [keeper.keep(np.full(8192, number)) for number in range(8)]  # 512 KB in files of 64, 128, 256 and 512 KB
    assert mapped() == 4
    assert os.listdir(tmp_path) == []
    del kept[:1]
    assert mapped() == 3
    del kept, keeper
    assert mapped() == 0


@pytest.mark.parametrize("system", ["fallocate", "none", "unable"])
def test_space_is_taken_at_once(tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(descriptor: int, begin: int, size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    if system == "none":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif system == "unable":
        monkeypatch.setattr(os, "posix_fallocate", unable, raising=False)
    with open(tmp_path / "file", "w+b") as file:
        disk_buffer._reserve(file, 3_000_000)
        status = os.fstat(file.fileno())
    assert status.st_size == 3_000_000
    assert not hasattr(status, "st_blocks") or status.st_blocks * 512 >= 3_000_000


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, begin: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(DataError, match="Make room there"):
        DiskBuffer(tmp_path).keep(np.ones(3))
    assert os.listdir(tmp_path) == []
    with pytest.raises(DataError, match="cannot be written"):
        DiskBuffer(tmp_path / "none").keep(np.ones(3))


def test_a_disk_that_maps_no_files_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "temporary").mkdir()
    real, asked = disk_buffer._map_of_file, []

    def mapped(folder: Path, size: int) -> np.ndarray:
        asked.append(folder.name)
        if folder.name == "share":
            raise OSError(errno.ENODEV, "No such device")
        return real(folder, size)

    monkeypatch.setattr(disk_buffer, "_map_of_file", mapped)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    keeper = DiskBuffer(tmp_path / "share", first_bytes=4096)
    kept = [keeper.keep(np.full(5000, number)) for number in range(3)]
    assert [int(each.mean()) for each in kept] == [0, 1, 2]
    assert asked == ["share", "temporary", "temporary", "temporary"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["", "walk", "sit", "Gehen"])))
def test_texts_of_rows(texts: list[str]) -> None:
    kept = Texts(texts, in_memory)
    assert [kept[row] for row in range(len(texts))] == texts
