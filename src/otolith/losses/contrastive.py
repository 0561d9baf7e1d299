"""NT-Xent and NDT-Xent (Eqs 1-5 of the dynamic temperature paper) on one batch of paired views.

Rows of `z` are the view embeddings: view 1 of all n instances first, view 2 of the same instances after, so the
positive of row i is row (i + n) mod 2n, and rows i and i + n share the instance embedding h_i.

Both losses are `xent(similarity, positive temperature, negative temperature)` and differ in the three arguments only,
as other temperature policies do. That form keeps full matrices of pairs; both losses take the way of
`otolith.losses.tiled` unless fast forms are switched off.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from otolith import fast
from otolith.errors import unknown
from otolith.losses.pairs import check_pairs, check_temperature, check_views, log_negatives, positive_logits
from otolith.losses.similarity import SIMILARITIES, angular_similarity, check_rows, result_type, unit_rows
from otolith.losses.tiled import Contrast, tiled_xent

TEMPERATURE_FLOOR = 1e-4
"""Least value under the square roots of Eqs 2 and 3, which keeps both temperatures at 0.01 tau or above."""

POSITIVE_PAIRS = ("instances", "views")
"""Readings of the sum in Eq 3: pairs of different instances, or all pairs of different views."""


def nt_xent(z: Tensor, temperature: float = 0.1, similarity: str = "cosine") -> Tensor:
    """Return NT-Xent (Eq 1) averaged over the 2n anchors: contrast with a constant temperature.

    Args:
        z: (2n, d) view embeddings, n >= 2, view 1 of all instances first.
        temperature: tau > 0.
        similarity: "cosine" (CSSHAR), or "angular" (s_a of Eq 6 in place of s_c, the AS rows of Table I).

    Returns:
        Scalar; float64 for float64 `z`, else float32.

    Raises:
        ValueError: wrong shape or type, a single instance, a temperature that is not positive, an unknown similarity.

    >>> import torch
    >>> z = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # one view of two instances
    >>> nt_xent(torch.cat([z, z]), temperature=0.5)  # log(1 + 2 e^(0 / 0.5) / e^(1 / 0.5))
    tensor(0.2395)
    """
    check_views(z)
    check_temperature(temperature)
    if similarity not in SIMILARITIES:
        raise ValueError(unknown("similarity", similarity, SIMILARITIES))
    if fast.is_on():
        return tiled_xent(unit_rows(z), None, Contrast(temperature, similarity == "angular", result_type(z)))
    return xent(SIMILARITIES[similarity](z), temperature, temperature)


def ndt_xent(
    z: Tensor,
    h: Tensor,
    temperature: float = 0.1,
    detach_positive: bool = False,
    positive_pairs: str = "instances",
) -> Tensor:
    """Return NDT-Xent (Eqs 2-5): angular similarity, negatives softened by how alike their instances are.

    Args:
        z: (2n, d) view embeddings, n >= 2, view 1 of all instances first.
        h: (n, m) instance embeddings of a frozen teacher; a constant, no gradient reaches it.
        temperature: default temperature tau > 0 that Eqs 2 and 3 scale.
        detach_positive: treat tau_pos (Eq 3) as a constant. By default the gradient flows through it, which
            penalises similar negatives.
        positive_pairs: the pairs that Eq 3 sums over: "instances" (as printed) or "views"; see
            `positive_temperature`.

    Returns:
        Scalar; float64 for float64 `z`, else float32.

    Raises:
        ValueError: wrong shape or type, a single instance, `h` of another length than n, a temperature that
            is not positive, an unknown `positive_pairs`.

    >>> import torch
    >>> z = torch.eye(4)  # views in four directions
    >>> alike, different = torch.ones(2, 3), torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> bool(ndt_xent(z, alike) < ndt_xent(z, different))  # negatives that are alike repel less
    True
    """
    check_views(z)
    check_rows("h", h)
    if len(h) * 2 != len(z):
        raise ValueError(
            f"h has {len(h)} rows and z has {len(z)}; expected a row of h for each instance, half those of z"
        )
    check_temperature(temperature)
    if positive_pairs not in POSITIVE_PAIRS:
        raise ValueError(unknown("positive_pairs", positive_pairs, POSITIVE_PAIRS))
    if fast.is_on():
        views = positive_pairs == "views"
        how = Contrast(temperature, True, result_type(z), True, detach_positive, views, TEMPERATURE_FLOOR)
        return tiled_xent(unit_rows(z), unit_rows(h.detach()), how)
    similarity = angular_similarity(z)
    negative = negative_temperature(h, temperature).to(similarity.dtype)
    positive = positive_temperature(similarity, temperature, positive_pairs)
    return xent(similarity, positive.detach() if detach_positive else positive, negative)


def negative_temperature(h: Tensor, temperature: float) -> Tensor:
    """Return tau_neg(i, k) = tau sqrt(s_a(h_i, h_k)) of all pairs of instances (Eq 2), s_a floored at 1e-4.

    Instance embeddings h (n, m) -> (n, n), without gradient. The diagonal belongs to no negative.
    """
    check_rows("h", h)
    check_temperature(temperature)
    return angular_similarity(h.detach()).clamp_min_(TEMPERATURE_FLOOR).sqrt_().mul_(temperature)


def positive_temperature(similarity: Tensor, temperature: float, pairs: str = "instances") -> Tensor:
    """Return tau_pos = tau sqrt(sum of s_a over pairs / (4n^2 - 2n)), one number for the batch (Eq 3).

    Angular similarities (2n, 2n) -> scalar with a gradient; the mean under the root is floored at 1e-4. "instances"
    sums over ordered pairs of views of different instances, as the formula says (4n^2 - 4n terms under the printed
    divisor); "views" over all i != k, positives included, which fits the divisor.
    """
    check_temperature(temperature)
    if pairs not in POSITIVE_PAIRS:
        raise ValueError(unknown("positive_pairs", pairs, POSITIVE_PAIRS))
    n = check_pairs(similarity)
    blocks = similarity.reshape(2, n, 2, n)
    total = blocks.sum() - blocks.diagonal(dim1=1, dim2=3).sum()
    if pairs == "views":
        total = total + positive_logits(blocks.reshape(2 * n, 2 * n)).sum()
    mean = total / (4 * n * n - 2 * n)
    return temperature * mean.clamp_min(TEMPERATURE_FLOOR).sqrt()


def xent(similarity: Tensor, positive_temperature: float | Tensor, negative_temperature: float | Tensor) -> Tensor:
    """Return the cross entropy of each view's positive against its 2n - 2 negatives, averaged over the 2n anchors.

    Eq 1 with equal temperatures, Eqs 4 and 5 with those of Eqs 2 and 3. (Eq 5 as printed runs over twice as many pairs
    as there are; the mean over the anchors is meant.) No denominator holds the anchor itself.

    Args:
        similarity: (2n, 2n) similarities of the views; the diagonal is ignored.
        positive_temperature: scalar.
        negative_temperature: scalar, (n, n) for pairs of instances, or (2n, 2n) for pairs of views. Both
            temperatures are differentiated if they carry a gradient.

    Returns:
        Scalar of the type of `similarity`.

    Raises:
        ValueError: `similarity` is not (2n, 2n) with n >= 2, or `negative_temperature` has another shape.

    >>> import torch
    >>> xent(torch.zeros(4, 4), 1.0, 1.0)  # nothing tells the positive from two negatives: log 3
    tensor(1.0986)
    """
    n = check_pairs(similarity)
    if isinstance(negative_temperature, Tensor) and negative_temperature.ndim > 0:
        if negative_temperature.shape == (n, n):
            negative_temperature = negative_temperature.repeat(2, 2)
        elif negative_temperature.shape != similarity.shape:
            raise ValueError(
                f"negative_temperature has shape {tuple(negative_temperature.shape)}; expected a scalar, "
                f"({n}, {n}) or ({2 * n}, {2 * n})"
            )
    negatives = log_negatives(similarity / negative_temperature)
    positives = positive_logits(similarity) / positive_temperature
    # -log(e^p / (e^p + e^q)) = log(1 + e^(q - p)); beyond the threshold the 1 is below float64's resolution.
    return functional.softplus(negatives - positives, threshold=40.0).mean()
