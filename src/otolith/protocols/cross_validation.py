"""Subject-wise cross-validation (Section V-A2, Table III)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otolith import splits
from otolith.protocols.study import Study, scored
from otolith.protocols.unit import Unit


def units(
    study: Study, methods: Sequence[str], seeds: int, *, folds: int | None = 5, fold_seed: int = 0
) -> Iterator[Unit]:
    """Each method with each seed on each fold; all on the same folds, drawn by `fold_seed`.

    `folds` None leaves one subject out at a time. USC-HAD's fifth of five folds is its fixed split.
    """
    chosen = splits.leave_one_subject_out(study.w) if folds is None else splits.folds(study.w, folds, fold_seed)
    dealt = list(chosen)
    for seed in range(seeds):
        for split in dealt:
            for method in methods:
                yield scored(study, "cross-validation", split, method, seed)
