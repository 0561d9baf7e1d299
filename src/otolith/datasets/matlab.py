"""Reads one array of numbers from a MATLAB 5 file (`.mat`, also the compressed kind of version 7).

Only that much of the format: a damaged file must give an error here, whereas general readers written in C have been
seen to crash on one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""numpy's name of each numeric type of the format."""
NUMERIC_CLASSES = range(6, 16)
COMPLEX = 0x0800
MAX_BYTES = 2**28
"""No variable unpacks to more."""


@dataclass(frozen=True)
class _Bytes:
    """Part of a file and its byte order, "<" or ">"."""

    content: memoryview
    order: str

    def words(self, start: int, count: int) -> tuple[int, ...]:
        if start + 4 * count > len(self.content):
            raise ValueError("it ends within the description of a variable")
        return tuple(np.frombuffer(self.content, f"{self.order}u4", count, start).tolist())

    def elements(self) -> Iterator[tuple[int, memoryview]]:
        """Type and data of each element, one after the other."""
        start = 0
        while start < len(self.content):
            kind, size = self.words(start, 2)
            if kind >> 16:  # small element: two halves of one word are type and size, the data are in the next word
                kind, size, begin, step = kind & 0xFFFF, kind >> 16, start + 4, 8
                if size > 4:
                    raise ValueError(f"an element of {size} bytes is marked as small")
            else:
                begin = start + 8
                step = 8 + (size if kind == COMPRESSED else -(-size // 8) * 8)
            if begin + size > len(self.content):
                raise ValueError(f"a variable needs {size} bytes and {len(self.content) - begin} are left")
            yield kind, self.content[begin : begin + size]
            start += step


def read_array(content: bytes, name: str) -> NDArray[np.generic] | None:
    """Return the array called `name` in the bytes of a file; None where there is no such variable.

    Raises:
        ValueError: no MATLAB 5 file, a damaged one, or a variable of that name that is not an array of real numbers.
    """
    mark = content[126:128]
    if len(content) < 128 or mark not in (b"IM", b"MI"):
        raise ValueError("it has no header of a MATLAB 5 file")
    file = _Bytes(memoryview(content)[128:], "<" if mark == b"IM" else ">")
    for kind, data in file.elements():
        if kind == COMPRESSED:
            inner = _Bytes(memoryview(_decompress(data)), file.order)
            kind, data = next(inner.elements(), (0, data))
        if kind != MATRIX:
            raise ValueError(f"an element of type {kind} stands where a variable should")
        array = _matrix(_Bytes(data, file.order), name)
        if array is not None:
            return array
    return None


def _decompress(data: memoryview) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise ValueError(f"a compressed variable is damaged ({error})") from error
    if not stream.eof:
        raise ValueError(f"a compressed variable is cut short, or larger than {MAX_BYTES} bytes")
    return content


def _matrix(matrix: _Bytes, name: str) -> NDArray[np.generic] | None:
    elements = matrix.elements()
    try:
        (_, flags), (_, sizes), (_, own_name) = (next(elements) for _ in range(3))
        if bytes(own_name) != name.encode("ascii"):
            return None
        kind, numbers = next(elements)
    except (StopIteration, RuntimeError) as error:
        raise ValueError("the description of a variable is incomplete") from error
    (flag,) = _Bytes(flags, matrix.order).words(0, 1)
    if flag & 0xFF not in NUMERIC_CLASSES or flag & COMPLEX or kind not in NUMBERS:
        raise ValueError(f"{name} is not an array of real numbers")
    shape = np.frombuffer(sizes[: len(sizes) // 4 * 4], f"{matrix.order}i4").tolist()
    dtype = np.dtype(matrix.order + NUMBERS[kind])
    expected = 1
    for length in shape:
        expected *= length
    if not shape or min(shape) < 0 or expected * dtype.itemsize != len(numbers):
        raise ValueError(f"{name} has the shape {tuple(shape)} and {len(numbers)} bytes of {dtype}")
    return np.frombuffer(numbers, dtype).reshape(shape, order="F")
