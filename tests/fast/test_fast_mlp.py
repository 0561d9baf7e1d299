"""The written-out gradient of a classifier against autograd's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast
from otolith.fast.masks import KeepMasks
from otolith.fast.mlp import MLPSteps
from otolith.finetuning.classifier import train_classifier, train_steps
from otolith.finetuning.heads import Labelled, build_head
from otolith.finetuning.settings import FinetuneSettings
from otolith.nets import PredictionMLP
from otolith.training.optim import Optimizer

CLASSES = 5


def batches(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    made = torch.Generator().manual_seed(2)
    return [
        (
            torch.randn(9, 20, generator=made, dtype=torch.float64).to(dtype),
            torch.randint(CLASSES, (9,), generator=made),
        )
        for _ in range(10)
    ]


def plain_loss(layers: list[nn.Linear], x: Tensor, y: Tensor, masks: KeepMasks | None, weight: Tensor | None) -> Tensor:
    for layer in layers[:-1]:
        x = layer(x).relu()
        if masks is not None:
            x = x * masks.fill(torch.empty_like(x)) / (1 - 0.25)
    return F.cross_entropy(layers[-1](x), y, weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.25])
@pytest.mark.parametrize("hidden", [(), (12,), (12, 7)])
def test_ten_steps_in_double_precision(hidden: tuple[int, ...], dropout: float, weighted: bool) -> None:
    """Losses, gradients and weights, with the same masks (a quarter is a multiple of 1/65,536)."""
    plain = PredictionMLP(20, CLASSES, hidden, dropout).double()
    ours = copy.deepcopy(plain)
    weight = torch.tensor([1.0, 0.0, 2.0, 0.5, 3.0], dtype=torch.float64) if weighted else None
    steps = MLPSteps(ours.linear_layers(), dropout, 1e-2, 0.01, KeepMasks(dropout, 4) if dropout else None)
    optimizer = Optimizer(plain, "adam", 1e-2, weight_decay=0.01)
    masks = KeepMasks(dropout, 4) if dropout else None
    close = {"rtol": 1e-9, "atol": 1e-9}
    for number, (x, y) in enumerate(batches(torch.float64)):
        loss = plain_loss(plain.linear_layers(), x, y, masks, weight)
        loss.backward()
        expected = [layer.weight.grad for layer in plain.linear_layers()]
        expected_biases = [layer.bias.grad for layer in plain.linear_layers()]
        optimizer.step(1e-2 / (number + 1))
        torch.testing.assert_close(steps.step(x, y, 1e-2 / (number + 1), weight), loss.detach(), **close)
        for ours_grad, grad in zip(steps.weights, expected, strict=True):
            torch.testing.assert_close(ours_grad.grad, grad.t(), **close)
        for ours_grad, grad in zip(steps.biases, expected_biases, strict=True):
            torch.testing.assert_close(ours_grad.grad, grad, **close)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, **close)


def test_single_precision() -> None:
    plain = PredictionMLP(20, CLASSES, (12, 7), 0.0)
    ours = copy.deepcopy(plain)
    steps = MLPSteps(ours.linear_layers(), 0.0, 1e-3)
    optimizer = Optimizer(plain, "adam", 1e-3)
    for x, y in batches(torch.float32):
        loss = F.cross_entropy(plain(x), y)
        loss.backward()
        found = steps.gradients(x, y)
        torch.testing.assert_close(found, loss.detach(), rtol=1e-4, atol=0)
        for one, layer in zip(steps.weights, plain.linear_layers(), strict=True):
            assert (one.grad - layer.weight.grad.t()).norm() <= 1e-4 * layer.weight.grad.norm()
        optimizer.step(1e-3)
        steps.adam.step()


@pytest.mark.parametrize("way", ["steps", "epochs"])
@pytest.mark.parametrize("balanced", [False, True])
def test_training_is_the_same_with_and_without(way: str, balanced: bool) -> None:
    settings = FinetuneSettings(
        epochs=6, batch_size=8, lr=1e-2, hidden=(12, 7), dropout=0.0, class_balanced=balanced, weight_decay=0.02
    )
    made = torch.Generator().manual_seed(1)
    y = torch.randint(CLASSES, (61,), generator=made)
    train = Labelled(torch.randn(61, 20, generator=made, dtype=torch.float64), y)
    found = []
    for off in (False, True):
        with fast.plain(off):
            head = build_head(20, CLASSES, settings, 3).double()
            if way == "steps":
                train_steps(head, train, settings, 3, 20)
            else:
                turn = iter(range(10))
                train_classifier(
                    head,
                    train,
                    train,
                    settings,
                    3,
                    n_classes=CLASSES,
                    score=lambda true, got, turn=turn: next(turn) % 4,
                )
        assert not head.training
        found.append(list(head.parameters()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_dropout_is_drawn_from_the_seed_and_differs_between_steps() -> None:
    x, y = batches(torch.float32)[0]
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        steps = MLPSteps(build_head(20, CLASSES, FinetuneSettings(hidden=(64,)), 0).linear_layers(), 0.5, 1e-3)
        losses.append([float(steps.gradients(x, y)) for _ in range(3)])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    assert len(set(losses[0])) == 3
