"""Fine-tuning to a vote: of a linear head, and of trees on the hand-made features of the same windows."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from otolith import metrics
from otolith.augment import SignalSpec
from otolith.calibration import fit_calibration
from otolith.finetuning.features import encode
from otolith.finetuning.heads import Labelled, predict
from otolith.finetuning.settings import FinetuneSettings
from otolith.finetuning.trees import fit
from otolith.finetuning.unlabelled import Pool
from otolith.finetuning.vote import joint_head, seen_by_first, unfitted_trees, with_unlabelled
from otolith.model import Model, PretrainedEncoder
from otolith.model.joining import joined
from otolith.nets.heads import layers_of, seen_by
from otolith.nets.standards import mean_and_deviation
from otolith.pipeline.pretraining import OnEpoch
from otolith.pipeline.without_labels import rows_without_labels
from otolith.progress import SILENT, Progress
from otolith.splits import Split
from otolith.training.window_source import Part, Source, Varied
from otolith.windows import Windows


def vote(
    first: Model,
    encoder: PretrainedEncoder,
    w: Windows,
    split: Split,
    settings: FinetuneSettings,
    seed: int,
    *,
    progress: Progress = SILENT,
    on_epoch: OnEpoch | None = None,
) -> Model:
    """Return a model whose probabilities are the mean of two: those of a linear head, and those of trees.

    The trees are fitted to the hand-made features of the labelled windows, as `[method.classical]` says. Where
    unlabelled windows take labels, there are three ensembles: the second learns from the labels that the linear head's
    features find, too, the third from those that the hand-made features find. The validation score is that of the vote.

    Args:
        first: the model with the linear head alone, fine-tuned on the frozen encoder or with it.
        settings: of fine-tuning, with `head` "vote".
        others: as of `otolith.finetune`, which calls this.

    Raises:
        DataError: windows without hand-made features.
        Others: see `otolith.finetune`.
    """
    began = time.perf_counter()
    base, n_classes = first.encoder, len(w.meta.activities)
    network = joined(base.network, w.meta, base.scaler).eval()
    n_seen, n_handmade = base.network.n_features, network.handmade.n_features

    train_rows, val_rows = (part[w.y[part] >= 0] for part in (split.train, split.val))
    vary = encoder.recipe.variation(SignalSpec.of(w.meta, base.scaler))
    copies = encoder.recipe.robust.copies if vary.items else 0
    rows = np.concatenate([train_rows, val_rows])
    both = Varied(Source([Part(w.x, rows)], base.scaler, base.device), vary, copies, seed)
    inputs = both.parts(encode(network, both, title="hand-made features", progress=progress), len(train_rows))
    y = torch.from_numpy(np.array(w.y[rows])).to(base.device).repeat(1 + copies)
    labels = both.parts(y, len(train_rows))

    trees = encoder.recipe.settings_of("classical")
    layers = unfitted_trees(network, n_classes, settings, trees)
    head = joint_head(first.head, n_seen, network, layers).to(base.device).eval()
    without = rows_without_labels(w, split, seed) if settings.unlabelled != "none" else train_rows[:0]
    unlabelled = Source([Part(w.x, without)], base.scaler, base.device)
    rest = [encode(network, unlabelled, progress=progress)] if len(without) > 1 else []
    if settings.features == "learned":
        mean, std = mean_and_deviation([each[:, n_seen:] for each in (inputs[0], *rest)])
        head.mean[n_seen:], head.std[n_seen:] = mean.float(), std.float()
    seen = [seen_by(head, each) for each in inputs]
    with progress.stage("trees", 1) as bar:
        known = Labelled(seen[0][:, -n_handmade:], labels[0])
        learnt = [known] * len(layers)
        if rest:
            seen_rest = seen_by(head, rest[0])
            handmade = known.inputs, seen_rest[:, -n_handmade:]
            of_linear_head = [seen_by_first(head, each) for each in (seen[0], seen_rest)]
            learnt[1:] = [
                with_unlabelled(Pool([theirs], seed), Labelled(own, labels[0]), handmade, settings, seed)
                for own, theirs in (of_linear_head, handmade)
            ]
        for layer, each in zip(layers, learnt, strict=True):
            fit(layer, each, trees, seed, n_classes)
        logits = predict(layers_of(head), seen[1])
        truth, found = labels[1].cpu().numpy(), logits.argmax(1).cpu().numpy()
        figure = metrics.macro_f1(truth, found, first.training_classes, n_classes)
        bar.advance(val_macro_f1=100 * figure)
    record = {
        "stage": "trees",
        "epoch": 1,
        "loss": float(F.cross_entropy(logits, labels[1])),
        "val_macro_f1": figure,
        "lr": 0.0,
        "seconds": time.perf_counter() - began,
        "best_epoch": 1,
    }
    if on_epoch is not None:
        on_epoch(record)
    calibration = fit_calibration((seen[0], labels[0]), (seen[1], labels[1]), logits, dataset=w.meta.dataset)
    return replace(
        first,
        encoder=replace(base, network=network),
        head=head,
        settings=settings,
        validation=figure,
        records=[*first.records, record],
        calibration=calibration,
    )
