"""Angular similarity (Eq 6): value, slope and the edges where arccos misbehaves."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from otolith.losses import angular_similarity, cosine_similarity, similarity
from otolith.losses.similarity import unit_rows

FLOATS = [torch.float32, torch.float64]
quick = settings(max_examples=60, deadline=None, derandomize=True)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def at_degrees(*degrees: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """Unit rows in the plane at the given angles."""
    radians = torch.tensor(degrees, dtype=torch.float64) * (math.pi / 180)
    return torch.stack([radians.cos(), radians.sin()], dim=1).to(dtype)


def two_rows(angle: float, opposite: bool, d: int = 7, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Unit u and v (d,), `angle` apart (or from -u), and the gradient of s_a(u, v) to v that Eq 6 gives."""
    basis, _ = torch.linalg.qr(torch.randn(d, 2, dtype=torch.float64, generator=generator(seed)))
    pole, across = (-basis[:, 0] if opposite else basis[:, 0]), basis[:, 1]
    v = math.cos(angle) * pole + math.sin(angle) * across
    away = math.cos(angle) * across - math.sin(angle) * pole  # direction in which v leaves the pole fastest
    return basis[:, 0], v, away / math.pi * (1 if opposite else -1)


def gradient_to_second(u: Tensor, v: Tensor, dtype: torch.dtype) -> Tensor:
    rows = torch.stack([u, v]).to(dtype).requires_grad_()
    angular_similarity(rows)[0, 1].backward()
    assert rows.grad is not None
    return rows.grad[1]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-15), (torch.float32, 1e-7)])
def test_angles_in_the_plane(dtype: torch.dtype, tolerance: float) -> None:
    degrees = [0.0, 0.001, 1, 30, 60, 89.9, 90, 120, 179, 179.999, 180]
    expected = torch.tensor([1 - degree / 180 for degree in degrees], dtype=dtype)
    got = angular_similarity(at_degrees(0.0, *degrees, dtype=dtype))[0, 1:]
    torch.testing.assert_close(got, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS)
def test_exact_at_both_poles(dtype: torch.dtype) -> None:
    rows = torch.randn(30, 19, dtype=dtype, generator=generator(1))
    factors = torch.rand(30, 1, dtype=dtype, generator=generator(2)) * 10 + 0.1
    assert (angular_similarity(rows).diagonal() == 1).all()
    assert (angular_similarity(rows, rows * factors).diagonal() == 1).all()
    assert (angular_similarity(rows, -rows).diagonal() == 0).all()
    assert (angular_similarity(rows, -factors * rows).diagonal() == 0).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0, -0.7])
def test_gradient_is_zero_at_both_poles(dtype: torch.dtype, factor: float) -> None:
    rows = torch.randn(30, 19, dtype=dtype, generator=generator(3)).requires_grad_()
    others = (factor * rows.detach()).requires_grad_()
    angular_similarity(rows, others).diagonal().sum().backward()
    assert rows.grad is not None
    assert others.grad is not None
    assert not rows.grad.any()
    assert not others.grad.any()


@pytest.mark.parametrize("opposite", [False, True])
@pytest.mark.parametrize("angle", [1.0, 0.3, 1e-2, 1e-3, 1e-5, 1e-6, 1e-8, 1e-11])
def test_gradient_follows_eq_6_in_double(angle: float, opposite: bool) -> None:
    u, v, expected = two_rows(angle, opposite)
    # Storing v in float64 turns it by some 1e-16 of arc: that much of its direction cannot be known.
    torch.testing.assert_close(gradient_to_second(u, v, torch.float64), expected, rtol=0, atol=4e-16 / angle + 1e-15)


@pytest.mark.parametrize("opposite", [False, True])
@pytest.mark.parametrize("angle", [1.0, 0.3, 1e-2, 1e-3, 1e-4, 1e-5])
def test_gradient_follows_eq_6_in_single(angle: float, opposite: bool) -> None:
    u, v, expected = two_rows(angle, opposite)
    got = gradient_to_second(u, v, torch.float32)
    torch.testing.assert_close(got.double(), expected, rtol=0, atol=2e-7 / angle + 1e-7)
    # Against float64 on the rounded rows even the smallest angle leaves nothing to rounding.
    double = gradient_to_second(u.float(), v.float(), torch.float64)
    torch.testing.assert_close(got, double.float(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cosine", [1 - 1e-12, -1 + 1e-12])
def test_gradient_where_a_clamped_cosine_would_stop_it(cosine: float) -> None:
    u, v, expected = two_rows(math.acos(abs(cosine)), cosine < 0)
    torch.testing.assert_close(gradient_to_second(u, v, torch.float64), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["cosine_similarity", "angular_similarity"])
def test_gradcheck(name: str) -> None:
    compare = getattr(similarity, name)
    a = torch.randn(5, 3, dtype=torch.float64, generator=generator(4), requires_grad=True)
    b = torch.randn(4, 3, dtype=torch.float64, generator=generator(5), requires_grad=True)
    assert torch.autograd.gradcheck(compare, (a,))
    assert torch.autograd.gradcheck(compare, (a, b))


def test_central_differences_agree_at_the_poles() -> None:
    # s_a has a cusp at identical rows; its symmetric difference is 0 there, as the bounded slope says.
    row = torch.tensor([[0.6, -0.2, 1.0]], dtype=torch.float64)
    a = torch.cat([row, row, -row, 3 * row]).requires_grad_()
    assert torch.autograd.gradcheck(angular_similarity, (a,))


@pytest.mark.parametrize("name", ["cosine_similarity", "angular_similarity"])
def test_two_arguments_are_a_block_of_one(name: str) -> None:
    compare = getattr(similarity, name)
    rows = torch.randn(9, 4, dtype=torch.float64, generator=generator(6), requires_grad=True)
    weights = torch.randn(5, 4, dtype=torch.float64, generator=generator(7))
    block = compare(rows[:5], rows[5:])
    whole = compare(rows)[:5, 5:]
    torch.testing.assert_close(block, whole, rtol=0, atol=1e-15)
    (from_block,) = torch.autograd.grad((weights * block).sum(), rows)
    (from_whole,) = torch.autograd.grad((weights * whole).sum(), rows)
    torch.testing.assert_close(from_block, from_whole, rtol=0, atol=1e-14)


def test_cosine_is_the_usual_one() -> None:
    rows = torch.randn(6, 5, dtype=torch.float64, generator=generator(8))
    usual = torch.nn.functional.cosine_similarity(rows[:, None], rows[None], dim=2)
    torch.testing.assert_close(cosine_similarity(rows), usual, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, *FLOATS])
def test_zero_rows_are_at_right_angles_to_everything(dtype: torch.dtype) -> None:
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]], dtype=dtype, requires_grad=True)
    s_a, s_c = angular_similarity(rows), cosine_similarity(rows)
    for of_zero in (s_a[0], s_a[:, 2]):
        torch.testing.assert_close(of_zero, torch.full_like(of_zero, 0.5), rtol=0, atol=1e-15)
    assert not s_c[0].any()
    (s_a.sum() + s_c.sum()).backward()
    assert rows.grad is not None
    assert not rows.grad.any()


@pytest.mark.parametrize("dtype", FLOATS)
def test_norm_of_1e_12_divides_zero_from_small(dtype: torch.dtype) -> None:
    direction = torch.tensor([[0.6, 0.8]], dtype=dtype)
    small = torch.cat([direction * 0.99e-12, direction * 1.01e-12])
    torch.testing.assert_close(angular_similarity(small, direction), torch.tensor([[0.5], [1.0]], dtype=dtype))


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 1e30), (torch.float32, 3e38), (torch.float64, 1e300)])
def test_norms_do_not_overflow(dtype: torch.dtype, size: float) -> None:
    rows = (at_degrees(0, 60, 180, dtype=dtype) * size).requires_grad_()
    got = angular_similarity(rows)
    torch.testing.assert_close(got[0].detach(), torch.tensor([1, 2 / 3, 0], dtype=dtype))
    got.sum().backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


@quick
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 1.0, -1.0, 1e-30, 1e30, -1e30, 1e-13, 3.7]), min_size=3, max_size=3),
        min_size=2,
        max_size=6,
    ),
    st.sampled_from(FLOATS),
)
def test_hostile_rows_give_finite_bounded_results(rows: list[list[float]], dtype: torch.dtype) -> None:
    z = torch.tensor(rows, dtype=dtype, requires_grad=True)
    s_a, s_c = angular_similarity(z), cosine_similarity(z)
    assert ((s_a >= 0) & (s_a <= 1)).all()
    assert (s_c.abs() <= 1).all()
    (s_a.sum() + s_c.square().sum()).backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


@quick
@given(st.floats(1e-6, 1e6), st.integers(0, 1000))
def test_length_does_not_matter(factor: float, seed: int) -> None:
    rows = torch.randn(4, 3, dtype=torch.float64, generator=generator(seed))
    torch.testing.assert_close(angular_similarity(rows * factor), angular_similarity(rows), rtol=0, atol=1e-14)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_stays_visible(bad: float) -> None:
    for dtype in FLOATS:
        rows = torch.tensor([[bad, 1.0], [1.0, 0.0]], dtype=dtype, requires_grad=True)
        for compare in (angular_similarity, cosine_similarity):
            got = compare(rows)
            assert got[0].isnan().all()
            (gradient,) = torch.autograd.grad(got.sum(), rows)
            assert gradient.isnan().all()


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(half: torch.dtype) -> None:
    rows = torch.randn(6, 5, generator=generator(9)).to(half)
    got = angular_similarity(rows)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, angular_similarity(rows.float()), rtol=0, atol=0)


@pytest.mark.parametrize("products", [torch.float64, torch.float32])
def test_autocast_changes_nothing(products: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_product_type", lambda rows: products)
    rows = torch.randn(6, 5, generator=generator(10), requires_grad=True)
    weights = torch.randn(6, 6, generator=generator(11))

    def value_and_gradient(name: str) -> tuple[Tensor, Tensor]:
        value = getattr(similarity, name)(rows)
        return value, torch.autograd.grad((weights * value).sum(), rows)[0]

    for name in ("cosine_similarity", "angular_similarity"):
        plain = value_and_gradient(name)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            cast = value_and_gradient(name)
        torch.testing.assert_close(cast, plain, rtol=0, atol=0)


def test_devices_without_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_product_type", lambda rows: torch.float32)
    for opposite in (False, True):
        for angle in (1.0, 1e-2, 1e-4):
            u, v, expected = two_rows(angle, opposite)
            got = gradient_to_second(u, v, torch.float32).double()
            torch.testing.assert_close(got, expected, rtol=0, atol=3e-7 / angle + 1e-6)
    rows = torch.tensor([[1e30, 0.0], [-2e30, 0.0], [0.0, 1e-13], [3.0, 3.0]], requires_grad=True)
    got = angular_similarity(rows)
    torch.testing.assert_close(got[0].detach(), torch.tensor([1, 0, 0.5, 0.75]))
    got.sum().backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


def test_refinement_in_pieces_is_refinement_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.ones(12, 6, dtype=torch.float64)
    rows = rows + 1e-5 * torch.randn(12, 6, dtype=torch.float64, generator=generator(12))
    rows[6:] *= -1
    at_once = angular_similarity(rows)
    monkeypatch.setattr(similarity, "_REFINE_NUMBERS", 40)
    torch.testing.assert_close(angular_similarity(rows), at_once, rtol=0, atol=0)


def test_unit_rows_compare_block_by_block() -> None:
    rows = torch.randn(8, 5, generator=generator(13))
    units = unit_rows(rows)
    blocks = [similarity.unit_similarity(part, units, True, torch.float32) for part in units.split(3)]
    torch.testing.assert_close(torch.cat(blocks), angular_similarity(rows), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.zeros(3), None, r"a has shape \(3,\); expected \(rows, features\)"),
        (torch.zeros(3, 0), None, r"a has shape \(3, 0\)"),
        (torch.zeros(3, 2, dtype=torch.int64), None, "a has type torch.int64; expected floating-point"),
        (torch.zeros(3, 2), torch.zeros(3, 2, 1), r"b has shape \(3, 2, 1\)"),
        (torch.zeros(3, 2), torch.zeros(3, 4), "a has 2 columns and b has 4"),
    ],
)
def test_wrong_input(a: Tensor, b: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        angular_similarity(a, b)


def test_mixed_types_meet_in_the_wider() -> None:
    a, b = torch.randn(2, 3, generator=generator(14)), torch.randn(4, 3, generator=generator(15)).double()
    torch.testing.assert_close(angular_similarity(a, b), angular_similarity(a.double(), b), rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu() -> None:
    rows = torch.randn(64, 32, generator=generator(16))
    rows[1], rows[2], rows[3] = rows[0], -3 * rows[0], 0
    torch.testing.assert_close(angular_similarity(rows.cuda()).cpu(), angular_similarity(rows), rtol=0, atol=1e-6)
