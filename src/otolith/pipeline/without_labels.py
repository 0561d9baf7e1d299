"""Training windows without labels that take part where labels are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from otolith.splits import Split
    from otolith.splits.base import Indices
    from otolith.windows import Windows

MOST = 50_000
"""Windows whose features are computed, drawn from more: some hundred megabytes, however long the recordings are."""


def rows_without_labels(w: Windows, split: Split, seed: int) -> Indices:
    """Return the training windows without a label, at most `MOST`, in order.

    >>> from otolith.splits import unlabelled
    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((4, 6, 30)), [-1, 0, -1, 1])
    >>> rows_without_labels(w, unlabelled(w), seed=0)
    array([0, 2])
    """
    rows = split.train[w.y[split.train] < 0]
    return rows if len(rows) <= MOST else np.sort(np.random.RandomState(seed).permutation(rows)[:MOST])
