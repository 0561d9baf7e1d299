"""BYOL: its loss, and the target network that follows the online one and nothing else."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from otolith.methods.byol import BYOL, BYOLSettings, decay_at
from otolith.preprocessing.scaler import Scaler
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import train
from otolith.training.optim import Optimizer, adam_state
from otolith.training.pretext import Batch
from otolith.training.settings import TrainSettings
from otolith.training.window_source import Part, Source
from tests.helpers import tiny
from tests.helpers.pretext import drawn, windows
from tests.helpers.pretext import made as pretext_task
from tests.helpers.stops import Stopped, stop_after

made = partial(pretext_task, "byol", method__byol__hidden=12, method__byol__out=8)


def online(pretext: BYOL) -> list[Tensor]:
    return [*pretext.encoder.parameters(), *pretext.projector.parameters()]


def shaken(pretext: BYOL) -> BYOL:
    """The same with a target of its own weights, as it is in the middle of a training."""
    with torch.no_grad():
        for number, p in enumerate(pretext.target.parameters()):
            p += 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(number), dtype=p.dtype)
    return pretext


def by_hand(pretext: BYOL) -> Tensor:
    """Eq 2 both ways, added."""

    def unit(rows: Tensor) -> Tensor:
        return rows / rows.norm(dim=1, keepdim=True)

    x, generator = windows().double(), drawn()
    x1, x2 = pretext.augment(x, generator), pretext.augment(x, generator)
    q1, q2 = (pretext.predictor(pretext.projector(pretext.encoder(v))) for v in (x1, x2))
    z1, z2 = (pretext.target(v).detach() for v in (x1, x2))
    return (unit(q1) - unit(z2)).square().sum(1).mean() + (unit(q2) - unit(z1)).square().sum(1).mean()


def test_the_loss_is_equation_2_both_ways() -> None:
    pretext = shaken(made().double())
    terms = pretext.loss(Batch(windows().double()), drawn())
    assert list(terms) == ["loss"]
    assert terms["loss"].item() == pytest.approx(by_hand(pretext).item(), rel=1e-10)
    parameters = [p for p in pretext.parameters() if p.requires_grad]
    expected = torch.autograd.grad(by_hand(pretext), parameters)
    for mine, other in zip(torch.autograd.grad(terms["loss"], parameters), expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-12)


def test_the_target_starts_as_the_online_network_and_shares_nothing_with_it() -> None:
    pretext = made()
    for mine, theirs in zip(pretext.target.parameters(), online(pretext), strict=True):
        assert torch.equal(mine, theirs)
        assert mine.data_ptr() != theirs.data_ptr()


def test_the_target_takes_neither_gradient_nor_optimiser_state() -> None:
    pretext = shaken(made())
    optimizer = Optimizer(pretext, "adam", 1e-3)
    before = [p.clone() for p in pretext.target.parameters()]
    pretext.loss(Batch(windows()), drawn())["loss"].backward()
    assert not any(p.requires_grad for p in pretext.target.parameters())
    assert all(p.grad is None for p in pretext.target.parameters())
    assert all(p.grad is not None for p in [*online(pretext), *pretext.predictor.parameters()])
    optimizer.step(1e-3)
    assert all(torch.equal(p, old) for p, old in zip(pretext.target.parameters(), before, strict=True))
    numbers = {name.split(".")[0] for name in adam_state(optimizer.adam)}
    assert len(numbers) == len([*online(pretext), *pretext.predictor.parameters()])


def test_the_target_normalises_by_its_batch_and_keeps_statistics_of_its_own() -> None:
    pretext = shaken(made())
    assert pretext.target.training
    pretext.loss(Batch(windows()), drawn())
    norms = [module for module in pretext.target.modules() if isinstance(module, nn.BatchNorm1d)]
    assert [int(norm.num_batches_tracked) for norm in norms] == [2] * len(norms)  # type: ignore[arg-type]
    theirs = {name: value for name, value in pretext.encoder.named_buffers() if name.endswith("running_mean")}
    mine = dict(pretext.target[0].named_buffers())
    assert theirs
    assert not any(torch.equal(mine[name], value) for name, value in theirs.items())


def test_the_decay_climbs_from_its_base_to_1_along_a_cosine() -> None:
    assert decay_at(0.0) == 0.996
    assert decay_at(0.5) == pytest.approx(0.998, abs=1e-15)
    assert decay_at(1.0) == 1.0
    assert decay_at(0.25, 0.9) == pytest.approx(1 - 0.1 * (math.cos(math.pi / 4) + 1) / 2, abs=1e-15)
    steps = [decay_at(k / 50) for k in range(51)]
    assert steps == sorted(steps)


def test_the_target_is_the_moving_average_of_the_online_weights() -> None:
    """Eq 1 as a loop over plain numbers, beside a real training of several steps."""
    pretext = made(method__byol__target_decay=0.8)
    optimizer = Optimizer(pretext, "adam", 1e-2)
    expected = [p.detach().double().flatten().tolist() for p in pretext.target.parameters()]
    steps = 6
    for k in range(1, steps + 1):
        pretext.loss(Batch(windows()), drawn())["loss"].backward()
        optimizer.step(1e-2)
        pretext.after_step(k / steps)
        tau = 1 - (1 - 0.8) * (math.cos(math.pi * k / steps) + 1) / 2
        for average, p in zip(expected, online(pretext), strict=True):
            for i, theta in enumerate(p.detach().flatten().tolist()):
                average[i] = tau * average[i] + (1 - tau) * theta
        for average, mine, theirs in zip(expected, pretext.target.parameters(), online(pretext), strict=True):
            found = mine.detach().double().flatten()
            torch.testing.assert_close(found, torch.tensor(average, dtype=torch.float64), rtol=1e-5, atol=1e-6)
            if mine.ndim > 1:
                assert not torch.equal(mine, theirs)
    assert not any(p.requires_grad for p in pretext.target.parameters())


def test_the_online_network_and_the_statistics_are_left_by_the_average() -> None:
    pretext = shaken(made())
    before = {name: value.clone() for name, value in pretext.state_dict().items()}
    pretext.after_step(0.1)
    weights = {f"target.{name}" for name, _ in pretext.target.named_parameters()}
    moved = {name for name, value in pretext.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == weights


def source() -> Source:
    w = tiny.windows(n_subjects=2)
    return Source([Part(w.x)], Scaler.fit(w.x), torch.device("cpu"))


def test_the_target_survives_a_checkpoint(tmp_path: Path) -> None:
    """With dropout and batch normalisation in both networks."""
    settings = TrainSettings(epochs=4, batch_size=16, lr=1e-3, optimizer="larc")
    whole = made(kind="paper")
    assert whole.encoder.blocks[0].dropout > 0  # type: ignore[union-attr,index]
    expected = train(whole, source(), settings, 3)

    checkpoints = CheckpointFolder(tmp_path, {"seed": 3})
    with pytest.raises(Stopped):
        train(made(kind="paper"), source(), settings, 3, checkpoints=checkpoints, on_epoch=stop_after(2))
    saved, _ = checkpoints.latest()
    assert saved is not None
    names = {f"network.target.{name}" for name in whole.target.state_dict()}
    assert names <= saved.tensors.keys()
    resumed = made(kind="paper")
    records = train(resumed, source(), settings, 3, checkpoints=checkpoints)
    assert [record["loss"] for record in records] == [record["loss"] for record in expected]
    mine, theirs = resumed.state_dict(), whole.state_dict()
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []
    start = made(kind="paper")
    assert not torch.equal(whole.target[0].blocks[0].up.weight, start.target[0].blocks[0].up.weight)  # type: ignore[union-attr,index]


def test_training_through_the_loop_ends_with_a_decay_of_1() -> None:
    """The loop tells the share of steps that are done, the last one included."""
    told: list[float] = []
    pretext = made()
    after = pretext.after_step
    pretext.after_step = lambda progress: (told.append(progress), after(progress))[1]  # type: ignore[method-assign]
    train(pretext, source(), TrainSettings(epochs=2, batch_size=16, lr=1e-3), 3)
    assert told == [k / 6 for k in range(1, 7)]


def test_sizes_arrive() -> None:
    pretext = made()
    heads = (pretext.projector, pretext.predictor)
    sizes = [[layer.out_features for layer in head if isinstance(layer, nn.Linear)] for head in heads]  # type: ignore[union-attr]
    assert sizes == [[12, 8], [12, 8]]
    assert pretext.target_decay == 0.996
    assert made(method__byol__target_decay=0.5).target_decay == 0.5


def test_settings_are_checked() -> None:
    for name in ("hidden", "out"):
        with pytest.raises(ValueError, match=f"expected positive sizes hidden and out; got .*{name} 0"):
            BYOLSettings(**{name: 0})
    for decay in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=f"0 <= target_decay <= 1; got target_decay {decay}"):
            BYOLSettings(target_decay=decay)
