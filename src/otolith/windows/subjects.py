"""The split of subjects that a data set asks for; `otolith.splits` carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.errors import DataError


@dataclass(frozen=True)
class FixedSubjects:
    """The split that a data set's authors use: `val` validates and `test` tests.

    `train` names who trains, and nobody else takes part; None: everyone else trains. `is_last_fold` says that
    this is also the fifth fold of a five-fold experiment (USC-HAD).

    Raises:
        DataError: a subject is named twice.

    >>> FixedSubjects(val=(3, 9), test=(5, 6)).train is None
    True
    """

    val: tuple[int | str, ...]
    test: tuple[int | str, ...]
    train: tuple[int | str, ...] | None = None
    is_last_fold: bool = False

    def __post_init__(self) -> None:
        everybody = [*self.val, *self.test, *(self.train or ())]
        twice = [subject for subject in everybody if everybody.count(subject) > 1]
        if twice:
            raise DataError(f"Subject {twice[0]} is named twice in a fixed split; each may be in one part only.")


@dataclass(frozen=True)
class Holdout:
    """A random subject hold-out: 20 % of the subjects for testing, 20 % of the rest for validation.

    >>> Holdout().seed
    0
    """

    seed: int = 0
