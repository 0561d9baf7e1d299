"""Subject-wise cross-validation (Section V-A2, Table III)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.protocols.spec import ProtocolSpec

if TYPE_CHECKING:
    from otolith.protocols.cells.study import Study
    from otolith.protocols.cells.unit import Unit


@dataclass(frozen=True)
class Folds:
    """Options of cross-validation.

    Attributes:
        folds: How many folds of subjects.
        leave_one_out: Leave one subject out at a time.
    """

    folds: int = 5
    leave_one_out: bool = False

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise DataError(f"cross-validation needs at least 2 folds; got {self.folds}")


def units(study: Study, methods: Sequence[str], seeds: int, options: Folds) -> Iterator[Unit]:
    """Yield each method with each seed on each fold; all on the same folds.

    USC-HAD's fifth of five folds is its fixed split.
    """
    from otolith import splits
    from otolith.protocols.cells.study import scored

    one_out = options.leave_one_out
    dealt = list(splits.leave_one_subject_out(study.w) if one_out else splits.folds(study.w, options.folds, 0))
    for seed in range(seeds):
        for split in dealt:
            for method in methods:
                yield scored(study, SPEC.in_rows, split, method, seed)


SPEC = ProtocolSpec(
    name="cross-validation",
    title="Cross-validation",
    line="all labels, on folds of subjects",
    section="Section V-A2, Table III",
    units=units,
    options=Folds,
)
