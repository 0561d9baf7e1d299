"""The MATLAB reader against scipy's writer, byte order and damage included."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from otolith.datasets.matlab import read_array


def saved(tmp_path: Path, compressed: bool = False, **variables: Any) -> bytes:
    savemat(tmp_path / "x.mat", variables, do_compression=compressed)
    return (tmp_path / "x.mat").read_bytes()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "u1", "i8"])
def test_reads_what_scipy_writes(tmp_path: Path, compressed: bool, dtype: str) -> None:
    array = np.arange(-6, 18).reshape(4, 6).astype(dtype)
    content = saved(tmp_path, compressed, title="some text", nothing=np.zeros((0, 0)), signal=array, after=[1.0])
    got = read_array(content, "signal")
    assert got is not None
    np.testing.assert_array_equal(got, array)
    assert read_array(content, "absent") is None


def test_doubles_stored_as_small_integers(tmp_path: Path) -> None:
    # MATLAB stores doubles that are whole numbers in a smaller type; the element is then of the small kind
    def element(kind: int, data: bytes) -> bytes:
        return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    small = struct.pack("<HH", 2, 3) + b"\x01\x02\xff\0"
    name = struct.pack("<HH", 1, 1) + b"v\0\0\0"
    body = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<ii", 1, 3)) + name + small
    header = b" " * 124 + b"\x00\x01IM"
    np.testing.assert_array_equal(read_array(header + element(14, body), "v"), [[1, 2, 255]])


def test_big_endian() -> None:
    def element(kind: int, data: bytes) -> bytes:
        return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    body = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 2, 1)) + element(1, b"v")
    body += element(9, struct.pack(">dd", 0.5, -2.0))
    header = b" " * 124 + b"\x01\x00MI"
    np.testing.assert_array_equal(read_array(header + element(14, body), "v"), [[0.5], [-2.0]])


@pytest.mark.parametrize("value", ["text", np.array([1 + 2j]), {"a": 1.0}, np.array([[1.0, "a"]], dtype=object)])
def test_other_kinds_of_variables_are_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ValueError, match="v is not an array of real numbers"):
        read_array(saved(tmp_path, v=value), "v")


@pytest.mark.parametrize("compressed", [False, True])
def test_every_truncation_is_an_error_or_leaves_the_variable_out(tmp_path: Path, compressed: bool) -> None:
    content = saved(tmp_path, compressed, v=np.arange(12.0).reshape(2, 6))
    for length in range(len(content)):
        if length == 128:
            assert read_array(content[:length], "v") is None  # a header alone is a file without variables
            continue
        with pytest.raises(ValueError, match=r"."):
            read_array(content[:length], "v")
