"""The denoising convolutional autoencoder of Fig. 3, and the small heads."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from otolith.nets import ConvAutoencoder, PredictionMLP, ProjectionHead


def autoencoder(n_channels: int = 6, n_steps: int = 30, latent: int = 20, kernel: int = 3) -> ConvAutoencoder:
    torch.manual_seed(0)
    return ConvAutoencoder(n_channels, n_steps, (4, 6, 8), kernel, latent)


@pytest.mark.parametrize("n_channels", [1, 3, 6, 9])
@pytest.mark.parametrize("n_steps", [8, 9, 15, 16, 30, 31, 128])
def test_a_window_comes_back_with_its_own_length(n_channels: int, n_steps: int) -> None:
    net = autoencoder(n_channels, n_steps)
    h = net(torch.randn(3, n_channels, n_steps))
    assert h.shape == (3, net.n_features) == (3, 20)
    assert net.reconstruct(h).shape == (3, n_channels, n_steps)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_kernels_keep_the_length(kernel: int) -> None:
    net = autoencoder(kernel=kernel)
    assert net.reconstruct(net(torch.randn(2, 6, 30))).shape == (2, 6, 30)


def test_too_short_a_window_is_refused_by_its_length() -> None:
    with pytest.raises(ValueError, match=r"7 steps .* at least 8"):
        autoencoder(n_steps=7)
    with pytest.raises(ValueError, match=r"15 steps .* at least 16"):
        ConvAutoencoder(6, 15, (4, 4, 4, 4))


def test_latent_may_exceed_the_pooled_output() -> None:
    """USC-HAD's 512 over 3 x 128 and MobiAct's 1024 over 3 x 256, as printed."""
    net = ConvAutoencoder(6, 30, (32, 64, 128), 5, 512)
    assert net.bottleneck_in.in_features == 3 * 128
    assert net(torch.randn(2, 6, 30)).shape == (2, 512)


def test_the_bottleneck_is_not_rectified() -> None:
    h = autoencoder()(torch.randn(50, 6, 30))
    assert (h < 0).any()
    assert (h > 0).any()


def test_the_last_layer_can_give_negative_values_everywhere() -> None:
    net = autoencoder()
    with torch.no_grad():
        net.up[-1].bias.fill_(-5.0)
    out = net.reconstruct(net(torch.randn(4, 6, 30)))
    assert (out.amax(dim=(0, 2)) < 0).all()


def test_inner_decoder_layers_are_rectified() -> None:
    """With a negative bias that rectification turns to zero, nothing but the last layer's bias is left."""
    net = autoencoder()
    with torch.no_grad():
        net.up[0].bias.fill_(-1e4)
        net.up[1].bias.zero_()
    out = net.reconstruct(net(torch.randn(4, 6, 30)))
    torch.testing.assert_close(out, net.up[-1].bias[None, :, None].expand_as(out))


def test_a_gradient_reaches_every_parameter() -> None:
    net = autoencoder()
    x = torch.randn(20, 6, 30)
    nn.functional.mse_loss(net.reconstruct(net(x)), x).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_state_dict_brings_back_the_same_features() -> None:
    net = autoencoder()
    torch.manual_seed(1)
    other = ConvAutoencoder(6, 30, (4, 6, 8), 3, 20)
    x = torch.randn(2, 6, 30)
    assert not torch.equal(net(x), other(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net.reconstruct(net(x)), other.reconstruct(other(x)))


def test_projection_head_is_linear_relu_linear() -> None:
    torch.manual_seed(0)
    head = ProjectionHead(10, 7, 5)
    x = torch.randn(3, 10)
    expected = head[2].weight @ torch.relu(head[0].weight @ x.T + head[0].bias[:, None]) + head[2].bias[:, None]
    torch.testing.assert_close(head(x), expected.T)
    assert len(head) == 3


def test_prediction_mlp_has_the_paper_s_layers() -> None:
    head = PredictionMLP(3840, 6)
    assert [type(layer).__name__ for layer in head] == ["Linear", "ReLU", "Dropout"] * 2 + ["Linear"]
    assert [layer.out_features for layer in head if isinstance(layer, nn.Linear)] == [256, 128, 6]
    assert {layer.p for layer in head if isinstance(layer, nn.Dropout)} == {0.2}
    assert head(torch.randn(2, 3840)).shape == (2, 6)


def test_no_hidden_layer_makes_a_linear_probe() -> None:
    head = PredictionMLP(10, 4, hidden=())
    assert [type(layer) for layer in head] == [nn.Linear]
    x = torch.randn(3, 10)
    torch.testing.assert_close(head(2 * x) - head[0].bias, 2 * (head(x) - head[0].bias))
