"""Pools of unlabelled windows: bounds, seeds, and what joins the labelled ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from otolith.finetuning import unlabelled
from otolith.finetuning.heads import Labelled
from otolith.finetuning.parallel_heads import train_many
from otolith.finetuning.self_training import WORTH
from otolith.finetuning.settings import FinetuneSettings
from otolith.finetuning.unlabelled import Pool, resampled

WAYS = ("self-training", "propagation")


def settings(way: str, **more: object) -> FinetuneSettings:
    return FinetuneSettings(**({"head": "linear", "solver": "lbfgs", "unlabelled": way} | more))  # type: ignore[arg-type]


def windows(counts: list[int], seed: int = 0, apart: float = 5.0) -> Labelled:
    generator = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    x = torch.randn(len(y), 6, generator=generator) + apart * torch.eye(len(counts), 6)[y]
    return Labelled(x * torch.tensor([1.0, 50.0, 0.01, 1.0, 1.0, 1.0]) + 20, y)


@pytest.mark.parametrize("way", WAYS)
def test_what_joins_is_mostly_right_and_weighs_as_much_as_it_should(way: str) -> None:
    rest, draw = windows([150, 150, 60]), windows([1, 1, 1], seed=1)
    joined = Pool([rest.inputs], 0).join(draw, settings(way), 0)
    assert torch.equal(joined.inputs[:3], draw.inputs)
    assert torch.equal(joined.y[:3], draw.y)
    rows = [int((rest.inputs == each).all(1).nonzero()[0, 0]) for each in joined.inputs[3:]]  # each is one of the pool
    assert (rest.y[rows] == joined.y[3:]).float().mean() > 0.95
    assert joined.weight is not None
    torch.testing.assert_close(joined.weight[:3], torch.ones(3))
    torch.testing.assert_close(joined.weight[3:].sum(), torch.tensor(3 * WORTH))


@pytest.mark.parametrize("way", WAYS)
def test_heads_that_learn_from_them_tell_more(way: str) -> None:
    rest, draws = windows([200, 200, 80], apart=3.0), [windows([1, 1, 1], seed, apart=3.0) for seed in (1, 2, 3)]
    rest = Labelled((rest.inputs - rest.inputs.mean(0)) / rest.inputs.std(0), rest.y)
    whole = windows([200, 200, 80], apart=3.0).inputs
    draws = [Labelled((each.inputs - whole.mean(0)) / whole.std(0), each.y) for each in draws]
    pool = Pool([rest.inputs], 0)
    for solver in ({}, {"solver": "adam", "lr": 1e-2}):
        right = []
        for each in (draws, [pool.join(draw, settings(way, **solver), 0) for draw in draws]):
            heads = train_many(each, [0, 1, 2], settings(way, **solver), 3, steps=100)
            right.append(float((heads.predict(rest.inputs) == rest.y).float().mean()))
        assert right[1] > right[0]


@pytest.mark.parametrize("way", WAYS)
def test_parts_and_devices_of_the_pool_do_not_matter_but_the_seed_does(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlabelled, "POOL", 100)
    rest, draw = windows([150, 150]), windows([2, 2], seed=1)
    pool = Pool([rest.inputs], 0)
    assert len(pool.features) == 100
    assert len({tuple(row) for row in pool.features.tolist()} & {tuple(row) for row in rest.inputs.tolist()}) == 100
    parted = Pool([rest.inputs[:7], rest.inputs[7:7], rest.inputs[7:]], 0)
    assert torch.equal(parted.features, pool.features)
    one, same = pool.join(draw, settings(way), 0), parted.join(draw, settings(way), 0)
    assert torch.equal(one.inputs, same.inputs)
    assert not torch.equal(Pool([rest.inputs], 1).features, pool.features)


@pytest.mark.parametrize("way", WAYS)
def test_activities_without_a_label_are_never_taken(way: str) -> None:
    rest, draw = windows([50, 50, 50, 50]), windows([2, 0, 2, 0], seed=1)
    assert draw.y.unique().tolist() == [0, 2]
    assert set(Pool([rest.inputs], 0).join(draw, settings(way), 0).y.tolist()) == {0, 2}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n", [2, 5])
def test_tiny_pools_and_features_that_do_not_vary(way: str, n: int) -> None:
    draw = Labelled(torch.tensor([[0.0, 3.0], [1.0, 3.0]]), torch.arange(2))
    rest = torch.stack([torch.linspace(0, 1, n), torch.full((n,), 3.0)], 1)
    joined = Pool([rest], 0).join(draw, settings(way), 0)
    assert torch.isfinite(joined.inputs).all()


def test_a_pool_needs_two_windows() -> None:
    with pytest.raises(ValueError, match="two unlabelled windows; got 1"):
        Pool([torch.zeros(1, 3)], 0)


def test_steps_see_each_window_as_often_as_its_weight_says() -> None:
    weight = torch.tensor([4.0, 1.0, 1.0, 2.0])
    given = Labelled(torch.arange(4.0)[:, None], torch.arange(4), weight)
    found = resampled(given, 80)
    assert torch.bincount(found.y).tolist() == [40, 10, 10, 20]
    assert torch.equal(found.inputs[:, 0].long(), found.y)
    counts: Tensor = torch.bincount(resampled(given, 13).y, minlength=4)
    assert ((counts - 13 * weight / 8).abs() < 1).all()
