"""Linear heads fitted to convergence: what scikit-learn finds, and the objective written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from otolith.errors import TrainingError
from otolith.finetuning.fitting import fit_layers
from otolith.finetuning.heads import Labelled, build_layers, predict
from otolith.finetuning.linear import fit_linear
from otolith.finetuning.parallel_heads import train_many
from otolith.finetuning.settings import FinetuneSettings

SETTINGS = FinetuneSettings(head="linear", solver="lbfgs", penalty=2.0)


def rows(n: int, seed: int = 0, width: int = 5) -> Labelled:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(3, (n,), generator=generator)
    return Labelled(torch.randn(n, width, generator=generator) + 1.5 * torch.eye(3, width)[y], y)


def accuracy(y_true: Tensor, y_pred: Tensor) -> float:
    return float((y_true == y_pred).float().mean())


@pytest.mark.parametrize("penalty", [0.1, 5.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_finds_what_scikit_learn_finds(penalty: float, weighted: bool) -> None:
    data = rows(80)
    weight = torch.rand(80, generator=torch.Generator().manual_seed(1)) + 0.1 if weighted else None
    layer = nn.Linear(5, 3)
    fit_linear(layer, data.inputs, data.y, penalty, weight)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=5000)
    theirs.fit(data.inputs.double().numpy(), data.y.numpy(), None if weight is None else weight.numpy())
    # logits of the two differ by a constant of each row
    expected = theirs.predict_proba(data.inputs.double().numpy())
    np.testing.assert_allclose(layer(data.inputs).softmax(1).detach().numpy(), expected, atol=2e-3)


def test_its_gradient_is_zero_where_it_ends() -> None:
    """The objective as written: sum of cross-entropies + penalty / 2 |W|^2, biases free."""
    data = rows(60)
    layer = nn.Linear(5, 3).double()
    fit_linear(layer, data.inputs.double(), data.y, 3.0)
    logs = layer(data.inputs.double()).log_softmax(1)
    loss = -sum(logs[row, y] for row, y in enumerate(data.y.tolist())) + 1.5 * layer.weight.square().sum()
    for gradient in torch.autograd.grad(loss, [layer.weight, layer.bias]):
        assert gradient.abs().max() < 60 * 1e-4


def test_shares_of_classes_are_rows_with_weights() -> None:
    data = rows(40)
    shares = torch.full((40, 3), 0.1)
    shares[torch.arange(40), data.y] = 0.8
    soft, hard = nn.Linear(5, 3).double(), nn.Linear(5, 3).double()
    x = data.inputs.double()
    fit_linear(soft, x, shares, 1.0)
    fit_linear(hard, x.repeat(3, 1), torch.arange(3).repeat_interleave(40), 1.0, shares.t().flatten())
    torch.testing.assert_close(soft(x).softmax(1), hard(x).softmax(1), atol=2e-3, rtol=0)


def test_it_depends_on_no_seed_and_starts_anew() -> None:
    data = rows(50)
    one, two = nn.Linear(5, 3), nn.Linear(5, 3)
    assert fit_linear(one, data.inputs, data.y, 1.0) == fit_linear(two, data.inputs, data.y, 1.0)
    assert torch.equal(one.weight, two.weight)
    assert torch.equal(one.bias, two.bias)


def test_a_fit_is_one_record_with_its_score() -> None:
    train, val = rows(90), rows(60, 1)
    layers = build_layers(5, 3, SETTINGS, 0)
    told: list[dict[str, object]] = []
    records = fit_layers(layers, train, val, SETTINGS, 0, n_classes=3, score=accuracy, on_epoch=told.append)
    assert records == told
    assert [record["best_epoch"] for record in records] == [1]
    assert records[0]["val_macro_f1"] == accuracy(val.y, predict(layers, val.inputs).argmax(1)) > 0.7
    assert not layers.training


def test_classes_may_weigh_the_same() -> None:
    """With a class's weight by its frequency, each class's predicted mass is a third of all weight."""
    y = torch.cat([torch.zeros(70), torch.ones(15), torch.full((5,), 2.0)]).long()
    train = Labelled(torch.randn(90, 4, generator=torch.Generator().manual_seed(0)), y)
    settings = replace(SETTINGS, class_balanced=True)
    layers = build_layers(4, 3, settings, 0)
    fit_layers(layers, train, train, settings, 0, n_classes=3, score=accuracy)
    counts = torch.bincount(y).float()
    mass = (layers(train.inputs).softmax(1) * (1 / counts[y])[:, None]).sum(0)
    torch.testing.assert_close(mass.detach(), torch.ones(3), atol=2e-2, rtol=0)


def test_too_little_to_learn_from_is_refused() -> None:
    one = Labelled(torch.randn(5, 4), torch.zeros(5, dtype=torch.int64))
    layers = build_layers(4, 3, SETTINGS, 0)
    with pytest.raises(TrainingError, match="hold 1 activity"):
        fit_layers(layers, one, rows(9, width=4), SETTINGS, 0, n_classes=3, score=accuracy)
    with pytest.raises(TrainingError, match="no labelled validation windows"):
        fit_layers(layers, rows(9, width=4), rows(0, width=4), SETTINGS, 0, n_classes=3, score=accuracy)


@pytest.mark.parametrize("steps", [2, None])
def test_many_heads_are_those_that_are_fitted_alone(steps: int | None) -> None:
    draws = [rows(30, seed) for seed in range(3)]
    val = None if steps else rows(20, 9)
    heads = train_many(
        draws, [5, 6, 7], SETTINGS, 3, steps=steps, val=val, score=None if steps else accuracy, batched=True
    )
    test = rows(40, 8).inputs
    for draw, found in zip(draws, heads.predict(test), strict=True):
        alone = nn.Linear(5, 3)
        fit_linear(alone, draw.inputs, draw.y, 2.0)
        assert torch.equal(found, alone(test).argmax(1))
