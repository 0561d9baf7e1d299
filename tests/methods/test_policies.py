"""Policies for negatives and temperature: each is its loss, differs from all others and reaches the training."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from otolith import methods
from otolith.augment import SignalSpec
from otolith.errors import RecipeError
from otolith.losses import (
    cluster_nt_xent,
    debiased_nt_xent,
    dystress_nt_xent,
    hard_negative_nt_xent,
    macl_nt_xent,
    ndt_xent,
    nt_xent,
)
from otolith.methods.angular import AngularSimilarity
from otolith.methods.cluster_negatives import ClusterNegatives
from otolith.methods.contrastive import Contrastive, Policy
from otolith.methods.csshar import ConstantTemperature
from otolith.methods.debiased import DebiasedNegatives
from otolith.methods.dynamic import DynamicTemperature
from otolith.methods.dystress import SimilarityTemperature
from otolith.methods.hard_negatives import HardNegatives
from otolith.methods.macl import ModelAwareTemperature
from otolith.methods.scheduled import ScheduledTemperature
from otolith.recording import CHANNELS
from otolith.training.pretext import Batch
from tests.helpers import tiny

GENERATOR = torch.Generator().manual_seed(0)
Z = torch.randn(24, 5, generator=GENERATOR, dtype=torch.float64)
H = torch.randn(12, 7, generator=GENERATOR, dtype=torch.float64)
SIGNAL = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, 30.0)

METHODS: dict[str, type[Any]] = {
    "scheduled": ScheduledTemperature,
    "macl": ModelAwareTemperature,
    "dystress": SimilarityTemperature,
    "debiased": DebiasedNegatives,
    "hard-negatives": HardNegatives,
    "cluster-negatives": ClusterNegatives,
}
every_method = pytest.mark.parametrize("name", METHODS)

CASES: list[tuple[Policy, Callable[[Tensor], Tensor]]] = [
    (ConstantTemperature(), lambda z: nt_xent(z, 0.1, "cosine")),
    (AngularSimilarity(0.3), lambda z: nt_xent(z, 0.3, "angular")),
    (DynamicTemperature(), lambda z: ndt_xent(z, H, 0.1, False, "instances")),
    (DynamicTemperature(0.3), lambda z: ndt_xent(z, H, 0.3, False, "instances")),
    (DynamicTemperature(0.1, True), lambda z: ndt_xent(z, H, 0.1, True, "instances")),
    (DynamicTemperature(0.1, False, "views"), lambda z: ndt_xent(z, H, 0.1, False, "views")),
    (ScheduledTemperature(), lambda z: nt_xent(z, 1.0)),
    (ScheduledTemperature(0.2, 0.4), lambda z: nt_xent(z, 0.4)),
    (ModelAwareTemperature(), lambda z: macl_nt_xent(z, 0.1, 0.5, 0.0, True)),
    (ModelAwareTemperature(0.3), lambda z: macl_nt_xent(z, 0.3, 0.5, 0.0, True)),
    (ModelAwareTemperature(0.1, 2.0), lambda z: macl_nt_xent(z, 0.1, 2.0, 0.0, True)),
    (ModelAwareTemperature(0.1, 0.5, 0.8), lambda z: macl_nt_xent(z, 0.1, 0.5, 0.8, True)),
    (ModelAwareTemperature(0.1, 0.5, 0.0, False), lambda z: macl_nt_xent(z, 0.1, 0.5, 0.0, False)),
    (SimilarityTemperature(), lambda z: dystress_nt_xent(z, 0.07, 0.2)),
    (SimilarityTemperature(0.1), lambda z: dystress_nt_xent(z, 0.1, 0.2)),
    (SimilarityTemperature(0.07, 0.3), lambda z: dystress_nt_xent(z, 0.07, 0.3)),
    (DebiasedNegatives(), lambda z: debiased_nt_xent(z, 0.5, 0.1)),
    (DebiasedNegatives(0.6), lambda z: debiased_nt_xent(z, 0.6, 0.1)),
    (DebiasedNegatives(0.5, 0.2), lambda z: debiased_nt_xent(z, 0.5, 0.2)),
    (HardNegatives(), lambda z: hard_negative_nt_xent(z, 0.5, 0.1, 1.0)),
    (HardNegatives(0.6), lambda z: hard_negative_nt_xent(z, 0.6, 0.1, 1.0)),
    (HardNegatives(0.5, 0.2), lambda z: hard_negative_nt_xent(z, 0.5, 0.2, 1.0)),
    (HardNegatives(0.5, 0.1, 0.5), lambda z: hard_negative_nt_xent(z, 0.5, 0.1, 0.5)),
    (ClusterNegatives(), lambda z: cluster_nt_xent(z, 0.1, 8)),
    (ClusterNegatives(0.3), lambda z: cluster_nt_xent(z, 0.3, 8)),
    (ClusterNegatives(0.1, 3), lambda z: cluster_nt_xent(z, 0.1, 3)),
]


def value_and_slope(loss: Callable[[Tensor], Tensor]) -> tuple[float, Tensor]:
    z = Z.clone().requires_grad_()
    value = loss(z)
    (slope,) = torch.autograd.grad(value, z)
    return float(value.detach()), slope


def no_two_alike(losses: list[Callable[[Tensor], Tensor]], values: bool = True) -> None:
    found = [value_and_slope(loss) for loss in losses]
    for (value, slope), (other, other_slope) in itertools.combinations(found, 2):
        assert not values or abs(value - other) > 1e-6
        assert (slope - other_slope).abs().max() > 1e-6


@pytest.mark.parametrize(("policy", "loss"), CASES, ids=lambda case: repr(case) if not callable(case) else "")
def test_a_policy_is_its_loss(policy: Policy, loss: Callable[[Tensor], Tensor]) -> None:
    value, slope = value_and_slope(lambda z: policy.loss(z, H))
    expected, expected_slope = value_and_slope(loss)
    assert value == expected
    assert torch.equal(slope, expected_slope)
    if policy.needs_instances:
        with pytest.raises(ValueError, match="needs instance features"):
            policy.loss(Z, None)
    else:
        assert value_and_slope(lambda z: policy.loss(z))[0] == expected  # no teacher is asked


def test_rows_of_h_belong_to_the_instances_of_z() -> None:
    """Exchanging instances in both changes nothing; exchanging them in h alone does."""
    policy, order = DynamicTemperature(), torch.randperm(12, generator=torch.Generator().manual_seed(1))
    both = torch.cat([Z[:12][order], Z[12:][order]])
    assert float(policy.loss(both, H[order])) == pytest.approx(float(policy.loss(Z, H)), rel=1e-12)
    assert float(policy.loss(Z, H[order])) != pytest.approx(float(policy.loss(Z, H)), rel=1e-6)


def test_the_cases_above_differ() -> None:
    no_two_alike([loss for _, loss in CASES], values=False)  # a detached temperature changes the slope alone


POLICIES: dict[str, list[Policy]] = {
    "defaults": [
        ConstantTemperature(),
        AngularSimilarity(),
        DynamicTemperature(),
        *(kind() for kind in METHODS.values()),
    ],
    "one temperature": [  # so that the ideas differ, not their defaults
        ConstantTemperature(0.3),
        AngularSimilarity(0.3),
        DynamicTemperature(0.3),
        ScheduledTemperature(0.2, 0.4, 1.3),
        ModelAwareTemperature(0.3),
        SimilarityTemperature(0.25, 0.35),
        DebiasedNegatives(0.3),
        HardNegatives(0.3),
        ClusterNegatives(0.3),
    ],
}


@pytest.mark.parametrize("which", POLICIES)
@pytest.mark.parametrize("progress", [0.0, 0.6])
def test_no_two_policies_give_the_same_loss_or_gradient(which: str, progress: float) -> None:
    no_two_alike([lambda z, p=policy: p.loss(z, H, progress) for policy in POLICIES[which]])  # type: ignore[misc]


NT_XENT: list[Policy] = [
    ScheduledTemperature(0.3, 0.3),
    ModelAwareTemperature(0.3, alpha=0.0, reweight=False),
    SimilarityTemperature(0.3, 0.3),
    DebiasedNegatives(0.3, tau_plus=0.0),
    HardNegatives(0.3, tau_plus=0.0, beta=0.0),
    ClusterNegatives(0.3, clusters=12),
]


@pytest.mark.parametrize("policy", NT_XENT, ids=repr)
def test_each_is_the_constant_temperature_where_its_paper_says_so(policy: Policy) -> None:
    value, slope = value_and_slope(lambda z: policy.loss(z, None, 0.37))
    expected, expected_slope = value_and_slope(ConstantTemperature(0.3).loss)
    assert value == pytest.approx(expected, rel=1e-12)
    torch.testing.assert_close(slope, expected_slope, rtol=1e-10, atol=1e-12)


def test_the_schedule_swings_from_the_largest_to_the_smallest_and_back() -> None:
    policy = ScheduledTemperature(0.1, 0.9, periods=2)
    swing = [policy.temperature(progress) for progress in (0, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1)]
    assert swing == pytest.approx([0.9, 0.5, 0.1, 0.5, 0.9, 0.1, 0.9])
    assert ScheduledTemperature(0.1, 0.9, periods=0.5).temperature(1.0) == pytest.approx(0.1)
    for progress in torch.linspace(0, 1, 101).tolist():
        assert 0.1 <= ScheduledTemperature().temperature(progress) <= 1.0
    value, slope = value_and_slope(lambda z: policy.loss(z, None, 0.25))
    expected, expected_slope = value_and_slope(lambda z: nt_xent(z, policy.temperature(0.25)))
    assert value == expected
    assert torch.equal(slope, expected_slope)


@pytest.mark.parametrize("policy", [kind() for kind in METHODS.values()], ids=repr)
def test_one_instance_is_refused(policy: Policy) -> None:
    with pytest.raises(ValueError, match=r"z has 2 rows, 1 instance\(s\), so no negatives"):
        policy.loss(Z[:2])


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (
            ScheduledTemperature,
            {"temperature_min": 0.0},
            "<= temperature_max; got temperature_min 0.0",
        ),
        (ScheduledTemperature, {"temperature_min": 2.0}, "temperature_max 1.0"),
        (ScheduledTemperature, {"temperature_max": float("inf")}, "temperature_max inf"),
        (ScheduledTemperature, {"periods": 0.0}, "periods > 0; got periods 0.0"),
        (ScheduledTemperature, {"periods": float("nan")}, "periods > 0; got periods nan"),
        (ConstantTemperature, {"temperature": -0.1}, "temperature > 0; got temperature -0.1"),
        (DynamicTemperature, {"temperature": float("nan")}, "temperature > 0; got temperature nan"),
        (ModelAwareTemperature, {"temperature": 0.0}, "temperature > 0; got temperature 0.0"),
        (ModelAwareTemperature, {"alpha": -0.1}, "alpha >= 0; got alpha -0.1"),
        (ModelAwareTemperature, {"threshold": 1.1}, "threshold from -1 to 1, a cosine similarity; got threshold 1.1"),
        (SimilarityTemperature, {"temperature_min": 0.3}, "got temperature_min 0.3, temperature_max 0.2"),
        (SimilarityTemperature, {"temperature_min": float("nan")}, "temperature_min nan"),
        (DebiasedNegatives, {"temperature": -1.0}, "temperature > 0; got temperature -1.0"),
        (DebiasedNegatives, {"tau_plus": 1.0}, "0 <= tau_plus < 1; got tau_plus 1.0"),
        (HardNegatives, {"temperature": 0.0}, "got temperature 0.0"),
        (HardNegatives, {"tau_plus": -0.1}, "tau_plus -0.1"),
        (HardNegatives, {"beta": -1.0}, "beta -1.0"),
        (ClusterNegatives, {"temperature": 0.0}, "temperature > 0; got temperature 0.0"),
        (ClusterNegatives, {"clusters": 0}, "clusters >= 1; got clusters 0"),
    ],
)
def test_wrong_settings_are_refused(kind: type[Any], wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**wrong)


@every_method
def test_the_policy_is_the_settings_of_its_method(name: str) -> None:
    spec = methods.spec(name)
    assert spec.settings is METHODS[name]
    policy = spec.settings()
    assert not policy.needs_instances
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.temperature = 1.0
    with pytest.raises(RecipeError, match=f"method.{name}.temperatur: unknown key 'temperatur'"):
        tiny.recipe(**{f"method__{name}__temperatur": 0.1})


def built(name: str, **settings: float) -> Contrastive:
    recipe = tiny.recipe(**{f"method__{name}__{key}": value for key, value in settings.items()})
    spec = methods.spec(name)
    assert spec.build is not None
    torch.manual_seed(0)
    pretext = spec.build(recipe, recipe.settings_of(name), spec.encoder(recipe, tiny.meta()), SIGNAL)
    assert isinstance(pretext, Contrastive)
    return pretext


def loss_of(pretext: Contrastive, progress: float = 0.0) -> float:
    x = torch.randn(20, 6, 12, generator=torch.Generator().manual_seed(1))
    return float(pretext.loss(Batch(x, None, progress), torch.Generator().manual_seed(2))["loss"].detach())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("scheduled", {"temperature_max": 0.5}),
        ("macl", {"alpha": 0.9}),
        ("dystress", {"temperature_max": 0.5}),
        ("debiased", {"tau_plus": 0.3}),
        ("hard-negatives", {"beta": 3.0}),
        ("cluster-negatives", {"clusters": 2}),
    ],
)
def test_the_recipe_s_settings_arrive(name: str, settings: dict[str, float]) -> None:
    pretext = built(name, **settings)
    assert pretext.policy == METHODS[name](**settings)
    assert loss_of(pretext) != pytest.approx(loss_of(built(name)), rel=1e-5)


@every_method
def test_only_the_schedule_follows_the_training(name: str) -> None:
    pretext = built(name)
    same = loss_of(pretext, 0.0) == loss_of(pretext, 0.1)
    assert same == (name != "scheduled")
