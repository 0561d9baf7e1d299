"""MACL: a temperature that grows as the views of one instance come to agree.

Huang et al., "Model-Aware Contrastive Learning: Towards Escaping the Dilemmas", ICML 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from otolith.losses.contrastive import xent
from otolith.losses.pairs import check_number, check_temperature, check_views, log_negatives, positive_logits
from otolith.losses.similarity import cosine_similarity

TEMPERATURE_FLOOR = 0.01
"""Least factor on tau_0, which a large alpha would bring below 0 where positives disagree."""

# From here on -log P = 1 - P up to the precision of float64.
_LEAST_LOGIT = -40.0


def macl_nt_xent(
    z: Tensor, temperature: float = 0.1, alpha: float = 0.5, threshold: float = 0.0, reweight: bool = True
) -> Tensor:
    """Return NT-Xent at tau_a = tau_0 (1 + alpha (A - A_0)), each anchor divided by the share its negatives hold.

    A is the mean cosine similarity of the positives, a constant: no gradient reaches the temperature. With P the
    probability of an anchor's positive, as in Eq 1 at tau_a, the loss is the mean of -V log P, where V = 1 / (1 - P) is
    a constant too. V undoes the factor 1 - P of InfoNCE's gradient, the paper's gradient reduction: an anchor's
    gradient is that of log(sum of its negatives) - positive.

    Taken from the paper: temperature and reweighting, as the library lightly and the authors of DySTreSS write them
    down; the defaults are lightly's. The authors' own code is tau_0 (1 + beta A) with the same V. Both views are
    anchors and have 2n - 2 negatives, as in SimCLR. Ours: tau_a is kept at 0.01 tau_0 or above.

    Args:
        z: (2n, d) view embeddings, n >= 2, view 1 of all instances first.
        temperature: tau_0 > 0.
        alpha: how far alignment moves the temperature, >= 0. With 0 and `reweight` False the loss is NT-Xent.
        threshold: A_0, the alignment at which the temperature is tau_0.
        reweight: multiply by V.

    Returns:
        Scalar; float64 for float64 `z`, else float32.

    Raises:
        ValueError: wrong shape or type, a single instance, or a number out of its range.

    >>> from otolith.losses import nt_xent
    >>> z = torch.eye(4).repeat(2, 1)  # positives agree: A = 1
    >>> bool(macl_nt_xent(z, 0.1, alpha=0.5, reweight=False) == nt_xent(z, 0.15))
    True
    """
    check_views(z)
    similarity = cosine_similarity(z)
    tau = alignment_temperature(similarity, temperature, alpha, threshold)
    if not reweight:
        return xent(similarity, tau, tau)
    logits = similarity / tau
    odds = log_negatives(logits) - positive_logits(logits)  # -log P = softplus(odds), 1 - P = sigmoid(odds)
    with torch.no_grad():
        bounded = odds.clamp_min(_LEAST_LOGIT)
        weighted = functional.softplus(bounded, threshold=40.0) / bounded.sigmoid()
    # V is a constant, so the slope of -V log P by the odds is V (1 - P) = 1, even where V overflows.
    return (odds + (weighted - odds.detach())).mean()


def alignment_temperature(similarity: Tensor, temperature: float, alpha: float, threshold: float) -> Tensor:
    """Return tau_a = tau_0 (1 + alpha (A - A_0)), A the mean similarity of the positives; at least 0.01 tau_0.

    From cosine similarities (2n, 2n): a scalar without gradient.
    """
    check_temperature(temperature)
    check_number("alpha", alpha, least=0.0)
    check_number("threshold", threshold, least=-1.0, most=1.0)
    alignment = positive_logits(similarity.detach()).mean()
    return temperature * (1.0 + alpha * (alignment - threshold)).clamp_min(TEMPERATURE_FLOOR)
