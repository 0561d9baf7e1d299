"""Losses: pure functions on tensors, each named after the equation that it computes."""

from otolith.losses.contrastive import (
    ndt_xent,
    negative_temperature,
    nt_xent,
    positive_temperature,
    xent,
)
from otolith.losses.similarity import SIMILARITIES, angular_similarity, cosine_similarity, unit_rows

__all__ = [
    "SIMILARITIES",
    "angular_similarity",
    "cosine_similarity",
    "ndt_xent",
    "negative_temperature",
    "nt_xent",
    "positive_temperature",
    "unit_rows",
    "xent",
]
