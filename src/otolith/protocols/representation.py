"""Representation learning (Section V-A): pre-train, fine-tune on all labels, score on unseen subjects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from otolith.protocols.spec import NoOptions, ProtocolSpec

if TYPE_CHECKING:
    from otolith.protocols.cells.study import Study
    from otolith.protocols.cells.unit import Unit


def units(study: Study, methods: Sequence[str], seeds: int, options: NoOptions) -> Iterator[Unit]:
    """Yield each method with each seed on the data set's own split."""
    from otolith import splits
    from otolith.protocols.cells.study import scored

    split = splits.default(study.w, study.info)
    for seed in range(seeds):
        for method in methods:
            # One picture of each method is looked at (Fig. 5); its seed is the first.
            folder = study.pictured / f"{method}-seed{seed}" if study.pictured is not None and seed == 0 else None
            yield scored(study, SPEC.in_rows, split, method, seed, pictured=folder)


SPEC = ProtocolSpec(
    name="representation",
    title="Representation learning",
    line="all labels, on the data set's own split",
    section="Section V-A, Tables I and II",
    units=units,
)
