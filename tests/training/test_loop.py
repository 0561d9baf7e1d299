"""The training loop on a method that writes down what it is given."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from otolith.errors import TrainingError
from otolith.preprocessing.scaler import Scaler
from otolith.progress import Progress, Stage
from otolith.system.memory import on_disk
from otolith.training import batches as batches_module
from otolith.training import window_source as source_module
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import train
from otolith.training.pretext import Batch, Method
from otolith.training.settings import TrainSettings
from otolith.training.window_source import Part, Source

SETTINGS = TrainSettings(epochs=3, batch_size=4, lr=0.01)


class Spy(Method):
    """Keeps the number of every window it sees (its samples hold it), what it drew, and the features it got."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(1, 1)
        self.batches: list[list[int]] = []
        self.draws: list[float] = []
        self.dropped: list[list[bool]] = []
        self.features: list[list[float]] = []
        self.losses: list[float] = []
        self.modes: list[bool] = []

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        numbers = batch.x[:, 0, 0]
        self.batches.append([int(n) for n in numbers])
        self.draws.append(float(torch.rand((), generator=generator)))
        self.dropped.append((functional.dropout(torch.ones(8)) == 0).tolist())
        self.modes.append(self.training)
        if batch.h is not None:
            self.features.append(batch.h[:, 0].tolist())
        loss = (self.encoder(numbers[:, None]) - 1).square().mean()
        self.losses.append(float(loss.detach()))
        return {"loss": loss, "twice": 2 * loss}


class Recorder(Progress):
    """Counts what is reported."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, int]] = []
        self.figures: list[dict[str, float]] = []
        self.lines: list[str] = []

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        outer = self
        count = 0

        class Bar(Stage):
            def advance(self, steps: int = 1, **figures: float) -> None:
                nonlocal count
                count += steps
                outer.figures.append(figures)

        yield Bar()
        self.stages.append((title, total, count))

    def say(self, text: str) -> None:
        self.lines.append(text)


def source(n: int) -> Source:
    """Window i holds the number i in every sample."""
    x = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None], (n, 1, 8))
    return Source([Part(x, np.arange(n))], Scaler(np.zeros(1), np.ones(1)), torch.device("cpu"))


def run(n: int = 10, settings: TrainSettings = SETTINGS, seed: int = 5, **kwargs: Any) -> Spy:
    spy = Spy()
    train(spy, source(n), settings, seed, **kwargs)
    return spy


def test_each_epoch_sees_whole_batches_of_different_windows() -> None:
    spy = run(10)
    assert [len(batch) for batch in spy.batches] == [4] * 6  # 2 of the 10 are left over in each of 3 epochs
    for epoch in range(3):
        seen = list(chain(*spy.batches[2 * epoch : 2 * epoch + 2]))
        assert len(set(seen)) == 8
        assert set(seen) <= set(range(10))


def test_the_windows_left_over_change_from_epoch_to_epoch() -> None:
    spy = run(10, replace(SETTINGS, epochs=30))
    left = [frozenset(range(10)) - set(chain(*spy.batches[2 * e : 2 * e + 2])) for e in range(30)]
    assert set().union(*left) == set(range(10))


def test_a_batch_larger_than_the_data_takes_all_of_them() -> None:
    spy = run(3, replace(SETTINGS, batch_size=256))
    assert [sorted(batch) for batch in spy.batches] == [[0, 1, 2]] * 3


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_windows_cannot_be_contrasted(n: int) -> None:
    with pytest.raises(TrainingError, match=rf"{n} training window\(s\) .* at least 2"):
        run(n)


def test_no_epochs_change_nothing() -> None:
    spy = run(10, replace(SETTINGS, epochs=0))
    assert spy.batches == []
    assert torch.equal(spy.encoder.weight, Spy().encoder.weight)
    assert not spy.training


def test_order_draws_and_dropout_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = run(10)
    torch.manual_seed(2)
    random.seed(2)
    two = run(10)
    assert one.batches == two.batches
    assert one.draws == two.draws
    assert one.dropped == two.dropped
    assert one.losses == two.losses
    other = run(10, seed=6)
    assert other.batches != one.batches
    assert other.draws != one.draws
    assert other.dropped != one.dropped
    assert len(set(map(tuple, one.batches))) > 1  # not the same order in each epoch
    assert len(set(one.draws)) == len(one.draws)


def test_the_caller_s_random_state_is_left_as_it_was() -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state(), random.getstate()
    spy = Spy()
    torch.set_rng_state(before[0])
    train(spy, source(10), SETTINGS, 5)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_it_is_left_as_it_was_after_an_error_too() -> None:
    spy = Spy()
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="stop"):
        train(spy, source(10), SETTINGS, 5, on_epoch=_raise)
    assert torch.equal(torch.get_rng_state(), before)


def _raise(record: dict[str, Any]) -> None:
    raise RuntimeError("stop")


def test_instance_features_belong_to_the_windows_of_the_batch() -> None:
    """A teacher that knows each window by its number: row i of `instances` goes with window i, at every step."""
    spy = run(10, instances=torch.arange(10.0)[:, None] * 100)
    assert spy.features == [[100.0 * n for n in batch] for batch in spy.batches]


def test_the_method_trains_in_training_mode_and_is_left_in_eval_mode() -> None:
    spy = run(10)
    assert all(spy.modes)
    assert not spy.training


def test_records_say_what_happened() -> None:
    told: list[dict[str, Any]] = []
    spy = Spy()
    settings = replace(SETTINGS, schedule="cosine")
    records = train(spy, source(10), settings, 5, stage="autoencoder", on_epoch=told.append)
    assert told == records
    assert [record["epoch"] for record in records] == [1, 2, 3]
    for number, record in enumerate(records):
        mean = sum(spy.losses[2 * number : 2 * number + 2]) / 2
        assert record["stage"] == "autoencoder"
        assert record["loss"] == pytest.approx(mean, rel=1e-6)
        assert record["twice"] == pytest.approx(2 * mean, rel=1e-6)
        assert record["windows"] == 8
        assert record["seconds"] > 0
        assert "scaled_share" not in record
    assert records[-1]["lr"] == pytest.approx(0, abs=1e-15)
    assert records[0]["lr"] == pytest.approx(0.01 * (1 + np.cos(np.pi / 3)) / 2)


def test_larc_reports_the_share_of_scaled_tensors() -> None:
    spy = Spy()
    share = [r["scaled_share"] for r in train(spy, source(10), replace(SETTINGS, optimizer="larc", trust=1e-9), 5)]
    assert share == [1.0] * 3
    share = [r["scaled_share"] for r in train(Spy(), source(10), replace(SETTINGS, optimizer="larc", trust=1e9), 5)]
    assert share == [0.0] * 3


def test_training_follows_the_gradient() -> None:
    spy = run(40, replace(SETTINGS, epochs=40, lr=0.05))
    assert spy.losses[-1] < 0.05 * spy.losses[0]


@pytest.mark.parametrize(("n", "batch"), [(10, 4), (53, 4), (40, 4)])
def test_progress_counts_every_window(n: int, batch: int) -> None:
    """Also where the number of steps is no multiple of the ten between two reports."""
    recorder = Recorder()
    run(n, replace(SETTINGS, batch_size=batch), progress=recorder)
    windows = 3 * (n // batch) * batch
    assert recorder.stages == [("pretrain", windows, windows)]
    assert all(set(figures) == {"loss", "twice", "epoch"} for figures in recorder.figures)
    assert recorder.figures[-1]["epoch"] == 3


class Breaking(Spy):
    """Its loss, or the slope of a finite loss, is no number at one step (counted from 1 over all epochs)."""

    def __init__(self, at: int, slope: bool = False) -> None:
        super().__init__()
        self.at, self.slope = at, slope

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        terms = super().loss(batch, generator)
        if len(self.batches) == self.at:
            # the slope of a square root at 0 is infinite; times 0 it is no number
            terms["loss"] = (
                terms["loss"] + (self.encoder.weight * 0).sqrt().sum() if self.slope else terms["loss"] * np.nan
            )
        return terms


@pytest.mark.parametrize(("at", "epoch", "step"), [(1, 1, 1), (25, 1, 25), (26, 2, 1), (37, 2, 12), (50, 2, 25)])
def test_a_loss_that_is_no_number_stops_with_its_step_and_a_cure(at: int, epoch: int, step: int) -> None:
    with pytest.raises(TrainingError) as caught:
        train(Breaking(at), source(50), replace(SETTINGS, batch_size=2), 5, stage="autoencoder")
    text = str(caught.value)
    assert text.startswith("autoencoder: the loss is no longer finite")
    assert f"in epoch {epoch}, step {step} " in text
    ids = torch.Generator().manual_seed(5)
    order = [torch.randperm(50, generator=ids).tolist() for _ in range(2)][epoch - 1]
    first, second = order[2 * (step - 1) : 2 * step]
    assert f"batch of 2: windows {first}, {second})" in text
    assert "lower `lr` in the recipe, for example to 0.003" in text


def test_weights_that_are_no_numbers_stop_before_they_are_saved(tmp_path: Path) -> None:
    """The last step of an epoch may break the weights after its own loss was fine."""
    checkpoints = CheckpointFolder(tmp_path / "pretrain", {})
    with pytest.raises(TrainingError, match="the weights are no longer finite in epoch 2, step 2 "):
        train(Breaking(4, slope=True), source(10), SETTINGS, 5, checkpoints=checkpoints)
    kept, _ = checkpoints.latest()
    assert kept is not None
    assert kept.epoch == 1


def test_a_diverging_training_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path / "pretrain", {})
    with pytest.raises(TrainingError, match="epoch 3, step 2"):
        train(Breaking(6), source(10), SETTINGS, 5, checkpoints=checkpoints)
    kept, damaged = checkpoints.latest()
    assert kept is not None
    assert (kept.epoch, damaged) == (2, [])
    assert all(tensor.isfinite().all() for tensor in kept.tensors.values() if tensor.is_floating_point())


def test_memory_mapped_windows_train_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    resident = run(10)
    monkeypatch.setattr(source_module, "RESIDENT_BYTES", 0)
    mapped = run(10)
    assert mapped.batches == resident.batches
    assert torch.equal(mapped.encoder.weight, resident.encoder.weight)


def test_the_disk_is_told_of_each_step_before_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(batches_module, "RESIDENT_BYTES", 0)
    told: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(source_module, "announce", lambda array, rows: told.append(("windows", rows.tolist())))
    monkeypatch.setattr(batches_module, "announce", lambda array, rows: told.append(("features", rows.tolist())))
    seen = run(50, instances=torch.zeros(50, 3)).batches
    assert len(seen) == 36
    for what in ("windows", "features"):
        assert [rows for each, rows in told if each == what] == seen


def test_a_long_order_lies_on_disk_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [batches_module.drawn_order(1000, torch.Generator().manual_seed(3))]
    files = [on_disk(1000, np.int64)]
    monkeypatch.setattr(batches_module, "RESIDENT_BYTES", 7999)
    monkeypatch.setattr(batches_module, "on_disk", lambda n, dtype: files[0])
    drawn.append(batches_module.drawn_order(1000, torch.Generator().manual_seed(3)))
    assert torch.equal(*drawn)
    np.testing.assert_array_equal(files[0], drawn[0].numpy())


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": -1},
        {"batch_size": 1},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"warmup": 1.0},
        {"warmup": -0.1},
        {"trust": 0.0},
        {"weight_decay": -1.0},
    ],
)
def test_impossible_settings_are_refused_by_their_value(wrong: dict[str, Any]) -> None:
    (name, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=rf"{name} {value}"):
        replace(SETTINGS, **wrong)


def test_methods_learn_how_far_training_has_come() -> None:
    """Before each step and after it; also where a training resumes."""

    class Watching(Method):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Linear(1, 1)
            self.seen: list[float] = []

        def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            self.seen.append(batch.progress)
            return {"loss": self.encoder(batch.x[:, :1, 0]).square().mean()}

        def after_step(self, progress: float) -> None:
            self.seen.append(progress)

    method = Watching()
    train(method, source(8), TrainSettings(epochs=2, batch_size=4, lr=1e-3), 0)
    assert method.seen == [0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0]
