"""Contrastive predictive coding: what predicts, what is predicted, and what must not be known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from otolith import methods
from otolith.augment import SignalSpec
from otolith.methods.cpc import CPC, CPCSettings
from otolith.nets import CPCEncoder
from otolith.recording import CHANNELS
from otolith.training.pretext import Batch
from tests.helpers import tiny

SIGNAL = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, 30.0)


def method(n_channels: int = 6, n_steps: int = 30, future_steps: int = 17, dropout: float = 0.0) -> CPC:
    torch.manual_seed(0)
    return CPC(CPCEncoder(n_channels, n_steps, (8, 12), hidden=16, dropout=dropout), future_steps)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed))


class Clock:
    """Puts the step's number into the contexts, and keeps the one that the predictions start from."""

    def __init__(self, task: CPC, monkeypatch: pytest.MonkeyPatch) -> None:
        self.starts: list[int] = []

        def contexts(z: Tensor) -> Tensor:
            return torch.arange(z.shape[1], dtype=z.dtype)[:, None].expand(len(z), -1, task.encoder.n_features)

        monkeypatch.setattr(task.encoder, "contexts", contexts)
        task.predict.register_forward_pre_hook(self.note)

    def note(self, module: torch.nn.Module, args: Any) -> None:
        assert (args[0] == args[0][0, 0]).all()  # one start for the whole batch
        self.starts.append(int(args[0][0, 0]))


@pytest.mark.parametrize(("n_steps", "future_steps"), [(30, 17), (8, 1), (8, 7), (50, 28)])
def test_it_starts_at_any_step_that_has_enough_future(
    n_steps: int, future_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = method(n_steps=n_steps, future_steps=future_steps)
    clock, random, x = Clock(task, monkeypatch), generator(), randn(2, 6, n_steps)
    for _ in range(600):
        task.loss(Batch(x), random)
    possible = n_steps - future_steps
    assert set(clock.starts) == set(range(possible))
    assert all(clock.starts.count(start) > 300 / possible for start in range(possible))


@pytest.mark.parametrize(("n_channels", "n_steps", "future_steps"), [(6, 30, 17), (1, 8, 4), (3, 8, 7)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_loss_is_the_paper_s(n_channels: int, n_steps: int, future_steps: int, seed: int) -> None:
    """In plain loops: W_k of the context at t scores the latents t + k of all windows; its own one is right."""
    task = method(n_channels, n_steps, future_steps).double()
    x = randn(5, n_channels, n_steps, seed=4).double()
    loss = task.loss(Batch(x), generator(seed))["loss"].item()
    z = task.encoder.latents(x).detach()
    start = int(torch.randint(n_steps - future_steps, (1,), generator=generator(seed)))
    context = task.encoder.contexts(z[:, : start + 1]).detach()[:, -1]  # made of z_0 .. z_t and nothing else
    width, losses = z.shape[2], []
    for k in range(1, future_steps + 1):
        w = task.predict.weight.detach()[(k - 1) * width : k * width]
        b = task.predict.bias.detach()[(k - 1) * width : k * width]
        for i in range(5):
            predicted = (w @ context[i] + b).tolist()
            score = [
                math.fsum(p * v for p, v in zip(predicted, z[j, start + k].tolist(), strict=True)) for j in range(5)
            ]
            losses.append(math.log(math.fsum(math.exp(s) for s in score)) - score[i])
    assert loss == pytest.approx(math.fsum(losses) / len(losses), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_no_prediction_knows_a_sample_after_its_start(seed: int) -> None:
    """Whatever comes after t, and only that, may change without the predictions noticing."""
    task = method().double().eval()
    made: list[Tensor] = []
    task.predict.register_forward_hook(lambda module, args, out: made.append(out))
    x = randn(4, 6, 30, seed=5).double().requires_grad_()
    task.loss(Batch(x), generator(seed))
    start = int(torch.randint(13, (1,), generator=generator(seed)))
    (slope,) = torch.autograd.grad(made[0].square().sum(), x)
    assert slope.abs().sum(dim=(0, 1)).nonzero().flatten().tolist() == list(range(start + 1))


@pytest.mark.parametrize("seed", range(6))
def test_every_target_holds_a_sample_that_its_prediction_does_not_know(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Tensor, Tensor]] = []
    monkeypatch.setattr("otolith.methods.cpc.info_nce", lambda p, z: given.append((p, z)) or p.sum())
    task = method().double()
    x = randn(4, 6, 30, seed=6).double().requires_grad_()
    task.loss(Batch(x), generator(seed))
    start = int(torch.randint(13, (1,), generator=generator(seed)))
    ((predicted, target),) = given
    assert predicted.shape == target.shape == (4, 17, 12)
    for k in range(17):
        (slope,) = torch.autograd.grad(target[:, k].square().sum(), x, retain_graph=True)
        assert int(slope.abs().sum(dim=(0, 1)).nonzero().max()) == start + k + 1


def test_the_start_is_the_generator_s() -> None:
    task, x = method(), randn(6, 6, 30)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    losses = [task.loss(Batch(x), generator(seed))["loss"].item() for seed in (1, 1, 2, 3, 4)]
    assert torch.equal(torch.get_rng_state(), state)
    assert losses[0] == losses[1]
    assert len(set(losses)) >= 3


def trained(x: Tensor, steps: int = 80) -> list[float]:
    task, losses, random = method(future_steps=5).train(), [], generator()
    optimizer = torch.optim.Adam(task.parameters(), lr=5e-3)
    for _ in range(steps):
        loss = task.loss(Batch(x), random)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_it_learns_which_future_is_a_window_s_own() -> None:
    """Each window has a level of its own in every channel."""
    levels = randn(16, 6, 1, seed=7)
    losses = trained(levels + 0.1 * randn(16, 6, 30, seed=8))
    assert losses[0] == pytest.approx(math.log(16), abs=0.3)
    assert sum(losses[-5:]) / 5 < 0.6 * math.log(16)


def test_it_learns_nothing_where_windows_are_alike() -> None:
    losses = trained(randn(1, 6, 30, seed=9).expand(16, 6, 30), steps=20)
    assert losses == pytest.approx([math.log(16)] * 20, abs=1e-3)


@pytest.mark.parametrize(("n_steps", "steps"), [(8, 4), (30, 17), (50, 28), (128, 72)])
def test_the_default_looks_as_far_ahead_as_the_authors(n_steps: int, steps: int) -> None:
    assert CPCSettings().future_steps(n_steps) == steps


def test_at_least_one_step_is_predicted_and_at_least_one_is_known() -> None:
    assert CPCSettings(future_share=0.01).future_steps(8) == 1
    assert CPCSettings(future_share=0.99).future_steps(8) == 7


def test_the_recipe_s_settings_arrive() -> None:
    spec = methods.spec("cpc")
    assert spec.build is not None
    recipe = tiny.recipe(method__cpc__future_share=0.25, method__cpc__lr=0.02, pretrain__epochs=7)
    settings = recipe.settings_of("cpc")
    pretext = spec.build(recipe, settings, spec.encoder(recipe, tiny.meta()), SIGNAL)
    assert isinstance(pretext, CPC)
    assert pretext.future_steps == 3
    train = spec.train(recipe, settings)
    assert (train.lr, train.optimizer, train.epochs) == (0.02, "adam", 7)
    assert spec.train(tiny.recipe("paper"), CPCSettings()).lr == 5e-4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"future_share": 0.0}, "future_share < 1; got future_share 0.0"),
        ({"future_share": 1.0}, "future_share < 1; got future_share 1.0"),
        ({"future_share": float("nan")}, "got future_share nan"),
        ({"lr": 0.0}, "lr > 0; got lr 0.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CPCSettings(**settings)
