"""Few labels (Section V-B, Fig. 6): k labelled windows of each activity, drawn several times."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from otolith import methods as registry
from otolith import metrics, splits
from otolith.finetuning.classifier import train_classifier, train_steps
from otolith.finetuning.features import encode
from otolith.finetuning.heads import Labelled, build_head, predict
from otolith.finetuning.parallel_heads import train_many
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import PretrainedEncoder
from otolith.pipeline import build_encoder
from otolith.progress import Progress
from otolith.protocols.study import Study
from otolith.protocols.unit import Key, Unit
from otolith.rows import Row
from otolith.splits import Split, k_per_class
from otolith.training.window_source import Part, Source

Stop = Literal["last", "paper"]
KS = (1, 2, 5, 10, 25, 50, 100)
DRAWS = 10
STEPS = 250
"""Steps of `last`: as many as the paper's 50 epochs of 100 windows of each of 6 activities have."""


def units(
    study: Study,
    methods: Sequence[str],
    seeds: int,
    *,
    ks: Sequence[int] = KS,
    draws: int = DRAWS,
    stop: Stop = "last",
) -> Iterator[Unit]:
    """Each method with each seed on `draws` draws of k windows of each activity of the training subjects.

    All methods see the same draws. The encoder's features are computed once, and the heads train side by side. A
    method that trains end to end starts anew on each draw.

    `stop` "last": a fixed number of steps; no label of a validation subject is used. "paper": the best of 50 epochs on
    all labels of the validation subjects, scored every fifth epoch.

    Raises:
        DataError: an activity has fewer than k training windows.
    """
    split = splits.default(study.w, study.info)
    y = study.w.y[split.train]
    drawn = {(k, draw): split.train[k_per_class(y, k, draw)] for k in ks for draw in range(draws)}
    for seed in range(seeds):
        for method in methods:
            yield _unit(study, split, method, seed, drawn, stop)


def _unit(
    study: Study,
    split: Split,
    method: str,
    seed: int,
    drawn: dict[tuple[int, int], NDArray[np.int64]],
    stop: Stop,
) -> Unit:
    keys = {(k, draw): study.key("few labels", split, method, seed, k=k, draw=draw, stop=stop) for k, draw in drawn}

    def run(missing: Sequence[Key], progress: Progress) -> Iterator[Row]:
        wanted = {(int(key["k"]), int(key["draw"])) for key in missing}
        learner: _Heads | _EndToEnd
        if registry.spec(method).end_to_end:
            learner = _EndToEnd(study, split, method, seed, stop)
        else:
            learner = _Heads(study, split, study.encoder(split, method, seed, progress=progress), stop, progress)
        for k in dict.fromkeys(k for k, _ in drawn):
            chosen = [draw for number, draw in drawn if number == k]
            if learner.alone:
                chosen = [draw for draw in chosen if (k, draw) in wanted]
            if not any((k, draw) in wanted for draw in chosen):
                continue
            with progress.stage(f"{method}, seed {seed}, k = {k}", len(chosen), "heads") as bar:
                for group in [[draw] for draw in chosen] if learner.alone else [chosen]:
                    began = time.perf_counter()
                    found = learner.predictions([drawn[k, draw] for draw in group], group, bar.advance)
                    each = (time.perf_counter() - began) / len(group)
                    for draw, y_pred in zip(group, found, strict=True):
                        yield Row(
                            keys[k, draw], _scores(study, split, y_pred), study.meta(split, {"finetune": each}, [])
                        )

    return Unit(f"{method}, seed {seed}: {len(keys)} draws", tuple(keys.values()), run)


def _scores(study: Study, split: Split, y_pred: NDArray[np.int64]) -> dict[str, Any]:
    w = study.w
    classes = np.unique(w.y[split.train][w.y[split.train] >= 0])
    return metrics.evaluate(w.y[split.test], y_pred, w.subject[split.test], w.meta.activities, classes.tolist())


class _Scored:
    """What both ways to learn from a draw share: labels and the score on the validation windows."""

    def __init__(self, study: Study, split: Split, stop: Stop) -> None:
        self.w, self.split, self.stop = study.w, split, stop
        self.n_classes = len(study.w.meta.activities)
        labels = study.w.y[split.train]
        self.classes = tuple(int(c) for c in np.unique(labels[labels >= 0]))

    def score(self, y_true: Tensor, y_pred: Tensor) -> float:
        return metrics.macro_f1(y_true.cpu().numpy(), y_pred.cpu().numpy(), self.classes, self.n_classes)

    def labels(self, rows: NDArray[np.int64], device: torch.device) -> Tensor:
        return torch.from_numpy(np.array(self.w.y[rows])).to(device)


class _Heads(_Scored):
    """Heads on the features of a frozen encoder."""

    alone = False
    """Batched products round differently in other company: all heads of one k train, whichever are missing."""

    def __init__(self, study: Study, split: Split, encoder: PretrainedEncoder, stop: Stop, progress: Progress) -> None:
        super().__init__(study, split, stop)
        self.settings: FinetuneSettings = study.recipe.finetune
        self.seed = encoder.seed
        used = [split.train, split.test] + ([split.val] if stop == "paper" else [])
        rows = np.concatenate(used)
        self.features = encode(
            encoder.network, Source([Part(self.w.x, rows)], encoder.scaler, encoder.device), progress=progress
        )
        self.place = np.full(len(self.w), -1)
        self.place[rows] = np.arange(len(rows))

    def predictions(self, drawn: list[NDArray[np.int64]], numbers: list[int], advance: Any) -> list[NDArray[np.int64]]:
        """Test predictions of a head trained on each of `drawn`, whose numbers seed them."""
        draws = [self._labelled(rows) for rows in drawn]
        seeds = [_head_seed(self.seed, number) for number in numbers]
        if self.stop == "last":
            heads = train_many(draws, seeds, self.settings, self.n_classes, steps=STEPS, on_head=advance)
        else:
            val = self._labelled(self.split.val)
            heads = train_many(draws, seeds, self.settings, self.n_classes, val=val, score=self.score, on_head=advance)
        found = heads.predict(self._at(self.split.test))
        return list(found.cpu().numpy())

    def _at(self, rows: NDArray[np.int64]) -> Tensor:
        return self.features[torch.from_numpy(self.place[rows]).to(self.features.device)]

    def _labelled(self, rows: NDArray[np.int64]) -> Labelled:
        return Labelled(self._at(rows), self.labels(rows, self.features.device))


class _EndToEnd(_Scored):
    """A new encoder and head, trained together on each draw."""

    alone = True

    def __init__(self, study: Study, split: Split, method: str, seed: int, stop: Stop) -> None:
        super().__init__(study, split, stop)
        self.study, self.method, self.seed = study, method, seed
        self.settings: FinetuneSettings = study.recipe.settings_of(method)
        self.encoder = study.encoder(split, method, seed)

    def predictions(self, drawn: list[NDArray[np.int64]], numbers: list[int], advance: Any) -> list[NDArray[np.int64]]:
        """Test predictions of a network trained on each of `drawn`, whose numbers seed heads and order."""
        found = []
        test = self._inputs(self.split.test)
        for rows, number in zip(drawn, numbers, strict=True):
            network = build_encoder(self.method, self.study.recipe, self.w.meta, self.seed)
            seed = _head_seed(self.seed, number)
            whole = torch.nn.Sequential(network, build_head(network.n_features, self.n_classes, self.settings, seed))
            whole.to(self.encoder.device)
            if self.stop == "last":
                train_steps(whole, self._labelled(rows), self.settings, seed, STEPS)
            else:
                train_classifier(
                    whole,
                    self._labelled(rows),
                    self._labelled(self.split.val),
                    self.settings,
                    seed,
                    n_classes=self.n_classes,
                    score=self.score,
                    every=5,
                )
            found.append(predict(whole, test).argmax(1).cpu().numpy())
            advance(1)
        return found

    def _inputs(self, rows: NDArray[np.int64]) -> Tensor:
        source = Source([Part(self.w.x, rows)], self.encoder.scaler, self.encoder.device)
        return source[torch.arange(len(rows))]

    def _labelled(self, rows: NDArray[np.int64]) -> Labelled:
        return Labelled(self._inputs(rows), self.labels(rows, self.encoder.device))


def _head_seed(seed: int, draw: int) -> int:
    """Of a head and its dropout: the same for all methods, another for each draw and seed."""
    return (1000 * seed + draw) % 2**32
