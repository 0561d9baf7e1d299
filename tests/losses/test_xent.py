"""NT-Xent and NDT-Xent against the paper's equations, an independent implementation and hand-made cases."""

from __future__ import annotations

import math

import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss

from otolith.losses import angular_similarity, ndt_xent, nt_xent, xent
from otolith.losses.contrastive import negative_temperature, positive_temperature
from tests.helpers.paper_equations import BATCHES, READINGS, at_degrees, paper_ndt_xent, paper_nt_xent, randn, s_a, s_c

# --- the paper ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BATCHES)
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("tau", [0.1, 1.0, 0.02])
def test_ndt_xent_is_eqs_2_to_6(case: str, reading: str, tau: float) -> None:
    z, h = BATCHES[case]
    expected = paper_ndt_xent(z.tolist(), h.tolist(), tau, reading)
    for detach in (False, True):
        got = ndt_xent(z, h, tau, detach_positive=detach, positive_pairs=reading)
        assert got.item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", BATCHES)
@pytest.mark.parametrize("tau", [0.1, 1.0, 0.02])
def test_nt_xent_is_eq_1(case: str, tau: float) -> None:
    z, _ = BATCHES[case]
    for name, similarity in (("cosine", s_c), ("angular", s_a)):
        expected = paper_nt_xent(z.tolist(), tau, similarity)
        assert nt_xent(z, tau, name).item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_random_batches_agree_to_the_last_digits() -> None:
    z, h = randn(24, 8, seed=3), randn(12, 5, seed=4)
    for reading in READINGS:
        expected = paper_ndt_xent(z.tolist(), h.tolist(), 0.1, reading)
        assert ndt_xent(z, h, positive_pairs=reading).item() == pytest.approx(expected, rel=1e-13)
    assert nt_xent(z).item() == pytest.approx(paper_nt_xent(z.tolist(), 0.1, s_c), rel=1e-13)


@pytest.mark.parametrize("case", BATCHES)
def test_single_precision(case: str) -> None:
    z, h = (rows.float() for rows in BATCHES[case])
    expected = paper_ndt_xent(z.tolist(), h.tolist(), 0.1, "instances")
    assert ndt_xent(z, h).dtype == torch.float32
    assert ndt_xent(z, h).item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


# --- by hand --------------------------------------------------------------------------------------------


def test_nt_xent_by_hand() -> None:
    # Two instances, views at right angles: A at 0 and 90 degrees, B at 180 and 270. Each view has its
    # positive at 90 degrees and negatives at 90 and 180.
    z = at_degrees(0, 180, 90, 270)
    angular = math.log((2 * math.exp(0.5) + 1) / math.exp(0.5))  # s_a: 1/2, 1/2 and 0
    cosine = math.log((2 + math.exp(-1)) / 1)  # s_c: 0, 0 and -1
    assert nt_xent(z, 1.0, "angular").item() == pytest.approx(angular, abs=1e-12)
    assert nt_xent(z, 1.0, "cosine").item() == pytest.approx(cosine, abs=1e-12)
    assert nt_xent(z, 0.5, "cosine").item() == pytest.approx(math.log(2 + math.exp(-2)), abs=1e-12)


def test_ndt_xent_by_hand() -> None:
    # The same views; the instances are 60 degrees apart, s_a(h) = 2/3. Of the 12 ordered pairs of views 8 are
    # negatives (half of them with s_a = 1/2, half 0: sum 2) and 4 positives (s_a = 1/2: sum 2).
    z, h = at_degrees(0, 180, 90, 270), at_degrees(10, 70)
    tau = 0.4
    tau_neg = tau * math.sqrt(2 / 3)
    for reading, mean in (("instances", 2 / 12), ("views", 4 / 12)):
        positive = math.exp(0.5 / (tau * math.sqrt(mean)))
        expected = math.log((positive + math.exp(0.5 / tau_neg) + 1) / positive)
        assert ndt_xent(z, h, tau, positive_pairs=reading).item() == pytest.approx(expected, abs=1e-12)


def test_temperatures_by_hand() -> None:
    got = negative_temperature(at_degrees(0, 60, 180), 0.2)
    expected = 0.2 * torch.tensor([[1, 2 / 3, 0], [2 / 3, 1, 1 / 3], [0, 1 / 3, 1]], dtype=torch.float64).sqrt()
    expected[0, 2] = expected[2, 0] = 0.2 * 0.01  # the floor, 1e-4 under the root
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-15)

    alike = torch.ones(6, 6, dtype=torch.float64)  # n = 3: 24 ordered negatives, printed divisor 30
    assert positive_temperature(alike, 0.2).item() == pytest.approx(0.2 * math.sqrt(24 / 30), abs=1e-15)
    assert positive_temperature(alike, 0.2, "views").item() == pytest.approx(0.2, abs=1e-15)
    assert positive_temperature(torch.zeros(4, 4), 0.2).item() == pytest.approx(0.2 * 0.01)


def test_xent_takes_every_shape_of_negative_temperature() -> None:
    s, of_instances = randn(6, 6, seed=5), randn(3, 3, seed=6).abs() + 0.1
    of_views = of_instances.repeat(2, 2)
    torch.testing.assert_close(xent(s, 0.3, of_instances), xent(s, 0.3, of_views), rtol=0, atol=0)
    torch.testing.assert_close(xent(s, 0.3, 0.2), xent(s, 0.3, torch.full((3, 3), 0.2).double()))
    torch.testing.assert_close(xent(s, torch.tensor(0.3), torch.tensor(0.2)), xent(s, 0.3, 0.2).double())
    assert xent(s, 0.3, of_instances) != xent(s, 0.3, of_instances.flip(0))


def test_xent_differentiates_similarity_and_both_temperatures() -> None:
    s = randn(6, 6, seed=7).requires_grad_()
    positive = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    for shape in ((3, 3), (6, 6), ()):
        negative = (randn(*shape, seed=8).abs() + 0.3).requires_grad_()
        assert torch.autograd.gradcheck(xent, (s, positive, negative))


# --- what the method is for -----------------------------------------------------------------------------


def test_a_more_similar_instance_weighs_less() -> None:
    z = at_degrees(0, 40, 80, 10, 50, 90)
    losses, pushes = [], []
    for degrees in (150, 90, 30, 0):  # instance 1 comes nearer and nearer to instance 0
        s = angular_similarity(z).requires_grad_()
        h = torch.cat([at_degrees(0, degrees), torch.zeros(2, 1)], dim=1)
        h = torch.cat([h, torch.eye(3)[2:]])  # instance 2 stays at a right angle to both
        tau_neg = negative_temperature(h, 0.1)
        loss = xent(s, 0.1, tau_neg)
        loss.backward()
        assert s.grad is not None
        losses.append(loss.item())
        pushes.append(s.grad[0, 1].item())
    assert losses == sorted(losses, reverse=True)
    assert pushes == sorted(pushes, reverse=True)
    assert losses[0] > losses[-1] + 0.1
    assert pushes[-1] > 0


def test_positive_temperature_penalises_similar_negatives() -> None:
    # A larger tau_pos weakens the positive: drawing negatives together must cost more than with tau_pos kept.
    z = at_degrees(0, 60, 5, 65).requires_grad_()
    s = angular_similarity(z)
    (through,) = torch.autograd.grad(xent(s, positive_temperature(s, 0.1), 0.1), s, retain_graph=True)
    (kept,) = torch.autograd.grad(xent(s, positive_temperature(s, 0.1).detach(), 0.1), s)
    assert (through[0, 1] - kept[0, 1]).item() > 1e-3
    assert through[0, 2] == pytest.approx(kept[0, 2])


def test_detaching_the_positive_temperature_changes_the_gradient_alone() -> None:
    z, h = randn(10, 4, seed=9).requires_grad_(), randn(5, 3, seed=10)
    for reading in READINGS:
        with_it = ndt_xent(z, h, positive_pairs=reading)
        without = ndt_xent(z, h, positive_pairs=reading, detach_positive=True)
        assert with_it.item() == without.item()
        (a,) = torch.autograd.grad(with_it, z)
        (b,) = torch.autograd.grad(without, z)
        assert (a - b).norm() > 1e-2 * a.norm()
        s = angular_similarity(z)
        constant = xent(s, positive_temperature(s, 0.1, reading).item(), negative_temperature(h, 0.1))
        (c,) = torch.autograd.grad(constant, z)
        torch.testing.assert_close(b, c, rtol=0, atol=1e-14)


def test_no_gradient_reaches_the_teacher() -> None:
    z, h = randn(6, 4, seed=11).requires_grad_(), randn(3, 3, seed=12).requires_grad_()
    before = h.detach().clone()
    ndt_xent(z, h).backward()
    assert h.grad is None
    assert torch.equal(h, before)


# --- an independent implementation ----------------------------------------------------------------------


@pytest.mark.parametrize("tau", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pytorch_metric_learning_agrees(tau: float, dtype: torch.dtype) -> None:
    z = randn(12, 5, seed=18).to(dtype).requires_grad_()
    theirs = NTXentLoss(temperature=tau)(z, torch.arange(6).repeat(2))
    ours = nt_xent(z, tau)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(torch.autograd.grad(ours, z)[0], torch.autograd.grad(theirs, z)[0], rtol=1e-4, atol=1e-6)
