"""The heads of the methods without negatives: linear layers with batch normalisation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from otolith.nets.heads import NormalisedMLP


def made(**options: bool) -> NormalisedMLP:
    torch.manual_seed(0)
    return NormalisedMLP(10, (7, 6), 5, **options)


def test_hidden_layers_are_normalised_and_rectified_and_the_last_is_neither() -> None:
    head = made()
    kinds = ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear"]
    assert [type(layer).__name__ for layer in head] == kinds
    assert [layer.out_features for layer in head if isinstance(layer, nn.Linear)] == [7, 6, 5]
    out = head(torch.randn(50, 10))
    assert out.shape == (50, 5)
    assert (out < 0).any()


def test_it_is_what_one_writes_by_hand() -> None:
    head = made().double()
    x = torch.randn(8, 10, dtype=torch.float64)
    rows = x
    for weight in (head[0].weight, head[3].weight):
        rows = rows @ weight.T
        rows = ((rows - rows.mean(0)) / (rows.var(0, unbiased=False) + 1e-5).sqrt()).clamp_min(0)
    torch.testing.assert_close(head(x), rows @ head[6].weight.T + head[6].bias, rtol=1e-12, atol=1e-12)


def test_a_normalised_output_has_mean_0_and_deviation_1_and_nothing_to_learn() -> None:
    head = made(normalise_out=True)
    out = head(3 + 5 * torch.randn(64, 10))
    torch.testing.assert_close(out.mean(0), torch.zeros(5), rtol=0, atol=1e-5)
    torch.testing.assert_close(out.var(0, unbiased=False), torch.ones(5), rtol=1e-2, atol=0)
    assert (out < 0).any()  # no ReLU
    assert list(head[-1].parameters()) == []
    assert head[-2].bias is None


@pytest.mark.parametrize("options", [{}, {"normalise_out": True}, {"bias_out": False}])
def test_every_parameter_is_felt(options: dict[str, bool]) -> None:
    head = made(**options)
    head(torch.randn(20, 10)).pow(3).sum().backward()  # sum and squares of a normalised output are fixed
    assert [name for name, p in head.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-4] == []


def test_no_bias_where_none_is_wanted() -> None:
    assert [layer.bias is None for layer in made(bias_out=False) if isinstance(layer, nn.Linear)] == [True] * 3
    assert [layer.bias is None for layer in made() if isinstance(layer, nn.Linear)] == [True, True, False]


def test_no_hidden_layer_is_a_linear_map() -> None:
    assert [type(layer) for layer in NormalisedMLP(4, (), 3)] == [nn.Linear]


@pytest.mark.parametrize("normalise_out", [False, True])
def test_two_equal_rows_give_finite_values_and_gradients(normalise_out: bool) -> None:
    head = made(normalise_out=normalise_out)
    x = torch.full((2, 10), 4.0, requires_grad=True)
    out = head(x)
    out.sum().backward()
    assert out.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
