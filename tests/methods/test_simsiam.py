"""SimSiam: its loss is Eq 4 of Chen and He 2021, and the gradient stops where the equation says so."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from otolith.augment import Compose, SignalSpec, build_all
from otolith.methods.simsiam import SimSiam, SimSiamSettings
from otolith.methods.views import two_views
from otolith.nets.heads import NormalisedMLP
from otolith.recording import CHANNELS
from otolith.training.optim import Optimizer
from otolith.training.pretext import Batch
from tests.helpers.pretext import drawn
from tests.helpers.pretext import made as pretext_task
from tests.helpers.pretext import windows as some_windows

SIGNAL = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, 12.0)
SMALL = {"method__simsiam__hidden": 12, "method__simsiam__out": 8, "method__simsiam__bottleneck": 4}
windows = partial(some_windows, dtype=torch.float64)


def made() -> SimSiam:
    pretext: SimSiam = pretext_task("simsiam", **SMALL).double()
    return pretext


def gradients(loss: Tensor, pretext: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(pretext.parameters())))


def by_hand(pretext: SimSiam, stop: bool = True) -> Tensor:
    """Eq 4, or Eq 2, which lacks the stop."""

    def d(p: Tensor, z: Tensor) -> Tensor:
        z = z.detach() if stop else z
        return -((p / p.norm(dim=1, keepdim=True)) * (z / z.norm(dim=1, keepdim=True))).sum(1).mean()

    x, generator = windows(), drawn()
    x1, x2 = pretext.augment(x, generator), pretext.augment(x, generator)
    z1, z2 = pretext.projector(pretext.encoder(x1)), pretext.projector(pretext.encoder(x2))
    return d(pretext.predictor(z1), z2) / 2 + d(pretext.predictor(z2), z1) / 2


def test_the_loss_is_equation_4() -> None:
    pretext = made()
    terms = pretext.loss(Batch(windows()), drawn())
    assert list(terms) == ["loss"]
    assert terms["loss"].item() == pytest.approx(by_hand(pretext).item(), rel=1e-12)
    assert -1 < terms["loss"].item() < 1


def test_the_gradient_stops_at_the_embedding() -> None:
    """Eq 2 has the same value as Eq 4; only the gradient tells them apart."""
    pretext = made()
    found = gradients(pretext.loss(Batch(windows()), drawn())["loss"], pretext)
    stopped, flowing = (gradients(by_hand(pretext, stop), pretext) for stop in (True, False))
    for mine, expected in zip(found, stopped, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-8, atol=1e-12)
    apart = max(float((mine - other).abs().max()) for mine, other in zip(found, flowing, strict=True))
    assert apart > 1e-3


class Given(Compose):
    """Hands out these batches one after the other instead of augmenting."""

    def __init__(self, *views: Tensor) -> None:
        super().__init__([])
        self.views = list(views)

    def apply(self, x: Tensor, draws: object) -> Tensor:
        return self.views.pop(0)


def test_it_is_symmetric_and_compares_the_views_of_one_window() -> None:
    x1, x2 = windows(), windows() + 0.3 * torch.randn(10, 6, 12, dtype=torch.float64, generator=drawn())

    def loss(*views: Tensor) -> float:
        pretext = made()
        pretext.augment = Given(*views)
        return float(pretext.loss(Batch(windows()), drawn())["loss"].detach())

    assert loss(x1, x2) == pytest.approx(loss(x2, x1), rel=1e-12)
    assert loss(x1, x2) != pytest.approx(loss(x1, x2.roll(1, 0)), abs=1e-3)


def test_views_are_drawn_outside_autocast_one_after_the_other() -> None:
    augment, x, generator = build_all([{"name": "rotation"}], SIGNAL), windows().float(), drawn()
    expected = augment(x, generator), augment(x, generator)
    with torch.autocast("cpu", torch.bfloat16):
        views = two_views(augment, Batch(x), drawn())
    assert all(torch.equal(view, other) for view, other in zip(views, expected, strict=True))
    assert not torch.equal(*views)


def test_training_lowers_the_loss() -> None:
    pretext = made().float()
    x, optimizer = windows(40).float(), Optimizer(pretext, "adam", 3e-3)
    losses = []
    for _ in range(30):
        loss = pretext.loss(Batch(x), drawn())["loss"]
        loss.backward()
        optimizer.step(3e-3)
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.3


def test_sizes_arrive() -> None:
    pretext = made()
    assert isinstance(pretext.projector, NormalisedMLP)
    heads = (pretext.projector, pretext.predictor)
    sizes = [[layer.out_features for layer in head if isinstance(layer, nn.Linear)] for head in heads]
    assert sizes == [[12, 12, 8], [4, 8]]
    assert isinstance(pretext.projector[-1], nn.BatchNorm1d)  # normalised, not rectified
    assert isinstance(pretext.predictor, NormalisedMLP)
    assert isinstance(pretext.predictor[-1], nn.Linear)
    wide = SimSiamSettings()
    assert wide.out == 4 * wide.bottleneck  # the paper's 2048 to 512


@pytest.mark.parametrize("name", ["hidden", "out", "bottleneck"])
def test_sizes_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected positive sizes hidden, out, bottleneck; got .*{name} 0"):
        SimSiamSettings(**{name: 0})


def test_it_can_be_copied_whole() -> None:
    """Nothing in it is tied to one network or generator."""
    pretext = made()
    twin = copy.deepcopy(pretext)
    assert torch.equal(pretext.loss(Batch(windows()), drawn())["loss"], twin.loss(Batch(windows()), drawn())["loss"])
