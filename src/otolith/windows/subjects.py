"""The split of subjects that a data set asks for; `otolith.splits` carries it out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True)
class OwnParts:
    """A split of one's own: names of the subjects, or of the recordings, of each part.

    `train` None: everyone else trains. `allow_shared_subjects` lets recordings of one person be in several parts.

    Raises:
        DataError: nobody validates or tests, or a name is given twice.

    >>> OwnParts(val=("b",), test=("c",)).digest
    'abd22ab86939'
    """

    val: tuple[int | str, ...] = ()
    test: tuple[int | str, ...] = ()
    train: tuple[int | str, ...] | None = None
    by: Literal["subject", "recording"] = "subject"
    allow_shared_subjects: bool = False

    def __post_init__(self) -> None:
        for part in ("val", "test"):
            if not getattr(self, part):
                raise DataError(f"nobody is named in {part}; name at least one {self.by}")
        everybody = [str(name) for name in (*self.val, *self.test, *(self.train or ()))]
        twice = [name for name in everybody if everybody.count(name) > 1]
        if twice:
            raise DataError(f"{self.by} {twice[0]} is named twice; each may be in one part only")

    @property
    def digest(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the parts, whatever the order of their names."""
        parts = {name: sorted(map(str, part)) for name in ("train", "val", "test") if (part := getattr(self, name))}
        text = json.dumps([parts, self.by], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
