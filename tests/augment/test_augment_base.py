"""SignalSpec and Compose."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from otolith.augment import Augmentation, Compose, Params, SignalSpec, build
from otolith.errors import DataError, RecipeError

Seeded = Callable[[int], torch.Generator]


class Add(Augmentation):
    """Adds a fixed number, so that a test sees which windows changed and in which order."""

    name = "add"

    def __init__(self, signal: SignalSpec, amount: float) -> None:
        super().__init__(signal)
        self.amount = amount

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        return {}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x + self.amount


class Double(Add):
    name = "double"

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x * 2.0


def test_triads_are_found_by_name_in_any_order() -> None:
    channels = ("gyro_z", "acc_x", "pressure", "gyro_x", "acc_z", "gyro_y", "acc_y", "mag_x", "mag_z")
    spec = SignalSpec(channels, (0.0,) * 9, (1.0,) * 9, 50.0)
    assert spec.triads == ((1, 6, 4), (3, 5, 0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": (0.0,)}, "6 channels, 1 means and 6 deviations"),
        ({"channels": (), "mean": (), "std": ()}, "0 channels"),
        ({"std": (1.0, 1.0, 0.0, 1.0, 1.0, 1.0)}, "'acc_z' has mean .* and deviation 0.0"),
        ({"mean": (0.0, math.nan, 0.0, 0.0, 0.0, 0.0)}, "'acc_y' has mean nan"),
        ({"channels": ("a", "b", "a", "d", "e", "f")}, "'a' occurs more than once"),
        ({"rate_hz": 0.0}, "positive number of Hz"),
    ],
)
def test_a_signal_that_no_scaler_gives_is_refused(signal: SignalSpec, change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataclasses.replace(signal, **change)  # type: ignore[arg-type]


def test_items_apply_in_order(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.zeros(3, 6, 8)
    add, double = Add(signal, 1.0), Double(signal, 0.0)
    assert (Compose([(add, 1.0), (double, 1.0)])(x, generator(0)) == 2.0).all()
    assert (Compose([(double, 1.0), (add, 1.0)])(x, generator(0)) == 1.0).all()


def test_probabilities_0_and_1_and_no_items(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.randn(5, 6, 8, generator=generator(1))
    never = Compose([(Add(signal, 1.0), 0.0)])
    assert torch.equal(never(x, generator(0)), x)
    assert torch.equal(Compose([])(x, generator(0)), x)
    always = Compose([(build("jitter", signal), 1.0)])
    assert torch.equal(always(x, generator(4)), build("jitter", signal)(x, generator(4)))


@pytest.mark.parametrize("probability", [0.2, 0.5, 0.9])
def test_each_window_changes_whole_and_with_its_probability(
    signal: SignalSpec, generator: Seeded, probability: float
) -> None:
    n = 20_000
    compose = Compose([(Add(signal, 1.0), probability), (Add(signal, 10.0), 0.5)])
    out = compose(torch.zeros(n, 6, 8), generator(0))
    assert (out == out[:, :1, :1]).all(), "a window changes in all channels and steps or not at all"
    seen = {value: (out[:, 0, 0] == value).double().mean().item() for value in (0.0, 1.0, 10.0, 11.0)}
    assert sum(seen.values()) == pytest.approx(1.0)
    for value, expected in [(1.0, probability / 2), (11.0, probability / 2), (10.0, (1 - probability) / 2)]:
        assert seen[value] == pytest.approx(expected, abs=5 * math.sqrt(0.25 / n))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(1, 6),
    probabilities=st.lists(st.floats(0.0, 1.0), min_size=0, max_size=4),
)
def test_a_composition_can_be_replayed(
    signal: SignalSpec, generator: Seeded, seed: int, size: int, probabilities: list[float]
) -> None:
    names = ["jitter", "rotation", "permutation", "time_warp"]
    compose = Compose([(build(n, signal), p) for n, p in zip(names, probabilities, strict=False)])
    x = torch.randn(size, 6, 30, generator=generator(9))
    before = x.clone()
    draws = compose.sample(x, generator(seed))
    out = compose.apply(x, draws)
    assert torch.equal(out, compose.apply(x, draws))
    assert torch.equal(out, compose(x, generator(seed)))
    assert torch.equal(x, before)
    unchanged = torch.ones(size, dtype=torch.bool)
    for draw in draws:
        if draw.params is not None:
            unchanged &= torch.zeros_like(unchanged) if draw.mask is None else ~draw.mask
    assert torch.equal(out[unchanged], x[unchanged])


def test_gradients_pass_through_a_composition(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.randn(64, 6, 8, generator=generator(0)).requires_grad_()
    Compose([(Double(signal, 0.0), 0.5)])(x, generator(1)).sum().backward()
    assert x.grad is not None
    assert set(x.grad.unique().tolist()) == {1.0, 2.0}


@pytest.mark.parametrize("probability", [-0.1, 1.5, math.nan, True, "often"])
def test_a_probability_outside_0_to_1_is_refused(signal: SignalSpec, probability: float) -> None:
    with pytest.raises(RecipeError, match=r"probability of augmentation 'add' must be a number in \[0, 1\]"):
        Compose([(Add(signal, 1.0), probability)])


def test_draws_of_another_composition_are_refused(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.zeros(2, 6, 8)
    draws = Compose([(Add(signal, 1.0), 1.0)]).sample(x, generator(0))
    with pytest.raises(ValueError, match="1 draws came for a composition of 2"):
        Compose([(Add(signal, 1.0), 1.0)] * 2).apply(x, draws)


def test_parameters_for_windows_of_another_length_are_refused(signal: SignalSpec, generator: Seeded) -> None:
    jitter = build("jitter", signal)
    params = jitter.sample(torch.zeros(2, 6, 8), generator(0))
    with pytest.raises(ValueError, match=r"turn \(2, 6, 1\) into \(2, 6, 8\)"):
        jitter.apply(torch.zeros(2, 6, 1), params)


def test_wrong_batches_and_generators_are_refused(signal: SignalSpec, generator: Seeded) -> None:
    compose = Compose([(Add(signal, 1.0), 0.5)])
    with pytest.raises(DataError, match="batch axis"):
        compose(torch.zeros(6, 8), generator(0))
    with pytest.raises(ValueError, match=r"torch.Generator\(device=x.device\)"):
        compose(torch.zeros(2, 6, 8, device="meta"), generator(0))
