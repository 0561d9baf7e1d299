"""LARC around Adam, its LAMB-like sibling, and the schedules, against plain loops in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from otolith.training.optim import Optimizer, adam_state, larc_factors, load_adam_state, rate_at
from otolith.training.settings import OptimizerName, ScheduleName

TRUST = 0.02


def factor_by_loop(weight: Tensor, grad: Tensor, lr: float) -> float:
    """facts.md section 2: min(0.02 |w| / (|g| + 1e-8) / lr, 1), skipped where |w| or |g| is 0."""
    w = math.sqrt(sum(float(v) ** 2 for v in weight.flatten()))
    g = math.sqrt(sum(float(v) ** 2 for v in grad.flatten()))
    if w == 0 or g == 0:
        return 1.0
    return min(TRUST * w / (g + 1e-8) / lr, 1.0)


def tensors() -> tuple[list[Tensor], list[Tensor]]:
    """Weights and gradients for which the factor is 1, below 1, and skipped for either norm."""
    torch.manual_seed(0)
    w = [torch.randn(3, 4), torch.randn(5), torch.zeros(4), torch.randn(2, 2), torch.randn(3, 1, 2)]
    g = [1e-3 * torch.randn(3, 4), 50 * torch.randn(5), torch.randn(4), torch.zeros(2, 2), 3 * torch.randn(3, 1, 2)]
    return [t.double() for t in w], [t.double() for t in g]


@pytest.mark.parametrize("lr", [1e-4, 1e-3, 0.1])
def test_larc_factors_by_a_plain_loop(lr: float) -> None:
    weights, grads = tensors()
    expected = [factor_by_loop(w, g, lr) for w, g in zip(weights, grads, strict=True)]
    assert larc_factors(weights, grads, lr, TRUST).tolist() == pytest.approx(expected, rel=1e-12)
    assert expected[2] == expected[3] == 1.0


def test_larc_factors_cover_both_sides_of_the_clip() -> None:
    weights, grads = tensors()
    factors = larc_factors(weights, grads, 1e-3, TRUST)
    assert factors[0] == 1.0
    assert 0 < factors[1] < 1


def test_larc_with_a_rate_of_zero_leaves_the_gradient() -> None:
    weights, grads = tensors()
    assert larc_factors(weights, grads, 0.0).tolist() == [1.0] * 5


class TwoTensors(nn.Module):
    """A weight and a bias in float64 without a function: the tests write the gradients themselves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(3, 2, dtype=torch.float64))
        self.bias = nn.Parameter(0.01 * torch.randn(4, dtype=torch.float64))


def gradients(steps: int) -> Iterator[list[Tensor]]:
    """Of sizes that change from step to step: Adam forgives a constant factor, not a changing one."""
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        yield [
            torch.randn(shape, generator=generator, dtype=torch.float64) * 10 ** (step % 3) for shape in ((3, 2), (4,))
        ]


def adam_by_hand(values: list[Tensor], name: OptimizerName, lr: float, weight_decay: float, steps: int) -> list[Tensor]:
    """Kingma and Ba 2015, Algorithm 1, with the scaling before (larc) or after it (lamb)."""
    values = [v.clone() for v in values]
    m, s = [torch.zeros_like(v) for v in values], [torch.zeros_like(v) for v in values]
    for step, grads in enumerate(gradients(steps), start=1):
        for i, grad in enumerate(grads):
            if name == "larc":
                grad = grad * factor_by_loop(values[i], grad, lr)
            if name == "adamw":  # Loshchilov and Hutter 2019, Algorithm 2; tensors of one axis do not decay
                values[i] = values[i] * (1 - lr * (weight_decay if values[i].ndim > 1 else 0.0))
            else:
                grad = grad + weight_decay * values[i]
            m[i] = 0.9 * m[i] + 0.1 * grad
            s[i] = 0.999 * s[i] + 0.001 * grad**2
            change = -lr * (m[i] / (1 - 0.9**step)) / ((s[i] / (1 - 0.999**step)).sqrt() + 1e-8)
            if name == "lamb":
                change = change * factor_by_loop(values[i], change, 1.0)
            values[i] = values[i] + change
    return values


def trained(module: TwoTensors, optimizer: Optimizer, lr: float, steps: int, skip: int = 0) -> list[Tensor]:
    for number, grads in enumerate(gradients(steps)):
        if number < skip:
            continue
        for parameter, grad in zip(module.parameters(), grads, strict=True):
            parameter.grad = grad.clone()
        optimizer.step(lr)
        assert all(parameter.grad is None for parameter in module.parameters())
    return [p.detach().clone() for p in module.parameters()]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("name", ["adam", "adamw", "larc", "lamb"])
def test_steps_agree_with_adam_by_hand(name: OptimizerName, weight_decay: float) -> None:
    module = TwoTensors()
    start = [p.detach().clone() for p in module.parameters()]
    # built with another rate than it steps at: the schedule's counts
    ours = trained(module, Optimizer(module, name, 1.0, TRUST, weight_decay), 0.05, 6)
    for mine, theirs in zip(ours, adam_by_hand(start, name, 0.05, weight_decay, 6), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


def test_the_optimisers_differ() -> None:
    """On these gradients; otherwise the test above could not tell them apart."""
    start = [p.detach() for p in TwoTensors().parameters()]
    ends = [adam_by_hand(start, name, 0.05, 0.1, 6) for name in ("adam", "adamw", "larc", "lamb")]
    for one, other in combinations(ends, 2):
        assert (one[0] - other[0]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_a_part_may_learn_more_slowly(name: OptimizerName) -> None:
    """The rest does as if it were alone, and the part as if its rate were that of all."""
    pair, alike = nn.ModuleList([TwoTensors(), TwoTensors()]), {0.05: TwoTensors(), 0.01: TwoTensors()}
    optimizer = Optimizer(pair, name, 1.0, weight_decay=0.1, slower=pair[0], factor=0.2)
    for grads in gradients(4):
        for parameter, grad in zip(pair.parameters(), [*grads, *grads], strict=True):
            parameter.grad = grad.clone()
        optimizer.step(0.05)
    for module, rate in zip(pair, (0.01, 0.05), strict=True):
        trained(alike[rate], Optimizer(alike[rate], name, 1.0, weight_decay=0.1), rate, 4)
        for mine, alone in zip(module.parameters(), alike[rate].parameters(), strict=True):
            torch.testing.assert_close(mine, alone, rtol=0, atol=1e-12)


def test_scaled_share_counts_since_the_last_call() -> None:
    module = TwoTensors()
    optimizer = Optimizer(module, "larc", 0.05, TRUST)
    assert optimizer.scaled_share() == 0.0
    scaled = 0
    values = [p.detach().clone() for p in module.parameters()]
    for parameter, grad in zip(module.parameters(), next(gradients(1)), strict=True):
        parameter.grad = grad
    for value, parameter in zip(values, module.parameters(), strict=True):
        assert parameter.grad is not None
        scaled += factor_by_loop(value, parameter.grad, 0.05) < 1
    optimizer.step(0.05)
    assert optimizer.scaled_share() == scaled / 2 > 0
    assert optimizer.scaled_share() == 0.0


def test_parameters_without_a_gradient_stay() -> None:
    for name in ("adam", "adamw", "larc", "lamb"):
        module = TwoTensors()
        before = module.bias.detach().clone()
        module.weight.grad = torch.ones_like(module.weight)
        Optimizer(module, name, 0.1).step(0.1)
        assert torch.equal(module.bias, before)


@pytest.mark.parametrize("name", ["adam", "adamw", "larc", "lamb"])
def test_state_goes_on_where_it_was(name: OptimizerName) -> None:
    def optimizer(module: nn.Module) -> Optimizer:
        return Optimizer(module, name, 0.05, weight_decay=0.1)  # of two groups in `adamw`

    module = TwoTensors()
    whole = trained(module, optimizer(module), 0.05, 5)

    module = TwoTensors()
    first = optimizer(module)
    trained(module, first, 0.05, 3)
    saved = {key: value.clone() for key, value in adam_state(first.adam).items()}
    second = optimizer(module)
    load_adam_state(second.adam, saved)
    for mine, theirs in zip(trained(module, second, 0.05, 5, skip=3), whole, strict=True):
        assert torch.equal(mine, theirs)


SCHEDULES: tuple[ScheduleName, ...] = ("constant", "cosine", "one-cycle")


def rates(total: int, schedule: ScheduleName, warmup: float, lr: float = 1.0) -> list[float]:
    return [rate_at(step, total, lr, schedule, warmup) for step in range(total)]


@settings(max_examples=200, deadline=None)
@given(
    total=st.integers(1, 400),
    schedule=st.sampled_from(SCHEDULES),
    warmup=st.floats(0, 0.99),
    lr=st.floats(1e-6, 10),
)
def test_the_rate_climbs_to_its_peak_and_never_passes_it(
    total: int, schedule: ScheduleName, warmup: float, lr: float
) -> None:
    found = rates(total, schedule, warmup, lr)
    assert all(0 <= rate <= lr * (1 + 1e-12) for rate in found)
    top = max(range(total), key=found.__getitem__)
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)


def test_constant_is_constant() -> None:
    assert rates(7, "constant", 0.0, 3e-4) == [3e-4] * 7


def test_warm_up_is_a_straight_line() -> None:
    assert rates(10, "constant", 0.5) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 1])
    assert rates(10, "cosine", 0.5)[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])


def test_cosine_falls_to_zero_along_half_a_cosine() -> None:
    found = rates(200, "cosine", 0.0)
    assert found[99] == pytest.approx(0.5)
    assert found[49] == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert found[-1] == pytest.approx(0, abs=1e-12)


def test_one_cycle_has_its_three_rates() -> None:
    found = rates(1000, "one-cycle", 0.3, 2.0)
    assert found[0] == pytest.approx(2.0 / 25, rel=1e-3)
    assert found[299] == pytest.approx(2.0)
    assert found[149] == pytest.approx((2.0 + 2.0 / 25) / 2)
    assert found[649] == pytest.approx((2.0 + 2.0 / 250_000) / 2)
    assert found[-1] == pytest.approx(2.0 / 250_000)


@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.3, 0.3333, 0.9])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_rate_jumps(schedule: ScheduleName, warmup: float) -> None:
    found = rates(1000, schedule, warmup)
    shortest = min(part for part in (warmup, 1 - warmup) if part > 0) * 1000
    assert max(abs(a - b) for a, b in zip(found[1:], found[:-1], strict=True)) <= math.pi / 2 / (shortest - 1)
