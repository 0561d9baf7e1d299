"""Updates of a classifier's weights: in the fast form of a small head, or by PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast
from otolith.augment import Compose
from otolith.fast.masks import KeepMasks
from otolith.fast.memory import keep_pages
from otolith.fast.mlp import MLPSteps
from otolith.finetuning.heads import Labelled
from otolith.finetuning.settings import FinetuneSettings
from otolith.nets import PredictionMLP
from otolith.training.failures import within_memory
from otolith.training.optim import Optimizer, rate_at

WARM_UP = 0.3
"""Share of all steps in which the rate of `one-cycle` climbs."""


@dataclass(frozen=True)
class EndToEnd:
    """Training of an encoder together with its head.

    Args:
        encoder: the part of the network whose rate is `settings.encoder_rate` times that of the rest.
        change: what happens to the windows of each batch at random; None: nothing.
    """

    encoder: nn.Module
    change: Compose | None = None


@dataclass(frozen=True)
class Updates:
    """Updates of the weights of one network.

    Attributes:
        step: `step(ids, lr, generator)` makes one update from the windows `ids` and returns their mean loss before it;
            the changes of a batch are drawn from the generator.
        adam: the moments that are remembered from one update to the next.
        masks: the stream of dropout masks, where dropout is not drawn by PyTorch's generator.
    """

    step: Callable[[Tensor, float, torch.Generator], Tensor]
    adam: torch.optim.Adam
    masks: KeepMasks | None = None


def updates_of(
    network: nn.Module,
    train: Labelled,
    settings: FinetuneSettings,
    weight: Tensor | None = None,
    whole: EndToEnd | None = None,
) -> Updates:
    """Return the updates by which `network` learns from `train`.

    Args:
        weight: (n_classes,) of each class in the loss; None: all count alike.
        whole: the encoder in it and the changes of its windows; None: `network` is a head.

    >>> from otolith.finetuning.heads import build_head
    >>> settings = FinetuneSettings(hidden=(4,), optimizer="adamw", label_smoothing=0.1)
    >>> head, train = build_head(3, 3, settings, 0), Labelled(torch.eye(3), torch.arange(3))
    >>> updates_of(head, train, settings).step(torch.arange(3), 1e-3, torch.Generator()).shape
    torch.Size([])
    """
    device = train.inputs.device
    on_cpu = device.type == "cpu" and fast.is_on()
    if on_cpu:
        keep_pages()
    if on_cpu and isinstance(network, PredictionMLP) and settings.plain_steps:
        steps = MLPSteps(network.linear_layers(), network.dropout, settings.lr, settings.weight_decay)

        def fast_update(ids: Tensor, lr: float, generator: torch.Generator) -> Tensor:
            return steps.step(train.inputs.index_select(0, ids), train.y[ids], lr, weight)

        return Updates(fast_update, steps.adam, steps.masks)
    optimizer = Optimizer(
        network,
        settings.optimizer,
        settings.lr,
        weight_decay=settings.weight_decay,
        slower=whole.encoder if whole is not None else None,
        factor=settings.encoder_rate,
    )

    def update(ids: Tensor, lr: float, generator: torch.Generator) -> Tensor:
        x = train.inputs.index_select(0, ids)
        if whole is not None and whole.change is not None:
            x = whole.change(x, generator)
        loss = F.cross_entropy(network(x), train.y[ids], weight, label_smoothing=settings.label_smoothing)
        loss.backward()
        optimizer.step(lr)
        return loss.detach()

    def step(ids: Tensor, lr: float, generator: torch.Generator) -> Tensor:
        return within_memory(lambda some: update(some, lr, generator), ids, "finetune", device)

    return Updates(step, optimizer.adam)


def rate_of(settings: FinetuneSettings, step: int, total: int, waited: float) -> float:
    """Return the rate of step `step` of `total`: `waited`, which patience has left, or that of the one-cycle schedule.

    >>> round(rate_of(FinetuneSettings(lr=0.01, schedule="one-cycle"), step=29, total=100, waited=0.01), 6)
    0.01
    """
    if settings.schedule == "halving":
        return waited
    return rate_at(step, total, settings.lr, settings.schedule, WARM_UP)
