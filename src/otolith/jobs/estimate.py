"""Estimates of time and memory of a run, from one real training step on this machine."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from otolith import methods
from otolith.augment import SignalSpec
from otolith.errors import TrainingError
from otolith.finetuning.heads import Labelled, build_head
from otolith.finetuning.settings import FinetuneSettings, TreeSettings
from otolith.finetuning.trees import seconds_of_fit
from otolith.finetuning.updates import EndToEnd, updates_of
from otolith.methods import MethodSpec
from otolith.methods.autoencoder import SPEC as AUTOENCODER
from otolith.model.joining import are_joined, handmade_features, joined
from otolith.nets import Encoder
from otolith.nets.heads import layers_of, n_seen_by
from otolith.pipeline import build_encoder
from otolith.pipeline.finetuning import end_to_end
from otolith.preprocessing.scaler import Scaler
from otolith.system.device import choose_device
from otolith.training.loop import train
from otolith.training.settings import TrainSettings
from otolith.training.window_source import RESIDENT_BYTES, Part, Source
from otolith.windows import WindowMeta

if TYPE_CHECKING:
    from otolith.recipes import Recipe

LBFGS_PASSES = 150
"""Passes over the training windows that a linear head takes until it has converged."""


@dataclass(frozen=True)
class Estimate:
    """Seconds of each stage, parameters of the encoder, and bytes at the peak."""

    seconds: dict[str, float]
    parameters: int
    peak_bytes: int

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())


def refuse_too_large(needed_bytes: int, available: int) -> None:
    """Refuse a job before it begins, rather than let the system end it in the middle.

    Raises:
        TrainingError: it needs more memory than there is; has both figures and the cures.
    """
    if needed_bytes > available:
        raise TrainingError(
            f"this needs about {needed_bytes / 1e9:.2f} GB of memory besides PyTorch, and {available / 1e9:.2f} GB are "
            "free. Lower batch_size in the recipe, close other programs, or use a larger machine; to try all the same, "
            "give --ignore-memory."
        )


@torch.random.fork_rng(devices=[])
def estimate(
    recipe: Recipe,
    method: str,
    meta: WindowMeta,
    n_train: int,
    n_val: int,
    device: str = "auto",
    available: int | None = None,
    labels: float | None = None,
    *,
    heads: bool = True,
) -> Estimate:
    """Time one step of each stage on random windows and multiply.

    Args:
        n_train, n_val: windows of the training and validation parts.
        available: bytes that a run on the CPU may take (`memory.available_bytes`); None: any. An eighth of a batch is
            tried first, so that the step itself does not run out of them.
        labels: labelled training windows an activity, by which a recipe's choices stand; None: all windows have labels.
        heads: False for a job that ends with the pre-trained encoder.

    The peak counts weights, gradients and Adam's moments, the activations kept for one step, the windows, and the
    features of fine-tuning.

    Raises:
        TrainingError: more than `available` bytes are needed, or a step does not fit into the memory of the device.
    """
    where = choose_device(device)
    if where.type != "cpu":
        available = None
    spec = methods.spec(method)
    encoder = build_encoder(method, recipe, meta, 0)
    parameters = sum(p.numel() for p in encoder.parameters())
    seconds: dict[str, float] = {}
    activations = 0
    stages: list[tuple[str, MethodSpec]] = []
    if spec.build is not None:
        probe = spec.build(recipe, recipe.settings_of(method), encoder, _unit_signal(meta))
        if probe.needs_instances and probe.teacher == "handmade":
            handmade = handmade_features(meta, _unit_scaler(meta))
            seconds["instance features"] = _forward_seconds(handmade, meta, where) * n_train
        elif probe.needs_instances:
            stages.append(("autoencoder", AUTOENCODER))
        stages.append(("pretrain", spec))
    for stage, stage_spec in stages:
        settings = stage_spec.train(recipe, recipe.settings_of(stage_spec.name))
        size = max(2, min(settings.batch_size, n_train))
        per_step, kept = _checked(
            partial(_probe, stage_spec, recipe, settings, meta, where), size, 4 * parameters, available
        )
        seconds[stage] = per_step * settings.epochs * (n_train // min(settings.batch_size, n_train))
        activations = max(activations, kept)
    features = 0
    ways = _ways(spec, recipe, n_train / len(meta.activities) if labels is None else labels) if heads else []
    for finetune, whole in ways:
        network = joined(encoder, meta, _unit_scaler(meta)) if are_joined(finetune) else encoder
        per_window = _forward_seconds(network, meta, where)
        if whole:
            assert isinstance(finetune, FinetuneSettings)
            size = min(finetune.batch_size, n_train)
            per_step, kept = _checked(partial(_probe_whole, network, recipe, finetune, meta, where), size, 0, available)
            spent = finetune.epochs * (per_step * math.ceil(n_train / size) + per_window * n_val)
            activations = max(activations, kept)
        else:
            seconds["features"] = seconds.get("features", 0.0) + per_window * (n_train + n_val)
            spent, held = _head(finetune, network, len(meta.activities), n_train)
            features = max(features, held * (n_train + n_val))
        seconds["finetune"] = seconds.get("finetune", 0.0) + spent
    windows = 4 * len(meta.channels) * meta.n_steps * (n_train + n_val)
    if windows > RESIDENT_BYTES and not any(whole for _, whole in ways):
        windows = RESIDENT_BYTES  # the rest stays in its file
    peak = 16 * parameters + max(activations, features) + 2 * windows
    if available is not None:
        refuse_too_large(peak, available)
    return Estimate(seconds, parameters, peak)


def _ways(spec: MethodSpec, recipe: Recipe, labels: float) -> list[tuple[FinetuneSettings | TreeSettings, bool]]:
    """Return the settings of each fine-tuning that a run makes, and whether the encoder is trained in it."""
    settings, whole = end_to_end(spec, recipe)
    if recipe.choice and not (spec.end_to_end or spec.own_head):
        return [(each, each.encoder == "trained") for each in recipe.candidates(labels).values()]
    return [(settings, whole)]


def _head(
    settings: FinetuneSettings | TreeSettings, encoder: Encoder, n_classes: int, n_train: int
) -> tuple[float, int]:
    """Return the seconds in which a head learns from features, and the bytes that they take of each window."""
    if isinstance(settings, TreeSettings):
        return seconds_of_fit(settings, n_train, encoder.n_features, n_classes), 8 * encoder.n_features
    head = build_head(encoder.n_features, n_classes, settings, 0, encoder.flattened)
    size = min(settings.batch_size, n_train)
    layers, n_seen = layers_of(head), n_seen_by(head, encoder.n_features)
    x = torch.randn(size, n_seen)
    passes = settings.epochs if settings.solver == "adam" else LBFGS_PASSES
    return _quickest(lambda: layers(x).sum().backward()) * (n_train // size + 1) * passes, 4 * n_seen


def _checked(
    probe: Callable[[int], tuple[float, int]], size: int, apart: int, available: int | None
) -> tuple[float, int]:
    """Return what `probe` finds of a step of `size` windows, after an eighth of it has shown that this will fit.

    Args:
        apart: bytes that do not grow with the step.
    """
    if available is not None and size >= 64:  # what a step keeps grows with its batch, or faster
        refuse_too_large(size // (size // 8) * (probe(size // 8)[1] - apart), available)
    return probe(size)


def _probe_whole(
    encoder: Encoder, recipe: Recipe, settings: FinetuneSettings, meta: WindowMeta, device: torch.device, size: int
) -> tuple[float, int]:
    """Seconds of a step of `size` windows through encoder and head, and bytes of the tensors it keeps."""
    n_classes = len(meta.activities)
    network = copy.deepcopy(encoder).to(device)
    head = build_head(encoder.n_features, n_classes, settings, 0, encoder.flattened).to(device)
    x = torch.randn(size, len(meta.channels), meta.n_steps, device=device)
    train = Labelled(x, torch.arange(size, device=device) % n_classes)
    whole = EndToEnd(network, recipe.changes(settings, _unit_signal(meta)))
    updates = updates_of(torch.nn.Sequential(network, head).train(), train, settings, whole=whole)
    ids, drawn = torch.arange(size, device=device), torch.Generator(device)
    kept: dict[int, int] = {}
    with torch.autograd.graph.saved_tensors_hooks(partial(_note, kept), lambda tensor: tensor):
        updates.step(ids, 1e-6, drawn)  # warm-up
    return _quickest(lambda: updates.step(ids, 1e-6, drawn)), sum(kept.values())


def _note(kept: dict[int, int], tensor: torch.Tensor) -> torch.Tensor:
    storage = tensor.untyped_storage()
    kept[storage.data_ptr()] = storage.nbytes()
    return tensor


def _unit_signal(meta: WindowMeta) -> SignalSpec:
    n = len(meta.channels)
    return SignalSpec(meta.channels, (0.0,) * n, (1.0,) * n, meta.rate_hz)


def _probe(
    spec: MethodSpec, recipe: Recipe, settings: TrainSettings, meta: WindowMeta, device: torch.device, size: int
) -> tuple[float, int]:
    """Seconds of a step of `size` windows, and bytes of the tensors it keeps for the backward pass."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2 * size, len(meta.channels), meta.n_steps), np.float32)
    source = Source([Part(x)], _unit_scaler(meta), device)
    encoder = spec.encoder(recipe, meta)
    method = spec.build(recipe, recipe.settings_of(spec.name), encoder, _unit_signal(meta))  # type: ignore[misc]
    instances = None
    if method.needs_instances:
        handmade = method.teacher == "handmade"
        unit = _unit_scaler(meta)
        width = handmade_features(meta, unit).n_features if handmade else recipe.autoencoder.latent
        instances = torch.randn(2 * size, width)
    kept: dict[int, int] = {}

    # The rate changes no cost; a recipe's own may be too high for noise, which is the run's to find out.
    once = dataclasses.replace(settings, epochs=1, batch_size=size, lr=1e-6)
    with torch.autograd.graph.saved_tensors_hooks(partial(_note, kept), lambda tensor: tensor):
        train(method.to(device), source, once, 0, instances=instances)  # warm-up
    return _quickest(lambda: train(method, source, once, 0, instances=instances)) / 2, sum(kept.values()) // 2


def _unit_scaler(meta: WindowMeta) -> Scaler:
    n = len(meta.channels)
    return Scaler(np.zeros(n), np.ones(n))


def _forward_seconds(encoder: torch.nn.Module, meta: WindowMeta, device: torch.device) -> float:
    x = torch.randn(256, len(meta.channels), meta.n_steps, device=device)
    encoder = encoder.to(device).eval()
    with torch.no_grad():
        return _quickest(lambda: encoder(x)) / len(x)


def _quickest(work: Callable[[], object]) -> float:
    """Return the seconds of the quickest of three, since other programs only ever make one longer."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return min(times)
