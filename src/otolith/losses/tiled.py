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

CLOSE_SHARE = 1 / 256
"""Share of nearly parallel pairs in a tile from which their differences cost more than wider products."""


@dataclass(frozen=True)
class Contrast:
    """The choice of loss: Eq 1 (`dynamic` False), or Eqs 2-5 with its two readings; `floor` is that under the roots."""

    temperature: float
    angular: bool
    dtype: torch.dtype
    dynamic: bool = False
    detach_positive: bool = False
    all_views: bool = False
    floor: float = 0.0


def tiled_xent(u: Tensor, h: Tensor | None, how: Contrast) -> Tensor:
    """Return NT-Xent or NDT-Xent of unit rows u (2n, d), and h (n, m) of the instances: a scalar of type `how.dtype`.

    Differentiable once, by `u`. `h` is a constant, None for a constant temperature.
    """
    with torch.autocast(u.device.type, enabled=False):
        loss: Tensor = _TiledXent.apply(u, h, how)
    return loss


class _Tile:
    """The pairs of some rows of the 2n views with all: (rows, 2n). Either part of one view, or the whole batch."""

    def __init__(self, first: int, last: int, n: int, device: torch.device) -> None:
        self.rows = slice(first, last)
        self.instances = slice(0, n) if last - first > n else slice(first % n, first % n + last - first)
        self.itself = torch.arange(first, last, device=device)[:, None]
        """Column of each row's pair with itself, for `scatter_`."""
        self.positive = (self.itself + n) % (2 * n)
        """Column of each row's positive, for `gather` and `scatter_`."""


class _TiledXent(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, h: Tensor | None, how: Contrast) -> Tensor:
        n = len(u) // 2
        tiles, keep = _tiles(n, u.device)
        views, instances = _Rows.of(u, how.dtype), None if h is None else _Rows.of(h, how.dtype)
        kept: list[tuple[Tensor, Tensor | None, Tensor, Tensor | float]] = []
        log_denominator = torch.empty(2 * n, dtype=how.dtype, device=u.device)
        positive = torch.empty_like(log_denominator)
        total = torch.zeros((), dtype=torch.float64 if u.dtype == torch.float64 else how.dtype, device=u.device)
        for tile in tiles:
            logits, slope, used, temperature = found = _logits(tile, views, instances, how, positive, total)
            log_denominator[tile.rows] = logits.logsumexp(1)
            if keep:
                kept.append(found)

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
            of_positive = -(weight + weight.roll(n)) / positive_temperature
            if how.all_views:
                of_positive += 2 * of_all
            grad = torch.empty_like(u)
            for number, tile in enumerate(tiles):
                found = kept[number] if keep else _logits(tile, views, instances, how)
                logits, slope, used, temperature = found
                pull = (logits + scale[tile.rows, None]).exp_()
                pull += logits.add_(scale).exp_()
                _by_instance(pull, temperature).add_(2 * of_all)
                pull.scatter_(1, tile.itself, 0.0)
                pull.scatter_(1, tile.positive, of_positive[tile.rows, None])
                if slope is not None:
                    pull.mul_(slope)
                grad[tile.rows] = pull.to(used.dtype) @ used
            ctx.save_for_backward(grad)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_loss: Tensor) -> tuple[Tensor, None, None]:
        (grad,) = ctx.saved_tensors
        return grad * of_loss, None, None


def _tiles(n: int, device: torch.device) -> tuple[list[_Tile], bool]:
    """Return the tiles of a batch of n instances, and True if they are kept between the passes."""
    if 4 * n * n <= KEPT_PAIRS:
        return [_Tile(0, 2 * n, n, device)], True
    step = max(1, TILE_PAIRS // (2 * n))
    starts = ((view * n + first, view * n + min(first + step, n)) for view in (0, 1) for first in range(0, n, step))
    return [_Tile(first, last, n, device) for first, last in starts], False


@dataclass
class _Rows:
    """Unit rows, and the same in the type in which a CPU multiplies them."""

    exact: Tensor
    narrow: Tensor

    @classmethod
    def of(cls, rows: Tensor, dtype: torch.dtype) -> _Rows:
        return cls(rows, rows.to(dtype) if rows.device.type == "cpu" else rows)

    def similarity(
        self, some: slice, itself: Tensor, how: Contrast, with_slope: bool
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return similarities of some rows with all, slopes by the cosine (None: 1 or not asked), the rows multiplied.

        Those are `narrow` if that can tell the pairs apart. A row's similarity with itself, in the columns
        `itself`, means nothing.
        """
        used = self.narrow
        cosine = (used[some] @ used.T).scatter_(1, itself, 0.0)
        if used.dtype != self.exact.dtype:
            least, most = cosine.aminmax()
            if max(-float(least), float(most)) > 1 - REFINE_GAP:
                close = int((cosine.abs() > 1 - REFINE_GAP).sum())
                if close > CLOSE_SHARE * cosine.numel():
                    used = self.exact
                    cosine = (used[some] @ used.T).scatter_(1, itself, 0.0)
        if not how.angular:
            return cosine.clamp_(-1.0, 1.0).to(how.dtype), None, used
        return *angle_and_slope(self.exact[some], self.exact, cosine, how.dtype, with_slope), used


def _logits(
    tile: _Tile,
    views: _Rows,
    instances: _Rows | None,
    how: Contrast,
    positive: Tensor | None = None,
    total: Tensor | None = None,
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | float]:
    """Return logits of a tile's negatives (-inf for the other pairs), slopes, rows multiplied, temperature.

    In the first pass the similarities are noted on the way: each positive's in `positive`, their sum in `total`.
    """
    similarity, slope, used = views.similarity(tile.rows, tile.itself, how, True)
    if positive is not None and total is not None:
        positive[tile.rows] = similarity.gather(1, tile.positive)[:, 0]
        if how.dynamic:
            similarity.scatter_(1, tile.itself, 0.0)
            total += similarity.sum(dtype=total.dtype)
    temperature: Tensor | float = how.temperature
    if instances is not None:  # Eq 2
        rows = tile.itself[: tile.instances.stop - tile.instances.start] % (len(views.exact) // 2)
        alike, _, _ = instances.similarity(tile.instances, rows, how, False)
        temperature = alike.clamp_min_(how.floor).sqrt_().mul_(how.temperature)
    logits = _by_instance(similarity, temperature)
    return logits.scatter_(1, tile.itself, -math.inf).scatter_(1, tile.positive, -math.inf), slope, used, temperature


def _by_instance(pairs: Tensor, temperature: Tensor | float) -> Tensor:
    """Divide, in place, pairs of views (rows, 2n) by the temperature of their instances (rows or n, n)."""
    if isinstance(temperature, float):
        return pairs.div_(temperature)
    n = temperature.shape[1]
    pairs.view(-1, len(temperature), 2, n).div_(temperature[:, None, :])
    return pairs
