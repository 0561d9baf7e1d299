"""Pairwise similarity of embeddings: cosine, and the angular similarity s_a = 1 - arccos(s_c) / pi of Eq 6.

`acos` of a matrix product would not do: near +-1 a rounded cosine says little about the angle, and the slope
of arccos is infinite there. Instead,
- products are taken in float64 where the device has it. For half and single precision, whose results come
  back in float32, the gap 1 - |s_c| of the product is then fine enough for any angle that the input resolves,
  and neither autocast nor reduced-precision matrix units change anything;
- where the product carries no more bits than the result (float64 input, a device without float64, or a caller
  who takes products in single precision for speed), the gap of nearly parallel or opposite rows comes from their
  difference: |u - v|^2 = 2 (1 - s_c) for unit rows;
- angle and slope both come from the gap. Only the slope is bounded: it is 0 where two rows point the same or
  the opposite way up to rounding, and Eq 6's everywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ZERO_NORM = 1e-12
"""Rows of smaller norm count as zero: s_c = 0 and s_a = 0.5 with everything, and no gradient."""

# Rows closer than this many rounding units are one direction; scaling a row may turn it by 1.5 of them.
_PARALLEL_EPS = 4.0
REFINE_GAP = 1e-3
"""Below this gap a product of the rows' own precision has cost 1 - |s_c| more than three digits."""
# Numbers in the differences of rows that are held at one time.
_REFINE_NUMBERS = 1 << 22


def cosine_similarity(a: Tensor, b: Tensor | None = None) -> Tensor:
    """Return the cosine similarity s_c of every row of `a` with every row of `b`.

    Args:
        a: (N, d) embeddings, any floating type, entries of any finite size.
        b: (M, d) embeddings; None compares `a` with itself, at a lower price than passing it twice.

    Returns:
        (N, M) in [-1, 1]; float64 for float64 input, else float32. Rows of norm below 1e-12 give 0.

    Raises:
        ValueError: not two-dimensional, no columns, differing widths, or not floating point.

    >>> cosine_similarity(torch.tensor([[2.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    tensor([[ 1.,  0., -1.]])
    """
    return _of_rows(a, b, angular=False)


def angular_similarity(a: Tensor, b: Tensor | None = None) -> Tensor:
    """Return the angular similarity s_a (Eq 6) of every row of `a` with every row of `b`.

    The value is exact at +-1 (1 for rows of one direction, 0 for opposite ones); the gradient is 0 there and
    follows Eq 6 elsewhere. Differentiable once.

    Args:
        a: (N, d) embeddings, as of `cosine_similarity`, which says what is refused.
        b: (M, d) embeddings, or None.

    Returns:
        (N, M) in [0, 1]; float64 for float64 input, else float32. Rows of norm below 1e-12 give 0.5.

    >>> angular_similarity(torch.tensor([[2.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    tensor([[1.0000, 0.5000, 0.0000]])
    """
    return _of_rows(a, b, angular=True)


SIMILARITIES: dict[str, Callable[..., Tensor]] = {"cosine": cosine_similarity, "angular": angular_similarity}
"""Similarities by the name that losses and recipes use."""


def unit_rows(x: Tensor) -> Tensor:
    """Return the rows of `x` (N, d) brought to norm 1, rows of norm below 1e-12 to 0.

    In float64 where the device has it. Norms neither overflow nor underflow, whatever the entries' size.
    """
    with torch.autocast(x.device.type, enabled=False):
        units: Tensor = _UnitRows.apply(x, _product_type(x))
    return units


def unit_similarity(u: Tensor, v: Tensor | None, angular: bool, dtype: torch.dtype) -> Tensor:
    """Return s_a (`angular`) or s_c of unit rows u (N, d) with v (M, d), or with each other: (N, M) of type `dtype`.

    For the gradient, two rows that `dtype` cannot tell apart are of one direction.
    """
    with torch.autocast(u.device.type, enabled=False):
        similarity: Tensor = _UnitSimilarity.apply(u, v, angular, dtype)
    return similarity


def _of_rows(a: Tensor, b: Tensor | None, angular: bool) -> Tensor:
    for name, rows in (("a", a), ("b", b)):
        if rows is not None:
            check_rows(name, rows)
    dtype = result_type(a)
    if b is None:
        return unit_similarity(unit_rows(a), None, angular, dtype)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"a has {a.shape[1]} columns and b has {b.shape[1]}; expected rows of equal width")
    dtype = torch.promote_types(dtype, result_type(b))
    return unit_similarity(unit_rows(a.to(dtype)), unit_rows(b.to(dtype)), angular, dtype)


def check_rows(name: str, rows: Tensor) -> None:
    """Raise ValueError unless `rows` is a floating-point matrix of at least one column."""
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(f"{name} has shape {tuple(rows.shape)}; expected (rows, features), 1 feature or more")
    if not rows.is_floating_point():
        raise ValueError(f"{name} has type {rows.dtype}; expected floating-point embeddings")


def result_type(rows: Tensor) -> torch.dtype:
    """Return the type of losses of `rows`: float64 stays, half precision becomes float32."""
    return torch.promote_types(rows.dtype, torch.float32)


def _product_type(rows: Tensor) -> torch.dtype:
    return result_type(rows) if rows.device.type == "mps" else torch.float64  # Apple GPUs have no float64


class _UnitRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.dtype = x.dtype
        if result_type(x) == dtype:  # squares may overflow or vanish: bring the largest entry to 1
            x = x.to(dtype)
            largest = torch.linalg.vector_norm(x, math.inf, dim=1, keepdim=True)
            scale = torch.where(largest > 0, largest, 1.0)
            x = x / scale
            length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
            inverse_norm = 1.0 / length / scale
            zero = length * scale < ZERO_NORM
        else:  # the squares of a narrower type fit
            length = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=dtype)
            inverse_norm = 1.0 / length
            zero = length < ZERO_NORM
        units = (x / length).masked_fill_(zero, 0.0)
        ctx.save_for_backward(units, inverse_norm.masked_fill_(zero, 0.0))
        return units

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        units, inverse_norm = ctx.saved_tensors
        radial = (units * grad).sum(dim=1, keepdim=True)
        return torch.addcmul(grad, units, radial, value=-1).mul_(inverse_norm).to(ctx.dtype), None


class _UnitSimilarity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, v: Tensor | None, angular: bool, dtype: torch.dtype) -> Tensor:
        other = u if v is None else v
        cosine = u @ other.T
        slope = None
        if angular:
            similarity, slope = angle_and_slope(u, other, cosine, dtype)
        else:
            similarity = cosine.clamp_(-1.0, 1.0).to(dtype)
        ctx.alone = v is None
        ctx.save_for_backward(u, v, slope)
        return similarity

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        u, v, slope = ctx.saved_tensors
        with torch.autocast(u.device.type, enabled=False):
            grad = grad if slope is None else grad * slope
            if ctx.alone:
                return (grad + grad.T).to(u.dtype) @ u, None, None, None
            grad = grad.to(u.dtype)
            to_u = grad @ v if ctx.needs_input_grad[0] else None
            to_v = grad.T @ u if ctx.needs_input_grad[1] else None
        return to_u, to_v, None, None


def angle_and_slope(
    u: Tensor, v: Tensor, cosine: Tensor, dtype: torch.dtype, with_slope: bool = True
) -> tuple[Tensor, Tensor | None]:
    """Return s_a and its slope d s_a / d s_c, both (N, M) in `dtype`, from unit rows and their products.

    The products are overwritten. Theirs may be a narrower type than the rows'.
    """
    # 1 in the half circle of the same direction, else 0; `torch.where` of a mask takes ten times as long on a CPU
    same = torch.ge(cosine, 0.0, out=torch.empty_like(cosine, dtype=dtype))
    gap = cosine.abs_().sub_(1.0).neg_().to(dtype)
    if cosine.dtype == dtype and gap.numel() and not bool(gap.amin() >= REFINE_GAP):
        _refine(gap, u, v, same)
    # Below the resolution two rows are one direction: gap and slope 0. (A NaN gap stays NaN.)
    torch.threshold_(gap, (_PARALLEL_EPS * torch.finfo(dtype).eps) ** 2 / 2, 0.0)
    slope = None
    if with_slope:
        slope = torch.rsub(gap, 2.0).mul_(gap).rsqrt_().mul_(1.0 / math.pi).nan_to_num_(posinf=0.0)
    turn = gap.mul_(0.5).sqrt_().asin_().mul_(2.0 / math.pi)  # angle to the nearer pole, in units of pi
    return turn.lerp_(1.0 - turn, same), slope  # exact at both ends


def _refine(gap: Tensor, u: Tensor, v: Tensor, same: Tensor) -> None:
    """Replace, in place, small gaps by half the squared distance of the rows (of u and -v unless `same`)."""
    rows, columns = torch.nonzero(gap < REFINE_GAP, as_tuple=True)
    step = max(1, _REFINE_NUMBERS // u.shape[1])
    for start in range(0, len(rows), step):
        i, k = rows[start : start + step], columns[start : start + step]
        nearer = torch.where(same[i, k].unsqueeze(1) > 0, v[k], -v[k])
        gap[i, k] = ((u[i] - nearer).square().sum(dim=1) / 2).to(gap.dtype)
