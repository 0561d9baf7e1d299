"""MACL, DySTreSS, debiased, hard and clustered negatives against their papers' equations and hand-made cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor

from otolith.losses import (
    cluster_negatives,
    cluster_nt_xent,
    cosine_similarity,
    debiased,
    debiased_nt_xent,
    dystress_nt_xent,
    hard_negative_nt_xent,
    hard_negatives,
    macl_nt_xent,
    nt_xent,
    xent,
)
from otolith.losses.cluster_negatives import cluster_instances
from otolith.losses.dystress import pair_temperature
from otolith.losses.macl import alignment_temperature
from otolith.losses.similarity import unit_rows
from tests.helpers.negatives_equations import (
    dystress_temperature,
    macl_temperature,
    paper_clusters,
    paper_dystress,
    paper_hard,
    paper_macl,
    slope,
)
from tests.helpers.paper_equations import BATCHES, at_degrees, randn

# --- the papers -----------------------------------------------------------------------------------------


def clusters_of(z: Tensor, clusters: int) -> list[int]:
    first, second = unit_rows(z).chunk(2)
    return cluster_instances(first + second, clusters).tolist()


@pytest.mark.parametrize("case", BATCHES)
@pytest.mark.parametrize("tau", [0.1, 0.5, 1.0])
def test_values_are_those_of_the_papers(case: str, tau: float) -> None:
    z, _ = BATCHES[case]
    rows = z.tolist()

    def same(ours: Tensor, expected: float) -> None:
        assert ours.dtype == torch.float64
        assert ours.item() == pytest.approx(expected, rel=1e-10, abs=1e-10)

    for alpha, threshold in ((0.5, 0.0), (1.0, 0.3), (2.0, 0.8)):
        for reweight in (True, False):
            ours = macl_nt_xent(z, tau, alpha, threshold, reweight)
            if macl_temperature(rows, tau, alpha, threshold) > 0.05:  # plain 1 - P rounds to 0 below
                same(ours, paper_macl(rows, tau, alpha, threshold, reweight))
    same(dystress_nt_xent(z, 0.7 * tau, 2 * tau), paper_dystress(rows, 0.7 * tau, 2 * tau))
    for tau_plus in (0.0, 0.1, 0.6):
        same(debiased_nt_xent(z, tau, tau_plus), paper_hard(rows, tau, tau_plus, 0.0))
        for beta in (0.5, 1.0, 2.0):
            same(hard_negative_nt_xent(z, tau, tau_plus, beta), paper_hard(rows, tau, tau_plus, beta))
    for clusters in (1, 2, 3, 9):
        same(cluster_nt_xent(z, tau, clusters), paper_clusters(rows, tau, clusters_of(z, clusters)))


@pytest.mark.parametrize("tau", [0.3, 1.0])
def test_gradients_with_constants_held_are_those_of_the_papers(tau: float) -> None:
    """MACL's temperature and weights and DySTreSS's temperatures take no part in the gradient."""
    z = randn(8, 3, seed=41).requires_grad_()
    held = z.tolist()
    for alpha, threshold, reweight in ((0.5, 0.0, True), (0.5, 0.0, False), (2.0, 0.8, True)):
        (got,) = torch.autograd.grad(macl_nt_xent(z, tau, alpha, threshold, reweight), z)
        expected = slope(
            lambda rows, a=alpha, t=threshold, r=reweight: paper_macl(rows, tau, a, t, r, held),  # type: ignore[misc]
            z.detach(),
        )
        torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-8)
    (got,) = torch.autograd.grad(dystress_nt_xent(z, 0.7 * tau, 2 * tau), z)
    expected = slope(lambda rows: paper_dystress(rows, 0.7 * tau, 2 * tau, held), z.detach())
    torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("t", [0.2, 0.5, 1.0])
def test_gradcheck(n: int, t: float) -> None:
    z = randn(2 * n, 3, seed=42).requires_grad_()
    for tau_plus in (0.0, 0.1, 0.4):
        assert torch.autograd.gradcheck(lambda rows, p=tau_plus: debiased_nt_xent(rows, t, p), (z,))
        for beta in (0.0, 1.0):
            loss = lambda rows, p=tau_plus, b=beta: hard_negative_nt_xent(rows, t, p, b)  # noqa: E731
            assert torch.autograd.gradcheck(loss, (z,))
    for clusters in (1, 2, 3):
        assert torch.autograd.gradcheck(lambda rows, c=clusters: cluster_nt_xent(rows, t, c), (z,))
    s = cosine_similarity(z.detach().clone())  # what is a constant in a loss is one for gradcheck, too
    of_pairs, of_batch = pair_temperature(s, t, 2 * t), alignment_temperature(s, t, 0.5, 0.0)
    for loss, fixed in (
        (dystress_nt_xent(z, t, 2 * t), lambda rows: xent(cosine_similarity(rows) / of_pairs, 1.0, 1.0)),
        (macl_nt_xent(z, t, reweight=False), lambda rows: xent(cosine_similarity(rows), of_batch, of_batch)),
    ):
        assert torch.autograd.gradcheck(fixed, (z,))
        (got,), (expected,) = torch.autograd.grad(loss, z), torch.autograd.grad(fixed(z), z)
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-13)


# --- where they are NT-Xent -----------------------------------------------------------------------------

SAME: dict[str, Callable[[Tensor, float], Tensor]] = {
    "MACL, alpha 0, no weights": lambda z, tau: macl_nt_xent(z, tau, alpha=0.0, reweight=False),
    "MACL, aligned as A_0": lambda z, tau: macl_nt_xent(z, tau, 0.7, alignment(z), reweight=False),
    "DySTreSS, one temperature": lambda z, tau: dystress_nt_xent(z, tau, tau),
    "debiased, tau_plus 0": lambda z, tau: debiased_nt_xent(z, tau, 0.0),
    "hard, tau_plus 0, beta 0": lambda z, tau: hard_negative_nt_xent(z, tau, 0.0, 0.0),
    "clusters, one for each": lambda z, tau: cluster_nt_xent(z, tau, len(z) // 2),
    "clusters, more than needed": lambda z, tau: cluster_nt_xent(z, tau, 100),
}


def alignment(z: Tensor) -> float:
    return float(cosine_similarity(z.detach()).diagonal(len(z) // 2).mean())


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("tau", [0.05, 0.5])
def test_each_reduces_to_nt_xent(name: str, tau: float) -> None:
    for n in (2, 7):
        z = randn(2 * n, 4, seed=43).requires_grad_()
        ours, plain = SAME[name](z, tau), nt_xent(z, tau)
        assert ours.item() == pytest.approx(plain.item(), rel=1e-12)
        (got,), (expected,) = torch.autograd.grad(ours, z), torch.autograd.grad(plain, z)
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


def test_hard_negatives_without_hardness_are_the_debiased_loss() -> None:
    z = randn(12, 4, seed=44).requires_grad_()
    ours, debiased = hard_negative_nt_xent(z, 0.4, 0.1, 0.0), debiased_nt_xent(z, 0.4, 0.1)
    assert ours.item() == pytest.approx(debiased.item(), rel=1e-13)
    torch.testing.assert_close(torch.autograd.grad(ours, z)[0], torch.autograd.grad(debiased, z)[0])


# --- by hand --------------------------------------------------------------------------------------------

# Two instances: A at 0 and 60 degrees, B at 90 and 180. Cosines: A with A 1/2, B with B 0; A's first view with B 0 and
# -1, A's second with B cos 30 and -1/2.
HAND = at_degrees(0, 90, 60, 180)
COS_30 = math.sqrt(3) / 2


def by_hand(positive: float, *negatives: float) -> float:
    return math.log(1 + sum(negatives) / positive)


def test_macl_by_hand() -> None:
    tau = 0.2 * (1 + 0.5 * (1 / 4 - 0.1))  # A is the mean of 1/2, 0, 1/2 and 0
    assert alignment_temperature(cosine_similarity(HAND), 0.2, 0.5, 0.1).item() == pytest.approx(tau, abs=1e-14)
    terms = [
        by_hand(math.exp(0.5 / tau), 1, math.exp(-1 / tau)),
        by_hand(1, 1, math.exp(COS_30 / tau)),
        by_hand(math.exp(0.5 / tau), math.exp(COS_30 / tau), math.exp(-0.5 / tau)),
        by_hand(1, math.exp(-1 / tau), math.exp(-0.5 / tau)),
    ]
    assert macl_nt_xent(HAND, 0.2, 0.5, 0.1, False).item() == pytest.approx(sum(terms) / 4, abs=1e-13)
    weighted = [term / (1 - math.exp(-term)) for term in terms]
    assert macl_nt_xent(HAND, 0.2, 0.5, 0.1).item() == pytest.approx(sum(weighted) / 4, abs=1e-12)


def test_pair_temperatures_by_hand() -> None:
    similarity = torch.tensor([[1.0, 0.5, 0.0], [-0.5, -1.0, 0.25]], dtype=torch.float64)
    expected = torch.tensor([[0.3, 0.2, 0.1], [0.2, 0.3, dystress_temperature(0.25, 0.1, 0.3)]], dtype=torch.float64)
    torch.testing.assert_close(pair_temperature(similarity, 0.1, 0.3), expected, rtol=0, atol=1e-15)


def test_debiased_and_hard_by_hand() -> None:
    t, share = 0.5, 0.1
    e = math.exp
    bound = e(-1 / t)
    pairs = [(0.5, 0.0, -1.0), (0.0, 0.0, COS_30), (0.5, COS_30, -0.5), (0.0, -1.0, -0.5)]
    estimates = [(e(a / t) / 2 + e(b / t) / 2 - share * e(p / t)) / (1 - share) for p, a, b in pairs]
    assert min(estimates) > bound
    terms = [by_hand(e(p / t), 2 * g) for (p, _, _), g in zip(pairs, estimates, strict=True)]
    assert debiased_nt_xent(HAND, t, share).item() == pytest.approx(sum(terms) / 4, abs=1e-13)
    weighted = [(e(2 * a / t) + e(2 * b / t)) / (e(a / t) + e(b / t)) for _, a, b in pairs]
    terms = [
        by_hand(e(p / t), 2 * (x - share * e(p / t)) / (1 - share))
        for (p, _, _), x in zip(pairs, weighted, strict=True)
    ]
    assert hard_negative_nt_xent(HAND, t, share, 1.0).item() == pytest.approx(sum(terms) / 4, abs=1e-13)


def test_clusters_by_hand() -> None:
    # A and B lie together, C opposite: A's and B's negatives are the views of C alone, C's are all of A and B.
    z = at_degrees(0, 60, 180, 0, 60, 180)
    e = math.exp
    a, b = by_hand(e(1), 2 * e(-1)), by_hand(e(1), 2 * e(-0.5))
    c = by_hand(e(1), 2 * e(-1), 2 * e(-0.5))
    assert cluster_nt_xent(z, 1.0, 2).item() == pytest.approx((a + b + c) / 3, abs=1e-13)


# --- what each is for -----------------------------------------------------------------------------------


def test_macl_is_softer_where_positives_agree() -> None:
    spread = [at_degrees(0, 120, 240, *(x + turn for x in (0, 120, 240))) for turn in (0, 60, 120, 180)]
    found = [alignment_temperature(cosine_similarity(z), 0.1, 0.5, 0.0).item() for z in spread]
    assert found == pytest.approx([0.15, 0.125, 0.075, 0.05])
    assert macl_temperature(spread[1].tolist(), 0.1, 0.5, 0.0) == pytest.approx(0.125)


def test_macl_s_weights_undo_the_reduction_of_the_gradient() -> None:
    """However sure an anchor is of its positive, its gradient has the size of one that is not."""
    z = at_degrees(0, 120, 240, 5, 125, 235).requires_grad_()
    (plain,) = torch.autograd.grad(macl_nt_xent(z, reweight=False), z)
    (weighted,) = torch.autograd.grad(macl_nt_xent(z), z)
    assert plain.norm() < 1e-3 * weighted.norm()
    assert weighted.norm() > 0.1


def test_macl_s_temperature_stays_positive() -> None:
    z = torch.cat([unit_rows(randn(3, 4, seed=45)), -unit_rows(randn(3, 4, seed=45))]).requires_grad_()
    assert alignment_temperature(cosine_similarity(z), 0.1, 3.0, 0.5).item() == pytest.approx(0.001)
    loss = macl_nt_xent(z, 0.1, 3.0, 0.5)
    (gradient,) = torch.autograd.grad(loss, z)
    assert loss.isfinite()
    assert gradient.isfinite().all()


def pushes(module: ModuleType, loss: Callable[[Tensor], Tensor], z: Tensor, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Gradient of a loss of `module` by the cosine of each pair of views."""
    kept: list[Tensor] = []

    def keeping(*rows: Tensor) -> Tensor:
        kept.append(cosine_similarity(*rows).detach().requires_grad_())
        return kept[-1]

    with monkeypatch.context() as patch:
        patch.setattr(module, "cosine_similarity", keeping)
        (by_pair,) = torch.autograd.grad(loss(z), kept[-1])
    return by_pair


NEGATIVES = torch.eye(2).repeat(2, 2) == 0  # pairs of two instances


def test_the_debiased_bound_stops_the_push_on_negatives_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 0.1 the agreeing positives outweigh all negatives, at 0.5 they do not: why 0.5 is the default."""
    z = at_degrees(0, 100, 10, 90)
    for module, loss in ((debiased, debiased_nt_xent), (hard_negatives, hard_negative_nt_xent)):
        roomy = pushes(module, lambda rows, f=loss: f(rows, 0.5), z, monkeypatch)
        bound = pushes(module, lambda rows, f=loss: f(rows, 0.1), z, monkeypatch)
        assert (roomy[NEGATIVES] > 1e-3).all()
        assert not bound[NEGATIVES].any()
        for by_pair in (roomy, bound):
            assert (torch.stack([by_pair.diagonal(2), by_pair.diagonal(-2)]) < 0).all()


def test_debiasing_takes_alike_views_out_of_the_negatives() -> None:
    agree, differ = at_degrees(0, 90, 5, 95), at_degrees(0, 90, 180, 270)
    assert debiased_nt_xent(agree, 0.5, 0.1) < nt_xent(agree, 0.5) - 0.05
    assert debiased_nt_xent(differ, 0.5, 0.1) > nt_xent(differ, 0.5) + 0.05


def test_hardness_moves_the_push_to_the_nearest_negatives(monkeypatch: pytest.MonkeyPatch) -> None:
    z = at_degrees(0, 20, 120, 90, 70, 200)  # of the first row, the second is the nearest negative
    shares = []
    for beta in (0.0, 0.5, 1.0):
        by_pair = pushes(hard_negatives, lambda rows, b=beta: hard_negative_nt_xent(rows, 0.5, 0.0, b), z, monkeypatch)
        shares.append((by_pair[0, 1] / by_pair[0, [1, 2, 4, 5]].sum()).item())
    assert shares == sorted(shares)
    assert shares[0] < 0.75
    assert shares[-1] > 1  # through its weight an easy negative is even let nearer


def test_instances_of_one_cluster_do_not_push_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    z = at_degrees(0, 10, 180, 190, 5, 15, 185, 195)
    assert clusters_of(z, 2) in ([0, 0, 1, 1], [1, 1, 0, 0])
    by_pair = pushes(cluster_negatives, lambda rows: cluster_nt_xent(rows, 0.5, 2), z, monkeypatch)
    blocks = by_pair.reshape(2, 2, 2, 2, 2, 2)  # view, cluster, member twice
    for view, other in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for cluster in (0, 1):
            within = blocks[view, cluster, :, other, cluster]
            assert not within[0, 1]
            assert not within[1, 0]
            assert (within.diagonal() < 0).all() if view != other else not within.any()
            assert (blocks[view, cluster, :, other, 1 - cluster] > 0).all()
