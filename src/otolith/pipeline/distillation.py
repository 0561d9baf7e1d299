"""Distillation: a small student learns from a model's answers and features on windows without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from otolith import metrics
from otolith.augment import Compose, SignalSpec
from otolith.calibration import FALSE_UNKNOWNS, fit_calibration
from otolith.calibration.network import Assessed, assessed
from otolith.errors import DataError, RecipeError
from otolith.finetuning.features import encode
from otolith.finetuning.heads import build_head, predict
from otolith.finetuning.settings import FinetuneSettings
from otolith.methods.distilled import SPEC, Distillation, DistilSettings
from otolith.model import Distilled, Model, PretrainedEncoder, must_fit
from otolith.model.seen import seen
from otolith.nets import ResidualEncoder
from otolith.nets.integers import peaks, width_within
from otolith.pipeline.pretraining import OnEpoch, build_encoder
from otolith.pipeline.teacher import Teacher, spread_over
from otolith.progress import HERE, Progress
from otolith.splits.base import check_seed, shuffled
from otolith.system import claims
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import train
from otolith.training.state import seeded
from otolith.training.window_source import Part, Source
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe

KILOBYTES = 100.0
"""Most thousand bytes of a student as int8."""
KERNELS = (5, 5, 3, 3)
"""Taps of a student's convolutions: those of the recipe `best`."""
FEWEST = 20
"""Fewest windows to learn from: of fewer, no batch says what the teacher knows."""


def distill(
    model: Model,
    windows: Windows | Sequence[Windows],
    *,
    held: ArrayLike | Sequence[ArrayLike] | None = None,
    kilobytes: float = KILOBYTES,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    checkpoints: Path | None = None,
    progress: Progress = HERE,
    on_epoch: OnEpoch | None = None,
) -> Model:
    """Return a small student that answers as `model` does, learnt from windows without their labels.

    The student has the windows, scaler, activities and sensors of the model, residual convolutions that fit into
    `kilobytes` as int8, and a linear head. It is calibrated anew, from the model's answers on windows held out;
    `Model.distilled` says how well it agrees with the model on them.

    Args:
        model: any model: of any encoder, joined features, trees or votes.
        windows: (n, channels, time) in m/s² and rad/s, of the model's channels, rate and length; labels are ignored.
        held: numbers of the windows that the student does not learn from, of each of `windows`; None: those of a fifth
            of the people, drawn by the seed or, of fewer than three people, the last fifth of each recording.
        kilobytes: most thousand bytes of the student's int8 form; they decide its width.
        overrides: values by dotted key for the student's recipe, such as {"method.distilled.epochs": 10} or
            {"encoder.width": 32}, which decides the width in place of `kilobytes`.
        seed: of weights, order and changes, and of the people held out.
        checkpoints: folder to save each epoch in, and to go on from if it holds some.
        on_epoch: told a record (stage, epoch, loss, answers, features, lr, seconds) after each epoch.

    Raises:
        DataError: windows of other channels, rate or length, or too few of them; no room for a network in `kilobytes`.
        RecipeError: an unknown key or value in `overrides`.
        TrainingError, CheckpointError, InUseError, StorageError: as `otolith.pretrain`.

    >>> import otolith
    >>> from otolith.finetuning.settings import FinetuneSettings
    >>> x = np.random.default_rng(0).standard_normal((120, 6, 30)).astype(np.float32)
    >>> w = Windows.from_arrays(x, np.arange(120) % 2, np.arange(120) // 12, activities=("still", "walk"))
    >>> split = otolith.splits.holdout(w, 0)
    >>> encoder = otolith.pretrain(w, split, method="random")
    >>> teacher = otolith.finetune(encoder, w, split, settings=FinetuneSettings(epochs=2))
    >>> student = distill(teacher, w, kilobytes=18, overrides={"method.distilled.epochs": 1})
    >>> student.encoder.network.width, student.predict_proba(x).shape
    (12, (120, 2))
    """
    check_seed(seed)
    several = [windows] if isinstance(windows, Windows) else list(windows)
    if not several:
        raise DataError("there are no windows to learn from; give those of one data set or more")
    for each in several:
        must_fit(each.meta, model.meta, "the windows to learn from")
    apart, people = _apart(several, held, seed)
    learn = [Part(w.x, np.setdiff1d(np.arange(len(w)), out)) for w, out in zip(several, apart, strict=True)]
    judge = [Part(w.x, out) for w, out in zip(several, apart, strict=True)]
    if min(sum(len(part) for part in parts) for parts in (learn, judge)) < FEWEST:
        counts = [sum(len(part) for part in parts) for parts in (learn, judge)]
        raise DataError(
            f"there are {counts[0]} windows to learn from and {counts[1]} to judge the student by; {FEWEST} of each "
            "are needed. Give more recordings."
        )
    recipe = student_recipe(model, kilobytes, overrides or {})
    settings: DistilSettings = recipe.settings_of(SPEC.name)
    meta, device = model.meta, model.encoder.device
    scaler = replace(model.encoder.scaler, applied=True)
    source, outside = (Source([p for p in parts if len(p)], scaler, device) for parts in (learn, judge))
    network = build_encoder(SPEC.name, recipe, meta, seed).to(device)
    assert isinstance(network, ResidualEncoder)
    how = FinetuneSettings(head="linear", encoder="trained", epochs=settings.epochs, lr=settings.lr)
    head = build_head(network.n_features, len(model.activities), how, seed).to(device)
    teacher = Teacher(model, scaler)
    teacher.measure(source)
    signal = SignalSpec.of(meta, scaler)
    with seeded(2**32 - 1 - seed):
        changes = _changes(recipe, settings, signal)
        pretext = Distillation(network, head, teacher, teacher.n_features, settings, changes).to(device)
    folder = None
    if checkpoints is not None:
        folder = CheckpointFolder(checkpoints / "distill", _identity(model, recipe, several, apart, seed))
    with claims.hold(checkpoints) if checkpoints is not None else nullcontext():
        records = train(
            pretext,
            source,
            SPEC.train(recipe, settings),
            seed,
            stage="distill",
            checkpoints=folder,
            progress=progress,
            on_epoch=on_epoch,
        )
    learnt = model.encoder.seen | seen(*((w, None) for w in several))
    encoder = PretrainedEncoder(
        network.eval(), scaler, meta, recipe, SPEC.name, seed, None, records, model.encoder.split, learnt
    )
    student = Model(encoder, head.eval(), model.activities, model.training_classes, how, seed, 0.0, records)
    return _judged(model, student, several, (learn, judge), (source, outside), people, progress)


def student_recipe(model: Model, kilobytes: float, overrides: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a student: the model's, with an encoder that fits and the settings of distillation."""
    from otolith.recipes import load_recipe

    given: dict[str, Any] = {"encoder.kind": "conv", "encoder.kernels": list(KERNELS), "encoder.dropout": 0.0}
    if model.encoder.recipe.encoder.layer_norm:  # int8 and C have none
        given["encoder.layer_norm"] = False
    if model.encoder.recipe.encoder.options:  # of another kind
        given["encoder.options"] = {}
    given |= overrides
    recipe = load_recipe(model.encoder.recipe, model.meta.dataset, given)
    if recipe.encoder.kind != "conv":
        raise RecipeError(f"a student's encoder.kind is 'conv', not {recipe.encoder.kind!r}; leave it out")
    if "encoder.width" not in overrides:
        n_channels, n_classes = len(model.meta.channels), len(model.activities)
        width = width_within(kilobytes, n_channels, n_classes, recipe.encoder.kernels)
        recipe = load_recipe(recipe, model.meta.dataset, {"encoder.width": width})
    # in the recipe at its defaults too: it says how the student came to be
    return recipe.model_copy(update={"method": {**recipe.method, SPEC.name: recipe.settings_of(SPEC.name)}})


def _changes(recipe: Recipe, settings: DistilSettings, signal: SignalSpec) -> Compose | None:
    """Return what happens to the windows of each batch, the changes of the recipe's `robust` section among it."""
    given = settings.augment
    if given is True:
        given = recipe.settings_of("supervised").augment or True
    own = recipe.changes(FinetuneSettings(encoder="trained", augment=given), signal)
    robust = () if given is True else recipe.variation(signal).items  # the recipe's views have them
    found = own if own is not None else Compose([])
    found = Compose([*robust, *found.items], found.left_out)
    return found if found.items else None


def _apart(
    several: Sequence[Windows], held: ArrayLike | Sequence[ArrayLike] | None, seed: int
) -> tuple[list[NDArray[np.int64]], int]:
    """Return the windows held out of each data set, and the number of people of whom all are; 0: somebody is on both
    sides."""
    owners = [np.array([f"{w.meta.dataset}/{s}" for s in w.subject]) for w in several]
    if held is not None:
        given: list[Any] = [held] if len(several) == 1 and np.ndim(held[:1]) == 1 else list(held)  # type: ignore[index, arg-type]
        if len(given) != len(several):
            raise DataError(f"held has {len(given)} rows of numbers for {len(several)} data sets; give one for each")
        out = [np.unique(np.asarray(rows, np.int64)) for rows in given]
        for rows, w in zip(out, several, strict=True):
            if len(rows) and not 0 <= rows[0] <= rows[-1] < len(w):
                raise DataError(f"held names windows {rows[0]} to {rows[-1]} of {len(w)}; they are numbered from 0")
    else:
        everyone = sorted(set(np.concatenate(owners).tolist()))
        if len(everyone) >= 3:
            chosen = shuffled(everyone, seed)[: -(-len(everyone) // 5)]
            out = [np.flatnonzero(np.isin(owner, chosen)).astype(np.int64) for owner in owners]
        else:
            out = [_last_fifths(w) for w in several]
    inside = {name for owner, rows in zip(owners, out, strict=True) for name in np.delete(owner, rows).tolist()}
    outside = {name for owner, rows in zip(owners, out, strict=True) for name in owner[rows].tolist()}
    return out, 0 if inside & outside else len(outside)


def _last_fifths(w: Windows) -> NDArray[np.int64]:
    found = []
    for recording in np.unique(w.recording):
        rows = np.flatnonzero(w.recording == recording)
        found.append(rows[len(rows) - len(rows) // 5 :])
    return np.sort(np.concatenate(found)).astype(np.int64)


def _answers(model: Model, parts: Sequence[Part], progress: Progress) -> Assessed:
    """Return a model's answers on windows in m/s² and rad/s."""
    source = Source([part for part in parts if len(part)], model.encoder.scaler, model.encoder.device)
    out = encode(model.network(), source, title="answers", progress=progress)
    return assessed(out.cpu().numpy(), model.calibration)


def _identity(
    model: Model, recipe: Recipe, several: Sequence[Windows], apart: Sequence[NDArray[np.int64]], seed: int
) -> dict[str, Any]:
    from otolith.model.fingerprint import digest_of

    return {
        "stage": "distill",
        "recipe": recipe.hash,
        "teacher": digest_of(model.network()),
        "seed": int(seed),
        "windows": [[w.meta.dataset, w.content, len(w), len(out)] for w, out in zip(several, apart, strict=True)],
    }


def _judged(
    teacher: Model,
    student: Model,
    several: Sequence[Windows],
    parts: tuple[list[Part], list[Part]],
    sources: tuple[Source, Source],
    people: int,
    progress: Progress,
) -> Model:
    """Return the student with its calibration, its agreement with the teacher on the windows held out, and the ranges
    of int8."""
    network, (source, outside) = student.encoder.network, sources
    assert isinstance(network, ResidualEncoder)
    inside, told = (_answers(teacher, each, progress) for each in parts)
    calm, known = (torch.from_numpy(~each.unknown) for each in (inside, told))
    features = [encode(network, each, progress=progress) for each in sources]
    device = features[0].device
    labels = [torch.from_numpy(each.probabilities.argmax(1)).to(device) for each in (inside, told)]
    calibration = fit_calibration(
        (features[0][calm], labels[0][calm]),
        (features[1][known], labels[1][known]),
        predict(student.head, features[1][known]),
        soft=torch.from_numpy(told.probabilities).to(device)[known],
        dataset=" + ".join(w.meta.dataset for w in several),
        false_unknowns=FALSE_UNKNOWNS if teacher.calibration is None else teacher.calibration.false_unknowns,
    )
    student = replace(student, calibration=calibration)
    said = _answers(student, parts[1], progress)
    answers, truth = said.probabilities.argmax(1), told.probabilities.argmax(1)
    found = Distilled(
        teacher=teacher.encoder.method,
        datasets=tuple(w.meta.dataset for w in several),
        terms=tuple(dict.fromkeys(w.meta.terms for w in several if w.meta.terms)),
        n_windows=len(source),
        n_held=len(outside),
        people_held=people,
        same=float((answers == truth).mean()),
        same_unknown=float((said.unknown == told.unknown).mean()),
        peaks=peaks(network, list(spread_over(source))),
    )
    present = tuple(int(c) for c in np.unique(truth))
    agreement = metrics.macro_f1(truth, answers, present, len(student.activities))
    return replace(student, distilled=found, validation=agreement)
