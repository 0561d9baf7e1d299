"""Windows as a sequence: slices, masks, single windows, loops, arrays and tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from otolith import Windows
from otolith.errors import DataError

N = 8


@pytest.fixture
def w() -> Windows:
    x = np.arange(N * 2 * 4, dtype=np.float32).reshape(N, 2, 4)
    y = np.array([0, 1, -1, 0, 1, -1, 0, 1])
    who = np.array(["ann", "ann", "bo", "bo", "bo", "cy", "cy", "cy"])
    return Windows.from_arrays(x, y, who, channels=("a", "b"), rate_hz=2.0, activities=("sit", "walk"))


def test_a_slice_shares_memory_and_masks_and_numbers_choose(w: Windows) -> None:
    part = w[2:6]
    assert isinstance(part, Windows)
    assert len(part) == 4
    assert np.shares_memory(part.x, w.x)
    assert part.subject.tolist() == ["bo", "bo", "bo", "cy"]
    assert w[w.y == 1].start.tolist() == w.start[w.y == 1].tolist()
    assert w[[-1, 0]].x[:, 0, 0].tolist() == [56, 0]
    assert len(w[[]]) == len(w[8:]) == len(w[np.zeros(N, bool)]) == 0
    assert w[::-1].meta == w.meta


@pytest.mark.parametrize("at", [np.ones(3, bool), [0.5], ["ann"], [N], [[0, 1]], True, None])
def test_other_indices_are_refused(w: Windows, at: object) -> None:
    with pytest.raises(DataError, match="there are 8 windows; expected a slice, whole numbers from -8 to 7 or a mask"):
        w[at]  # type: ignore[call-overload]


def test_one_window_and_loops(w: Windows) -> None:
    last = w[-1]
    assert (last.activity, last.subject, last.x.tolist()) == ("walk", "cy", w.x[-1].tolist())
    assert w[np.int64(2)].activity is None
    assert [each.start_s for each in w] == w.start.tolist()
    assert len(list(zip(w, w, strict=True))) == N  # each loop begins anew
    with pytest.raises(IndexError):
        w[N]


def test_an_array_of_one_s_own(w: Windows) -> None:
    x = w.to_numpy()
    x += 1
    assert np.array_equal(x, w.x + 1)
    assert np.shares_memory(np.asarray(w), w.x)
    assert np.asarray(w, np.float64).dtype == np.float64


def test_a_table_has_a_row_a_window_and_a_column_a_channel(w: Windows) -> None:
    table = w.to_polars()
    assert table.columns == ["subject", "recording", "start_s", "stop_s", "label", "a", "b"]
    assert table["label"].to_list()[:3] == ["sit", "walk", None]
    assert table["b"].dtype == pl.Array(pl.Float32, 4)
    assert np.array_equal(table["b"].to_numpy(), w.x[:, 1])
    assert table["stop_s"][0] == 2.0
    assert w[:0].to_polars().schema == table.schema
