"""The sections of a recipe that methods share, and the encoder and training that most methods take from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Protocol

from otolith.augment import Compose, SignalSpec
from otolith.errors import unknown
from otolith.nets import ENCODERS, Encoder, EncoderSpec, ResidualEncoder, TransformerEncoder
from otolith.training.settings import TrainSettings
from otolith.windows import WindowMeta

MOST_LAYERS = 1000
"""Most layers of an encoder; without a limit, a model folder from a stranger could ask for millions."""


@dataclass(frozen=True)
class Settings:
    """Settings of a method: a table of a recipe, in which an unknown key is an error. This one has no keys.

    >>> @dataclass(frozen=True)
    ... class Mine(Settings):
    ...     width: int = 8
    ...
    ...     def __post_init__(self):
    ...         self.require("width > 0", self.width > 0)
    >>> Mine(-1)
    Traceback (most recent call last):
    ValueError: expected width > 0; got width -1
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def require(self, expected: str, holds: bool) -> None:
        """Refuse the settings unless a condition holds.

        Args:
            expected: the condition in words; the message adds the values of the settings that they name.
            holds: the condition.

        Raises:
            ValueError: it does not hold.
        """
        if not holds:
            words = re.findall(r"\w+", expected)
            named = [each.name for each in fields(self) if each.name in words]
            raise ValueError(f"expected {expected}; got {', '.join(f'{name} {getattr(self, name)}' for name in named)}")


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Settings):
    """The encoder that methods share: the paper's convolutions with a transformer (Fig. 4, Section IV-B3), `conv`, or
    the kind of a plug-in (`otolith.nets.EncoderSpec`).

    `width`, `kernels` and `layer_norm` belong to kind `conv`, `blocks`, `heads` and `feed_forward` to kind
    `transformer`, and `dropout` to both. `maps` and `kernel` are those of the transformer's convolutions, and of the
    autoencoder.
    """

    kind: str = "transformer"
    """`conv`: residual convolutions with features pooled over time (`otolith.nets.ResidualEncoder`)."""
    width: int = 96
    """Maps of each residual convolution; the features of a window are three times as many."""
    kernels: tuple[int, ...] = (5, 5, 3, 3)
    """Taps of each residual convolution."""
    layer_norm: bool = False
    """Normalise the maps of each step before they are pooled over time; a further map says how large they were."""
    maps: tuple[int, ...]
    kernel: int
    blocks: int = 8
    heads: int = 8
    feed_forward: int = 2048
    dropout: float
    options: dict[str, Any] = field(default_factory=dict)
    """Options of a plug-in's kind."""

    def __post_init__(self) -> None:
        if self.kind not in ENCODERS:
            raise ValueError(unknown("encoder.kind", self.kind, ENCODERS.names()))
        ENCODERS.get(self.kind).options_of(self.options)
        for name in ("maps", "kernels"):
            if len(getattr(self, name)) > MOST_LAYERS:
                raise ValueError(f"expected at most {MOST_LAYERS} layers; got {len(getattr(self, name))} {name}")
        self.require(f"0 <= blocks, and at most {MOST_LAYERS} layers", 0 <= self.blocks <= MOST_LAYERS)
        self.require("positive sizes in maps", len(self.maps) > 0 and min(self.maps) > 0)
        self.require("positive width, heads and feed_forward", min(self.width, self.heads, self.feed_forward) > 0)
        self.require("an odd kernel", self.kernel > 0 and self.kernel % 2 == 1)
        self.require("odd kernels", len(self.kernels) > 0 and all(k > 0 and k % 2 == 1 for k in self.kernels))
        self.require("0 <= dropout < 1", 0 <= self.dropout < 1)
        divides = self.kind != "transformer" or self.maps[-1] % self.heads == 0
        self.require("heads that divide the last of maps", divides)


@dataclass(frozen=True, kw_only=True)
class ProjectionSettings(Settings):
    """The projection head of contrastive pre-training."""

    hidden: int
    out: int

    def __post_init__(self) -> None:
        self.require("positive sizes hidden and out", min(self.hidden, self.out) > 0)


@dataclass(frozen=True, kw_only=True)
class AutoencoderSettings(Settings):
    """The denoising autoencoder (Fig. 3), as teacher and as method; maps and kernel are the encoder's."""

    latent: int
    noise_sigma: float
    train: TrainSettings

    def __post_init__(self) -> None:
        self.require("latent >= 1 and noise_sigma >= 0", self.latent >= 1 and self.noise_sigma >= 0)


class SharedSettings(Protocol):
    """The sections of a recipe that methods share; `otolith.recipes.Recipe` is one.

    >>> from otolith.recipes import load_recipe
    >>> shared: SharedSettings = load_recipe("compact", "watch")
    >>> shared_encoder(shared, WindowMeta("own", ("still", "walk"))).n_channels
    6
    """

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


def shared_encoder(shared: SharedSettings, meta: WindowMeta) -> Encoder:
    """Return the encoder of the recipe's kind, which methods share unless their paper has its own."""
    part, spec = shared.encoder, ENCODERS.get(shared.encoder.kind)
    return spec.build(part, spec.options_of(part.options), len(meta.channels), meta.n_steps)


def _conv(part: EncoderSettings, options: Any, n_channels: int, n_steps: int) -> Encoder:
    return ResidualEncoder(n_channels, n_steps, part.width, part.kernels, part.dropout, part.layer_norm)


def _transformer(part: EncoderSettings, options: Any, n_channels: int, n_steps: int) -> Encoder:
    sizes = (part.maps, part.kernel, part.blocks, part.heads, part.feed_forward)
    return TransformerEncoder(n_channels, n_steps, *sizes, part.dropout)


ENCODERS.register(EncoderSpec(name="conv", title="residual convolutions", build=_conv))
ENCODERS.register(EncoderSpec(name="transformer", title="convolutions with a transformer", build=_transformer))


def plain_adam(shared: SharedSettings, settings: Any) -> TrainSettings:
    """Return the recipe's `pretrain` section with plain Adam at the method's own rate, its setting `lr`."""
    return replace(shared.pretrain, optimizer="adam", lr=settings.lr)


def shared_training(shared: SharedSettings, settings: Any) -> TrainSettings:
    """Return the recipe's `pretrain` section."""
    return shared.pretrain
