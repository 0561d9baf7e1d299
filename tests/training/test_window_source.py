"""Windows as the loop sees them: resident or memory-mapped, of one array or several."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from otolith.preprocessing.scaler import Scaler
from otolith.training import window_source as module
from otolith.training.window_source import Part, Source

CPU = torch.device("cpu")
SCALER = Scaler(np.array([1.0, -2.0]), np.array([0.5, 4.0]))


def parts(folder: Path) -> list[Part]:
    """A memory-mapped array of which some rows take part, in no order; an array in memory; none of one; all of one."""
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.standard_normal((9, 2, 5)).astype(np.float32))
    mapped = np.load(folder / "x.npy", mmap_mode="r")
    own = rng.standard_normal((4, 2, 5)).astype(np.float32)
    return [
        Part(mapped, np.array([7, 1, 4])),
        Part(own, np.array([], np.int64)),
        Part(own, np.array([3, 0])),
        Part(own[:2]),
    ]


def expected(given: list[Part]) -> np.ndarray:
    return np.stack(
        [(part.x[row] - [[1.0], [-2.0]]) / [[0.5], [4.0]] for part in given for row in part.at(np.arange(len(part)))]
    )


@pytest.mark.parametrize("resident", [True, False])
def test_windows_come_scaled_in_the_order_of_the_parts(
    resident: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not resident:
        monkeypatch.setattr(module, "RESIDENT_BYTES", 0)
    given = parts(tmp_path)
    source = Source(given, SCALER, CPU)
    assert (source._resident is not None) == resident
    assert len(source) == 7
    assert source.shape == (2, 5)
    batch = source[torch.tensor([4, 0, 2, 6])]
    assert batch.dtype == torch.float32
    np.testing.assert_allclose(batch.numpy(), expected(given)[[4, 0, 2, 6]], rtol=1e-6)
    np.testing.assert_allclose(source[torch.arange(7)].numpy(), expected(given), rtol=1e-6)


def test_resident_and_mapped_windows_are_bit_identical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = parts(tmp_path)
    ids = torch.tensor([3, 1, 4, 1, 0])
    resident = Source(given, SCALER, CPU)[ids]
    monkeypatch.setattr(module, "RESIDENT_BYTES", 0)
    assert torch.equal(Source(given, SCALER, CPU)[ids], resident)


def test_residence_counts_only_the_windows_that_take_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESIDENT_BYTES", 7 * 2 * 5 * 4)
    given = parts(tmp_path)
    assert Source(given, SCALER, CPU)._resident is not None
    assert Source([*given, given[0]], SCALER, CPU)._resident is None


def test_the_array_is_left_as_it_was(tmp_path: Path) -> None:
    given = parts(tmp_path)
    before = given[2].x.copy()
    Source(given, SCALER, CPU)[torch.tensor([0, 3])].zero_()
    np.testing.assert_array_equal(given[2].x, before)
