"""The contrastive losses without a full matrix of pairs: value and gradient from tiles of rows.

Written with autograd, a loss over 2n views keeps some ten (2n, 2n) matrices for its backward pass: 40 GB at 32,768
views. Here a first pass over tiles of rows sums each anchor's denominator and the mean similarity of Eq 3; a second
one knows the gradient of each pair in closed form and turns it into the gradient of the embeddings, tile by tile.
Small batches are one tile for each view, which is kept from the first pass to the second.

Similarities and temperatures of a pair are symmetric, so a pair's gradient from both of its anchors is known where
its tile is: l is the pair's logit, L the log of an anchor's denominator, x = L - (positive's logit), and

    d loss / d s_ik = (a_i exp(l_ik - L_i) + a_k exp(l_ik - L_k)) / tau_ik,    a_i = sigmoid(x_i) / 2n,

for both orders of the pair together; the positive of i gives -(a_i + a_k) / tau_pos, and Eq 3 adds one constant.

On a CPU the products of views are of the result's type: those of float64 rows would take half of the time. The angles
of nearly parallel rows, which single precision cannot tell, come from the rows themselves; where many rows are nearly
parallel, the products are of float64 after all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from otolith.losses.similarity import REFINE_GAP, angle_and_slope

KEPT_PAIRS = 1 << 21
"""Up to this many pairs of views a batch is kept whole between the passes: 1,448 views."""

TILE_PAIRS = 1 << 21
"""Pairs in a tile of a larger batch: some 150 MB of temporaries."""

CLOSE_SHARE = 1 / 64
"""Where more than this share of a tile's pairs are nearly parallel, their differences cost more than wider products."""


@dataclass(frozen=True)
class Contrast:
    """Which loss: Eq 1 (`dynamic` False), or Eqs 2-5 with its two readings; `floor` is that under the roots."""

    temperature: float
    angular: bool
    dtype: torch.dtype
    dynamic: bool = False
    detach_positive: bool = False
    all_views: bool = False
    floor: float = 0.0


def tiled_xent(u: Tensor, h: Tensor | None, how: Contrast) -> Tensor:
    """NT-Xent or NDT-Xent of unit rows.

    Args:
        u: (2n, d) rows that `unit_rows` made, view 1 of all instances first.
        h: (n, m) unit rows of the instances, constants; None for a constant temperature.

    Returns:
        Scalar of type `how.dtype`; differentiable once, by `u`.
    """
    with torch.autocast(u.device.type, enabled=False):
        loss: Tensor = _TiledXent.apply(u, h, how)
    return loss


@dataclass
class _Tile:
    """Pairs of the instances `first .. last - 1`, seen in one view, with all 2n views: (rows, 2, n)."""

    first: int
    last: int
    view: int
    n: int

    def rows(self, x: Tensor) -> Tensor:
        """This tile's part of one value for each view: (2n, ...) -> (rows, ...)."""
        return x[self.view * self.n + self.first : self.view * self.n + self.last]

    def partners(self, x: Tensor) -> Tensor:
        """The part of the same instances' other view."""
        return x[(1 - self.view) * self.n + self.first : (1 - self.view) * self.n + self.last]

    def themselves(self, pairs: Tensor) -> Tensor:
        """Each row's pair with itself, a view into (rows, 2, n)."""
        return pairs[:, self.view, self.first : self.last].diagonal()

    def positives(self, pairs: Tensor) -> Tensor:
        """Each row's positive, a view into (rows, 2, n)."""
        return pairs[:, 1 - self.view, self.first : self.last].diagonal()


class _TiledXent(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, h: Tensor | None, how: Contrast) -> Tensor:
        n = len(u) // 2
        kept: list[tuple[Tensor, Tensor | None, Tensor, Tensor | float]] = []
        keep = 4 * n * n <= KEPT_PAIRS
        log_denominator = torch.empty(2 * n, dtype=how.dtype, device=u.device)
        positive = torch.empty_like(log_denominator)
        total = torch.zeros((), dtype=torch.float64 if u.dtype == torch.float64 else how.dtype, device=u.device)
        temperature: Tensor | float = how.temperature
        narrow = u.to(how.dtype) if u.device.type == "cpu" else u
        for tile in _tiles(n, n if keep else max(1, TILE_PAIRS // (2 * n))):
            if how.dynamic and not (keep and tile.view):  # both views of an instance have one temperature
                temperature = _negative_temperature(tile, h, how)
            similarity, slope, used = _similarity(tile, u, narrow, how)
            tile.rows(positive).copy_(tile.positives(similarity))
            if how.dynamic:
                total += similarity.sum(dtype=total.dtype) - tile.themselves(similarity).sum(dtype=total.dtype)
            logits = similarity.div_(temperature)
            tile.themselves(logits).fill_(-math.inf)
            tile.positives(logits).fill_(-math.inf)
            tile.rows(log_denominator).copy_(logits.flatten(1).logsumexp(1))
            if keep:
                kept.append((logits, slope, used, temperature))

        pairs = 4 * n * n - 2 * n
        positive_temperature = torch.full((), how.temperature, dtype=how.dtype, device=u.device)
        share = torch.zeros_like(positive_temperature)  # d tau_pos / d s of each pair that Eq 3 sums
        if how.dynamic:
            mean = ((total if how.all_views else total - positive.sum(dtype=total.dtype)) / pairs).to(how.dtype)
            root = mean.clamp_min(how.floor).sqrt()
            positive_temperature = how.temperature * root
            if not how.detach_positive:
                share = torch.where(mean >= how.floor, how.temperature / (2 * pairs) / root, 0.0)
        x = log_denominator - positive / positive_temperature
        # -log(e^p / (e^p + e^q)) = log(1 + e^(q - p)); beyond the threshold the 1 is below float64's resolution.
        loss = F.softplus(x, threshold=40.0).mean()
        if ctx.needs_input_grad[0]:
            weight = x.sigmoid() / (2 * n)
            of_all = share * (weight * positive).sum() / positive_temperature.square()
            scale = F.logsigmoid(x) - math.log(2 * n) - log_denominator  # log a - L
            grad = torch.empty_like(u)
            for number, tile in enumerate(_tiles(n, n if keep else max(1, TILE_PAIRS // (2 * n)))):
                if keep:
                    logits, slope, used, temperature = kept[number]
                else:
                    if how.dynamic:
                        temperature = _negative_temperature(tile, h, how)
                    similarity, slope, used = _similarity(tile, u, narrow, how)
                    logits = similarity.div_(temperature)
                    tile.themselves(logits).fill_(-math.inf)
                    tile.positives(logits).fill_(-math.inf)
                pull = (logits + tile.rows(scale)[:, None, None]).exp_()
                pull += logits.add_(scale.view(2, n)).exp_()
                pull.div_(temperature).add_(2 * of_all)
                tile.themselves(pull).fill_(0.0)
                both = -(tile.rows(weight) + tile.partners(weight)) / positive_temperature
                tile.positives(pull).copy_(both + 2 * of_all if how.all_views else both)
                if slope is not None:
                    pull.mul_(slope)
                tile.rows(grad).copy_(pull.flatten(1).to(used.dtype) @ used)
            ctx.save_for_backward(grad)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_loss: Tensor) -> tuple[Tensor, None, None]:
        (grad,) = ctx.saved_tensors
        return grad * of_loss, None, None


def _tiles(n: int, step: int) -> Iterator[_Tile]:
    for view in (0, 1):
        for first in range(0, n, step):
            yield _Tile(first, min(first + step, n), view, n)


def _similarity(tile: _Tile, u: Tensor, narrow: Tensor, how: Contrast) -> tuple[Tensor, Tensor | None, Tensor]:
    """Similarities (rows, 2, n) of the tile's pairs, their slopes by the cosine (None: 1), and the rows multiplied.

    Those are `narrow`, the rows `u` in the result's type, if that can tell the tile's pairs apart.
    """
    used = narrow
    cosine = tile.rows(used) @ used.T
    if used.dtype != u.dtype and (cosine.abs() > 1 - REFINE_GAP).sum() > CLOSE_SHARE * cosine.numel():
        used = u
        cosine = tile.rows(used) @ used.T
    slope = None
    if how.angular:
        similarity, slope = angle_and_slope(tile.rows(u), u, cosine, how.dtype)
        slope = slope.view(len(cosine), 2, tile.n)
    else:
        similarity = cosine.clamp_(-1.0, 1.0).to(how.dtype)
    return similarity.view(len(cosine), 2, tile.n), slope, used


def _negative_temperature(tile: _Tile, h: Tensor | None, how: Contrast) -> Tensor:
    """Eq 2 for the tile's instances with all: (rows, 1, n)."""
    assert h is not None
    rows = h[tile.first : tile.last]
    alike, _ = angle_and_slope(rows, h, rows @ h.T, torch.promote_types(how.dtype, torch.float32))
    return alike.clamp_min_(how.floor).sqrt_().mul_(how.temperature)[:, None, :]
