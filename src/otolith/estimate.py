"""What a run will take, from one real training step on this machine."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from otolith import methods
from otolith.augment import SignalSpec
from otolith.classifier import build_head
from otolith.device import choose_device
from otolith.methods import MethodSpec
from otolith.methods.autoencoder import AUTOENCODER
from otolith.pipeline import build_encoder
from otolith.scaling import Scaler
from otolith.training.loop import TrainSettings, train
from otolith.training.source import Part, Source
from otolith.windows import WindowMeta

if TYPE_CHECKING:
    from otolith.recipes import Recipe


@dataclass(frozen=True)
class Estimate:
    """Seconds of each stage, parameters of the encoder, and bytes at the peak."""

    seconds: dict[str, float]
    parameters: int
    peak_bytes: int

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())

    def only(self, *stages: str) -> Estimate:
        """The same for a job of these stages alone; the peak stays that of the whole."""
        return dataclasses.replace(self, seconds={name: s for name, s in self.seconds.items() if name in stages})


@torch.random.fork_rng(devices=[])
def estimate(recipe: Recipe, method: str, meta: WindowMeta, n_train: int, n_val: int, device: str = "auto") -> Estimate:
    """Time one step of each stage on random windows and multiply.

    Args:
        n_train, n_val: windows of the training and validation parts.

    The peak counts weights, gradients and Adam's moments, the activations kept for one step, the windows, and the
    features of fine-tuning.
    """
    where = choose_device(device)
    spec = methods.spec(method)
    encoder = build_encoder(method, recipe, meta, 0)
    n_features = int(encoder.n_features)  # type: ignore[arg-type]
    parameters = sum(p.numel() for p in encoder.parameters())
    seconds: dict[str, float] = {}
    activations = 0
    stages: list[tuple[str, MethodSpec]] = []
    if spec.build is not None:
        probe = spec.build(recipe, recipe.settings_of(method), encoder, _unit_signal(meta))
        if probe.needs_instances:
            stages.append(("autoencoder", AUTOENCODER))
        stages.append(("pretrain", spec))
    for stage, stage_spec in stages:
        settings = stage_spec.train(recipe, recipe.settings_of(stage_spec.name))
        per_step, kept = _probe(stage_spec, recipe, settings, meta, where, n_train)
        seconds[stage] = per_step * settings.epochs * (n_train // min(settings.batch_size, n_train))
        activations = max(activations, kept)
    per_window = _forward_seconds(encoder, meta, where)
    if spec.end_to_end:
        seconds["finetune"] = 3 * per_window * n_train * recipe.settings_of(method).epochs
        features = 0
    else:
        seconds["features"] = per_window * (n_train + n_val)
        head = build_head(n_features, len(meta.activities), recipe.finetune, 0)
        size = min(recipe.finetune.batch_size, n_train)
        x = torch.randn(size, n_features)
        seconds["finetune"] = _median(lambda: head(x).sum().backward()) * (n_train // size + 1) * recipe.finetune.epochs
        features = 4 * n_features * (n_train + n_val)
    windows = 4 * len(meta.channels) * meta.n_steps * (n_train + n_val)
    return Estimate(seconds, parameters, 16 * parameters + max(activations, features) + 2 * windows)


def _unit_signal(meta: WindowMeta) -> SignalSpec:
    n = len(meta.channels)
    return SignalSpec(meta.channels, (0.0,) * n, (1.0,) * n, meta.rate_hz)


def _probe(
    spec: MethodSpec, recipe: Recipe, settings: TrainSettings, meta: WindowMeta, device: torch.device, n_train: int
) -> tuple[float, int]:
    """Seconds of a step, and bytes of the tensors it keeps for the backward pass."""
    size = max(2, min(settings.batch_size, n_train))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2 * size, len(meta.channels), meta.n_steps), np.float32)
    n = len(meta.channels)
    source = Source([Part(x, np.arange(2 * size))], Scaler(np.zeros(n), np.ones(n)), device)
    encoder = spec.encoder(recipe, n, meta.n_steps)
    method = spec.build(recipe, recipe.settings_of(spec.name), encoder, _unit_signal(meta))  # type: ignore[misc]
    instances = torch.randn(2 * size, recipe.autoencoder.latent) if method.needs_instances else None
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    # The rate changes no cost; a recipe's own may be too high for noise, which is the run's to find out.
    once = dataclasses.replace(settings, epochs=1, batch_size=size, lr=1e-6)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        train(method.to(device), source, once, 0, instances=instances)  # warm-up
    began = time.perf_counter()
    train(method, source, once, 0, instances=instances)
    return (time.perf_counter() - began) / 2, sum(kept.values()) // 2


def _forward_seconds(encoder: torch.nn.Module, meta: WindowMeta, device: torch.device) -> float:
    x = torch.randn(256, len(meta.channels), meta.n_steps, device=device)
    encoder = encoder.to(device).eval()
    with torch.no_grad():
        return _median(lambda: encoder(x)) / len(x)


def _median(work: object) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()  # type: ignore[operator]
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return sorted(times)[1]
