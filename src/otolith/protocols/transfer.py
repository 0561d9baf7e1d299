"""Transfer (Section V-C, Table IV): pre-train on one data set, freeze, fine-tune on another."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from otolith import splits
from otolith.pipeline import evaluate, finetune
from otolith.progress import Progress
from otolith.protocols.study import Study, key_of
from otolith.protocols.unit import Key, Unit
from otolith.rows import Row
from otolith.splits import Split


def units(source: Study, target: Study, methods: Sequence[str], seeds: int) -> Iterator[Unit]:
    """Each method with each seed: the encoder from the source's training subjects, the head from the target's.

    The source's recipe decides everything, the head's training too; the scaler is fitted anew on the target's training
    windows. A method that trains end to end learns the source's labels, and is then frozen like the others.
    """
    at_home = splits.default(source.w, source.info)
    split = splits.default(target.w, target.info)
    for seed in range(seeds):
        for method in methods:
            yield _unit(source, at_home, target, split, method, seed)


def _unit(source: Study, at_home: Split, target: Study, split: Split, method: str, seed: int) -> Unit:
    key = key_of("transfer", target.w, split, source.recipe, method, seed, source=source.w.meta.dataset)

    def run(missing: Sequence[Key], progress: Progress) -> Iterator[Row]:
        encoder = source.encoder(at_home, method, seed, trained=True, progress=progress)
        model = finetune(
            encoder,
            target.w,
            split,
            frozen=True,
            settings=source.recipe.finetune,
            checkpoints=target.place_of(key),
            progress=progress,
        )
        began = time.perf_counter()
        result = evaluate(model, target.w, split) | {"val_macro_f1": model.validation}
        seconds = {"evaluate": time.perf_counter() - began}
        yield Row(key, result, target.meta(split, seconds, encoder.records + model.records))

    return Unit(f"{method}, seed {seed}, from {source.w.meta.dataset} to {target.w.meta.dataset}", (key,), run)
