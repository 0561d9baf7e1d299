"""The sections of a recipe that methods share, and the encoder and training that most methods take from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from otolith.augment import Compose, SignalSpec
from otolith.nets import Encoder, TransformerEncoder
from otolith.training.settings import TrainSettings

MOST_LAYERS = 1000
"""More than any encoder has: a card from elsewhere is not to keep us building."""


@dataclass(frozen=True)
class Settings:
    """Settings of a method: a table of a recipe, in which an unknown key is an error. This one has no keys.

    >>> @dataclass(frozen=True)
    ... class Mine(Settings):
    ...     width: int = 8
    ...
    ...     def __post_init__(self):
    ...         self.require(self.width > 0, "width > 0", "width")
    >>> Mine(-1)
    Traceback (most recent call last):
    ValueError: expected width > 0; got width -1
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def require(self, holds: bool, expected: str, *named: str) -> None:
        """Refuse the settings unless the condition holds.

        Args:
            holds: the condition.
            expected: the condition in words.
            named: the settings that it is about, whose values the message gives.

        Raises:
            ValueError: it does not hold.
        """
        if not holds:
            found = ", ".join(f"{name} {getattr(self, name)}" for name in named)
            raise ValueError(f"expected {expected}" + (f"; got {found}" if found else ""))


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Settings):
    """The conv + transformer encoder (Fig. 4, Section IV-B3)."""

    maps: tuple[int, ...]
    kernel: int
    blocks: int
    heads: int
    feed_forward: int
    dropout: float

    def __post_init__(self) -> None:
        layers = max(len(self.maps), self.blocks)
        self.require(layers <= MOST_LAYERS, f"at most {MOST_LAYERS} layers, not {layers}")
        self.require(len(self.maps) > 0 and min(self.maps) > 0, "positive sizes", "maps")
        self.require(min(self.heads, self.feed_forward) > 0, "positive sizes", "heads", "feed_forward")
        self.require(self.kernel > 0 and self.kernel % 2 == 1, "an odd kernel", "kernel")
        self.require(self.blocks >= 0, "blocks >= 0", "blocks")
        self.require(0 <= self.dropout < 1, "0 <= dropout < 1", "dropout")
        self.require(self.maps[-1] % self.heads == 0, "heads that divide the last of maps", "heads", "maps")


@dataclass(frozen=True, kw_only=True)
class ProjectionSettings(Settings):
    """The projection head of contrastive pre-training."""

    hidden: int
    out: int

    def __post_init__(self) -> None:
        self.require(min(self.hidden, self.out) > 0, "positive sizes", "hidden", "out")


@dataclass(frozen=True, kw_only=True)
class AutoencoderSettings(Settings):
    """The denoising autoencoder (Fig. 3), as teacher and as method; maps and kernel are the encoder's."""

    latent: int
    noise_sigma: float
    train: TrainSettings

    def __post_init__(self) -> None:
        self.require(
            self.latent > 0 and self.noise_sigma >= 0, "latent >= 1 and noise_sigma >= 0", "latent", "noise_sigma"
        )


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
        """Return the random augmentation module for windows of `signal` (Section IV-B2)."""
        ...


def shared_encoder(shared: SharedSettings, n_channels: int, n_steps: int) -> Encoder:
    """Return the conv + transformer encoder (Fig. 4), which methods share unless their paper has its own."""
    part = shared.encoder
    return TransformerEncoder(
        n_channels, n_steps, part.maps, part.kernel, part.blocks, part.heads, part.feed_forward, part.dropout
    )


def shared_training(shared: SharedSettings, settings: Any) -> TrainSettings:
    """Return the recipe's `pretrain` section."""
    return shared.pretrain
