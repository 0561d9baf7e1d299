"""The three stages of the framework (Fig. 2) as functions: pre-train, fine-tune, evaluate."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from otolith import methods, metrics
from otolith.calibration import fit_calibration
from otolith.errors import DataError, TrainingError
from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.features import encode
from otolith.finetuning.heads import Labelled, build_head, predict
from otolith.finetuning.settings import FinetuneSettings
from otolith.methods import Method, MethodSpec
from otolith.methods.autoencoder import SPEC as AUTOENCODER
from otolith.model import Model, PretrainedEncoder, must_fit
from otolith.model.fingerprint import digest_of, of_finetuning, of_pretraining
from otolith.nets import Encoder
from otolith.preprocessing.sensors import fit_scaler, signal_of, varied
from otolith.progress import SILENT, Progress
from otolith.splits import Split
from otolith.splits.base import check_seed
from otolith.system import claims
from otolith.system.device import choose_device
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import train
from otolith.training.ranks import ALONE, Ranks
from otolith.training.window_source import Part, Source
from otolith.windows import WindowMeta, Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe

OnEpoch = Callable[[dict[str, Any]], None]


def build_encoder(method: str, recipe: Recipe, meta: WindowMeta, seed: int) -> Encoder:
    """The untrained encoder of a method; its weights depend on `seed` alone, so that methods start from the same.

    Raises:
        DataError: the windows have too few steps, fewer than eight.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return methods.spec(method).encoder(recipe, len(meta.channels), meta.n_steps)
        except ValueError as error:  # a recipe's sizes are checked when it is loaded: what is left is the length
            raise DataError(
                f"windows of {meta.seconds:g} s at {meta.rate_hz:g} Hz do not fit the networks: {error}. "
                "Cut them longer, or at a higher rate."
            ) from None


def pretrain(
    w: Windows,
    split: Split,
    recipe: str | Path | Recipe = "compact",
    method: str = "dynamic",
    seed: int = 0,
    *,
    unlabelled: Sequence[Windows] = (),
    device: str | torch.device = "auto",
    checkpoints: Path | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
    on_epoch: OnEpoch | None = None,
) -> PretrainedEncoder:
    """Pre-train an encoder without labels on the training windows of `split` (Algorithm 1).

    Args:
        recipe: name of a shipped recipe, a TOML file, or a `Recipe`.
        method: name of a registered method; `otolith.methods.names()` lists them.
        unlabelled: further windows, of the same channels, rate and length, that join pre-training. They take no part
            in the scaler's fit.
        checkpoints: folder to save each epoch in, and to go on from if it holds some.
        ranks: the processes that train together, see `otolith.training.ranks`; each calls this with the same arguments.
        on_epoch: told a record (stage, epoch, loss, lr, seconds) after each epoch.

    Raises:
        DataError: `unlabelled` windows that do not fit or hold people who validate or test, windows of fewer than
            eight steps, or a seed outside 0 .. 2**32 - 1.
        RecipeError: unknown recipe or method.
        CheckpointError: checkpoints of another job.
        InUseError: another process trains in the folder of checkpoints.
        StorageError: a checkpoint cannot be written.
        TrainingError: too few windows, a loss that is not finite, or too little memory (`otolith.training.loop.train`).
    """
    from otolith.recipes import load_recipe

    spec = methods.spec(method)
    resolved = load_recipe(recipe, w.meta.dataset).cut_as(w.meta.rate_hz, w.meta.seconds, w.meta.overlap)
    check_seed(seed)
    for extra in unlabelled:
        must_fit(extra.meta, w.meta, "the unlabelled windows")
        _refuse_leak(extra, w, split)
    scaler = fit_scaler(w, split, resolved)
    source = Source(
        [Part(w.x, split.train), *(Part(extra.x, np.arange(len(extra))) for extra in unlabelled)],
        scaler,
        choose_device(device),
    )
    signal = signal_of(w.meta, scaler)
    identity = of_pretraining(resolved, w, split, seed, len(source), scaler, unlabelled)

    def task(spec: MethodSpec, encoder: Encoder) -> Method:
        assert spec.build is not None
        with torch.random.fork_rng(devices=[]):
            # the other end of the seeds, so that a projection head does not repeat its encoder's draws
            torch.manual_seed(2**32 - 1 - seed)
            return spec.build(resolved, resolved.settings_of(spec.name), encoder, signal).to(source.device)

    def fit(stage: str, spec: MethodSpec, pretext: Method, instances: Tensor | None) -> list[dict[str, Any]]:
        folder = None
        if checkpoints is not None:
            folder = CheckpointFolder(checkpoints / stage, identity | {"stage": stage, "method": spec.name})
        return train(
            pretext,
            source,
            spec.train(resolved, resolved.settings_of(spec.name)),
            seed,
            stage=stage,
            instances=instances,
            ranks=ranks,
            vary=None if pretext.augment is not None else resolved.variation(signal),
            checkpoints=folder,
            progress=progress,
            on_epoch=on_epoch,
        )

    network = build_encoder(method, resolved, w.meta, seed).to(source.device)
    records: list[dict[str, Any]] = []
    teacher = None
    if spec.build is not None:
        pretext = task(spec, network)
        instances = None
        with _scratch(checkpoints if ranks.first else None) as folder:
            if pretext.needs_instances:
                teacher = build_encoder(AUTOENCODER.name, resolved, w.meta, seed).to(source.device)
                records += fit("autoencoder", AUTOENCODER, task(AUTOENCODER, teacher), None)
                instances = encode(teacher.eval(), source, title="instance features", progress=progress, folder=folder)
            records += fit("pretrain", spec, pretext, instances)
    return PretrainedEncoder(network.eval(), scaler, w.meta, resolved, method, seed, teacher, records)


def finetune(
    encoder: PretrainedEncoder,
    w: Windows,
    split: Split,
    *,
    settings: FinetuneSettings | None = None,
    seed: int | None = None,
    frozen: bool | None = None,
    checkpoints: Path | None = None,
    progress: Progress = SILENT,
    on_epoch: OnEpoch | None = None,
) -> Model:
    """Train a head on the frozen encoder's features of the labelled training windows (Section III-E).

    The features are computed once, in eval mode; the encoder stays bit-identical. Windows of another data set than
    the encoder's get a scaler of their own, fitted on their training windows. For the `supervised` method a copy of
    the encoder is trained too, end to end.

    Where the recipe's `robust` section asks for changes, the head learns and is judged on changed copies of the windows
    too, `robust.copies` of each.

    The model is calibrated on the labelled validation windows (`otolith.calibration`) where there are enough of them;
    its activities do not depend on that.

    Args:
        settings: None takes the recipe's `finetune` section, or the method's own where it trains end to end.
        seed: of the head and the order of the windows; None takes the encoder's.
        frozen: whether the encoder stays as it is; None: unless the method trains end to end. A supervised encoder
            is frozen to be transferred (Section V-C).
        checkpoints: folder to save epochs in, ten seconds of training apart or more, and to go on from if it holds some
            of the same encoder. Those of other encoders are left alone.
        on_epoch: told a record (stage, epoch, loss, val_macro_f1, lr, seconds) after each epoch.

    Raises:
        DataError: windows of other channels, rate or length.
        TrainingError: no labelled validation windows, or fewer than two activities to learn.
        CheckpointError: checkpoints of another job.
        InUseError: another process trains in the folder of checkpoints.
        StorageError: a checkpoint cannot be written.
    """
    must_fit(w.meta, encoder.meta, "the windows to fine-tune on")
    spec = methods.spec(encoder.method)
    seed = encoder.seed if seed is None else seed
    train_rows, val_rows = _labelled(w, split.train), _labelled(w, split.val)
    if not len(train_rows):
        raise TrainingError(f"split {split.name} has no labelled training windows; label some, or choose another split")
    own = w.meta.dataset == encoder.meta.dataset
    base = PretrainedEncoder(
        encoder.network,
        encoder.scaler if own else fit_scaler(w, split, encoder.recipe),
        w.meta,
        encoder.recipe,
        encoder.method,
        encoder.seed,
        encoder.teacher,
        encoder.records,
    )
    device = base.device
    y = torch.from_numpy(np.array(w.y)).to(device)

    rows = np.concatenate([train_rows, val_rows])
    both = varied(Source([Part(w.x, rows)], base.scaler, device), w.meta, encoder.recipe, seed)
    labels = both.parts(y[rows].repeat(1 + both.copies), len(train_rows))
    training_classes = tuple(int(c) for c in np.unique(w.y[train_rows]))
    n_classes = len(w.meta.activities)
    n_features = base.network.n_features
    end_to_end = spec.end_to_end and not frozen
    if end_to_end:
        settings = settings or encoder.recipe.settings_of(encoder.method)
        base.network = copy.deepcopy(base.network)
        head = build_head(n_features, n_classes, settings, seed).to(device)
        network: nn.Module = nn.Sequential(base.network, head)
        inputs = both.parts(torch.cat(list(both.in_order(4096))), len(train_rows))
    else:
        settings = settings or encoder.recipe.finetune
        network = head = build_head(n_features, n_classes, settings, seed).to(device)
        inputs = both.parts(encode(base.network, both, progress=progress), len(train_rows))

    def score(y_true: Tensor, y_pred: Tensor) -> float:
        return metrics.macro_f1(y_true.cpu().numpy(), y_pred.cpu().numpy(), training_classes, n_classes)

    folder = None
    if checkpoints is not None:
        identity = of_finetuning(base, w, split, train_rows, val_rows, settings, seed, end_to_end)
        # A frozen encoder's weights are in no checkpoint: a head never goes on with those of another one.
        folder = CheckpointFolder(checkpoints / f"finetune-{digest_of(encoder.network)}", identity)
    with claims.hold(checkpoints) if checkpoints is not None else nullcontext():
        records = train_classifier(
            network,
            Labelled(inputs[0], labels[0]),
            Labelled(inputs[1], labels[1]),
            settings,
            seed,
            n_classes=n_classes,
            score=score,
            checkpoints=folder,
            progress=progress,
            on_epoch=on_epoch,
        )
    best = max(record["val_macro_f1"] for record in records)
    if end_to_end:  # the features are others now
        inputs = both.parts(encode(base.network, both), len(train_rows))
    known, judged = (inputs[0], labels[0]), (inputs[1], labels[1])
    calibration = fit_calibration(known, judged, predict(head, inputs[1]), dataset=w.meta.dataset)
    return Model(base, head, w.meta.activities, training_classes, settings, seed, best, records, calibration)


def evaluate(model: Model, w: Windows, split: Split, part: str = "test") -> dict[str, Any]:
    """Score `model` on the labelled windows of one part of `split` (Section V-A).

    Returns:
        `macro_f1`, `accuracy`, `per_class_f1`, `confusion`, `per_subject`, and a 95 % `interval` over subjects where
        there are five or more; all fractions. See `otolith.metrics.evaluate`.

    Raises:
        DataError: windows of other channels, rate, length or activities, or none to score.
    """
    must_fit(w.meta, model.meta, "the windows to evaluate on")
    if w.meta.activities != model.activities:
        raise DataError(
            f"the model knows the activities {', '.join(model.activities)}; the windows are labelled "
            f"{', '.join(w.meta.activities)}. Evaluate on the data it was fine-tuned for, or fine-tune again."
        )
    rows = _labelled(w, getattr(split, part))
    if not len(rows):
        raise DataError(f"split {split.name} has no labelled {part} windows to score")
    return metrics.evaluate(
        w.y[rows], model.predict(w.x[rows]), w.subject[rows], w.meta.activities, model.training_classes
    )


@contextmanager
def _scratch(checkpoints: Path | None) -> Iterator[Path]:
    """A folder for what pre-training alone needs, beside the checkpoints where there are some, which are locked."""
    with claims.hold(checkpoints) if checkpoints is not None else nullcontext():
        if checkpoints is not None:
            for left in checkpoints.glob("otolith-*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="otolith-", dir=checkpoints, ignore_cleanup_errors=True) as folder:
            yield Path(folder)


def _labelled(w: Windows, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows[w.y[rows] >= 0]


def _refuse_leak(extra: Windows, w: Windows, split: Split) -> None:
    """Nobody who validates or tests may come back through the unlabelled windows."""
    if extra.meta.dataset != w.meta.dataset:
        return
    held_out = np.setdiff1d(w.subject[np.concatenate([split.val, split.test])], w.subject[split.train])
    common = held_out[np.isin(held_out, extra.subject)]
    if len(common):
        raise DataError(
            f"the unlabelled windows are of {w.meta.dataset} too and hold subjects that validate or test here "
            f"({', '.join(map(str, common))}). Leave those out; the unlabelled stretches of training subjects join "
            "with windows.unlabelled = true in the recipe."
        )
