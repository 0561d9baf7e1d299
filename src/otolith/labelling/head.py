"""Head on the features of stretches that the labels so far teach, and how well it does on labels left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from otolith.finetuning.linear import fit_linear

PENALTY = 1.0
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Head:
    """A fitted head: `layer` gives a logit for each of the activities `present`."""

    layer: nn.Linear
    present: tuple[str, ...]

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, activities) of features (n, d)."""
        with torch.no_grad():
            found: NDArray[np.float32] = self.layer(torch.from_numpy(x)).softmax(1).numpy()
        return found


def fit(x: NDArray[np.float32], labels: Sequence[str]) -> Head | None:
    """Fit a head to features (n, d) and their labels; None where there are fewer than two activities.

    >>> head = fit(np.eye(4, dtype=np.float32), ["still", "walking", "still", "walking"])
    >>> head.present, head.probabilities(np.eye(4, dtype=np.float32)).argmax(1)
    (('still', 'walking'), array([0, 1, 0, 1]))
    """
    present = tuple(sorted(set(labels)))
    if len(present) < 2:
        return None
    layer = nn.Linear(x.shape[1], len(present))
    y = torch.tensor([present.index(each) for each in labels])
    fit_linear(layer, torch.from_numpy(x), y, PENALTY)
    return Head(layer, present)


@dataclass(frozen=True)
class LeftOut:
    """Answers of heads about labels that they were not fitted to.

    Attributes:
        share: of the labels that they say, too; None where too few could be left out.
        said: for each label the activity that they say.
        certainty: their probability of it, and `own` that of the label.
    """

    share: float | None
    said: tuple[str, ...]
    certainty: NDArray[np.float64]
    own: NDArray[np.float64]


def leave_out(x: NDArray[np.float32], labels: Sequence[str], groups: Sequence[object]) -> LeftOut:
    """Leave a fifth of the labels out at a time, and ask heads of the others for them.

    Args:
        groups: of each label; labels of one group are left out together, since neighbours in time are alike.

    >>> x = np.repeat(np.eye(2, dtype=np.float32), 4, 0)
    >>> leave_out(x, ["still"] * 4 + ["walking"] * 4, range(8)).share
    1.0
    """
    fold = _folds(labels, groups)
    said = [""] * len(labels)
    certainty, own = np.zeros(len(labels)), np.zeros(len(labels))
    for each in range(FOLDS):
        held = np.flatnonzero(fold == each).tolist()
        others = np.flatnonzero(fold != each).tolist()
        head = fit(x[others], [labels[i] for i in others]) if held else None
        if head is None:
            continue
        p = head.probabilities(x[held])
        for row, i in enumerate(held):
            said[i] = head.present[int(p[row].argmax())]
            certainty[i] = p[row].max()
            own[i] = float(p[row][head.present.index(labels[i])]) if labels[i] in head.present else 0.0
    told = [i for i, each in enumerate(said) if each]
    several = [i for i in told if labels.count(labels[i]) > 1]  # the only label of an activity cannot be guessed
    share = sum(said[i] == labels[i] for i in several) / len(several) if len(several) >= 4 else None
    return LeftOut(share, tuple(said), certainty, own)


def _folds(labels: Sequence[str], groups: Sequence[object]) -> NDArray[np.int64]:
    """Deal groups out so that each activity is in all folds, as far as it can be."""
    of_group: dict[object, int] = {}
    dealt: dict[str, int] = {}
    for label, group in zip(labels, groups, strict=True):
        if group not in of_group:
            of_group[group] = dealt.get(label, len(dealt)) % FOLDS
            dealt[label] = of_group[group] + 1
    return np.array([of_group[group] for group in groups], np.int64)
