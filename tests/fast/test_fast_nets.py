"""Each fast form against the plain one: the same numbers, in double and in single precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from otolith import fast
from otolith.augment import Compose
from otolith.fast import masks
from otolith.fast.attention import attention
from otolith.fast.feed_forward import feed_forward
from otolith.methods.angular import AngularSimilarity
from otolith.methods.contrastive import Contrastive, Policy
from otolith.methods.csshar import ConstantTemperature
from otolith.methods.dynamic import DynamicTemperature
from otolith.nets import ProjectionHead, TransformerEncoder
from otolith.nets.conv import as_product
from otolith.nets.transformer import AttentionBlock
from otolith.training.optim import Optimizer
from otolith.training.pretext import Batch

SIZES = [(6, 30, (8, 16, 32), 3, 2, 4, 64), (3, 8, (16,), 5, 1, 2, 24), (6, 30, (32, 64, 128), 3, 2, 8, 256)]
WITHOUT_GRADIENT = ("layers.0.bias", "layers.3.bias", "layers.6.bias")
"""Biases before batch normalisation have a true gradient of zero; attention's key biases too, a third of qkv.bias."""


def method(size: tuple, policy: Policy, dtype: torch.dtype, seed: int = 0) -> Contrastive:
    torch.manual_seed(seed)
    encoder = TransformerEncoder(*size, dropout=0.0)
    return Contrastive(encoder, ProjectionHead(encoder.n_features, 32, 16), Compose([]), policy).to(dtype)


def ten_steps(model: Contrastive, batches: list[Batch], lr: float) -> list[float]:
    optimizer = Optimizer(model, "adam", lr)
    losses = []
    for batch in batches:
        # two different views, without an augmentation that would round them
        views = torch.cat([batch.x, batch.x.roll(1, dims=2) * 1.1])
        loss = model.policy.loss(model.projection(model.encoder(views)), batch.h)
        loss.backward()
        optimizer.step(lr)
        losses.append(loss.item())
    return losses


def batches(size: tuple, dtype: torch.dtype, n: int = 12) -> list[Batch]:
    made = torch.Generator().manual_seed(5)
    return [
        Batch(
            torch.randn(n, size[0], size[1], generator=made, dtype=torch.float64).to(dtype),
            torch.randn(n, 7, generator=made, dtype=torch.float64).to(dtype),
        )
        for _ in range(10)
    ]


def key_biases_out(name: str, value: Tensor) -> Tensor:
    third = len(value) // 3
    return torch.cat([value[:third], value[2 * third :]]) if name.endswith("qkv.bias") else value


def compared(model: nn.Module) -> dict[str, Tensor]:
    return {
        name: key_biases_out(name, p)
        for name, p in model.named_parameters()
        if not (name.startswith("encoder.conv") and name.endswith(WITHOUT_GRADIENT))
    }


POLICIES = [ConstantTemperature(), AngularSimilarity(), DynamicTemperature()]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("policy", POLICIES, ids=["csshar", "angular", "dynamic"])
def test_ten_steps_in_double(size: tuple, policy: Policy) -> None:
    data = batches(size, torch.float64)
    quick, slow = (method(size, policy, torch.float64) for _ in range(2))
    with fast.plain(False):
        ours = ten_steps(quick, data, 1e-3)
    with fast.plain():
        theirs = ten_steps(slow, data, 1e-3)
    assert ours == pytest.approx(theirs, rel=1e-9)
    for name, value in compared(slow).items():
        torch.testing.assert_close(compared(quick)[name], value, rtol=0, atol=1e-9, msg=name)


@pytest.mark.parametrize("size", SIZES)
def test_ten_steps_in_single(size: tuple) -> None:
    """At the paper's rate: Adam turns the last digit of a small gradient into a step of the size of the rate."""
    data = batches(size, torch.float32)
    quick, slow = (method(size, DynamicTemperature(), torch.float32) for _ in range(2))
    with fast.plain(False):
        ours = ten_steps(quick, data, 1e-4)
    with fast.plain():
        theirs = ten_steps(slow, data, 1e-4)
    assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", SIZES)
def test_outputs_and_gradients(size: tuple, dtype: torch.dtype) -> None:
    made = torch.Generator().manual_seed(1)
    x = torch.randn(9, size[0], size[1], generator=made, dtype=torch.float64).to(dtype)
    weight = torch.randn(9, size[1] * size[2][-1], generator=made, dtype=torch.float64).to(dtype)
    outputs, gradients = [], []
    for off in (False, True):
        torch.manual_seed(3)
        encoder = TransformerEncoder(*size, dropout=0.0).to(dtype)
        with fast.plain(off):
            out = encoder(x)
            (out * weight).sum().backward()
        outputs.append(out.detach())
        gradients.append({name: key_biases_out(name, p.grad) for name, p in encoder.named_parameters()})
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-12)
    for name, plain in gradients[1].items():
        if name.endswith(WITHOUT_GRADIENT) and name.startswith("conv"):
            continue
        difference = (gradients[0][name] - plain).norm()
        assert difference <= (1e-4 if dtype == torch.float32 else 1e-10) * plain.norm(), name


def test_evaluation_without_gradients_is_the_same() -> None:
    torch.manual_seed(0)
    encoder = TransformerEncoder(*SIZES[2], dropout=0.1).eval()
    x = torch.randn(200, 6, 30)  # more than one piece of the feed-forward net
    with fast.plain(False):
        with_graph = encoder(x).detach()
        with torch.no_grad():
            without = encoder(x)
    assert torch.equal(with_graph, without)
    with fast.plain(), torch.no_grad():
        torch.testing.assert_close(without, encoder(x), rtol=0, atol=1e-5)


class Recorder:
    """Remembers every mask that is drawn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.masks: list[Tensor] = []
        fill = masks.KeepMasks.fill

        def remember(stream: masks.KeepMasks, mask: Tensor) -> Tensor:
            self.masks.append(fill(stream, mask).clone())
            return mask

        drop_ = masks.KeepMasks.drop_

        def remember_dropped(stream: masks.KeepMasks, x: Tensor, room: Tensor) -> Tensor:
            dropped = drop_(stream, x, room)
            self.masks.append((room >= stream._least).to(x.dtype))  # the numbers that were compared are left there
            return dropped

        monkeypatch.setattr(masks.KeepMasks, "fill", remember)
        monkeypatch.setattr(masks.KeepMasks, "drop_", remember_dropped)


def test_a_block_with_the_same_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otolith.fast.feed_forward._NUMBERS", 40 * 24)  # pieces of 40 rows
    p, batch, steps, width, heads, hidden = 0.3, 5, 20, 16, 4, 24
    torch.manual_seed(2)
    block = AttentionBlock(width, heads, hidden, p).double()
    x = torch.randn(batch, steps, width, dtype=torch.float64)
    weight = torch.randn_like(x)
    recorder = Recorder(monkeypatch)
    with fast.plain(False):
        ours = block(x)
    (ours * weight).sum().backward()
    ours_grad = {name: v.grad.clone() for name, v in block.named_parameters()}
    block.zero_grad()

    of_attention, after_attention, *of_hidden, after_hidden = recorder.masks
    scale = 1 / (1 - masks.dropped_share(p))
    assert len(of_hidden) == 3  # 100 rows in pieces of 40
    assert 0.5 < torch.cat(of_hidden).mean() < 0.9
    q, k, v = block.qkv(x).view(batch, steps, 3, heads, -1).permute(2, 0, 3, 1, 4)
    weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(width / heads), -1)
    weights = weights * of_attention.view_as(weights) * scale
    mixed = block.out((weights @ v).transpose(1, 2).reshape(batch, steps, width))
    y = block.norm_attention(x + mixed * after_attention * scale)
    inner = torch.relu(block.up(y)) * torch.cat(of_hidden).view(batch, steps, hidden) * scale
    theirs = block.norm_feed_forward(y + block.down(inner) * after_hidden * scale)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    (theirs * weight).sum().backward()
    for name, value in block.named_parameters():
        torch.testing.assert_close(
            key_biases_out(name, ours_grad[name]), key_biases_out(name, value.grad), rtol=0, atol=1e-11, msg=name
        )


def test_gradcheck_of_both_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otolith.fast.feed_forward._NUMBERS", 10)
    made = torch.Generator().manual_seed(4)

    def leaf(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=made, dtype=torch.float64).requires_grad_()

    assert torch.autograd.gradcheck(lambda qkv: attention(qkv, 2, 0.0), (leaf(2, 3, 12),))
    parts = (leaf(7, 4), leaf(5, 4), leaf(5), leaf(3, 5), leaf(3))
    assert torch.autograd.gradcheck(lambda *a: feed_forward(*a, 0.0), parts)


@pytest.mark.parametrize("kernel", [1, 3, 5, 9])
def test_a_convolution_is_one_product(kernel: int) -> None:
    torch.manual_seed(kernel)
    conv = nn.Conv1d(3, 4, kernel, padding=kernel // 2).double()
    x = torch.randn(2, 3, 11, dtype=torch.float64)
    torch.testing.assert_close(as_product(x.transpose(1, 2), conv).transpose(1, 2), conv(x), rtol=0, atol=1e-14)


def test_batch_statistics_are_the_same() -> None:
    states = []
    for off in (False, True):
        torch.manual_seed(0)
        encoder = TransformerEncoder(*SIZES[0], dropout=0.0).double()
        with fast.plain(off):
            for _ in range(3):
                encoder(torch.randn(8, 6, 30, dtype=torch.float64))
        states.append({name: v for name, v in encoder.state_dict().items() if "running" in name or "num" in name})
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        torch.testing.assert_close(value, states[1][name], rtol=0, atol=1e-12)
