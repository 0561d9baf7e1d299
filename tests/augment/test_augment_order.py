"""Augmentations that move values about or hide them: permutation, channel shuffle, flip, time warp, masks."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from otolith.augment import SignalSpec, build
from otolith.errors import RecipeError

Seeded = Callable[[int], torch.Generator]
Steps = Callable[[int, int, int], torch.Tensor]


def assert_uniform(counts: Counter[tuple[int, ...]], outcomes: int) -> None:
    """Every outcome occurs, all equally often as far as a chi-square test can tell."""
    assert len(counts) == outcomes
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def pieces(order: torch.Tensor) -> list[list[int]]:
    """An order cut where a step does not follow its predecessor."""
    found: list[list[int]] = []
    for step in order.tolist():
        if found and step == found[-1][-1] + 1:
            found[-1].append(step)
        else:
            found.append([step])
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    time=st.integers(1, 40),
    least=st.integers(1, 6),
    more=st.integers(0, 6),
    equal=st.booleans(),
)
def test_permutation_moves_whole_pieces_of_all_channels(
    signal: SignalSpec,
    generator: Seeded,
    steps: Steps,
    seed: int,
    time: int,
    least: int,
    more: int,
    equal: bool,
) -> None:
    most = max(2, least + more)
    x = steps(4, 6, time)
    out = build("permutation", signal, min_segments=least, max_segments=most, equal=equal)(x, generator(seed))
    order = out[:, 0].long()
    assert torch.equal(order.sort(dim=1).values, torch.arange(time).expand(4, time)), "no step lost or doubled"
    assert torch.equal(out, order[:, None, :] + 1000.0 * torch.arange(6)[:, None]), "all channels alike"
    assert all(len(pieces(row)) <= min(most, time) for row in order)


def test_permutation_orders_are_uniform(signal: SignalSpec, generator: Seeded, steps: Steps) -> None:
    permutation = build("permutation", signal, min_segments=4, max_segments=4, equal=True)
    firsts = permutation(steps(12_000, 6, 20), generator(0))[:, 0, ::5]
    counts = Counter(tuple(int(v) // 5 for v in row) for row in firsts)
    assert set(counts) == set(itertools.permutations(range(4)))
    assert_uniform(counts, 24)


@pytest.mark.parametrize("equal", [True, False])
def test_the_number_of_pieces_is_uniform(signal: SignalSpec, generator: Seeded, equal: bool) -> None:
    """Seen in the joins: among k shuffled pieces a join survives with probability 1 / k."""
    permutation = build("permutation", signal, min_segments=1, max_segments=4, equal=equal)
    order = permutation.sample(torch.zeros(40_000, 6, 30), generator(0))["order"]
    broken = (order.diff(dim=1) != 1).sum(dim=1)
    # Of k - 1 joins, (k - 1) / k survive on average.
    expected = sum((k - 1) - (k - 1) / k for k in (1, 2, 3, 4)) / 4
    assert broken.double().mean().item() == pytest.approx(expected, abs=0.03)
    unmoved = (broken == 0).double().mean().item()
    assert unmoved == pytest.approx((1 + 1 / 2 + 1 / 6 + 1 / 24) / 4, abs=0.013)


def test_equal_pieces_differ_by_at_most_one_step(signal: SignalSpec, generator: Seeded) -> None:
    permutation = build("permutation", signal, min_segments=4, max_segments=4, equal=True)
    for row in permutation.sample(torch.zeros(200, 6, 30), generator(0))["order"]:
        found = pieces(row)
        if len(found) == 4:  # no two neighbours stayed together
            assert sorted(len(p) for p in found) == [7, 7, 8, 8]


def test_random_cuts_are_uniform(signal: SignalSpec, generator: Seeded) -> None:
    """Two pieces of 8 steps: when they are swapped, the first value tells the cut, 1 to 7 equally likely."""
    permutation = build("permutation", signal, min_segments=2, max_segments=2)
    first = permutation.sample(torch.zeros(14_000, 6, 8), generator(0))["order"][:, 0]
    assert (first == 0).double().mean().item() == pytest.approx(0.5, abs=0.022)
    assert_uniform(Counter((int(v),) for v in first[first > 0]), 7)


def test_pairs_of_cuts_are_uniform(signal: SignalSpec, generator: Seeded) -> None:
    """Three pieces of 6 steps in reversed order show their cuts: 10 pairs, equally likely."""
    permutation = build("permutation", signal, min_segments=3, max_segments=3)
    order = permutation.sample(torch.zeros(20_000, 6, 6), generator(0))["order"]
    counts: Counter[tuple[int, ...]] = Counter()
    for row in order:
        found = pieces(row)
        if len(found) == 3 and found[0][-1] == 5 and found[2][0] == 0:
            counts[(found[1][0], found[0][0])] += 1
    assert_uniform(counts, 10)


def test_channel_shuffle_is_uniform(generator: Seeded, steps: Steps) -> None:
    plain = SignalSpec(("a", "b", "c", "d"), (0.0,) * 4, (1.0,) * 4, 30.0)
    out = build("channel_shuffle", plain)(steps(12_000, 4, 8), generator(0))
    source = (out // 1000).long()
    assert torch.equal(out, 1000.0 * source + torch.arange(8)), "whole channels move"
    assert (source == source[:, :, :1]).all()
    assert_uniform(Counter(tuple(row.tolist()) for row in source[:, :, 0]), 24)


def test_channel_shuffle_within_sensors(generator: Seeded, steps: Steps) -> None:
    names = ("gyro_y", "acc_z", "pressure", "acc_x", "gyro_z", "acc_y", "gyro_x")
    mixed = SignalSpec(names, (0.0,) * 7, (1.0,) * 7, 30.0)
    out = build("channel_shuffle", mixed, within="sensor")(steps(7200, 7, 8), generator(0))
    source = (out[:, :, 0] // 1000).long()
    assert (source[:, 2] == 2).all(), "a channel outside the sensors stays"
    pairs: Counter[tuple[int, ...]] = Counter(tuple(row.tolist()) for row in source)
    assert all({p[1], p[3], p[5]} == {1, 3, 5} for p in pairs)
    assert_uniform(pairs, 36)


def test_channel_shuffle_within_sensors_needs_one() -> None:
    with pytest.raises(RecipeError, match="a hold none; use within='window'"):
        build("channel_shuffle", SignalSpec(("a",), (0.0,), (1.0,), 30.0), within="sensor")


def test_flips(signal: SignalSpec, generator: Seeded, steps: Steps) -> None:
    x = steps(3, 6, 9)
    assert torch.equal(build("flip", signal)(x, generator(0)), -x)
    assert torch.equal(build("flip", signal, axis="time")(x, generator(0)), x[:, :, torch.arange(8, -1, -1)])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    time=st.integers(2, 200),
    sigma=st.floats(0.01, 3.0),
    knots=st.integers(2, 10),
)
def test_time_warp_plays_forwards_from_first_to_last_step(
    signal: SignalSpec, generator: Seeded, steps: Steps, seed: int, time: int, sigma: float, knots: int
) -> None:
    warp = build("time_warp", signal, sigma=sigma, knots=knots)
    x = steps(3, 6, time)
    params = warp.sample(x, generator(seed))
    position = params["position"]
    assert (position.diff(dim=1) > 0).all()
    assert (position[:, 0] == 0).all()
    torch.testing.assert_close(position[:, -1], torch.full((3,), time - 1.0))
    out = warp.apply(x, params)
    expected = position[:, None, :] + 1000.0 * torch.arange(6)[:, None]  # the batch is linear in the step
    torch.testing.assert_close(out, expected, atol=1e-2, rtol=0)


def test_time_warp_strength_follows_sigma(signal: SignalSpec, generator: Seeded) -> None:
    x = torch.zeros(4000, 6, 30)
    shifts = []
    for sigma in (0.1, 0.2):
        position = build("time_warp", signal, sigma=sigma).sample(x, generator(0))["position"]
        shift = position - torch.arange(30)
        assert shift.mean(dim=0).abs().max() < 0.1, "no tendency to lead or lag"
        shifts.append(shift.std().item())
    assert shifts[1] / shifts[0] == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.7])
def test_channels_drop_at_their_rate_but_never_all(signal: SignalSpec, generator: Seeded, rate: float) -> None:
    n = 20_000
    out = build("channel_dropout", signal, rate=rate)(torch.ones(n, 6, 8), generator(0))
    assert (out == out[:, :, :1]).all(), "whole channels"
    kept = out[:, :, 0]
    assert (kept.sum(dim=1) >= 1).all()
    expected = rate - rate**6 / 6  # where all six would go, one of them stays
    for channel in kept.T:
        assert 1.0 - channel.mean().item() == pytest.approx(expected, abs=5 * 0.5 / n**0.5)
    together = ((kept[:, 0] == 0) & (kept[:, 1] == 0)).double().mean().item()
    assert together == pytest.approx(rate**2 - rate**6 * 2 / 6, abs=5 * 0.5 / n**0.5), "independent"


def test_full_dropout_keeps_one_channel_at_random(signal: SignalSpec, generator: Seeded) -> None:
    kept = build("channel_dropout", signal, rate=1.0)(torch.ones(6000, 6, 8), generator(0))[:, :, 0]
    assert (kept.sum(dim=1) == 1).all()
    assert_uniform(Counter((int(v),) for v in kept.argmax(dim=1)), 6)


def test_hidden_stretches_are_uniform_in_length_and_place(signal: SignalSpec, generator: Seeded) -> None:
    out = build("time_mask", signal, max_share=0.4)(torch.ones(20_000, 6, 10), generator(0))
    assert (out == out[:, :1]).all(), "all channels alike"
    hidden = out[:, 0] == 0
    length = hidden.sum(dim=1)
    start = hidden.long().argmax(dim=1)
    step = torch.arange(10)
    stretch = (step >= start[:, None]) & (step < (start + length)[:, None])
    assert torch.equal(hidden, stretch), "one stretch, not several"
    assert_uniform(Counter((int(v),) for v in length), 4)
    for n in (1, 2, 3, 4):
        assert_uniform(Counter((int(v),) for v in start[length == n]), 10 - n + 1)


def test_a_mask_leaves_something(signal: SignalSpec, generator: Seeded) -> None:
    out = build("time_mask", signal, max_share=1.0)(torch.ones(500, 6, 8), generator(0))
    assert (out[:, 0].sum(dim=1) >= 1).all()
    assert (out[:, 0].sum(dim=1) == 1).any(), "up to all steps but one"
    short = torch.ones(3, 6, 1)
    assert torch.equal(build("time_mask", signal)(short, generator(0)), short)
