"""Hard negatives: the debiased loss with negatives weighted by how alike they are to the anchor.

Robinson et al., "Contrastive Learning with Hard Negative Samples", ICLR 2021.
"""

from __future__ import annotations

import math

from torch import Tensor

from otolith.losses.debiased import debiased_cross_entropy
from otolith.losses.pairs import check_number, check_temperature, check_views, log_negatives, positive_logits
from otolith.losses.similarity import cosine_similarity


def hard_negative_nt_xent(z: Tensor, temperature: float = 0.5, tau_plus: float = 0.1, beta: float = 1.0) -> Tensor:
    """Return `debiased_nt_xent` whose mean over negatives weighs each by e^(beta logit), relative to the mean weight.

    Importance sampling from q_beta, which is the more concentrated on hard negatives the larger beta is. As in the
    authors' code the weight's exponent is beta times the logit, temperature included, the gradient flows through the
    weights, the one positive sample needs no weight, and t = 0.5, tau_plus = 0.1, beta = 1.

    Args:
        z: (2n, d) view embeddings, n >= 2, view 1 of all instances first.
        temperature: t > 0; see `debiased_nt_xent` for why not a small one.
        tau_plus: share of negatives that belong to the anchor's class, in [0, 1).
        beta: concentration >= 0. With 0 the loss is the debiased one, and NT-Xent if `tau_plus` is 0 too.

    Returns:
        Scalar; float64 for float64 `z`, else float32.

    Raises:
        ValueError: wrong shape or type, a single instance, or a number out of its range.

    >>> import torch
    >>> z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]]).repeat(2, 1)
    >>> bool(hard_negative_nt_xent(z, beta=2.0) > hard_negative_nt_xent(z, beta=0.0))  # the near negative weighs more
    True
    """
    check_views(z)
    check_temperature(temperature)
    check_number("beta", beta, least=0.0)
    logits = cosine_similarity(z) / temperature
    n_negatives = len(z) - 2
    weighted = log_negatives((1.0 + beta) * logits) - log_negatives(beta * logits) + math.log(n_negatives)
    return debiased_cross_entropy(positive_logits(logits), weighted, n_negatives, temperature, tau_plus)
