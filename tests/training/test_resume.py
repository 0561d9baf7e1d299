"""A training that was stopped and resumed ends bit-identical to one that was not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from otolith import methods
from otolith.augment import SignalSpec
from otolith.errors import CheckpointError
from otolith.preprocessing.scaler import Scaler
from otolith.progress import Progress, Stage
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import train
from otolith.training.pretext import Method
from otolith.training.settings import TrainSettings
from otolith.training.window_source import Part, Source
from tests.helpers import tiny
from tests.helpers.progress import Told
from tests.helpers.stops import Stopped, plain, same, stop_after

BATCH = 16
EPOCHS = 4
IDENTITY = {"recipe": "abc", "seed": 3}
CHOICES: list[dict[str, Any]] = [
    {"optimizer": "adam"},
    {"optimizer": "larc", "schedule": "one-cycle", "warmup": 0.3},
    {"optimizer": "lamb", "schedule": "cosine", "weight_decay": 0.01},
]


def settings(**choice: Any) -> TrainSettings:
    return TrainSettings(epochs=EPOCHS, batch_size=BATCH, lr=1e-3, **choice)


def source() -> Source:
    w = tiny.windows(n_subjects=2)
    return Source([Part(w.x)], Scaler.fit(w.x), torch.device("cpu"))


def method() -> Method:
    """Dynamic temperature with dropout, batch normalisation and every kind of augmentation draw."""
    torch.manual_seed(7)
    recipe = tiny.recipe("paper")
    spec = methods.spec("dynamic")
    assert recipe.encoder.dropout > 0
    assert spec.build is not None
    w = tiny.windows(n_subjects=1)
    signal = SignalSpec(w.meta.channels, (0.0,) * 6, (1.0,) * 6, w.meta.rate_hz)
    return spec.build(recipe, recipe.settings_of("dynamic"), spec.encoder(recipe, w.meta), signal)


INSTANCES = torch.randn(48, 5, generator=torch.Generator().manual_seed(0))


class StopAt(Progress):
    """Raises when so many windows were reported, which may be in the middle of an epoch."""

    def __init__(self, windows: int) -> None:
        self.left = windows

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        outer = self

        class Bar(Stage):
            def advance(self, steps: int = 1, **figures: float) -> None:
                outer.left -= steps
                if outer.left <= 0:
                    raise Stopped

        yield Bar()


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice["optimizer"])
@pytest.mark.parametrize("stop", ["after epoch 2", "within epoch 3", "within epoch 1"])
def test_resumed_equals_uninterrupted(choice: dict[str, Any], stop: str, tmp_path: Path) -> None:
    whole = method()
    expected = train(whole, source(), settings(**choice), 3, instances=INSTANCES)
    assert not same(whole, method())

    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    stopping: dict[str, Any] = {}
    if stop == "after epoch 2":
        stopping["on_epoch"] = stop_after(2)
    else:
        stopping["progress"] = StopAt(BATCH * (7 if stop == "within epoch 3" else 1))
    with pytest.raises(Stopped):
        train(method(), source(), settings(**choice), 3, instances=INSTANCES, checkpoints=checkpoints, **stopping)
    saved, _ = checkpoints.latest()
    assert (saved.epoch if saved else 0) == {"after epoch 2": 2, "within epoch 3": 2, "within epoch 1": 0}[stop]

    torch.manual_seed(99)  # another process has other random numbers behind it
    torch.rand(5)
    resumed = method()
    told: list[dict[str, Any]] = []
    records = train(
        resumed, source(), settings(**choice), 3, instances=INSTANCES, checkpoints=checkpoints, on_epoch=told.append
    )
    assert same(resumed, whole)
    assert plain(records) == plain(expected)
    assert told == records


def test_a_finished_training_is_taken_as_it_is(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    first = method()
    records = train(first, source(), settings(), 3, instances=INSTANCES, checkpoints=checkpoints)
    second = method()
    again = train(second, source(), settings(), 3, instances=INSTANCES, checkpoints=checkpoints)
    assert same(first, second)
    assert again == records  # seconds too: nothing was done again
    assert not second.training


def test_a_damaged_checkpoint_costs_one_epoch_and_a_line(tmp_path: Path) -> None:
    whole = method()
    train(whole, source(), settings(), 3, instances=INSTANCES)
    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    with pytest.raises(Stopped):
        train(method(), source(), settings(), 3, instances=INSTANCES, checkpoints=checkpoints, on_epoch=stop_after(2))
    blob = (tmp_path / "epoch-00002" / "tensors.safetensors").read_bytes()
    (tmp_path / "epoch-00002" / "tensors.safetensors").write_bytes(blob[:-10])
    told = Told()
    resumed = method()
    train(resumed, source(), settings(), 3, instances=INSTANCES, checkpoints=checkpoints, progress=told)
    assert same(resumed, whole)
    (line,) = told.said
    assert "epoch-00002 is damaged" in line


def test_another_job_s_checkpoint_is_not_trained_on(tmp_path: Path) -> None:
    train(method(), source(), settings(), 3, instances=INSTANCES, checkpoints=CheckpointFolder(tmp_path, IDENTITY))
    with pytest.raises(CheckpointError, match="it has seed 3; this run has seed 4"):
        train(
            method(),
            source(),
            settings(),
            4,
            instances=INSTANCES,
            checkpoints=CheckpointFolder(tmp_path, IDENTITY | {"seed": 4}),
        )
