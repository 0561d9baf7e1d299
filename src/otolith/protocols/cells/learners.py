"""Ways to learn from a draw of labels: heads on a frozen encoder's features, or a network trained end to end."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from otolith import metrics
from otolith.augment import SignalSpec
from otolith.finetuning.classifier import train_classifier, train_steps
from otolith.finetuning.features import encode
from otolith.finetuning.heads import Labelled, build_head, predict, standardise
from otolith.finetuning.parallel_heads import train_many
from otolith.finetuning.settings import FinetuneSettings, HeadSettings, TreeSettings
from otolith.finetuning.trees import fit, unfitted
from otolith.finetuning.unlabelled import Pool
from otolith.finetuning.updates import EndToEnd
from otolith.finetuning.vote import mean_logits, of_linear, with_unlabelled
from otolith.model import PretrainedEncoder
from otolith.model.joining import as_asked, handmade_features
from otolith.nets.heads import pooled
from otolith.pipeline.evaluation import predictions_of
from otolith.progress import Progress
from otolith.protocols.cells.study import Study
from otolith.splits import Split
from otolith.training.window_source import Part, Source

Stop = Literal["last", "paper"]
STEPS = 250
"""Steps of `last`: as many as the paper's 50 epochs of 100 windows of each of 6 activities have."""


def answers(study: Study, split: Split, logits: Tensor) -> metrics.Predictions:
    """Return predictions of the test part with whose and when they are, and their probabilities, by no temperature."""
    labels, proba = study.w.y[split.train], logits.double().softmax(1).cpu().numpy()
    known = np.unique(labels[labels >= 0]).tolist()
    return predictions_of(study.w, split.test, logits.argmax(1).cpu().numpy(), proba, known)


class _Learner:
    """Labels and the score on the validation windows, for both ways to learn."""

    def __init__(self, study: Study, split: Split, stop: Stop) -> None:
        self.w, self.split, self.stop = study.w, split, stop
        self.n_classes = len(study.w.meta.activities)
        labels = study.w.y[split.train]
        self.classes = tuple(int(c) for c in np.unique(labels[labels >= 0]))

    def logits(self, drawn: list[NDArray[np.int64]], numbers: list[int], advance: Any) -> list[Tensor]:
        """Return the test logits (n_test, n_classes) learnt from each of `drawn`, whose numbers are seeds."""
        raise NotImplementedError

    def score(self, y_true: Tensor, y_pred: Tensor) -> float:
        return metrics.macro_f1(y_true.cpu().numpy(), y_pred.cpu().numpy(), self.classes, self.n_classes)

    def labels(self, rows: NDArray[np.int64], device: torch.device) -> Tensor:
        return torch.from_numpy(np.array(self.w.y[rows])).to(device)


class _OnFeatures(_Learner):
    """Features of a frozen encoder, as the layers of a head see them, of all windows that are used."""

    def __init__(
        self,
        study: Study,
        split: Split,
        encoder: PretrainedEncoder,
        settings: HeadSettings,
        stop: Stop,
        progress: Progress,
    ) -> None:
        super().__init__(study, split, stop)
        self.seed = encoder.seed
        used = [split.train, split.test] + ([split.val] if stop == "paper" else [])
        rows = np.concatenate(used)
        network = as_asked(encoder, settings).network
        head = build_head(network.n_features, self.n_classes, settings, 0, network.flattened).to(encoder.device)
        source = Source([Part(self.w.x, rows)], encoder.scaler, encoder.device)
        self.features = encode(pooled(network, head), source, progress=progress)
        n_train = len(split.train)
        standardise(head, settings, [self.features[:n_train]], also=[self.features[n_train:]])
        self.place = np.full(len(self.w), -1)
        self.place[rows] = np.arange(len(rows))

    def _at(self, rows: NDArray[np.int64]) -> Tensor:
        return self.features[torch.from_numpy(self.place[rows]).to(self.features.device)]

    def labelled(self, rows: NDArray[np.int64]) -> Labelled:
        return Labelled(self._at(rows), self.labels(rows, self.features.device))


class Heads(_OnFeatures):
    """Heads on the features of a frozen encoder, trained in steps."""

    alone = False
    """Batched products round differently in other company: all heads of one k train, whichever are missing."""

    def __init__(
        self,
        study: Study,
        split: Split,
        encoder: PretrainedEncoder,
        settings: FinetuneSettings,
        stop: Stop,
        progress: Progress,
    ) -> None:
        self.settings = settings
        super().__init__(study, split, encoder, settings, stop, progress)
        asked = self.settings.unlabelled != "none"
        self.pool = Pool([self.features[: len(split.train)]], self.seed) if asked else None

    def logits(self, drawn: list[NDArray[np.int64]], numbers: list[int], advance: Any) -> list[Tensor]:
        draws = [self.labelled(rows) for rows in drawn]
        seeds = [_head_seed(self.seed, number) for number in numbers]
        if self.pool is not None:
            draws = [self.pool.join(draw, self.settings, seed) for draw, seed in zip(draws, seeds, strict=True)]
        if self.stop == "last":
            heads = train_many(draws, seeds, self.settings, self.n_classes, steps=STEPS, on_head=advance)
        else:
            val = self.labelled(self.split.val)
            heads = train_many(draws, seeds, self.settings, self.n_classes, val=val, score=self.score, on_head=advance)
        return list(heads.logits(self._at(self.split.test)))


class Fitted(_OnFeatures):
    """Heads on the features of a frozen encoder, fitted at once: no validation window has a part in them."""

    alone = True

    def __init__(
        self,
        study: Study,
        split: Split,
        encoder: PretrainedEncoder,
        settings: TreeSettings,
        stop: Stop,
        progress: Progress,
    ) -> None:
        super().__init__(study, split, encoder, settings, stop, progress)
        self.settings = settings

    def logits(
        self,
        drawn: list[NDArray[np.int64]],
        numbers: list[int],
        advance: Any,
        join: Callable[[NDArray[np.int64], Labelled, int], Labelled] | None = None,
    ) -> list[Tensor]:
        """Return the logits (n_test, n_classes) for each of `drawn`; `join` may add windows to those of a draw."""
        found = []
        test = self._at(self.split.test)
        for rows, number in zip(drawn, numbers, strict=True):
            layers = unfitted(test.shape[1], self.n_classes, self.settings).to(test.device)
            seed, known = _head_seed(self.seed, number), self.labelled(rows)
            fit(layers, known if join is None else join(rows, known, seed), self.settings, seed, self.n_classes)
            found.append(predict(layers, test))
            advance(1)
        return found


class Networks(_Learner):
    """A copy of the encoder and a new head, trained together on each draw."""

    alone = True

    def __init__(
        self, study: Study, split: Split, encoder: PretrainedEncoder, settings: FinetuneSettings, stop: Stop
    ) -> None:
        super().__init__(study, split, stop)
        self.encoder, self.seed, self.settings = as_asked(encoder, settings), encoder.seed, settings
        self.change = study.recipe.changes(settings, SignalSpec.of(study.w.meta, encoder.scaler))

    def logits(self, drawn: list[NDArray[np.int64]], numbers: list[int], advance: Any) -> list[Tensor]:
        found = []
        test = self._inputs(self.split.test)
        standards = self._standards()
        for rows, number in zip(drawn, numbers, strict=True):
            network = copy.deepcopy(self.encoder.network)
            seed = _head_seed(self.seed, number)
            head = self._head(seed)
            head.load_state_dict(head.state_dict() | standards)
            joint, whole = torch.nn.Sequential(network, head), EndToEnd(network, self.change)
            if self.stop == "last":
                train_steps(joint, self._labelled(rows), self.settings, seed, STEPS, whole)
            else:
                train_classifier(
                    joint,
                    self._labelled(rows),
                    self._labelled(self.split.val),
                    self.settings,
                    seed,
                    n_classes=self.n_classes,
                    score=self.score,
                    every=5,
                    whole=whole,
                )
            found.append(predict(joint, test))
            advance(1)
        return found

    def _head(self, seed: int) -> torch.nn.Module:
        network = self.encoder.network
        head = build_head(network.n_features, self.n_classes, self.settings, seed, network.flattened)
        return head.to(self.encoder.device)

    def _standards(self) -> dict[str, Tensor]:
        """Return means and deviations of all training windows' features, as a head that standardises names them."""
        head = self._head(0)
        if self.settings.standardise:
            source = Source([Part(self.w.x, self.split.train)], self.encoder.scaler, self.encoder.device)
            standardise(head, self.settings, [encode(pooled(self.encoder.network, head), source)])
        return dict(head.named_buffers())

    def _inputs(self, rows: NDArray[np.int64]) -> Tensor:
        source = Source([Part(self.w.x, rows)], self.encoder.scaler, self.encoder.device)
        return source[torch.arange(len(rows))]

    def _labelled(self, rows: NDArray[np.int64]) -> Labelled:
        return Labelled(self._inputs(rows), self.labels(rows, self.encoder.device))


class Votes(_Learner):
    """Linear heads or networks, each with trees on the hand-made features of the labelled windows."""

    alone = True

    def __init__(
        self,
        study: Study,
        split: Split,
        encoder: PretrainedEncoder,
        settings: FinetuneSettings,
        trained: bool,
        stop: Stop,
        progress: Progress,
    ) -> None:
        super().__init__(study, split, stop)
        first = of_linear(settings)
        self.linear = (
            Networks(study, split, encoder, first, stop)
            if trained
            else Heads(study, split, encoder, first, stop, progress)
        )
        handmade = handmade_features(study.w.meta, encoder.scaler).to(encoder.device)
        trees = study.recipe.settings_of("classical")
        self.trees = Fitted(study, split, replace(encoder, network=handmade), trees, stop, progress)
        self.settings = settings
        self.handmade = self.trees.features[: len(split.train)]
        self.pool = Pool([self.handmade], encoder.seed) if settings.unlabelled != "none" else None

    def logits(self, drawn: list[NDArray[np.int64]], numbers: list[int], advance: Any) -> list[Tensor]:
        def nothing(count: int) -> None:
            """Count the trees alone."""

        first = self.linear.logits(drawn, numbers, nothing)
        answers = [first, self.trees.logits(drawn, numbers, advance)]
        if isinstance(self.linear, Heads) and self.linear.pool is not None and self.pool is not None:
            for finder, pool in ((self.linear, self.linear.pool), (self.trees, self.pool)):
                join = partial(self._with, finder, pool)
                answers.append(self.trees.logits(drawn, numbers, nothing, join))
        return [mean_logits(each) for each in zip(*answers, strict=True)]

    def _with(self, finder: _OnFeatures, pool: Pool, rows: NDArray[np.int64], draw: Labelled, seed: int) -> Labelled:
        """Return a draw with the windows that take a label by the features of `finder`."""
        return with_unlabelled(pool, finder.labelled(rows), (draw.inputs, self.handmade), self.settings, seed)


def learner(
    study: Study,
    split: Split,
    encoder: PretrainedEncoder,
    settings: HeadSettings,
    trained: bool,
    stop: Stop,
    progress: Progress,
) -> Heads | Fitted | Networks | Votes:
    """Return the way to learn that the settings name; `trained`: with the encoder."""
    if isinstance(settings, TreeSettings):
        return Fitted(study, split, encoder, settings, stop, progress)
    if settings.head == "vote":
        return Votes(study, split, encoder, settings, trained, stop, progress)
    if trained:
        return Networks(study, split, encoder, settings, stop)
    return Heads(study, split, encoder, settings, stop, progress)


def _head_seed(seed: int, draw: int) -> int:
    """Return the seed of a head and its dropout: the same for all methods, another for each draw and seed."""
    return (1000 * seed + draw) % 2**32
