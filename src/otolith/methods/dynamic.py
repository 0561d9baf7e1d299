"""A temperature for each negative pair from how alike its instances are: NDT-Xent (Eqs 2-5).

The paper's teacher is an autoencoder; hand-made features as teacher are our addition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from otolith.losses import ndt_xent
from otolith.methods.contrastive import TemperaturePolicy, contrast
from otolith.methods.spec import DYNAMIC_TEMPERATURE, MethodSpec


@dataclass(frozen=True)
class NdtXent(TemperaturePolicy):
    """NDT-Xent; see `otolith.losses.ndt_xent` for the two readings that the options choose between."""

    detach_positive: bool = False
    positive_pairs: Literal["instances", "views"] = "instances"
    needs_instances: ClassVar[bool] = True

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        if h is None:
            raise ValueError("dynamic temperature needs instance features h (n, m) of a teacher; got None")
        return ndt_xent(z, h, self.temperature, self.detach_positive, self.positive_pairs)


@dataclass(frozen=True)
class DynamicTemperature(NdtXent):
    """NDT-Xent with instance features h of a frozen teacher.

    `autoencoder` is the paper's teacher, trained beforehand. `handmade` needs no training: h are the hand-made features
    of the window in m/s² and rad/s (`otolith.nets.handmade`), standardised over the training windows. The equations
    stay the same.
    """

    teacher: Literal["autoencoder", "handmade"] = "autoencoder"


SPEC = MethodSpec(
    name="dynamic",
    title="Dynamic temperature (NDT-Xent)",
    label="Dynamic temperature",
    short="DT",
    summary="two views, NDT-Xent: a temperature for each negative pair from a frozen autoencoder or hand-made features",
    paper=DYNAMIC_TEMPERATURE,
    needs=("teacher",),
    also=("dt", "ndt-xent", "ndtxent"),
    order=10,
    colour="#d55e00",
    story=(
        "Pre-training pulls two altered views of a window together and pushes different windows apart. Windows that a "
        "frozen teacher finds alike (a convolutional autoencoder, trained beforehand, or hand-made features) are "
        "pushed less, since they may show the same activity: that is the dynamic temperature."
    ),
    settings=DynamicTemperature,
    build=contrast,
)
