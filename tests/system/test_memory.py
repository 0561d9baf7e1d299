"""Memory: what is left, and jobs that are refused for the want of it before they begin."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from otolith.errors import TrainingError
from otolith.jobs import estimate as module
from otolith.jobs.estimate import estimate, refuse_too_large
from otolith.system import memory
from tests.helpers import tiny


def test_some_memory_is_left_here() -> None:
    assert 1e6 < memory.available_bytes() < 1e15


def test_a_container_s_limit_counts_but_not_its_cached_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("4000000\n")
    group = (str(tmp_path / "memory.max"), str(tmp_path / "memory.current"))
    monkeypatch.setattr(memory, "CGROUPS", (group,))
    assert memory.available_bytes() == 1_000_000
    (tmp_path / "memory.stat").write_text("anon 3000000\ninactive_file 500000\nactive_file 250000\n")
    assert memory.available_bytes() == 1_750_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_bytes() > 1_750_000


def test_the_file_beneath_an_array_is_found_through_every_kind_of_view(tmp_path: Path) -> None:
    rows = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(100, 6))
    whole = np.asarray(rows)
    views = (rows, whole, whole.T[3:], as_strided(whole.T, (6, 100), whole.T.strides), whole.view(np.uint8)[::7])
    for view in views:
        assert memory.mapped(view) is rows._mmap  # type: ignore[attr-defined]
        memory.release(view)
    assert memory.mapped(np.zeros(3)) is None
    assert memory.mapped(whole.copy()) is None


def test_an_array_on_disk_has_no_name_and_lies_in_memory_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = memory.on_disk(1000, np.int64)
    found[:] = np.arange(1000)
    assert memory.mapped(found) is not None
    assert list(tmp_path.iterdir()) == []
    assert found.sum() == 499_500
    assert memory.on_disk(0, np.int64).shape == (0,)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert memory.mapped(memory.on_disk(1000, np.int64)) is None


def test_rows_are_announced_as_the_pages_that_they_lie_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(1000, 300))
    asked: list[tuple[int, int, int]] = []
    monkeypatch.setattr(memory, "_advise", lambda: lambda *given: asked.append(given))
    rows = np.array([7, 999, 0, 7])
    memory.announce(table, rows)
    memory.announce(table, rows[:0])
    assert len(asked) == len(rows)
    for row, (page, length, advice) in zip(rows.tolist(), asked, strict=True):
        begin = table[row].ctypes.data
        assert page % mmap.PAGESIZE == 0
        assert page <= begin < page + mmap.PAGESIZE
        assert page + length == begin + 1200
        assert advice == mmap.MADV_WILLNEED


def test_freed_memory_between_what_stays_is_given_back() -> None:
    """In a process of its own, since what others have freed counts."""
    code = """
import os, psutil, numpy as np
from otolith.system import memory
kept = [(np.ones(12_000), np.ones(2_000))[which] for _ in range(2_000) for which in (0, 1)]
kept = kept[1::2]
before = psutil.Process().memory_info().rss
memory.trim()
print((before - psutil.Process().memory_info().rss) >> 20)
"""
    if memory._trimmer() is None:
        pytest.skip("this system's C library gives memory back by itself")
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(said) > 100


def test_what_is_announced_is_read(tmp_path: Path) -> None:
    table = np.arange(3000, dtype=np.float32).reshape(100, 30)
    np.save(tmp_path / "rows.npy", table)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for array in (mapped, table):
        memory.announce(array, np.array([99, 3, 50]))
        np.testing.assert_array_equal(array, table)


def test_the_refusal_has_both_figures_and_the_cures() -> None:
    refuse_too_large(5, 5)
    with pytest.raises(TrainingError) as caught:
        refuse_too_large(3_140_000_000, 2_000_000_000)
    for words in ("about 3.14 GB", "2.00 GB are free", "batch_size", "--ignore-memory"):
        assert words in str(caught.value)


@pytest.mark.parametrize("method", ["dynamic", "supervised"])
def test_an_estimate_beyond_what_is_there_is_refused(method: str) -> None:
    meta, recipe = tiny.windows(n_subjects=1).meta, tiny.recipe()
    needed = estimate(recipe, method, meta, 100, 20).peak_bytes
    assert estimate(recipe, method, meta, 100, 20, "cpu", 10 * needed).peak_bytes < 2 * needed
    with pytest.raises(TrainingError, match="of memory besides PyTorch"):
        estimate(recipe, method, meta, 100, 20, "cpu", needed // 2)


def test_a_batch_far_too_large_is_never_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    probe = module._probe

    def noted(*given: object) -> tuple[float, int]:
        tried.append(int(given[-1]))  # type: ignore[call-overload]
        return probe(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_probe", noted)
    recipe = tiny.recipe(pretrain__batch_size=4096)
    with pytest.raises(TrainingError, match="--ignore-memory"):
        estimate(recipe, "csshar", tiny.windows(n_subjects=1).meta, 5000, 20, "cpu", 3_000_000)
    assert tried == [512]
