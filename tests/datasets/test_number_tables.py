"""The text table reader: exact on good files, precise about bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otolith.datasets.tables import read_numbers
from otolith.errors import DataError

COLUMNS = ("x", "y", "z")


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(200, 3)) * 10.0 ** np.arange(-100, 100)[:, None]
    path = tmp_path / "t.txt"
    path.write_text("".join(" ".join(map(repr, row)) + "\n" for row in values.tolist()))
    np.testing.assert_array_equal(read_numbers(path, COLUMNS, " ").to_numpy(), values)
    np.testing.assert_array_equal(np.loadtxt(path), values)


def test_first_line_shifts_the_number_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 18: z is 'c'"):
        read_numbers(tmp_path / "t.txt", COLUMNS, ",", content=b"1,2,3\n1,2,c\n", first_line=17)


def test_whole_numbers_keep_every_digit(tmp_path: Path) -> None:
    frame = read_numbers(tmp_path / "t", ("t", "v"), ",", content=b"1661234567890123457, 0.5\n", integers=("t",))
    assert frame["t"][0] == 1661234567890123457


def test_undecodable_bytes_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2: x is"):
        read_numbers(tmp_path / "t", COLUMNS, " ", content=b"1 2 3\n\xff\xfe 2 3\n")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
@example(b"\x1f\x8b\x00\x00")
def test_any_bytes_give_a_table_or_a_data_error(content: bytes) -> None:
    try:
        frame = read_numbers(Path("t"), COLUMNS, " ", content=content)
    except DataError as error:
        assert str(error).startswith("t")  # noqa: PT017
        return
    assert frame.width == 3
    assert np.isfinite(frame.to_numpy()).all()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read_numbers(tmp_path / "none.txt", COLUMNS, " ")
