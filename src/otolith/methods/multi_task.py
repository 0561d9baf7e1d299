"""Multi-task self-supervision (Saeed, Ozcelebi and Lukkien 2019): find the transformations of a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from otolith.augment import Augmentation, SignalSpec, build
from otolith.losses.transformations import transformation_bce
from otolith.methods.base import Settings, plain_adam
from otolith.methods.spec import MethodSpec, Paper
from otolith.nets import ProjectionHead, TPNEncoder
from otolith.training.pretext import Batch, Method


@dataclass(frozen=True)
class MultitaskSettings(Settings):
    """The transformations' strengths, the heads, the regularisation and the rate; epochs and batch are the recipe's.

    Strengths and rate are those of a public re-implementation (Tang et al. 2021, SelfHAR), which trains with Adam for
    30 epochs of batches of 300.
    """

    noise_sigma: float = 0.05
    """Deviation of the noise, in z-score units."""
    scaling_sigma: float = 0.1
    """Deviation of each channel's factor from 1."""
    warp_sigma: float = 0.2
    """Deviation of the tempo from 1."""
    segments: int = 4
    """Pieces of the permutation."""
    hidden: int = 256
    """Width of each head's hidden layer."""
    l2: float = 1e-4
    """Weight of the encoder's squared convolution weights in the loss."""
    lr: float = 3e-4

    def __post_init__(self) -> None:
        strengths = (self.noise_sigma, self.scaling_sigma, self.warp_sigma)
        self.require("noise_sigma, scaling_sigma, warp_sigma above 0", all(sigma > 0 for sigma in strengths))
        self.require("segments >= 2 and hidden >= 1", self.segments >= 2 and self.hidden >= 1)
        self.require("l2 >= 0 and lr > 0", self.l2 >= 0 and self.lr > 0)


def transformations(signal: SignalSpec, settings: MultitaskSettings) -> dict[str, Augmentation]:
    """Return the paper's eight transformations by name, in its order, from `otolith.augment`.

    Rotation is left out where no sensor has three axes, channel shuffle where there is one channel. The rotation is
    uniform on SO(3) and shared by all sensors, and the warp one for all channels. Four pieces come back in their own
    order in 1 of 24 draws, six channels in 1 of 720; such windows bear a wrong label.
    """
    found = {
        "noise": build("jitter", signal, sigma=settings.noise_sigma),
        "scaling": build("scaling", signal, sigma=settings.scaling_sigma),
    }
    if signal.triads:
        found["rotation"] = build("rotation", signal)
    found["negation"] = build("flip", signal, axis="sign")
    found["flip"] = build("flip", signal, axis="time")
    pieces = settings.segments
    found["permutation"] = build("permutation", signal, min_segments=pieces, max_segments=pieces)
    found["time_warp"] = build("time_warp", signal, sigma=settings.warp_sigma)
    if len(signal.channels) > 1:
        found["channel_shuffle"] = build("channel_shuffle", signal)
    return found


class Multitask(Method):
    """Each transformation is a task of its own: a head tells its transformed windows from the originals.

    In a step every head sees the batch's n windows as they are and the same n windows under its transformation alone;
    those of other tasks it does not see. The originals are encoded once for all heads. A head is Linear-ReLU-Linear
    with one logit. The loss is `transformation_bce` plus `l2` times the encoder's squared convolution weights; the part
    without that penalty is the term "detection".
    """

    encoder: TPNEncoder

    def __init__(
        self, encoder: TPNEncoder, tasks: Mapping[str, Augmentation], hidden: int = 256, l2: float = 1e-4
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.tasks = dict(tasks)
        self.heads = nn.ModuleDict({name: ProjectionHead(encoder.n_features, hidden, 1) for name in self.tasks})
        self.l2 = l2

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        x, tasks = batch.x, self.tasks.values()
        with torch.autocast(x.device.type, enabled=False):  # rotations and warps are exact or they blur
            changed = [task.apply(x, batch.draw(partial(task.sample, generator=generator))) for task in tasks]
        original, *transformed = self.encoder(torch.cat([x, *changed])).split(len(x))
        pairs = zip(self.heads.values(), transformed, strict=True)
        logits = torch.stack([head(torch.stack([original, other])).squeeze(2) for head, other in pairs], dim=1)
        detection = transformation_bce(logits[0], logits[1])  # each (tasks, n)
        return {"loss": detection + self.l2 * self.encoder.squared_weights(), "detection": detection}


SPEC = MethodSpec(
    name="multi-task",
    title="Multi-task self-supervision (transformation prediction)",
    label="Multi-task self-supervision",
    short="Multi-task",
    summary="which of eight transformations was applied",
    paper=Paper("Saeed et al.", 2019, "Multi-task Self-Supervised Learning for Human Activity Detection", "IMWUT"),
    also=("tpn",),
    order=160,
    own_encoder="convolutions with long kernels",
    colour="#cc79a7",
    settings=MultitaskSettings,
    encoder=lambda shared, meta: TPNEncoder(len(meta.channels), meta.n_steps),  # of the paper's sizes in every recipe
    build=lambda shared, settings, encoder, signal: Multitask(
        encoder, transformations(signal, settings), settings.hidden, settings.l2
    ),
    train=plain_adam,
)
