"""First stage of the framework (Fig. 2): an encoder is pre-trained without labels (Algorithm 1)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from otolith import methods
from otolith.augment import SignalSpec
from otolith.errors import DataError
from otolith.finetuning.features import encode
from otolith.methods import Method, MethodSpec
from otolith.methods.autoencoder import SPEC as AUTOENCODER
from otolith.model import PretrainedEncoder, must_fit
from otolith.model.fingerprint import of_pretraining
from otolith.model.joining import handmade_features
from otolith.model.seen import seen
from otolith.nets import Encoder, HandmadeTeacher
from otolith.preprocessing.sensors import fit_scaler
from otolith.progress import HERE, Progress
from otolith.splits import Split
from otolith.splits.base import check_seed, refuse_shared
from otolith.system import claims
from otolith.system.device import choose_device
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import train
from otolith.training.ranks import ALONE, Ranks
from otolith.training.state import seeded
from otolith.training.window_source import Part, Source
from otolith.windows import WindowMeta, Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe

OnEpoch = Callable[[dict[str, Any]], None]


def build_encoder(method: str, recipe: Recipe, meta: WindowMeta, seed: int) -> Encoder:
    """Return the untrained encoder of a method for windows of `meta`.

    Its weights depend on `seed` alone, so that methods start from the same.

    Raises:
        DataError: the windows have too few steps, fewer than eight.

    >>> import otolith
    >>> meta = otolith.WindowMeta(dataset="made up", rate_hz=30, seconds=1, overlap=0.5, activities=("walk", "sit"))
    >>> build_encoder("csshar", otolith.load_recipe("compact", "watch"), meta, 0).n_features
    3840
    """
    with seeded(seed):
        try:
            return methods.spec(method).encoder(recipe, meta)
        except ValueError as error:  # a recipe's sizes are checked when it is loaded: what is left is the length
            raise DataError(
                f"windows of {meta.seconds:g} s at {meta.rate_hz:g} Hz do not fit the networks: {error}. "
                "Cut them longer, or at a higher rate."
            ) from None


def pretrain(
    w: Windows,
    split: Split,
    recipe: str | Path | Recipe = "best",
    method: str = "dynamic",
    seed: int = 0,
    *,
    unlabelled: Sequence[Windows] = (),
    device: str | torch.device = "auto",
    checkpoints: Path | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = HERE,
    on_epoch: OnEpoch | None = None,
) -> PretrainedEncoder:
    """Pre-train an encoder without labels on the training windows of `split` (Algorithm 1).

    Args:
        w: windows (n, channels, time) in m/s² and rad/s.
        split: its training part is learnt from; nothing else is looked at.
        recipe: name of a shipped recipe, a TOML file, or a `Recipe`.
        method: name of a registered method; `otolith.methods.names()` lists them.
        seed: of weights, order, augmentation and dropout; 0 to 2**32 - 1.
        unlabelled: further windows, of the same channels, rate and length, that join pre-training. They take no part
            in the scaler's fit.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", ...
        checkpoints: folder to save each epoch in, and to go on from if it holds some.
        ranks: the processes that train together, see `otolith.training.ranks`; each calls this with the same arguments.
        on_epoch: told a record (stage, epoch, loss, lr, seconds) after each epoch.

    Raises:
        DataError: a split whose parts share subjects; `unlabelled` windows that do not fit or hold people who validate
            or test, windows of fewer than eight steps, or a seed outside 0 .. 2**32 - 1.
        RecipeError: unknown recipe or method.
        CheckpointError: checkpoints of another job.
        InUseError: another process trains in the folder of checkpoints.
        StorageError: a checkpoint cannot be written.
        TrainingError: too few windows, a loss that is not finite, or too little memory (`otolith.training.loop.train`).

    >>> import otolith
    >>> x = np.random.default_rng(0).standard_normal((60, 6, 30)).astype(np.float32)
    >>> w = Windows.from_arrays(x, np.arange(60) % 2, np.arange(60) // 6)
    >>> encoder = pretrain(w, otolith.splits.automatic(w, 0), method="random")
    >>> encoder.features(x).shape
    (60, 291)
    """
    from otolith.recipes import load_recipe

    spec = methods.trainable(method)
    resolved = load_recipe(recipe, w.meta.dataset).cut_as(w.meta.rate_hz, w.meta.seconds, w.meta.overlap)
    check_seed(seed)
    refuse_shared(split, w)
    for extra in unlabelled:
        must_fit(extra.meta, w.meta, "the unlabelled windows")
        _refuse_leak(extra, w, split)
    scaler = fit_scaler(w, split, resolved.sensor_settings, scaled=spec.scaled)
    source = Source(
        [Part(w.x, split.train), *(Part(extra.x) for extra in unlabelled)],
        scaler,
        choose_device(device),
    )
    signal = SignalSpec.of(w.meta, scaler)
    identity = of_pretraining(resolved, w, split, seed, len(source), scaler, unlabelled)

    def task(spec: MethodSpec, encoder: Encoder) -> Method:
        assert spec.build is not None
        # the other end of the seeds, so that a projection head does not repeat its encoder's draws
        with seeded(2**32 - 1 - seed):
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
    teacher: Encoder | None = None
    if spec.build is not None:
        pretext = task(spec, network)
        instances = None
        with _scratch(checkpoints if ranks.first else None) as folder:
            if pretext.needs_instances:
                see: dict[str, Any] = {"title": "instance features", "progress": progress, "folder": folder}
                if pretext.teacher == "handmade":
                    teacher = handmade = HandmadeTeacher(handmade_features(w.meta, scaler)).to(source.device)
                    instances = encode(handmade.features, source, **see)
                    handmade.learn_(instances)
                else:
                    teacher = build_encoder(AUTOENCODER.name, resolved, w.meta, seed).to(source.device)
                    records += fit("autoencoder", AUTOENCODER, task(AUTOENCODER, teacher), None)
                    instances = encode(teacher.eval(), source, **see)
            records += fit("pretrain", spec, pretext, instances)
    learnt = seen((w, split.train), *((extra, None) for extra in unlabelled))
    return PretrainedEncoder(
        network.eval(), scaler, w.meta, resolved, method, seed, teacher, records, split.identity, learnt
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


def _refuse_leak(extra: Windows, w: Windows, split: Split) -> None:
    """Refuse unlabelled windows of people who validate or test."""
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
