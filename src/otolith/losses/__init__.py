"""Losses as pure functions on tensors, each in a file named after it, with its paper and equation.

`contrastive.py` holds NT-Xent and NDT-Xent, and the cross entropy `xent` that they share with most of their rivals;
`similarity.py` the cosine and angular similarity of embeddings; `pairs.py` the checks and logits of losses over pairs
of views; `tiled.py` the form of NT-Xent and NDT-Xent that large batches take.
"""

from otolith.losses.cluster_negatives import cluster_nt_xent
from otolith.losses.contrastive import ndt_xent, nt_xent, xent
from otolith.losses.debiased import debiased_nt_xent
from otolith.losses.dystress import dystress_nt_xent
from otolith.losses.hard_negatives import hard_negative_nt_xent
from otolith.losses.macl import macl_nt_xent
from otolith.losses.similarity import SIMILARITIES, angular_similarity, cosine_similarity

__all__ = [
    "SIMILARITIES",
    "angular_similarity",
    "cluster_nt_xent",
    "cosine_similarity",
    "debiased_nt_xent",
    "dystress_nt_xent",
    "hard_negative_nt_xent",
    "macl_nt_xent",
    "ndt_xent",
    "nt_xent",
    "xent",
]
