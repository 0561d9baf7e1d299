"""The losses from tiles of rows against their plain form, for tiles of every size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from otolith import fast
from otolith.losses import ndt_xent, nt_xent, tiled

LOSSES = {
    "cosine": lambda z, h: nt_xent(z, 0.1),
    "angular": lambda z, h: nt_xent(z, 0.2, "angular"),
    "dynamic": lambda z, h: ndt_xent(z, h, 0.1),
    "views": lambda z, h: ndt_xent(z, h, 0.3, positive_pairs="views"),
    "detached": lambda z, h: ndt_xent(z, h, 0.1, detach_positive=True),
}


def both(name: str, z: Tensor, h: Tensor) -> list[tuple[Tensor, Tensor]]:
    results = []
    for off in (False, True):
        leaf = z.clone().requires_grad_()
        with fast.plain(off):
            loss = LOSSES[name](leaf, h)
            (3 * loss).backward()
        results.append((loss.detach(), leaf.grad))
    return results


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n", [2, 3, 16, 37])
@pytest.mark.parametrize("tile", ["whole", 1, 5, 37])
def test_tiles_of_every_size(name: str, n: int, tile: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    if tile != "whole":
        monkeypatch.setattr(tiled, "KEPT_PAIRS", 0)
        monkeypatch.setattr(tiled, "TILE_PAIRS", 2 * n * int(tile))
    made = torch.Generator().manual_seed(n)
    z = torch.randn(2 * n, 9, generator=made, dtype=torch.float64)
    z[n] = z[0]  # a view like its positive, and one like a negative
    z[1] = -z[0]
    h = torch.randn(n, 4, generator=made, dtype=torch.float64)
    h[-1] = h[0]
    (ours, ours_grad), (theirs, theirs_grad) = both(name, z, h)
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(ours_grad, theirs_grad, rtol=1e-9, atol=1e-11)
    (ours, ours_grad), (theirs, theirs_grad) = both(name, z.float(), h.float())
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert (ours_grad - theirs_grad).norm() <= 1e-4 * theirs_grad.norm() + 1e-7


def test_a_batch_beyond_one_tile_without_tricks() -> None:
    n = 800  # 2.56 million pairs, above KEPT_PAIRS
    assert 4 * n * n > tiled.KEPT_PAIRS
    made = torch.Generator().manual_seed(0)
    z, h = torch.randn(2 * n, 16, generator=made), torch.randn(n, 8, generator=made)
    (ours, ours_grad), (theirs, theirs_grad) = both("dynamic", z, h)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert (ours_grad - theirs_grad).norm() <= 1e-4 * theirs_grad.norm()


@pytest.mark.parametrize("name", ["cosine", "angular", "dynamic"])
@pytest.mark.parametrize("close", [0, 3, 40])
def test_single_precision_with_few_and_many_rows_nearly_parallel(name: str, close: int) -> None:
    """The last rows differ by 1e-3: few are compared by their differences, many by products in double precision."""
    n = 40
    made = torch.Generator().manual_seed(4)
    z, h = torch.randn(2 * n, 32, generator=made), torch.randn(n, 8, generator=made)
    for view in (z[:n], z[n:]):
        view[n - close :] = z[0] + 1e-3 * torch.randn(close, 32, generator=made)
    single, double = z.clone().requires_grad_(), z.double().requires_grad_()
    ours, exact = LOSSES[name](single, h), LOSSES[name](double, h)
    ours.backward()
    exact.backward()
    torch.testing.assert_close(ours.double(), exact, rtol=1e-6, atol=1e-6)
    assert (single.grad - double.grad).norm() <= 1e-5 * double.grad.norm()


def test_value_alone_asks_for_no_gradient() -> None:
    z, h = torch.randn(8, 4), torch.randn(4, 3)
    with torch.no_grad():
        value = ndt_xent(z.requires_grad_(), h)
    assert not value.requires_grad
    torch.testing.assert_close(value, ndt_xent(z, h).detach())
