"""Multi-task self-supervision: which windows each head sees, and whether it can tell them apart."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from otolith import methods
from otolith.augment import SignalSpec
from otolith.methods.multi_task import Multitask, MultitaskSettings, transformations
from otolith.nets import TPNEncoder
from otolith.recording import CHANNELS
from otolith.training.pretext import Batch
from tests.helpers import tiny

EIGHT = ["noise", "scaling", "rotation", "negation", "flip", "permutation", "time_warp", "channel_shuffle"]
"""The transformations of the paper."""


def signal_of(channels: tuple[str, ...] = CHANNELS) -> SignalSpec:
    return SignalSpec(channels, (1.0,) * len(channels), (2.0,) * len(channels), 30.0)


def method(n_steps: int = 30, channels: tuple[str, ...] = CHANNELS, **settings: float) -> Multitask:
    torch.manual_seed(0)
    chosen: Any = settings
    tasks = transformations(signal_of(channels), MultitaskSettings(**chosen))
    return Multitask(TPNEncoder(len(channels), n_steps, (8, 12, 16), dropout=0.0), tasks, hidden=24)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed))


class Watch:
    """Keeps the windows that the encoder sees, its features, and what goes into each head and comes out."""

    def __init__(self, task: Multitask) -> None:
        self.views: list[Tensor] = []
        self.features: list[Tensor] = []
        self.heads: dict[str, tuple[Tensor, Tensor]] = {}
        task.encoder.register_forward_pre_hook(lambda module, args: self.views.append(args[0].clone()))
        task.encoder.register_forward_hook(lambda module, args, out: self.features.append(out.detach()))
        for name, head in task.heads.items():
            head.register_forward_hook(
                lambda module, args, out, name=name: self.heads.update({name: (args[0].detach(), out.detach())})
            )


def test_there_is_a_task_for_each_of_the_eight_transformations() -> None:
    task = method()
    assert list(task.tasks) == list(task.heads) == EIGHT


@pytest.mark.parametrize(
    ("channels", "missing"),
    [(("acc_x",), {"rotation", "channel_shuffle"}), (("acc_x", "gyro_x"), {"rotation"}), (CHANNELS[:3], set())],
)
def test_what_the_channels_do_not_allow_is_no_task(channels: tuple[str, ...], missing: set[str]) -> None:
    task = method(8, channels)
    assert set(task.tasks) == set(EIGHT) - missing
    loss = task.loss(Batch(randn(4, len(channels), 8)), generator())["detection"]
    assert loss.item() == pytest.approx(len(task.tasks) * math.log(2), rel=0.1)


@pytest.mark.parametrize("n_steps", [8, 30])
def test_each_transformation_is_applied_alone_to_the_whole_batch(n_steps: int) -> None:
    task, x = method(n_steps), randn(40, 6, n_steps)
    watch, before, replay = Watch(task), x.clone(), generator()
    task.loss(Batch(x), generator())
    (views,) = watch.views
    assert views.shape == (9 * 40, 6, n_steps)
    original, *changed = views.split(40)
    assert torch.equal(original, x)
    assert torch.equal(x, before)
    for name, view in zip(EIGHT, changed, strict=True):
        change = task.tasks[name]
        assert torch.equal(view, change.apply(x, change.sample(x, replay))), name
        differ = (view != x).flatten(1).any(dim=1)
        assert differ.float().mean() > 0.8, name  # a permutation may draw the order that there was


def test_transformations_do_what_their_names_say() -> None:
    x, random = randn(60, 6, 30), generator()
    view = {name: change(x, random) for name, change in transformations(signal_of(), MultitaskSettings()).items()}
    assert float((view["noise"] - x).std()) == pytest.approx(0.05, rel=0.05)
    factor = view["scaling"] / x
    torch.testing.assert_close(factor, factor[:, :, :1].expand_as(factor))
    assert float(factor[:, :, 0].std()) == pytest.approx(0.1, rel=0.15)
    physical, turned = 2 * x[:, :3] + 1, 2 * view["rotation"][:, :3] + 1
    torch.testing.assert_close(turned.norm(dim=1), physical.norm(dim=1), rtol=1e-4, atol=1e-4)
    assert torch.equal(view["negation"], -x)
    assert torch.equal(view["flip"], x.flip(2))
    for name, axis in (("permutation", 2), ("channel_shuffle", 1)):
        torch.testing.assert_close(view[name].sort(dim=axis).values, x.sort(dim=axis).values, rtol=0, atol=0)
        assert not torch.equal(view[name], x)
    assert torch.equal(view["time_warp"][:, :, 0], x[:, :, 0])
    torch.testing.assert_close(view["time_warp"][:, :, -1], x[:, :, -1], rtol=0, atol=1e-4)


def test_every_head_sees_originals_and_its_own_transformed_windows_in_equal_parts() -> None:
    task, x = method(), randn(10, 6, 30)
    watch = Watch(task)
    task.loss(Batch(x), generator())
    blocks = watch.features[0].split(10)
    for i, name in enumerate(EIGHT):
        given, _ = watch.heads[name]
        assert given.shape == (2, 10, 16)
        assert torch.equal(given[0], blocks[0]), name
        assert torch.equal(given[1], blocks[i + 1]), name
        assert not torch.equal(given[0], given[1]), name


def test_the_loss_is_the_paper_s() -> None:
    """In plain loops: binary cross-entropy, label 0 for originals and 1 for transformed windows, and the penalty."""
    task = method().double()
    watch = Watch(task)
    terms = task.loss(Batch(randn(7, 6, 30).double()), generator())
    detection = 0.0
    for name in EIGHT:
        logits = watch.heads[name][1].squeeze(2).tolist()
        losses = [
            -math.log(1 / (1 + math.exp(-v))) if y else -math.log(1 - 1 / (1 + math.exp(-v)))
            for y in (0, 1)
            for v in logits[y]
        ]
        assert len(losses) == 14
        detection += math.fsum(losses) / 14
    assert terms["detection"].item() == pytest.approx(detection, rel=1e-9)
    squares = sum(float(p.detach().square().sum()) for n, p in task.encoder.named_parameters() if n.endswith("weight"))
    assert terms["loss"].item() == pytest.approx(detection + 1e-4 * squares, rel=1e-9)


def test_it_is_the_generator_s() -> None:
    task, x = method(), randn(6, 6, 30)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    losses = [task.loss(Batch(x), generator(seed))["loss"].item() for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert losses[0] == losses[1] != losses[2]


def test_autocast_narrows_the_network_and_not_the_transformations() -> None:
    task, x = method(), randn(6, 6, 30)
    watch = Watch(task)
    plain = task.loss(Batch(x), generator())["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        narrow = task.loss(Batch(x), generator())["loss"]
    assert torch.equal(watch.views[0], watch.views[1])
    assert narrow.item() == pytest.approx(plain.item(), rel=0.02)
    assert narrow.item() != plain.item()


def test_it_learns_to_tell_transformed_windows_from_originals() -> None:
    """Rising lines, each channel at its own level. The originals get low logits, not high ones."""
    slope = 1 + 0.1 * torch.rand(64, 6, 1, generator=generator(3))
    x = slope * torch.linspace(0.5, 1.5, 30) + 0.5 * torch.arange(6.0)[:, None]
    task = method(noise_sigma=0.5, scaling_sigma=1.0, warp_sigma=0.8).train()
    optimizer, losses, random = torch.optim.Adam(task.parameters(), lr=5e-3), [], generator()
    for _ in range(60):
        terms = task.loss(Batch(x), random)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append(terms["detection"].item())
    assert losses[0] == pytest.approx(8 * math.log(2), rel=0.1)
    assert sum(losses[-5:]) / 5 < 0.75 * losses[0]
    watch = Watch(task)
    task.loss(Batch(x), generator(9))
    for name in ("scaling", "rotation", "negation", "channel_shuffle"):
        original, changed = watch.heads[name][1].squeeze(2)
        assert original.mean() < -0.5 < 2 < changed.mean(), name


def test_the_recipe_s_settings_arrive() -> None:
    spec = methods.spec("multi-task")
    assert spec.build is not None
    given = {"noise_sigma": 0.3, "scaling_sigma": 0.4, "warp_sigma": 0.6, "segments": 3, "hidden": 5, "l2": 0.7}
    recipe = tiny.recipe(**{f"method__multi-task__{key}": value for key, value in given.items()}, pretrain__epochs=7)
    pretext: Any = spec.build(recipe, recipe.settings_of("multi-task"), spec.encoder(recipe, tiny.meta()), signal_of())
    tasks = pretext.tasks
    assert (tasks["noise"].sigma, tasks["scaling"].sigma, tasks["time_warp"].sigma) == (0.3, 0.4, 0.6)
    assert tasks["permutation"].min_segments == tasks["permutation"].max_segments == 3
    assert {head[0].out_features for head in pretext.heads.values()} == {5}
    assert pretext.l2 == 0.7
    train = spec.train(recipe, MultitaskSettings(lr=0.02))
    assert (train.lr, train.optimizer, train.epochs) == (0.02, "adam", 7)
    assert spec.train(tiny.recipe("paper"), MultitaskSettings()).lr == 3e-4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise_sigma": 0.0}, "noise_sigma 0.0"),
        ({"scaling_sigma": -1.0}, "scaling_sigma -1.0"),
        ({"warp_sigma": float("nan")}, "warp_sigma nan"),
        ({"segments": 1}, "segments >= 2 and hidden >= 1; got segments 1, hidden 256"),
        ({"hidden": 0}, "got segments 4, hidden 0"),
        ({"l2": -1e-4}, "l2 >= 0 and lr > 0; got l2 -0.0001"),
        ({"lr": 0.0}, "lr 0.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultitaskSettings(**settings)
