"""Temperature policies hand their options and their tensors to the losses as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from otolith.losses import ndt_xent, nt_xent
from otolith.methods.angular import AngularSimilarity
from otolith.methods.contrastive import Policy
from otolith.methods.csshar import ConstantTemperature
from otolith.methods.dynamic import DynamicTemperature

GENERATOR = torch.Generator().manual_seed(0)
Z = torch.randn(12, 5, generator=GENERATOR, dtype=torch.float64)
H = torch.randn(6, 7, generator=GENERATOR, dtype=torch.float64)

CASES: list[tuple[Policy, Callable[[Tensor], Tensor]]] = [
    (ConstantTemperature(), lambda z: nt_xent(z, 0.1, "cosine")),
    (AngularSimilarity(0.3), lambda z: nt_xent(z, 0.3, "angular")),
    (DynamicTemperature(), lambda z: ndt_xent(z, H, 0.1, False, "instances")),
    (DynamicTemperature(0.3), lambda z: ndt_xent(z, H, 0.3, False, "instances")),
    (DynamicTemperature(0.1, True), lambda z: ndt_xent(z, H, 0.1, True, "instances")),
    (DynamicTemperature(0.1, False, "views"), lambda z: ndt_xent(z, H, 0.1, False, "views")),
]


def value_and_slope(loss: Callable[[Tensor], Tensor]) -> tuple[float, Tensor]:
    z = Z.clone().requires_grad_()
    value = loss(z)
    value.backward()
    assert z.grad is not None
    return float(value.detach()), z.grad


@pytest.mark.parametrize(("policy", "loss"), CASES, ids=lambda case: repr(case) if not callable(case) else "")
def test_a_policy_is_its_loss(policy: Policy, loss: Callable[[Tensor], Tensor]) -> None:
    value, slope = value_and_slope(lambda z: policy.loss(z, H))
    expected, expected_slope = value_and_slope(loss)
    assert value == expected
    assert torch.equal(slope, expected_slope)


def test_the_cases_above_differ() -> None:
    slopes = [value_and_slope(loss)[1] for _, loss in CASES]
    for i, one in enumerate(slopes):
        assert all((one - other).abs().max() > 1e-6 for other in slopes[:i])


def test_rows_of_h_belong_to_the_instances_of_z() -> None:
    """Exchanging instances in both changes nothing; exchanging them in h alone does."""
    policy, order = DynamicTemperature(), torch.tensor([3, 0, 5, 1, 4, 2])
    both = torch.cat([Z[:6][order], Z[6:][order]])
    assert float(policy.loss(both, H[order])) == pytest.approx(float(policy.loss(Z, H)), rel=1e-12)
    assert float(policy.loss(Z, H[order])) != pytest.approx(float(policy.loss(Z, H)), rel=1e-6)


def test_who_needs_a_teacher_says_so() -> None:
    assert DynamicTemperature.needs_instances
    assert not ConstantTemperature.needs_instances
    with pytest.raises(ValueError, match="needs instance features"):
        DynamicTemperature().loss(Z, None)


@pytest.mark.parametrize("kind", [ConstantTemperature, DynamicTemperature])
@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(kind: Any, temperature: float) -> None:
    with pytest.raises(ValueError, match=f"temperature > 0; got temperature {temperature}"):
        kind(temperature)
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind().temperature = 1.0
