"""The trunk of the transformation prediction network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from otolith.nets import TPNEncoder


def encoder(n_channels: int = 6, n_steps: int = 30, dropout: float = 0.1) -> TPNEncoder:
    torch.manual_seed(0)
    return TPNEncoder(n_channels, n_steps, dropout=dropout)


def by_loops(net: TPNEncoder, x: Tensor) -> Tensor:
    """Padding, convolution, ReLU and maximum of one window (channels, time), one number after the other."""
    for conv in net.convs:
        assert isinstance(conv, nn.Conv1d)
        assert conv.bias is not None
        kernel, time = conv.weight.shape[2], x.shape[1]
        before = (kernel - 1) // 2
        out = torch.zeros(len(conv.weight), time, dtype=x.dtype)
        for t in range(time):
            for tap in range(kernel):
                if 0 <= t - before + tap < time:
                    out[:, t] += conv.weight[:, :, tap] @ x[:, t - before + tap]
        x = (out + conv.bias[:, None]).clamp_min(0)
    return x.max(dim=1).values


def test_the_paper_s_sizes() -> None:
    net = encoder()
    shapes = [tuple(conv.weight.shape) for conv in net.convs if isinstance(conv, nn.Conv1d)]
    assert shapes == [(32, 6, 24), (64, 32, 16), (96, 64, 8)]
    assert net.dropout.p == 0.1
    assert net.n_features == 96


@pytest.mark.parametrize("n_channels", [1, 3, 6, 9])
@pytest.mark.parametrize("n_steps", [8, 9, 30, 31, 400])
def test_features_for_any_channels_and_length(n_channels: int, n_steps: int) -> None:
    net = encoder(n_channels, n_steps)
    assert net(torch.randn(3, n_channels, n_steps)).shape == (3, 96)
    assert (net.n_channels, net.n_steps) == (n_channels, n_steps)


def test_kernels_are_at_most_as_long_as_the_window() -> None:
    assert encoder(n_steps=30).kernels == [24, 16, 8]
    assert encoder(n_steps=24).kernels == [24, 16, 8]
    assert encoder(n_steps=12).kernels == [12, 12, 8]
    assert encoder(n_steps=8).kernels == [8, 8, 8]


def test_too_short_a_window_is_refused_by_its_length() -> None:
    with pytest.raises(ValueError, match=r"7 steps .* at least 8"):
        encoder(n_steps=7)


@pytest.mark.parametrize("n_steps", [8, 13, 30])
def test_it_is_padding_convolution_relu_and_maximum(n_steps: int) -> None:
    net = encoder(3, n_steps).double().eval()
    x = torch.randn(2, 3, n_steps, dtype=torch.float64)
    with torch.no_grad():
        expected = torch.stack([by_loops(net, window) for window in x])
        torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-12)


def test_dropout_follows_every_convolution_in_training_alone() -> None:
    net = encoder(dropout=0.5)
    calls: list[bool] = []
    net.dropout.register_forward_hook(lambda module, given, out: calls.append(bool((out[given[0] > 0] == 0).any())))
    x = torch.randn(4, 6, 30)
    net.train()(x)
    assert calls == [True] * 3
    assert not torch.equal(net(x), net(x))
    calls.clear()
    assert torch.equal(net.eval()(x), net(x))
    assert calls == [False] * 6


def test_squared_weights_leave_the_biases_out() -> None:
    net = encoder().double()
    expected = sum(float(conv.weight.detach().square().sum()) for conv in net.convs if isinstance(conv, nn.Conv1d))
    assert net.squared_weights().item() == pytest.approx(expected, rel=1e-12)
    net.squared_weights().backward()
    for name, parameter in net.named_parameters():
        if name.endswith("weight"):
            torch.testing.assert_close(parameter.grad, 2 * parameter.detach())
        else:
            assert parameter.grad is None


def test_a_gradient_reaches_every_parameter() -> None:
    net = encoder()
    net(torch.randn(20, 6, 30)).square().sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_state_dict_brings_back_the_same_features() -> None:
    net = encoder().eval()
    torch.manual_seed(1)
    other = TPNEncoder(6, 30).eval()
    x = torch.randn(2, 6, 30)
    assert not torch.equal(net(x), other(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x), other(x))
