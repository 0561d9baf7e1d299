"""Windows that a model has learnt from, by which it is told later whether somebody who tests is among them.

Of each person a few digests are kept, so that a model's card stays small and nobody is named in it. They are those of
the windows whose digests come first in a fixed order: of two collections that share many windows of a person, the same
ones (min-wise sampling, Broder 1997). So recordings are known again under any name, in another data set and with others
beside them, as long as their windows are cut in the same places; labels that begin elsewhere move these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from otolith.windows import Windows

KEPT = 12
"""Digests of each person."""
FEWEST = 2
"""Digests in common by which somebody is known again; of fewer windows, all of them."""
MOST = 2_000_000
"""Digests of a model."""
_BLOCK = 1024
_Words = NDArray[np.uint64]


def digests_of(w: Windows, rows: ArrayLike | None = None) -> dict[str, frozenset[str]]:
    """Return up to `KEPT` digests of 8 hexadecimal digits for each person in rows of windows; None: all rows.

    Windows in which nothing moves are left out, since those of different people may be the same.

    >>> from otolith.windows import Windows
    >>> x = np.random.default_rng(0).normal(size=(40, 3, 30))
    >>> who = np.repeat(["ada", "bo"], 20)
    >>> w = Windows.from_arrays(x, np.arange(40) % 2, who, channels=("acc_x", "acc_y", "acc_z"))
    >>> found = digests_of(w)
    >>> len(found["ada"]), len(found["ada"] & digests_of(w, np.arange(15))["ada"]) >= 2, len(found["ada"] & found["bo"])
    (12, True, 0)
    """
    chosen = np.arange(len(w)) if rows is None else np.asarray(rows, np.int64)
    hashes, moves = np.empty(len(chosen), np.uint64), np.empty(len(chosen), np.bool_)
    for start in range(0, len(chosen), _BLOCK):
        block = np.ascontiguousarray(w.x[chosen[start : start + _BLOCK]], np.float32)
        hashes[start : start + _BLOCK] = _hashes(block)
        moves[start : start + _BLOCK] = (np.abs(np.diff(block)) > 0).any((1, 2))
    names, who = np.unique(w.subject[chosen], return_inverse=True)
    who, hashes = who[moves], hashes[moves]
    order = np.lexsort((hashes, who))
    each = np.split(hashes[order], np.searchsorted(who[order], np.arange(1, len(names))))
    return {
        str(name): frozenset(f"{digest & 0xFFFFFFFF:08x}" for digest in _mixed(np.unique(own)[:KEPT]).tolist())
        for name, own in zip(names, each, strict=True)
    }


def seen(*parts: tuple[Windows, ArrayLike | None]) -> frozenset[str]:
    """Return the digests of all people in rows of windows; None: in all rows. Of more than `MOST`, the first."""
    found = {digest for w, rows in parts for each in digests_of(w, rows).values() for digest in each}
    return frozenset(sorted(found)[:MOST])


def known_again(digests: frozenset[str], w: Windows, rows: ArrayLike) -> list[str]:
    """Return the people in rows of windows of whom some windows are among those of the digests, in order."""
    found = digests_of(w, rows)
    return sorted(name for name, each in found.items() if each and len(each & digests) >= min(FEWEST, len(each)))


def _hashes(x: NDArray[np.float32]) -> _Words:
    """Return a hash of 64 bits for each window (n, channels, time), of the bits of its samples."""
    words = x.reshape(len(x), -1).view(np.uint32).astype(np.uint64)
    return _mixed(words @ (_mixed(np.arange(words.shape[1], dtype=np.uint64)) | np.uint64(1)))


def _mixed(values: _Words) -> _Words:
    """Return values in which each bit of the given ones changes about half of all bits (SplitMix64, Steele 2014)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
