"""What the training loop and the registry know of a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from otolith.nets import TransformerEncoder

if TYPE_CHECKING:
    from otolith.augment import SignalSpec
    from otolith.recipes import Recipe
    from otolith.training.loop import TrainSettings


@dataclass(frozen=True)
class Batch:
    """Clean windows of one step: `x` (n, channels, time) in z-score units; `h` (n, m) the teacher's features of the
    same windows, or None for a method without a teacher."""

    x: Tensor
    h: Tensor | None = None


class Method(nn.Module):
    """A pretext task: a module with an `encoder` worth keeping and a `loss` that needs no labels."""

    encoder: nn.Module
    needs_instances: bool = False
    """Whether the loop must hand over `Batch.h`."""

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Terms of the loss, scalars; "loss" is the one to minimise. All randomness but dropout is `generator`'s."""
        raise TypeError(f"{type(self).__name__} defines no loss")


def shared_encoder(recipe: Recipe, n_channels: int, n_steps: int) -> nn.Module:
    """The conv + transformer encoder of a recipe (Fig. 4), which all methods share unless their paper has its own."""
    part = recipe.encoder
    return TransformerEncoder(
        n_channels, n_steps, part.maps, part.kernel, part.blocks, part.heads, part.feed_forward, part.dropout
    )


def shared_settings(recipe: Recipe, settings: Any) -> TrainSettings:
    """The recipe's `pretrain` section."""
    return recipe.pretrain


@dataclass(frozen=True)
class MethodSpec:
    """A registered method.

    Attributes:
        settings: frozen dataclass of the recipe's `[method.NAME]` table; its defaults hold where there is none.
        encoder: (recipe, n_channels, n_steps) -> untrained encoder; also how a saved one is rebuilt.
        build: (recipe, settings, encoder, signal) -> the pretext task around that encoder; None where nothing is
            pre-trained.
        train: (recipe, settings) -> how the pretext task is trained.
        end_to_end: fine-tuning trains the encoder too, by `settings`, a `FinetuneSettings`.
    """

    name: str
    title: str
    settings: type[Any]
    encoder: Callable[[Recipe, int, int], nn.Module] = shared_encoder
    build: Callable[[Recipe, Any, nn.Module, SignalSpec], Method] | None = None
    train: Callable[[Recipe, Any], TrainSettings] = shared_settings
    end_to_end: bool = False
