"""A split as a value, and the checks and draws that all ways of splitting share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otolith import showing
from otolith.errors import DataError

if TYPE_CHECKING:
    from otolith.windows import Windows

Indices = NDArray[np.int64]
SHARED = (
    "Subjects are in more than one of the training, validation and test parts, so this score says nothing about people "
    "whom the model has not seen."
)
CURE = (
    " In Python, split by subject, as splits.holdout and splits.folds do; or say Split(..., "
    "allow_shared_subjects=True), and every row and report names it."
)


@dataclass(frozen=True, eq=False)
class Split:
    """Windows by part, as increasing int64 indices without common members; lists of numbers are taken as such.

    The test part may be empty: such a split trains a model that is not scored. Where there is nothing to validate
    either, it is one to pre-train on alone. `name` is "fixed", "holdout", "own", "fold", "subject", "recording", "time"
    or "unlabelled"; `parts` is a digest of the names in one's own. `warning` is for the report
    where a score on this split must not be read as a score on new people; empty otherwise. Validation and test
    windows are all labelled. Nobody's windows are in two parts, unless `allow_shared_subjects` says that this is
    meant; such a split always has a `warning`.

    >>> Split("holdout", train=np.arange(6), val=np.array([6]), test=np.array([7, 8]), seed=0).test
    array([7, 8])
    """

    name: str
    train: Indices
    val: Indices
    test: Indices
    seed: int | None = None
    fold: int | None = None
    warning: str = ""
    allow_shared_subjects: bool = False
    parts: str = ""

    @property
    def identity(self) -> dict[str, Any]:
        """Facts that tell this split from others of the same windows: its name, and where there are any, seed, fold and
        the digest of its parts."""
        told = {"name": self.name, "seed": self.seed, "fold": self.fold, "parts": self.parts or None}
        return {name: value for name, value in told.items() if value is not None}

    def __repr__(self) -> str:
        known = [f"{name} {value}" for name, value in (("seed", self.seed), ("fold", self.fold)) if value is not None]
        parts = f"{len(self.train):,} train, {len(self.val):,} validate, {len(self.test):,} test windows"
        return showing.line("Split", self.name, [*known, parts, "subjects in several parts" if self.warning else ""])

    def _repr_html_(self) -> str:
        sizes = {"train": len(self.train), "validate": len(self.val), "test": len(self.test)}
        whole = max(1, sum(sizes.values()))
        shares = {name: f"{showing.count(size, 'window')} ({size / whole:.0%})" for name, size in sizes.items()}
        known = {"seed": "" if self.seed is None else self.seed, "fold": "" if self.fold is None else self.fold}
        return showing.card("Split", self.name, {**known, **shares, "warning": self.warning})

    def __post_init__(self) -> None:
        for part in ("train", "val", "test"):
            given = getattr(self, part)
            if isinstance(given, list | tuple | range):
                found = np.asarray(given)
                whole = found.ndim == 1 and np.issubdtype(found.dtype, np.integer)
                object.__setattr__(self, part, found.astype(np.int64) if whole else found)
        if self.allow_shared_subjects and not self.warning:
            object.__setattr__(self, "warning", SHARED)
        parts = {"train": self.train, "val": self.val, "test": self.test}
        for part, indices in parts.items():
            may_be_empty = part == "test" or (part == "val" and not len(self.test))
            if indices.ndim != 1 or indices.dtype != np.int64 or not (len(indices) or may_be_empty):
                raise DataError(f"Split {self.name!r}: the {part} part is empty or not a row of int64 indices.")
            if (indices[:1] < 0).any() or (np.diff(indices) <= 0).any():
                raise DataError(f"Split {self.name!r}: the {part} indices have to increase from 0 on.")
        joined = np.concatenate(list(parts.values()))
        if len(np.unique(joined)) < len(joined):
            raise DataError(f"Split {self.name!r}: a window is in two of train, val and test.")


def refuse_shared(split: Split, w: Windows) -> None:
    """Make sure that no subject's windows are in two parts of a split that does not say so.

    Raises:
        DataError: names the first subject who is in two.

    >>> from otolith.windows import Windows
    >>> parts = {"train": np.arange(2), "val": np.array([2]), "test": np.array([3])}
    >>> w = Windows.from_arrays(np.zeros((4, 6, 30)), [0, 1, 0, 1], ["ada", "bo", "cy", "bo"])
    >>> refuse_shared(Split("mine", **parts), w)
    Traceback (most recent call last):
    otolith.errors.DataError: Split 'mine': subject bo is in two of train, val and test. ...
    >>> Split("mine", **parts, allow_shared_subjects=True).warning == SHARED
    True
    """
    if not split.allow_shared_subjects:
        refuse_common(split, w.subject, "subject", CURE)


def refuse_common(split: Split, owner: NDArray[Any], kind: str, cure: str = "") -> None:
    """Make sure that nobody's windows are in two parts."""
    train, val, test = (np.unique(owner[part]) for part in (split.train, split.val, split.test))
    for one, other in ((train, val), (train, test), (val, test)):
        both = np.intersect1d(one, other)
        if len(both):
            raise DataError(f"Split {split.name!r}: {kind} {both[0]} is in two of train, val and test.{cure}")


def check_seed(seed: int) -> None:
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise DataError(f"seed is {seed!r}; it has to be a whole number in 0..{2**32 - 1}.")


def shuffled(items: Sequence[Any], seed: int) -> list[Any]:
    check_seed(seed)
    return [items[i] for i in np.random.RandomState(seed).permutation(len(items))]


def labelled_subjects(w: Windows) -> list[Any]:
    found: list[Any] = np.unique(w.subject[w.labelled]).tolist()
    return found
