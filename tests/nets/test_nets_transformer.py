"""The conv + transformer encoder of Fig. 4."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from otolith import fast
from otolith.nets import MIN_STEPS, TransformerEncoder
from otolith.nets.conv import ConvBlocks
from otolith.nets.transformer import AttentionBlock, sinusoidal_positions


def encoder(n_channels: int = 6, n_steps: int = 12, dropout: float = 0.0, blocks: int = 2) -> TransformerEncoder:
    torch.manual_seed(0)
    return TransformerEncoder(
        n_channels, n_steps, (4, 6, 8), kernel=3, blocks=blocks, heads=2, feed_forward=16, dropout=dropout
    )


def stock_layer(block: AttentionBlock, width: int, heads: int) -> nn.TransformerEncoderLayer:
    """PyTorch's own post-norm ReLU layer with the weights of `block`."""
    layer = nn.TransformerEncoderLayer(width, heads, len(block.up.bias), 0.0, batch_first=True, dtype=torch.float64)
    pairs = {
        "self_attn.in_proj_weight": block.qkv.weight,
        "self_attn.in_proj_bias": block.qkv.bias,
        "self_attn.out_proj.weight": block.out.weight,
        "self_attn.out_proj.bias": block.out.bias,
        "linear1.weight": block.up.weight,
        "linear1.bias": block.up.bias,
        "linear2.weight": block.down.weight,
        "linear2.bias": block.down.bias,
        "norm1.weight": block.norm_attention.weight,
        "norm1.bias": block.norm_attention.bias,
        "norm2.weight": block.norm_feed_forward.weight,
        "norm2.bias": block.norm_feed_forward.bias,
    }
    layer.load_state_dict({name: value.detach() for name, value in pairs.items()})
    return layer


def scrambled(block: AttentionBlock) -> AttentionBlock:
    """In float64, with no bias at 0 and no norm at 1, so that none may be forgotten."""
    block = block.double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return block


@pytest.mark.parametrize("n_channels", [1, 3, 6, 9])
@pytest.mark.parametrize("n_steps", [8, 9, 30, 31, 128])
def test_features_for_any_channels_and_length(n_channels: int, n_steps: int) -> None:
    net = encoder(n_channels, n_steps)
    out = net(torch.randn(3, n_channels, n_steps))
    assert out.shape == (3, net.n_features) == (3, n_steps * 8)
    assert (net.n_channels, net.n_steps) == (n_channels, n_steps)


@pytest.mark.parametrize("n_steps", [0, 1, MIN_STEPS - 1])
def test_too_short_a_window_is_refused_by_its_length(n_steps: int) -> None:
    with pytest.raises(ValueError, match=f"a window of {n_steps} steps .* at least 8"):
        encoder(n_steps=n_steps)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="width 8 cannot be shared by 3 heads"):
        TransformerEncoder(6, 30, (4, 8), heads=3)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_convolutions_keep_every_step_and_normalise(kernel: int) -> None:
    conv = ConvBlocks(2, (4, 6), kernel)
    out = conv(torch.randn(5, 2, 13))
    assert out.shape == (5, 13, 6)
    assert out.min() == 0  # ReLU comes last
    kinds = [type(layer).__name__ for layer in conv.layers]
    assert kinds == ["Conv1d", "BatchNorm1d", "ReLU"] * 2


@pytest.mark.parametrize(("n_steps", "width"), [(1, 2), (30, 128), (9, 7)])
def test_positions_follow_the_formula(n_steps: int, width: int) -> None:
    table = sinusoidal_positions(n_steps, width)
    assert table.shape == (n_steps, width)
    for position in range(n_steps):
        for place in range(width):
            angle = position / 10_000 ** ((place - place % 2) / width)
            expected = math.cos(angle) if place % 2 else math.sin(angle)
            assert abs(float(table[position, place]) - expected) < 1e-6, (position, place)


def test_positions_are_added_after_the_convolutions() -> None:
    """Constant input gives equal steps inside the padding's reach: only the positions tell them apart."""
    net = encoder(blocks=0).eval()
    out = net(torch.ones(1, 6, 12)).view(12, 8)
    steps = net.conv(torch.ones(1, 6, 12))[0]
    torch.testing.assert_close(out, steps + sinusoidal_positions(12, 8))


@pytest.mark.parametrize(("width", "heads"), [(8, 2), (12, 3), (16, 16)])
def test_a_block_is_the_stock_post_norm_layer(width: int, heads: int) -> None:
    """Output and all gradients, in float64."""
    torch.manual_seed(3)
    block = scrambled(AttentionBlock(width, heads, 24, 0.0))
    layer = stock_layer(block, width, heads)
    x = torch.randn(4, 10, width, dtype=torch.float64)
    weight = torch.randn_like(x)

    def run(module: nn.Module) -> tuple[Tensor, Tensor]:
        given = x.clone().requires_grad_()
        out = module(given)
        (out * weight).sum().backward()
        assert given.grad is not None
        return out.detach(), given.grad

    (ours, our_slope), (theirs, their_slope) = run(block.train()), run(layer.train())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)
    torch.testing.assert_close(our_slope, their_slope, rtol=0, atol=1e-9)
    assert layer.self_attn.in_proj_weight.grad is not None
    torch.testing.assert_close(block.qkv.weight.grad, layer.self_attn.in_proj_weight.grad, rtol=0, atol=1e-9)
    torch.testing.assert_close(block.out.weight.grad, layer.self_attn.out_proj.weight.grad, rtol=0, atol=1e-9)
    torch.testing.assert_close(block.up.weight.grad, layer.linear1.weight.grad, rtol=0, atol=1e-9)
    torch.testing.assert_close(block.down.bias.grad, layer.linear2.bias.grad, rtol=0, atol=1e-9)
    torch.testing.assert_close(block.norm_attention.weight.grad, layer.norm1.weight.grad, rtol=0, atol=1e-9)


@pytest.mark.parametrize("training", [True, False])
def test_a_block_drops_in_four_places_while_it_trains(training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention weights, the mixed values, the hidden layer and the layer's output, as in the stock layer."""
    used: list[float] = []
    attend, drop = functional.scaled_dot_product_attention, functional.dropout

    def attention(q: Tensor, k: Tensor, v: Tensor, dropout_p: float) -> Tensor:
        used.append(dropout_p)
        return attend(q, k, v, dropout_p=dropout_p)

    def dropout(x: Tensor, p: float) -> Tensor:
        used.append(p)
        return drop(x, p)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", attention)
    monkeypatch.setattr(functional, "dropout", dropout)
    with fast.plain():
        AttentionBlock(8, 2, 24, 0.3).train(training)(torch.randn(2, 5, 8))
    assert used == ([0.3] * 4 if training else [0.0])


def test_every_block_starts_with_weights_of_its_own() -> None:
    net = encoder(blocks=4)
    for one, other in combinations(net.blocks, 2):
        for name, parameter in one.named_parameters():
            if name.endswith("weight") and "norm" not in name:
                assert not torch.equal(parameter, other.get_parameter(name)), name


def test_attention_weights_start_as_xavier_uniform() -> None:
    block = AttentionBlock(64, 4, 32, 0.0)
    bound = math.sqrt(6 / (64 + 3 * 64))
    assert block.qkv.weight.abs().max() <= bound
    assert float(block.qkv.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert not block.qkv.bias.any()
    assert not block.out.bias.any()


def test_eval_mode_is_deterministic_and_touches_no_buffer() -> None:
    net = encoder(dropout=0.5).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x = torch.randn(6, 6, 12)
    first = net(x)
    assert torch.equal(first, net(x))
    torch.testing.assert_close(net(x[2:3]), first[2:3])  # no window sees its neighbours in the batch
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_training_mode_drops_and_updates_statistics() -> None:
    net = encoder(dropout=0.5).train()
    x = torch.randn(6, 6, 12)
    before = net.state_dict()["conv.layers.1.running_mean"].clone()
    assert not torch.equal(net(x), net(x))
    assert not torch.equal(net.state_dict()["conv.layers.1.running_mean"], before)


def test_dropout_follows_the_positions_and_the_last_block() -> None:
    net = encoder(dropout=0.5, blocks=0).train()
    out = net(torch.randn(40, 6, 12))
    # two dropouts of one half leave a quarter; a ReLU'd sum of positions is rarely zero by itself
    assert float((out != 0).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_gradients_agree_with_differences() -> None:
    torch.manual_seed(1)
    net = TransformerEncoder(1, 8, (2, 4), kernel=3, blocks=1, heads=2, feed_forward=4, dropout=0.0).double().eval()
    x = torch.randn(2, 1, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda signal: net(signal)[:, ::5], (x,))


def test_a_gradient_reaches_every_parameter() -> None:
    net = encoder()
    net(torch.randn(5, 6, 12)).square().mul(torch.arange(96)).sum().backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    # a constant before batch normalisation changes nothing, so a convolution's bias may have (almost) no slope
    assert [name for name in still if not name.startswith("conv.")] == []


def test_state_dict_brings_back_the_same_features() -> None:
    net = encoder().train()
    net(torch.randn(5, 6, 12))  # moves the running statistics
    torch.manual_seed(9)
    other = TransformerEncoder(6, 12, (4, 6, 8), kernel=3, blocks=2, heads=2, feed_forward=16, dropout=0.0)
    x = torch.randn(3, 6, 12)
    assert not torch.equal(net.eval()(x), other.eval()(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x), other(x))
    assert not any("positions" in name for name in net.state_dict())  # they follow from the sizes
