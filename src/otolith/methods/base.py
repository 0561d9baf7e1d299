"""What the registry knows of a method, and the settings that methods share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from torch import nn

from otolith.augment import Compose, SignalSpec
from otolith.nets import TransformerEncoder
from otolith.training.pretext import Method
from otolith.training.settings import TrainSettings

STRICT: dict[str, Any] = {"extra": "forbid"}
"""Marks a settings dataclass as one in which a recipe's unknown key is an error."""


MOST_LAYERS = 1000
"""More than any encoder has: a card from elsewhere is not to keep us building."""


@dataclass(frozen=True, kw_only=True)
class EncoderSettings:
    """The conv + transformer encoder (Fig. 4, Section IV-B3)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    maps: tuple[int, ...]
    kernel: int
    blocks: int
    heads: int
    feed_forward: int
    dropout: float

    def __post_init__(self) -> None:
        counts = (self.kernel, self.heads, self.feed_forward, *self.maps)
        if not self.maps or min(counts) < 1 or self.blocks < 0 or not 0 <= self.dropout < 1 or self.kernel % 2 == 0:
            raise ValueError("expected positive sizes, an odd kernel, blocks >= 0 and 0 <= dropout < 1")
        if len(self.maps) > MOST_LAYERS or self.blocks > MOST_LAYERS:
            raise ValueError(
                f"expected at most {MOST_LAYERS} layers; got {len(self.maps)} maps and {self.blocks} blocks"
            )
        if self.maps[-1] % self.heads:
            raise ValueError(f"the {self.heads} heads must divide the last of maps, {self.maps[-1]}")


@dataclass(frozen=True, kw_only=True)
class ProjectionSettings:
    """The projection head of contrastive pre-training."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    hidden: int
    out: int

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.out < 1:
            raise ValueError(f"expected positive sizes; got hidden {self.hidden}, out {self.out}")


@dataclass(frozen=True, kw_only=True)
class AutoencoderSettings:
    """The denoising autoencoder (Fig. 3), as teacher and as method; maps and kernel are the encoder's."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    latent: int
    noise_sigma: float
    train: TrainSettings

    def __post_init__(self) -> None:
        if self.latent < 1 or self.noise_sigma < 0:
            raise ValueError(f"expected latent >= 1 and noise_sigma >= 0; got {self.latent} and {self.noise_sigma}")


class SharedSettings(Protocol):
    """The sections of a recipe that methods share; `otolith.recipes.Recipe` is one."""

    @property
    def encoder(self) -> EncoderSettings: ...
    @property
    def projection(self) -> ProjectionSettings: ...
    @property
    def autoencoder(self) -> AutoencoderSettings: ...
    @property
    def pretrain(self) -> TrainSettings: ...
    def augmentation(self, signal: SignalSpec) -> Compose:
        """The random augmentation module for windows of `signal` (Section IV-B2)."""
        ...


def shared_encoder(shared: SharedSettings, n_channels: int, n_steps: int) -> nn.Module:
    """The conv + transformer encoder (Fig. 4), which all methods share unless their paper has its own."""
    part = shared.encoder
    return TransformerEncoder(
        n_channels, n_steps, part.maps, part.kernel, part.blocks, part.heads, part.feed_forward, part.dropout
    )


def shared_training(shared: SharedSettings, settings: Any) -> TrainSettings:
    """The recipe's `pretrain` section."""
    return shared.pretrain


@dataclass(frozen=True)
class MethodSpec:
    """A registered method.

    Attributes:
        settings: frozen dataclass of the recipe's `[method.NAME]` table; its defaults hold where there is none.
        encoder: (shared, n_channels, n_steps) -> untrained encoder; also how a saved one is rebuilt.
        build: (shared, settings, encoder, signal) -> the pretext task around that encoder; None where nothing is
            pre-trained.
        train: (shared, settings) -> how the pretext task is trained.
        end_to_end: fine-tuning trains the encoder too, by `settings`, a `FinetuneSettings`.
    """

    name: str
    title: str
    settings: type[Any]
    encoder: Callable[[SharedSettings, int, int], nn.Module] = shared_encoder
    build: Callable[[SharedSettings, Any, nn.Module, SignalSpec], Method] | None = None
    train: Callable[[SharedSettings, Any], TrainSettings] = shared_training
    end_to_end: bool = False
