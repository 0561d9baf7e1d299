"""People whose windows a model has learnt from, as digests of their names, which go into its card."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from otolith.windows import Windows

DIGITS = 6
"""Hexadecimal digits of a digest: enough to tell some thousand people apart, too few to tell who somebody was."""


def digests_of(w: Windows, rows: ArrayLike | None = None) -> dict[str, str]:
    """Return the people of windows, a digest each with the name that they have here.

    A digest is of the data set's name and the person's, so that person 1 of one study is not person 1 of another. In
    a pool of data sets each person is still the one of theirs.

    Args:
        rows: numbers of the windows; None: all.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((3, 6, 30)), [0, 1, 0], ["ada", "bo", "ada"], dataset="walks")
    >>> digests_of(w, [0, 2])
    {'d4f4f7': 'ada'}
    """
    names = np.unique(w.subject if rows is None else w.subject[np.asarray(rows)])
    pooled = "+" in w.meta.dataset
    told = {}
    for name in map(str, names):
        whose = name if pooled else f"{w.meta.dataset}/{name}"
        told[hashlib.blake2b(whose.encode(), digest_size=DIGITS // 2).hexdigest()] = name
    return told


def seen(*parts: tuple[Windows, ArrayLike | None]) -> tuple[str, ...]:
    """Return the digests of all people in the rows of windows, sorted."""
    return tuple(sorted({digest for w, rows in parts for digest in digests_of(w, rows)}))
