"""The debiased contrastive loss: negatives are corrected for those that share the anchor's class.

Chuang et al., "Debiased Contrastive Learning", NeurIPS 2020.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from otolith.losses.pairs import check_number, check_temperature, check_views, log_negatives, positive_logits
from otolith.losses.similarity import cosine_similarity


def debiased_nt_xent(z: Tensor, temperature: float = 0.5, tau_plus: float = 0.1) -> Tensor:
    """Return the mean of -log(e^p / (e^p + N g)): p the positive's logit, g the estimate of a true negative's e^logit.

    g = max((mean of e^logit over the N = 2n - 2 negatives - tau_plus e^p) / (1 - tau_plus), e^(-1/t)), the paper's
    estimator with one positive sample (M = 1), which is the other view, and its bound: no cosine is below -1. As in its
    SimCLR runs, t = 0.5 and tau_plus = 0.1. Small temperatures do not suit it: at t = 0.1 a positive that agrees makes
    tau_plus e^p outweigh the negatives, the bound holds for nearly every anchor, and little pushes negatives apart.

    Args:
        z: (2n, d) view embeddings, n >= 2, view 1 of all instances first.
        temperature: t > 0.
        tau_plus: share of negatives that belong to the anchor's class, in [0, 1). With 0 the loss is NT-Xent.

    Returns:
        Scalar; float64 for float64 `z`, else float32.

    Raises:
        ValueError: wrong shape or type, a single instance, or a number out of its range.

    >>> z = torch.eye(4).repeat(2, 1)
    >>> bool(debiased_nt_xent(z) < debiased_nt_xent(z, tau_plus=0.0))  # fewer true negatives, a smaller loss
    True
    """
    check_views(z)
    check_temperature(temperature)
    logits = cosine_similarity(z) / temperature
    return debiased_cross_entropy(positive_logits(logits), log_negatives(logits), len(z) - 2, temperature, tau_plus)


def debiased_cross_entropy(
    positive: Tensor, negatives: Tensor, n_negatives: int, temperature: float, tau_plus: float
) -> Tensor:
    """Return the loss above from logits, in logarithms, so that no temperature overflows.

    `positive` (A,) is the logit of each anchor's positive, `negatives` (A,) the logarithm of N times the mean of
    e^logit over its negatives, `n_negatives` N. Where the bound holds, the gradient is that of the positive alone.
    """
    check_number("tau_plus", tau_plus, least=0.0, below=1.0)
    ratio = negatives - positive
    bound = math.log(n_negatives) - 1.0 / temperature - positive  # log(N e^(-1/t) / e^p)
    of_own_class = math.log(tau_plus * n_negatives) if tau_plus > 0 else -math.inf
    excess = of_own_class - ratio
    some_left = excess < 0
    left = torch.where(some_left, excess, -1.0).expm1().neg().log()  # 1 - e^excess is left of the negatives
    estimate = ratio + left - math.log1p(-tau_plus)  # log(N g / e^p) but for the bound
    odds = torch.where(some_left & (estimate > bound), estimate, bound)
    return functional.softplus(odds, threshold=40.0).mean()
