"""Representation learning (Section V-A): pre-train, fine-tune on all labels, score on unseen subjects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import splits
from otolith.model import Model, PretrainedEncoder
from otolith.pipeline import OnEpoch, evaluate, finetune, pretrain
from otolith.progress import SILENT, Progress
from otolith.protocols.study import Study, key_of, meta_of, scored
from otolith.protocols.unit import Unit
from otolith.rows import Row
from otolith.splits import Split
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe


def units(study: Study, methods: Sequence[str], seeds: int) -> Iterator[Unit]:
    """Tables I and II: each method with each seed on the data set's own split."""
    split = splits.default(study.w, study.info)
    for seed in range(seeds):
        for method in methods:
            # One picture of each method is looked at (Fig. 5); its seed is the first.
            folder = study.pictured / f"{method}-seed{seed}" if study.pictured is not None and seed == 0 else None
            yield scored(study, "representation", split, method, seed, pictured=folder)


@dataclass
class Cell:
    """One cell of a table: a method on a split with a seed. Running it fills `encoder` and `model` on the way."""

    w: Windows
    split: Split
    recipe: Recipe
    method: str
    seed: int
    recipe_name: str = ""
    unlabelled: tuple[Windows, ...] = ()
    device: str = "auto"
    checkpoints: Path | None = None
    encoder: PretrainedEncoder | None = field(default=None, init=False)
    model: Model | None = field(default=None, init=False)

    @property
    def key(self) -> dict[str, Any]:
        """What the figure depends on; two rows of one key are the same experiment."""
        unlabelled = [extra.meta.dataset for extra in self.unlabelled]
        return key_of("representation", self.w, self.split, self.recipe, self.method, self.seed, unlabelled=unlabelled)

    def run(self, progress: Progress = SILENT, on_epoch: OnEpoch | None = None) -> Row:
        """Pre-train, fine-tune and score on the test part; the row is returned, not stored."""
        self.encoder = pretrain(
            self.w,
            self.split,
            self.recipe,
            self.method,
            self.seed,
            unlabelled=self.unlabelled,
            device=self.device,
            checkpoints=self.checkpoints,
            progress=progress,
            on_epoch=on_epoch,
        )
        self.model = finetune(
            self.encoder, self.w, self.split, checkpoints=self.checkpoints, progress=progress, on_epoch=on_epoch
        )
        began = time.perf_counter()
        result = evaluate(self.model, self.w, self.split) | {"val_macro_f1": self.model.validation}
        seconds = {"evaluate": time.perf_counter() - began}
        records = self.encoder.records + self.model.records
        return Row(self.key, result, meta_of(self.w, self.split, self.recipe_name, seconds, records))
