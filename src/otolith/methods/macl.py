"""One temperature for all pairs that follows how well the batch's positives agree: MACL (Huang et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otolith.losses import macl_nt_xent
from otolith.methods.contrastive import TemperaturePolicy, contrast
from otolith.methods.spec import MethodSpec, Paper


@dataclass(frozen=True)
class ModelAwareTemperature(TemperaturePolicy):
    """Alignment-adaptive temperature and reweighted gradient; see `otolith.losses.macl_nt_xent` for the values."""

    alpha: float = 0.5
    threshold: float = 0.0
    """A_0, the alignment at which the temperature is `temperature`."""
    reweight: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("alpha >= 0", self.alpha >= 0)
        self.require("a threshold from -1 to 1, a cosine similarity", -1 <= self.threshold <= 1)

    def loss(self, z: Tensor, h: Tensor | None = None, progress: float = 0.0) -> Tensor:
        return macl_nt_xent(z, self.temperature, self.alpha, self.threshold, self.reweight)


SPEC = MethodSpec(
    name="macl",
    title="MACL (temperature from the alignment of positives)",
    label="Model-aware temperature",
    short="MACL",
    summary="CSSHAR with a temperature from how well the positives are aligned",
    paper=Paper("Huang et al.", 2023, "Model-Aware Contrastive Learning: Towards Escaping the Dilemmas", "ICML"),
    order=60,
    settings=ModelAwareTemperature,
    build=contrast,
)
