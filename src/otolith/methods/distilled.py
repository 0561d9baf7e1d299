"""A small student that learns from a trained model's answers and features, without labels.

Soft answers are those of Hinton, Vinyals and Dean 2015; features of the teacher as hints are those of Romero et al.
2015 (FitNets), by one linear regressor on the student's features. Teacher and student see the same changed windows
("consistent teaching", Beyer et al. 2022). `otolith distill` trains it: no run can, since it needs a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from otolith.augment import Compose
from otolith.losses.distillation import feature_distance, soft_answers
from otolith.methods.base import Settings
from otolith.methods.spec import MethodSpec, Paper
from otolith.nets import Encoder
from otolith.training.pretext import Batch, Method
from otolith.training.settings import TrainSettings

Teacher = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Features (n, m), each with mean 0 and deviation 1, and logits (n, n_classes) of windows in the student's units."""


@dataclass(frozen=True)
class DistilSettings(Settings):
    """Settings of a student's training, chosen on development subjects of UCI-HAR and MotionSense (docs/distill.md)."""

    epochs: int = 20
    batch_size: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.01
    temperature: float = 2.0
    """T of the soft answers."""
    features: float = 0.3
    """Weight of the distance between features beside the answers; 0: answers alone."""
    augment: bool | tuple[dict[str, Any], ...] = True
    """Changes of each batch, for teacher and student alike: a list as `[method.supervised]` has; true: that list, or
    the recipe's views where it has none; false: none."""

    def __post_init__(self) -> None:
        self.require(
            "epochs >= 1, batch_size >= 2 and lr > 0", min(self.epochs, self.batch_size - 1) >= 1 and self.lr > 0
        )
        self.require("temperature > 0", self.temperature > 0)
        self.require("features >= 0 and weight_decay >= 0", min(self.features, self.weight_decay) >= 0)


class Distillation(Method):
    """The student, its head, and the regressor that the teacher's features are compared with.

    Args:
        encoder, head: of the student.
        teacher: is asked for each changed batch, and is not trained.
        n_features: of the teacher.
        settings: weights and temperature.
        augment: changes of each batch; None: none.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: nn.Module,
        teacher: Teacher,
        n_features: int,
        settings: DistilSettings,
        augment: Compose | None,
    ) -> None:
        super().__init__()
        self.encoder, self.head, self.settings = encoder, head, settings
        self.regressor = nn.Linear(encoder.n_features, n_features) if settings.features else None
        self.augment = augment
        self._ask = (teacher,)  # in a tuple: a module would count as a part of the student

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        x = batch.x
        if self.augment is not None:
            changes = self.augment
            x = changes.apply(x, batch.draw(lambda like: changes.sample(like, generator)))
        with torch.no_grad():
            hints, told = self._ask[0](x)
        features = self.encoder(x)
        answers = soft_answers(self.head(features), told, self.settings.temperature)
        if self.regressor is None:
            return {"loss": answers}
        distance = feature_distance(self.regressor(features), hints)
        return {"loss": answers + self.settings.features * distance, "answers": answers, "features": distance}


def training_of(shared: Any, settings: DistilSettings) -> TrainSettings:
    """Return how a student is trained: AdamW at a rate that rises and falls once."""
    return TrainSettings(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        lr=settings.lr,
        optimizer="adamw",
        weight_decay=settings.weight_decay,
        schedule="one-cycle",
        warmup=0.3,
    )


SPEC = MethodSpec(
    name="distilled",
    title="Distilled student",
    label="Distilled student",
    short="Student",
    summary="a trained model's answers and features",
    paper=Paper("Hinton et al.", 2015, "Distilling the Knowledge in a Neural Network", "arXiv:1503.02531"),
    order=188,
    colour="#2f6f73",
    made_by="otolith distill",
    pretrained=False,
    settings=DistilSettings,
    train=training_of,
)
