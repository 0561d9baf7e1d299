"""NT-Xent and NDT-Xent at the edges: gradients, number types, hostile values, wrong input."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from otolith.losses import angular_similarity, ndt_xent, nt_xent, xent
from otolith.losses.contrastive import negative_temperature, positive_temperature
from tests.helpers.paper_equations import BATCHES, READINGS, randn

quick = settings(max_examples=40, deadline=None, derandomize=True)

# --- gradients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("tau", [0.1, 1.0])
def test_gradcheck_ndt_xent(n: int, tau: float, reading: str) -> None:
    z, h = randn(2 * n, 3, seed=13).requires_grad_(), randn(n, 3, seed=14)
    assert torch.autograd.gradcheck(lambda rows: ndt_xent(rows, h, tau, positive_pairs=reading), (z,))
    # With tau_pos detached the gradient is that of the loss at a fixed tau_pos, not of the value as it moves.
    s = angular_similarity(z.detach())
    fixed = positive_temperature(s, tau, reading)
    (got,) = torch.autograd.grad(ndt_xent(z, h, tau, detach_positive=True, positive_pairs=reading), z)
    numeric = torch.zeros_like(z)
    for i, k in itertools.product(*map(range, z.shape)):
        step = torch.zeros_like(z)
        step[i, k] = 1e-6
        ahead, behind = (
            xent(angular_similarity(z.detach() + sign * step), fixed, negative_temperature(h, tau)) for sign in (1, -1)
        )
        numeric[i, k] = (ahead - behind) / 2e-6
    torch.testing.assert_close(got, numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("similarity", ["cosine", "angular"])
@pytest.mark.parametrize("tau", [0.1, 1.0])
def test_gradcheck_nt_xent(similarity: str, tau: float) -> None:
    for n in (2, 4):
        z = randn(2 * n, 3, seed=15).requires_grad_()
        assert torch.autograd.gradcheck(lambda rows: nt_xent(rows, tau, similarity), (z,))


@pytest.mark.parametrize("case", ["all h identical", "duplicated", "opposite", "all z identical", "all identical"])
@pytest.mark.parametrize("reading", READINGS)
def test_gradcheck_where_rows_coincide(case: str, reading: str) -> None:
    z, h = BATCHES[case]
    z = z.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: ndt_xent(rows, h, positive_pairs=reading), (z,))
    assert torch.autograd.gradcheck(lambda rows: nt_xent(rows, similarity="angular"), (z,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", BATCHES)
def test_gradients_are_finite(case: str, dtype: torch.dtype) -> None:
    z, h = BATCHES[case]
    for tau in (0.1, 0.001):
        rows = z.to(dtype, copy=True).requires_grad_()
        (ndt_xent(rows, h.to(dtype), tau) + nt_xent(rows, tau) + nt_xent(rows, tau, "angular")).backward()
        assert rows.grad is not None
        assert rows.grad.isfinite().all()


def test_nearly_collapsed_embeddings_keep_their_gradient_in_single() -> None:
    # What a fresh encoder gives: all views within about 1e-3 of one direction.
    z, h = (randn(1, 64, seed=29) + 1e-3 * randn(32, 64, seed=30)).float(), randn(16, 8, seed=31)
    for loss in (lambda rows: ndt_xent(rows, h), lambda rows: nt_xent(rows, similarity="angular")):
        (single,) = torch.autograd.grad(loss(rows := z.clone().requires_grad_()), rows)
        (double,) = torch.autograd.grad(loss(rows := z.double().requires_grad_()), rows)
        assert (single - double).norm() < 1e-6 * double.norm()


def test_collapsed_embeddings_do_not_move() -> None:
    z = randn(1, 4, seed=16).repeat(8, 1).requires_grad_()
    ndt_xent(z, randn(4, 3, seed=17)).backward()
    assert z.grad is not None
    assert not z.grad.any()


# --- types ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_and_returned_in_single(half: torch.dtype) -> None:
    z, h = randn(8, 4, seed=19).to(half).requires_grad_(), randn(4, 3, seed=20).to(half)
    for loss, single in (
        (ndt_xent(z, h), ndt_xent(z.float(), h.float())),
        (nt_xent(z), nt_xent(z.float())),
        (nt_xent(z, similarity="angular"), nt_xent(z.float(), similarity="angular")),
    ):
        assert loss.dtype == torch.float32
        assert loss.item() == single.item()
        (gradient,) = torch.autograd.grad(loss, z)
        assert gradient.dtype == half
        assert gradient.isfinite().all()


def test_the_teacher_may_have_another_type() -> None:
    z, h = randn(8, 4, seed=21), randn(4, 3, seed=22)
    assert ndt_xent(z.float(), h).dtype == torch.float32
    assert ndt_xent(z.float(), h).item() == pytest.approx(ndt_xent(z, h).item(), rel=1e-6)
    assert ndt_xent(z, h.float()).dtype == torch.float64


def test_autocast_changes_nothing() -> None:
    z, h = randn(8, 64, seed=23).float().requires_grad_(), randn(4, 32, seed=24).float()
    for loss in (lambda: ndt_xent(z, h), lambda: nt_xent(z), lambda: nt_xent(z, similarity="angular")):
        plain = loss()
        (expected,) = torch.autograd.grad(plain, z)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            cast = loss()
            (got,) = torch.autograd.grad(cast, z)
        assert cast.dtype == torch.float32
        assert cast.item() == plain.item()
        assert torch.equal(got, expected)


# --- properties -----------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_order_of_instances_and_views_does_not_matter(seed: int, n: int) -> None:
    z, h = randn(2 * n, 3, seed=seed), randn(n, 2, seed=seed + 1)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    shuffled = torch.cat([z[:n][order], z[n:][order]])
    swapped = torch.cat([z[n:], z[:n]])
    for reading in READINGS:
        expected = ndt_xent(z, h, positive_pairs=reading).item()
        assert ndt_xent(shuffled, h[order], positive_pairs=reading).item() == pytest.approx(expected, rel=1e-12)
        assert ndt_xent(swapped, h, positive_pairs=reading).item() == pytest.approx(expected, rel=1e-12)
    for similarity in ("cosine", "angular"):
        expected = nt_xent(z, 0.1, similarity).item()
        assert nt_xent(shuffled, 0.1, similarity).item() == pytest.approx(expected, rel=1e-12)
        assert nt_xent(swapped, 0.1, similarity).item() == pytest.approx(expected, rel=1e-12)


@quick
@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_lengths_do_not_matter(seed: int, of_z: float, of_h: float) -> None:
    z, h = randn(6, 3, seed=seed), randn(3, 2, seed=seed + 1)
    lengths = torch.tensor([[of_z], [1.0], [1.0], [2.0], [of_z], [0.1]])
    assert ndt_xent(z * lengths, h * of_h).item() == pytest.approx(ndt_xent(z, h).item(), rel=1e-11)
    assert nt_xent(z * lengths).item() == pytest.approx(nt_xent(z).item(), rel=1e-11)


HOSTILE = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e30, -1e30, 1e-30, 1e-13, 2.5, 3e38])


@quick
@given(st.data(), st.integers(2, 4), st.sampled_from([torch.float32, torch.float64]), st.floats(1e-3, 10.0))
def test_hostile_values_give_finite_losses_and_gradients(
    data: st.DataObject, n: int, dtype: torch.dtype, tau: float
) -> None:
    def rows(count: int) -> Tensor:
        entries = st.lists(HOSTILE, min_size=2, max_size=2)
        return torch.tensor(data.draw(st.lists(entries, min_size=count, max_size=count)), dtype=dtype)

    z, h = rows(2 * n).requires_grad_(), rows(n)
    for reading in READINGS:
        loss = ndt_xent(z, h, tau, positive_pairs=reading) + nt_xent(z, tau) + nt_xent(z, tau, "angular")
        assert loss.isfinite()
        (gradient,) = torch.autograd.grad(loss, z)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_stays_visible(bad: float) -> None:
    z, h = randn(6, 3, seed=25), randn(3, 2, seed=26)
    z[1, 1] = bad
    assert ndt_xent(z, h).isnan()
    assert nt_xent(z).isnan()
    h[0, 0] = bad
    assert ndt_xent(randn(6, 3, seed=25), h).isnan()


# --- refusals -------------------------------------------------------------------------------------------


Z, H = randn(6, 4, seed=27), randn(3, 2, seed=28)


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (Z[:2], r"z has 2 rows, 1 instance\(s\), so no negatives"),
        (Z[:0], r"z has 0 rows, 0 instance\(s\)"),
        (Z[:5], "z has 5 rows; expected an even number"),
        (Z[0], r"z has shape \(4,\)"),
        (Z[:, None], r"z has shape \(6, 1, 4\)"),
        (Z[:, :0], r"z has shape \(6, 0\)"),
        (Z.long(), "z has type torch.int64"),
    ],
)
def test_wrong_views(z: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nt_xent(z)
    with pytest.raises(ValueError, match=message):
        ndt_xent(z, H[: max(1, len(z) // 2)])


@pytest.mark.parametrize(
    ("h", "message"),
    [
        (H[:2], "h has 2 rows and z has 6"),
        (randn(6, 2), "h has 6 rows and z has 6"),
        (H[:, 0], r"h has shape \(3,\)"),
        (H[:, :0], r"h has shape \(3, 0\)"),
        (H.long(), "h has type torch.int64"),
    ],
)
def test_wrong_instances(h: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ndt_xent(Z, h)


@pytest.mark.parametrize("temperature", [0.0, -0.1, math.nan, math.inf, "0.1", None])
def test_wrong_temperature(temperature: float) -> None:
    for call in (
        lambda: nt_xent(Z, temperature),
        lambda: ndt_xent(Z, H, temperature),
        lambda: negative_temperature(H, temperature),
        lambda: positive_temperature(angular_similarity(Z), temperature),
    ):
        with pytest.raises(ValueError, match=r"temperature is .*; expected a finite number above 0"):
            call()


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="unknown similarity 'angul'; did you mean 'angular'"):
        nt_xent(Z, similarity="angul")
    with pytest.raises(ValueError, match="unknown positive_pairs 'view'; did you mean 'views'"):
        ndt_xent(Z, H, positive_pairs="view")


@pytest.mark.parametrize("shape", [(5, 5), (2, 2), (4, 6), (4,)])
def test_wrong_matrices(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(2n, 2n\), n >= 2"):
        xent(torch.zeros(shape), 0.1, 0.1)
    with pytest.raises(ValueError, match=r"expected \(2n, 2n\), n >= 2"):
        positive_temperature(torch.zeros(shape), 0.1)


def test_wrong_negative_temperatures() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 2\); expected a scalar, \(3, 3\) or \(6, 6\)"):
        xent(torch.zeros(6, 6), 0.1, torch.ones(2, 2))
