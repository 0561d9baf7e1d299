"""Representation learning (Section V-A): pre-train, fine-tune on all labels, score on unseen subjects."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from otolith.model import Model, PretrainedEncoder
from otolith.pipeline import OnEpoch, evaluate, finetune, pretrain
from otolith.progress import SILENT, Progress
from otolith.rows import Row, environment
from otolith.splits import Split
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe


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
        return {
            "protocol": "representation",
            "dataset": self.w.meta.dataset,
            "split": self.split.name,
            "split_seed": self.split.seed,
            "fold": self.split.fold,
            "recipe": self.recipe.hash,
            "method": self.method,
            "seed": self.seed,
            "k": None,
            "unlabelled": [extra.meta.dataset for extra in self.unlabelled],
        }

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
        self.model = finetune(self.encoder, self.w, self.split, progress=progress, on_epoch=on_epoch)
        began = time.perf_counter()
        result = evaluate(self.model, self.w, self.split) | {"val_macro_f1": self.model.validation}
        spent = _seconds_by_stage(self.encoder.records + self.model.records)
        meta = {
            "seconds": {stage: sum(each) for stage, each in spent.items()} | {"evaluate": time.perf_counter() - began},
            "seconds_per_epoch": {stage: sum(each) / len(each) for stage, each in spent.items()},
            "environment": environment(),
            "recipe_name": self.recipe_name,
            "split": {part: self._count(part) for part in ("train", "val", "test")},
            "warning": self.split.warning,
            "terms": self.w.meta.terms,
        }
        return Row(self.key, result, meta)

    def _count(self, part: str) -> dict[str, int]:
        rows = getattr(self.split, part)
        return {"windows": len(rows), "subjects": len(np.unique(self.w.subject[rows]))}


def _seconds_by_stage(records: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Seconds of each epoch, those before a resume included."""
    seconds: dict[str, list[float]] = {}
    for record in records:
        seconds.setdefault(record["stage"], []).append(record["seconds"])
    return seconds
