"""Masked reconstruction: what is hidden, what is rebuilt, and what counts."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from otolith import methods
from otolith.augment import SignalSpec
from otolith.errors import RecipeError
from otolith.methods.masked import MaskedReconstruction, MaskedSettings
from otolith.nets import ConvAutoencoder, ResidualEncoder, TransformerEncoder
from otolith.recording import CHANNELS
from otolith.training.pretext import Batch
from tests.helpers import tiny

SIGNAL = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, 30.0)


def method(n_channels: int = 6, n_steps: int = 30, share: float = 0.1, blocks: int = 1) -> MaskedReconstruction:
    torch.manual_seed(0)
    encoder = TransformerEncoder(
        n_channels, n_steps, (8, 16), kernel=3, blocks=blocks, heads=2, feed_forward=32, dropout=0.0
    )
    return MaskedReconstruction(encoder, share)


def convolutional(n_channels: int = 6, n_steps: int = 30) -> MaskedReconstruction:
    torch.manual_seed(0)
    return MaskedReconstruction(ResidualEncoder(n_channels, n_steps, 16, (3, 3)))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed))


class Watch:
    """Keeps what goes into the encoder and what comes out of it."""

    def __init__(self, task: MaskedReconstruction) -> None:
        self.seen: list[Tensor] = []
        self.steps: list[Tensor] = []
        steps = task.encoder.steps

        def watched(x: Tensor) -> Tensor:
            out = steps(x)
            self.seen.append(x.clone())
            self.steps.append(out.detach())
            return out

        task.encoder.steps = watched  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("n_steps", "share", "count"),
    [(30, 0.1, 3), (8, 0.1, 1), (100, 0.1, 10), (30, 0.5, 15), (8, 0.99, 7), (8, 0.01, 1)],
)
def test_every_window_hides_as_many_steps_as_the_share_says(n_steps: int, share: float, count: int) -> None:
    task = method(n_steps=n_steps, share=share)
    masked = task.draw(torch.zeros(50, 6, n_steps), generator())
    assert masked.shape == (50, n_steps)
    assert masked.dtype == torch.bool
    assert (masked.sum(dim=1) == count).all()


def test_each_step_is_hidden_equally_often_and_each_window_has_its_own() -> None:
    task = method(n_steps=10)
    masked = task.draw(torch.zeros(5000, 6, 10), generator())
    torch.testing.assert_close(masked.float().mean(dim=0), torch.full((10,), 0.1), rtol=0, atol=0.02)
    assert len(masked[:100].unique(dim=0)) == 10


def test_the_choice_is_the_generator_s() -> None:
    task, x = method(), torch.zeros(20, 6, 30)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = task.draw(x, generator())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(task.draw(x, generator()), first)
    assert not torch.equal(task.draw(x, generator(2)), first)


def test_the_encoder_sees_zeros_where_it_is_to_rebuild_and_the_window_elsewhere() -> None:
    task, x = method(), randn(20, 6, 30) + 5
    watch, before = Watch(task), x.clone()
    task.loss(Batch(x), generator())
    masked = task.draw(x, generator())[:, None].expand_as(x)
    (seen,) = watch.seen
    assert not seen[masked].any()
    assert torch.equal(seen[~masked], x[~masked])
    assert torch.equal(x, before)


@pytest.mark.parametrize("kind", ["transformer", "conv"])
@pytest.mark.parametrize("n_channels", [1, 6])
@pytest.mark.parametrize("n_steps", [8, 13, 30])
def test_the_loss_is_the_error_of_hidden_steps_alone(n_channels: int, n_steps: int, kind: str) -> None:
    """In plain loops: a linear map of the encoder's output of a step, compared with that step of the clean window.

    `conv` has one output for two steps, and the last of an odd number for one.
    """
    task = (method(n_channels, n_steps) if kind == "transformer" else convolutional(n_channels, n_steps)).double()
    each = {"transformer": 1, "conv": 2}[kind]
    x = randn(4, n_channels, n_steps, seed=3).double()
    watch = Watch(task)
    loss = task.loss(Batch(x), generator())["loss"]
    masked = task.draw(x, generator())
    weight, bias = task.head.weight.tolist(), task.head.bias.tolist()
    errors = []
    for i, steps in enumerate(watch.steps[0].tolist()):
        for t in range(n_steps):
            if masked[i, t]:
                for c in range(n_channels):
                    row = (t % each) * n_channels + c
                    rebuilt = bias[row] + math.fsum(w * f for w, f in zip(weight[row], steps[t // each], strict=True))
                    errors.append((rebuilt - float(x[i, c, t])) ** 2)
    assert loss.item() == pytest.approx(math.fsum(errors) / len(errors), rel=1e-9)
    assert loss.dtype == torch.float64


def test_the_head_reads_each_step_where_it_lies() -> None:
    """Convolutions alone reach two steps to each side: what is rebuilt at a step knows nothing from farther away."""
    task = method(blocks=0).eval()
    x = randn(1, 6, 30).requires_grad_()
    (slope,) = torch.autograd.grad(task.rebuild(x)[0, :, 11].square().sum(), x)
    assert slope.abs().sum(dim=(0, 1)).nonzero().flatten().tolist() == [9, 10, 11, 12, 13]


def test_the_head_of_strided_steps_reads_each_pair_where_it_lies() -> None:
    """Two convolutions of three taps, the second of them after the pooling by two."""
    task = convolutional().eval()
    x = randn(1, 6, 30).requires_grad_()
    for t in (10, 11):  # of output 5, that sees outputs 4 to 6: the steps 8 to 13, and one more on either side
        (slope,) = torch.autograd.grad(task.rebuild(x)[0, :, t].square().sum(), x)
        assert {8, 13} - set(slope.abs().sum(dim=(0, 1)).nonzero().flatten().tolist()) == set()
        assert not slope[:, :, :7].any()
        assert not slope[:, :, 15:].any()


def test_an_encoder_without_output_over_time_is_refused() -> None:
    with pytest.raises(RecipeError, match="rebuilds windows step by step, and ConvAutoencoder has no output for each"):
        MaskedReconstruction(ConvAutoencoder(6, 30))


def test_hidden_steps_of_the_window_teach_but_do_not_help() -> None:
    """Their values are the target, and nothing of them reaches the encoder."""
    task, x = method(), randn(20, 6, 30)
    watch = Watch(task)
    masked = task.draw(x, generator())[:, None].expand_as(x)
    other = torch.where(masked, x + 10.0, x)
    losses = [task.loss(Batch(given), generator())["loss"].item() for given in (x, other)]
    assert torch.equal(watch.seen[0], watch.seen[1])
    assert losses[1] > losses[0] + 50


@pytest.mark.parametrize("make", [method, convolutional])
def test_it_learns_what_neighbours_tell(make: Callable[[], MaskedReconstruction]) -> None:
    """Slow waves: a hidden step lies between its neighbours. Without a guess the error would stay at 1/2."""
    task = make().train()
    phase = 2 * math.pi * torch.rand(256, 6, 1, generator=generator(4))
    x = torch.sin(2 * math.pi * 1.5 * torch.arange(30) / 30 + phase)
    optimizer, losses, random = torch.optim.Adam(task.parameters(), lr=3e-3), [], generator()
    for _ in range(60):
        loss = task.loss(Batch(x), random)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.45
    assert sum(losses[-5:]) / 5 < 0.25


def test_the_recipe_s_share_arrives() -> None:
    spec = methods.spec("masked")
    assert spec.build is not None
    for share, count in ((0.1, 1), (0.5, 6)):
        recipe = tiny.recipe(method__masked__share=share)
        pretext = spec.build(recipe, recipe.settings_of("masked"), spec.encoder(recipe, tiny.meta()), SIGNAL)
        assert isinstance(pretext, MaskedReconstruction)
        assert pretext.n_masked == count


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_hides_nothing_or_everything_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"0 < share < 1; got share {share}"):
        MaskedSettings(share)
