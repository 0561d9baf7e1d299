"""The encoder of contrastive predictive coding, above all: what a latent and a context may know."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from otolith.nets import CPCEncoder

STEPS = 20


def encoder(n_channels: int = 6, n_steps: int = STEPS, **sizes: int) -> CPCEncoder:
    torch.manual_seed(0)
    return CPCEncoder(n_channels, n_steps, **sizes)


def known_samples(net: CPCEncoder, kind: str, step: int) -> list[int]:
    """Samples of the window that the latent or context of `step` depends on, by its gradient."""
    x = torch.randn(8, net.n_channels, net.n_steps, dtype=torch.float64, requires_grad=True)
    net = net.double().eval()
    z = net.latents(x)
    out = z if kind == "latents" else net.contexts(z)
    (slope,) = torch.autograd.grad(out[:, step].square().sum(), x)
    return slope.abs().sum(dim=(0, 1)).nonzero().flatten().tolist()


def test_the_authors_sizes() -> None:
    net = encoder()
    shapes = [tuple(conv.weight.shape) for conv in net.convs if isinstance(conv, nn.Conv1d)]
    assert shapes == [(32, 6, 3), (64, 32, 3), (128, 64, 3)]
    assert all(conv.bias is None for conv in net.convs)
    gru = net.gru
    assert (gru.input_size, gru.hidden_size, gru.num_layers, gru.bidirectional) == (128, 256, 2, False)
    assert net.dropout.p == gru.dropout == 0.2
    assert (net.n_features, net.width, net.latent_width) == (256, 256, 128)


@pytest.mark.parametrize("n_channels", [1, 3, 6, 9])
@pytest.mark.parametrize("n_steps", [8, 9, 30, 31, 128])
def test_features_for_any_channels_and_length(n_channels: int, n_steps: int) -> None:
    net = encoder(n_channels, n_steps)
    x = torch.randn(3, n_channels, n_steps)
    z = net.latents(x)
    assert z.shape == (3, n_steps, 128)
    assert net.contexts(z).shape == (3, n_steps, 256)
    assert net(x).shape == (3, net.n_features)
    assert (net.n_channels, net.n_steps) == (n_channels, n_steps)


def test_too_short_a_window_is_refused_by_its_length() -> None:
    with pytest.raises(ValueError, match=r"7 steps .* at least 8"):
        encoder(n_steps=7)


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("step", [0, 1, 7, STEPS - 1])
def test_a_latent_knows_the_samples_of_its_receptive_field_and_no_later_one(kernel: int, step: int) -> None:
    reach = 3 * (kernel - 1)
    assert known_samples(encoder(kernel=kernel), "latents", step) == list(range(max(0, step - reach), step + 1))


@pytest.mark.parametrize("step", [0, 1, 7, STEPS - 1])
def test_a_context_knows_all_samples_so_far_and_no_later_one(step: int) -> None:
    assert known_samples(encoder(), "contexts", step) == list(range(step + 1))


@pytest.mark.parametrize("step", [0, 5, STEPS - 2])
def test_another_future_leaves_latents_and_contexts_as_they_were(step: int) -> None:
    net = encoder().eval()
    x = torch.randn(4, 6, STEPS)
    other = x.clone()
    other[:, :, step + 1 :] = 100 * torch.randn(4, 6, STEPS - step - 1)
    z, changed = net.latents(x), net.latents(other)
    torch.testing.assert_close(changed[:, : step + 1], z[:, : step + 1], rtol=0, atol=0)
    c, moved = net.contexts(z), net.contexts(changed)
    torch.testing.assert_close(moved[:, : step + 1], c[:, : step + 1], rtol=0, atol=1e-6)
    assert (moved[:, step + 1] - c[:, step + 1]).abs().max() > 1e-2


def test_features_are_the_context_of_the_last_step() -> None:
    net = encoder().eval()
    x = torch.randn(4, 6, STEPS)
    contexts = net.contexts(net.latents(x))
    assert torch.equal(net(x), contexts[:, -1])
    assert not torch.equal(net(x), contexts[:, -2])


def latents_by_loops(net: CPCEncoder, x: Tensor) -> Tensor:
    """One window (channels, time): sums over taps that look back, then ReLU."""
    for conv in net.convs:
        assert isinstance(conv, nn.Conv1d)
        kernel = conv.weight.shape[2]
        out = torch.zeros(len(conv.weight), x.shape[1], dtype=x.dtype)
        for t in range(x.shape[1]):
            for back in range(kernel):
                if t - back >= 0:
                    out[:, t] += conv.weight[:, :, kernel - 1 - back] @ x[:, t - back]
        x = out.clamp_min(0)
    return x.T


def contexts_by_loops(net: CPCEncoder, z: Tensor) -> Tensor:
    """The gated recurrent unit of Cho et al. 2014 in PyTorch's form, layer by layer, of one window (time, width)."""
    size = net.n_features
    for layer in range(net.gru.num_layers):
        w_in, w_h = (net.gru.get_parameter(f"weight_{kind}_l{layer}") for kind in ("ih", "hh"))
        b_in, b_h = (net.gru.get_parameter(f"bias_{kind}_l{layer}") for kind in ("ih", "hh"))
        h, out = torch.zeros(size, dtype=z.dtype), []
        for row in z:
            a, b = w_in @ row + b_in, w_h @ h + b_h
            reset = torch.sigmoid(a[:size] + b[:size])
            update = torch.sigmoid(a[size : 2 * size] + b[size : 2 * size])
            new = torch.tanh(a[2 * size :] + reset * b[2 * size :])
            h = (1 - update) * new + update * h
            out.append(h)
        z = torch.stack(out)
    return z


def test_it_is_convolutions_and_a_gated_recurrent_unit() -> None:
    net = encoder(3, 9, hidden=5).double().eval()
    x = torch.randn(2, 3, 9, dtype=torch.float64)
    with torch.no_grad():
        z = torch.stack([latents_by_loops(net, window) for window in x])
        torch.testing.assert_close(net.latents(x), z, rtol=0, atol=1e-12)
        c = torch.stack([contexts_by_loops(net, rows) for rows in z])
        torch.testing.assert_close(net.contexts(z), c, rtol=0, atol=1e-12)


def test_dropout_follows_every_convolution_and_the_first_recurrent_layer_in_training_alone() -> None:
    net = encoder()
    calls: list[bool] = []
    net.dropout.register_forward_hook(lambda module, given, out: calls.append(bool((out[given[0] > 0] == 0).any())))
    x = torch.randn(4, 6, STEPS)
    z = net.train().latents(x)
    assert calls == [True] * 3
    assert not torch.equal(net.contexts(z), net.contexts(z))
    net.eval()
    assert torch.equal(net.contexts(z), net.contexts(z))
    assert torch.equal(net.latents(x), net.latents(x))


def test_a_single_recurrent_layer_has_nothing_to_drop_between() -> None:
    assert encoder(layers=1)(torch.randn(2, 6, STEPS)).shape == (2, 256)  # PyTorch would warn


def test_bfloat16_products_give_nearly_the_same_features() -> None:
    net = encoder().eval()
    x = torch.randn(4, 6, STEPS)
    expected = net(x)
    with torch.autocast("cpu", torch.bfloat16):
        got = net(x)
    assert not torch.equal(got, expected)
    torch.testing.assert_close(got.float(), expected, rtol=0, atol=0.02)


def test_a_gradient_reaches_every_parameter() -> None:
    net = encoder()
    net(torch.randn(20, 6, STEPS)).square().sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_state_dict_brings_back_the_same_features() -> None:
    net = encoder().eval()
    torch.manual_seed(1)
    other = CPCEncoder(6, STEPS).eval()
    x = torch.randn(2, 6, STEPS)
    assert not torch.equal(net(x), other(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x), other(x))
