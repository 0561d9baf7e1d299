"""Residual convolutions with features pooled over time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from otolith import fast
from otolith.nets import MIN_STEPS, CPCEncoder, Encoder, ResidualEncoder, TPNEncoder, TransformerEncoder
from otolith.nets.conv import along_time
from otolith.nets.residual import NormalisedMaps


def encoder(
    n_channels: int = 6,
    n_steps: int = 12,
    kernels: tuple[int, ...] = (5, 5, 3, 3),
    dropout: float = 0.0,
    layer_norm: bool = False,
) -> ResidualEncoder:
    torch.manual_seed(0)
    return ResidualEncoder(n_channels, n_steps, 8, kernels, dropout, layer_norm)


def scrambled(net: ResidualEncoder) -> ResidualEncoder:
    """In float64, with no running mean at 0 and no variance at 1, so that none may be forgotten."""
    net = net.double()
    with torch.no_grad():
        for tensor in net.last.parameters():
            tensor.add_(torch.rand_like(tensor))
        for norm in net.norms:
            assert isinstance(norm, nn.BatchNorm1d)
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                assert tensor is not None
                tensor.add_(torch.rand_like(tensor))
    return net


def by_loops(net: ResidualEncoder, x: Tensor) -> Tensor:
    """Maps of one window (channels, time) in eval mode, one number after the other: (time / 2, rounded up, width)."""
    for i, (conv, norm) in enumerate(zip(net.convs, net.norms, strict=True)):
        assert isinstance(conv, nn.Conv1d)
        assert isinstance(norm, nn.BatchNorm1d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        time, half = x.shape[1], conv.kernel_size[0] // 2
        out = torch.zeros(conv.out_channels, time, dtype=x.dtype)
        for t in range(time):
            for tap in range(2 * half + 1):
                if 0 <= t - half + tap < time:
                    out[:, t] += conv.weight[:, :, tap] @ x[:, t - half + tap]
        out = (out - norm.running_mean[:, None]) / (norm.running_var[:, None] + norm.eps).sqrt()
        out = (out * norm.weight[:, None] + norm.bias[:, None]).clamp_min(0)
        x = out + x if i else out
        if i + 1 == (len(net.convs) + 1) // 2:
            x = torch.stack([x[:, t : t + 2].amax(1) for t in range(0, time, 2)], dim=1)
    if isinstance(net.last, NormalisedMaps):
        deviation = (x.var(0, correction=0) + 1e-5).sqrt()
        normalised = (x - x.mean(0)) / deviation * net.last.norm.weight[:, None] + net.last.norm.bias[:, None]
        x = torch.cat([normalised, (1 + deviation).log()[None]])
    return x.T


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("kernels", [(5, 5, 3, 3), (3,), (7, 3, 1)])
@pytest.mark.parametrize("n_steps", [8, 13, 30])
def test_it_is_convolution_normalisation_relu_and_residual(
    n_steps: int, kernels: tuple[int, ...], plain: bool, layer_norm: bool
) -> None:
    net = scrambled(encoder(3, n_steps, kernels, layer_norm=layer_norm)).eval()
    x = torch.randn(2, 3, n_steps, dtype=torch.float64)
    with torch.no_grad(), fast.plain(plain):
        expected = torch.stack([by_loops(net, window) for window in x])
        torch.testing.assert_close(net.steps(x), expected, rtol=0, atol=1e-12)
        pooled = [expected.mean(1), expected.amax(1), (expected.var(1, correction=0) + 1e-5).sqrt()]
        torch.testing.assert_close(net(x), torch.cat(pooled, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_channels", [1, 3, 6, 9])
@pytest.mark.parametrize("n_steps", [8, 9, 30, 77, 500])
def test_as_many_features_for_any_channels_and_length(n_channels: int, n_steps: int) -> None:
    net = encoder(n_channels, n_steps)
    x = torch.randn(3, n_channels, n_steps)
    assert net(x).shape == (3, net.n_features) == (3, 24)
    assert net.steps(x).shape == (3, net.n_out_steps, net.width) == (3, -(-n_steps // 2), 8)
    assert (net.n_channels, net.n_steps, net.flattened) == (n_channels, n_steps, None)


@pytest.mark.parametrize("n_steps", [0, 1, MIN_STEPS - 1])
def test_too_short_a_window_is_refused_by_its_length(n_steps: int) -> None:
    with pytest.raises(ValueError, match=f"a window of {n_steps} steps .* at least 8"):
        encoder(n_steps=n_steps)


@pytest.mark.parametrize(("kernels", "got"), [((), "none"), ((5, 4), "5, 4"), ((-1,), "-1")])
def test_kernels_that_do_not_keep_the_steps_are_refused(kernels: tuple[int, ...], got: str) -> None:
    with pytest.raises(ValueError, match=f"one or more kernels, each odd; got {got}"):
        encoder(kernels=kernels)


def test_both_forms_train_alike() -> None:
    """Output, gradients and running statistics; the order of sums differs."""
    x = torch.randn(5, 6, 13, dtype=torch.float64)
    found = []
    for plain in (True, False):
        net = scrambled(encoder(6, 13, layer_norm=True)).train()
        with fast.plain(plain):
            out = net(x)
            (out * torch.arange(27)).sum().backward()
        found.append([out.detach(), *(p.grad for p in net.parameters()), *net.buffers()])
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_convolution_with_channels_together_is_the_stock_one(kernel: int, bias: bool) -> None:
    torch.manual_seed(0)
    conv = nn.Conv1d(3, 4, kernel, padding=kernel // 2, bias=bias).double()
    x = torch.randn(2, 9, 3, dtype=torch.float64)
    out = along_time(x, conv)
    torch.testing.assert_close(out, conv(x.transpose(1, 2)).transpose(1, 2), rtol=0, atol=1e-12)
    assert out.is_contiguous()


def test_a_constant_window_has_a_finite_slope() -> None:
    net = encoder(kernels=(1,)).double()
    x = torch.zeros(2, 6, 12, dtype=torch.float64, requires_grad=True)
    net(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_gradients_agree_with_differences() -> None:
    net = scrambled(encoder(1, 8, layer_norm=True)).eval()
    x = torch.randn(2, 1, 8, dtype=torch.float64, requires_grad=True)
    for plain in (True, False):
        with fast.plain(plain):
            assert torch.autograd.gradcheck(lambda signal: net(signal), (x,))


def test_a_gradient_reaches_every_parameter() -> None:
    net = encoder(layer_norm=True)
    net(torch.randn(5, 6, 12)).square().mul(torch.arange(27)).sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_eval_mode_is_deterministic_and_touches_no_buffer() -> None:
    net = encoder(dropout=0.5).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x = torch.randn(6, 6, 12)
    first = net(x)
    assert torch.equal(first, net(x))
    torch.testing.assert_close(net(x[2:3]), first[2:3])  # no window sees its neighbours in the batch
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("plain", [True, False])
def test_training_mode_drops_and_updates_statistics(plain: bool) -> None:
    net = encoder(dropout=0.5, kernels=(3,)).train()
    x = torch.randn(40, 6, 12)
    with fast.plain(plain):
        steps = net.steps(x)
        assert not torch.equal(steps, net.steps(x))
        kept = net.eval().steps(x)
    # a map is above zero in half of all steps, and a maximum of two where neither is zero or dropped: 1 - 0.75 ^ 2
    assert float((steps > 0).float().mean()) == pytest.approx(1 - 0.75**2, abs=0.06)
    assert float((kept > 0).float().mean()) == pytest.approx(1 - 0.5**2, abs=0.06)
    assert net.norms[0].running_mean.any()


def test_state_dict_brings_back_the_same_features() -> None:
    net = encoder().train()
    net(torch.randn(5, 6, 12))  # moves the running statistics
    torch.manual_seed(9)
    other = ResidualEncoder(6, 12, 8)
    x = torch.randn(3, 6, 12)
    assert not torch.equal(net.eval()(x), other.eval()(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x), other(x))


@pytest.mark.parametrize("n_steps", [8, 13])
@pytest.mark.parametrize("kind", [ResidualEncoder, TransformerEncoder, TPNEncoder, CPCEncoder])
def test_the_output_over_time_has_the_declared_size(kind: type[Encoder], n_steps: int) -> None:
    net = kind(6, n_steps).eval()
    x = torch.randn(2, 6, n_steps)
    with torch.no_grad():
        steps, features = net.steps(x), net(x)
    assert steps.shape == (2, net.n_out_steps, net.width)
    if net.flattened is not None:
        assert torch.equal(features.unflatten(1, (-1, *net.flattened)), steps[:, None])
    else:
        assert features.shape[1] != steps[0].numel()


def test_an_encoder_without_output_over_time_says_so() -> None:
    bare = Encoder(6, 12, 4)
    assert (bare.n_out_steps, bare.width, bare.flattened) == (None, None, None)
    with pytest.raises(NotImplementedError, match="Encoder has no output for each time step"):
        bare.steps(torch.zeros(2, 6, 12))
