"""Losses: pure functions on tensors, each named after the equation that it computes."""

from otolith.losses.cluster_negatives import cluster_instances, cluster_nt_xent
from otolith.losses.contrastive import (
    ndt_xent,
    negative_temperature,
    nt_xent,
    positive_temperature,
    xent,
)
from otolith.losses.debiased import debiased_nt_xent
from otolith.losses.dystress import dystress_nt_xent, pair_temperature
from otolith.losses.hard_negatives import hard_negative_nt_xent
from otolith.losses.macl import alignment_temperature, macl_nt_xent
from otolith.losses.similarity import SIMILARITIES, angular_similarity, cosine_similarity, unit_rows

__all__ = [
    "SIMILARITIES",
    "alignment_temperature",
    "angular_similarity",
    "cluster_instances",
    "cluster_nt_xent",
    "cosine_similarity",
    "debiased_nt_xent",
    "dystress_nt_xent",
    "hard_negative_nt_xent",
    "macl_nt_xent",
    "ndt_xent",
    "negative_temperature",
    "nt_xent",
    "pair_temperature",
    "positive_temperature",
    "unit_rows",
    "xent",
]
