"""Whole-number form of a model: the reference that an int8 ONNX file of a student and its C header are held against."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from otolith.errors import DataError, RecipeError
from otolith.export.trial import Trial
from otolith.model import Model
from otolith.nets import PredictionMLP, ResidualEncoder, StandardisedHead
from otolith.nets.heads import layers_of
from otolith.nets.integers import IntegerResidual, peaks


def linear_of(head: nn.Module) -> nn.Linear | None:
    """Return the one layer of a linear head on features that are not pooled further; None for other heads."""
    if isinstance(head, StandardisedHead) and not isinstance(head.pool, nn.Identity):
        return None
    layers = layers_of(head)
    linear = layers.linear_layers() if isinstance(layers, PredictionMLP) else []
    return linear[0] if len(linear) == 1 else None


def refuse_other(model: Model) -> None:
    """Refuse a model that has no form in whole numbers.

    Raises:
        RecipeError: it is not residual convolutions with a linear head; the message says to distil a student first.
    """
    network, head = model.encoder.network, model.head
    if not isinstance(network, ResidualEncoder) or network.layer_norm or linear_of(head) is None:
        kind = type(head.layers if isinstance(head, StandardisedHead) else head).__name__
        more = " with layer normalisation" * getattr(network, "layer_norm", False)
        raise RecipeError(
            f"C and whole numbers are written of residual convolutions with a linear head, and this model is a "
            f"{type(network).__name__}{more} with a {kind}. Distil a student first, without labels: otolith distill "
            "MODEL DATASET --out student"
        )


def as_integers(model: Model, trial: Trial | None = None) -> Model:
    """Return the model with its convolutions in whole numbers (`otolith.nets.integers`), in every other way the same.

    Args:
        model: residual convolutions with a linear head, as `otolith.distill` leaves them.
        trial: windows that the ranges of signals are measured on where the model does not have them.

    Raises:
        RecipeError: another encoder or head; the message says to distil a student first.
        DataError: neither the model nor real windows say the ranges.
    """
    refuse_other(model)
    network = model.encoder.network
    assert isinstance(network, ResidualEncoder)
    if model.distilled is not None:
        found = model.distilled.peaks
    elif trial is not None and trial.real and len(trial.fit):
        z = torch.from_numpy(model.encoder.scaler.transform(trial.fit)).to(model.encoder.device)
        found = peaks(network, list(z.split(512)))
    else:
        raise DataError(
            "the ranges of this model's signals are not known, and there are no recordings to measure them on. Name a "
            "data set after the file."
        )
    whole = IntegerResidual(network, found).to(model.encoder.device).eval()
    return replace(model, encoder=replace(model.encoder, network=whole))
