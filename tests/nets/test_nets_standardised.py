"""Heads that pool over time and standardise, against the definitions in plain numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from otolith.finetuning.heads import build_head, build_layers, standardise
from otolith.finetuning.settings import FinetuneSettings
from otolith.nets import PredictionMLP, StandardisedHead
from otolith.nets.heads import PoolOverTime, layers_of, n_seen_by, pooled, seen_by

SETTINGS = FinetuneSettings(hidden=(7,), standardise=True, pool=True)


def test_pooling_is_mean_deviation_and_maximum_of_each_map() -> None:
    generator = torch.Generator().manual_seed(0)
    steps = torch.randn(4, 5, 3, generator=generator)  # windows, steps, maps
    found = PoolOverTime(5, 3)(steps.flatten(1)).tolist()
    for window, row in zip(steps.tolist(), found, strict=True):
        maps = list(zip(*window, strict=True))
        means = [sum(each) / 5 for each in maps]
        deviations = [math.sqrt(sum((v - m) ** 2 for v in each) / 5) for each, m in zip(maps, means, strict=True)]
        assert row == pytest.approx([*means, *deviations, *(max(each) for each in maps)], abs=1e-6)


def test_blocks_side_by_side_are_pooled_each_by_itself() -> None:
    one, two = torch.randn(2, 12), torch.randn(2, 12)
    pool = PoolOverTime(4, 3)
    assert torch.equal(pool(torch.cat([one, two], 1)), torch.cat([pool(one), pool(two)], 1))
    assert pool.n_pooled(24) == 18


def test_pooled_values_that_do_not_vary_have_a_gradient() -> None:
    steps = torch.ones(2, 12, requires_grad=True)
    PoolOverTime(4, 3)(steps).sum().backward()
    assert steps.grad is not None
    assert steps.grad.isfinite().all()


def test_features_get_mean_0_and_deviation_1_over_all_parts() -> None:
    generator = torch.Generator().manual_seed(0)
    parts = [60 + 3 * torch.randn(n, 4, generator=generator) for n in (5000, 30)]
    whole = torch.cat(parts).double()
    expected = (whole - whole.mean(0)) / whole.std(0, unbiased=False)
    head = StandardisedHead(PredictionMLP(4, 3, ()), 4)
    head.measure(parts)
    torch.testing.assert_close(head.prepared(torch.cat(parts)).double(), expected, atol=1e-4, rtol=0)
    changed = [head.standardise_(part) for part in parts]
    assert changed[0] is parts[0]
    torch.testing.assert_close(torch.cat(parts).double(), expected, atol=1e-4, rtol=0)


def test_a_feature_that_does_not_vary_is_only_shifted() -> None:
    x = torch.tensor([[62.0, 1.0], [62.0, 3.0]])
    x[1, 0] += 62 * 2**-23  # the last bit
    head = StandardisedHead(PredictionMLP(2, 3, ()), 2)
    head.measure([x])
    assert head.std.tolist() == [1.0, 1.0]
    assert head.prepared(x).abs().max() == 1.0


def test_a_head_is_pooling_then_standardising_then_its_layers() -> None:
    head = build_head(12, 5, SETTINGS, 3, flattened=(4, 3))
    assert isinstance(head, StandardisedHead)
    assert (n_seen_by(head, 12), head.layers[0].in_features) == (9, 9)
    x = torch.randn(6, 12)
    seen = PoolOverTime(4, 3)(x)
    head.measure([seen])
    standardised = (seen - seen.mean(0)) / seen.std(0, unbiased=False)
    torch.testing.assert_close(seen_by(head, x), standardised)
    torch.testing.assert_close(head.eval()(x), layers_of(head)(standardised))
    assert torch.equal(layers_of(head)[0].weight, build_layers(9, 5, SETTINGS, 3)[0].weight)  # type: ignore[index]


def test_features_that_are_no_steps_stay_as_they_are() -> None:
    head = build_head(12, 5, SETTINGS, 3)
    assert n_seen_by(head, 12) == 12
    plain = build_head(12, 5, FinetuneSettings(hidden=(7,), pool=True), 3)
    assert isinstance(plain, PredictionMLP)
    assert n_seen_by(plain, 12) == 12


def test_a_head_that_pools_alone_keeps_the_scale() -> None:
    settings = FinetuneSettings(hidden=(), pool=True)
    head = build_head(12, 5, settings, 3, flattened=(4, 3))
    x = torch.randn(6, 12)
    seen = PoolOverTime(4, 3)(x)
    before = seen.clone()
    standardise(head, settings, [seen])
    assert torch.equal(seen, before)
    assert torch.equal(seen_by(head, x), before)


@pytest.mark.parametrize("training", [False, True])
def test_the_network_to_pooled_features_leaves_the_encoder_in_its_mode(training: bool) -> None:
    encoder = nn.Sequential(nn.Flatten()).train(training)
    head = build_head(12, 5, SETTINGS, 3, flattened=(4, 3))
    network = pooled(encoder, head)
    assert network.training == encoder.training == training
    x = torch.randn(2, 3, 4)
    assert torch.equal(network(x), PoolOverTime(4, 3)(x.flatten(1)))
    assert pooled(encoder, PredictionMLP(12, 5)) is encoder
