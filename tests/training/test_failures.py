"""What stops a training: the step, its windows, the likely cause; and memory that does not suffice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from otolith.errors import TrainingError
from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.features import encode
from otolith.finetuning.heads import Labelled
from otolith.finetuning.settings import FinetuneSettings
from otolith.preprocessing.scaler import Scaler
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.failures import EXPLODED, LossWatch, is_out_of_memory
from otolith.training.loop import train
from otolith.training.pretext import Batch, Method
from otolith.training.settings import TrainSettings
from otolith.training.window_source import Part, Source

SETTINGS = TrainSettings(epochs=2, batch_size=4, lr=0.01)
CPU = torch.device("cpu")


class Mean(Method):
    """Loss: how far a line through each window's mean lies from 1; times `factor` at step `at`."""

    def __init__(self, at: int = 0, factor: float = 1.0, most: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(1, 1)
        self.at, self.factor, self.most = at, factor, most
        self.steps = 0
        self.sizes: list[int] = []

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        self.steps += 1
        self.sizes.append(len(batch.x))
        if self.most is not None and len(batch.x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore advice")
        loss = (self.encoder(batch.x.mean((1, 2))[:, None]) - 1).square().mean()
        if batch.h is not None:
            loss = loss + batch.h.mean()
        return {"loss": loss * (self.factor if self.steps == self.at else 1.0)}


def source(x: np.ndarray | None = None, rows: list[int] | None = None) -> Source:
    x = np.random.default_rng(0).standard_normal((12, 2, 8)).astype(np.float32) if x is None else x
    chosen = np.arange(len(x)) if rows is None else np.array(rows)
    return Source([Part(x, chosen)], Scaler(np.zeros(2), np.ones(2)), CPU)


def failure(method: Method, **given: Any) -> str:
    with pytest.raises(TrainingError) as caught:
        train(method, given.pop("source", None) or source(), given.pop("settings", SETTINGS), 5, **given)
    return str(caught.value)


@pytest.mark.parametrize(("at", "epoch", "step"), [(2, 1, 2), (5, 2, 2)])
def test_a_loss_that_explodes_stops_though_it_is_finite(at: int, epoch: int, step: int, tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path / "pretrain", {})
    text = failure(Mean(at, 1e7), checkpoints=checkpoints)
    assert text.startswith("pretrain: the loss exploded, from ")
    assert f"in epoch {epoch}, step {step} (" in text
    assert "lower `lr`" in text
    kept, _ = checkpoints.latest()
    assert (kept.epoch if kept else 0) == epoch - 1
    facts = json.loads((tmp_path / "pretrain" / "failed-step.json").read_text())
    assert (facts["stage"], facts["epoch"], facts["step"]) == ("pretrain", epoch, step)
    assert len(facts["windows"]) == 4
    assert str(tmp_path / "pretrain" / "failed-step.json") in text
    assert ", ".join(facts["windows"]) in text


def test_a_large_loss_that_was_large_at_first_is_no_explosion() -> None:
    assert LossWatch(None).first_bad([5e8, 6e8, 1e9, -7e8]) is None
    assert LossWatch(None).first_bad([0.001, 0.9 * EXPLODED]) is None
    assert LossWatch(None).first_bad([0.001, 1.1 * EXPLODED]) == 1
    assert LossWatch(2.0).first_bad([5.0, -2.1 * EXPLODED]) == 1
    assert LossWatch(2.0).first_bad([5.0, float("inf"), float("nan")]) == 1


def test_a_resumed_training_remembers_how_it_began(tmp_path: Path) -> None:
    """Its first loss after the checkpoint is no measure: it may be the one that explodes."""
    checkpoints = CheckpointFolder(tmp_path, {})
    with pytest.raises(RuntimeError, match="stop"):
        train(Mean(), source(), SETTINGS, 5, checkpoints=checkpoints, on_epoch=_stop)
    assert "exploded" in failure(Mean(1, 1e7), checkpoints=checkpoints)


def _stop(record: dict[str, Any]) -> None:
    raise RuntimeError("stop")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "The cause: samples of window 7 are not finite. Repair"),
        (-4e5, "The likely cause: window 7 holds a sample 400,000 standard deviations from the mean. Look for"),
    ],
)
def test_windows_are_blamed_by_their_number_in_the_data_set(value: float, words: str) -> None:
    x = np.random.default_rng(0).standard_normal((12, 2, 8)).astype(np.float32)
    x[7, 1, 3] = value
    # all rows but the first take part: source number 6 is window 7
    text = failure(
        Mean(), source=source(x, list(range(1, 12))), settings=TrainSettings(epochs=9, batch_size=11, lr=1e9)
    )
    assert words in text
    assert "The usual cause" not in text


def test_further_parts_name_their_windows_apart() -> None:
    x = np.zeros((3, 2, 8), np.float32)
    both = Source([Part(x, np.array([2, 0])), Part(x, np.array([1]))], Scaler(np.zeros(2), np.ones(2)), CPU)
    assert both.names(torch.tensor([1, 2, 0])) == ["0", "1 of the unlabelled", "2"]


def test_a_teacher_without_numbers_is_blamed() -> None:
    assert "the teacher's features of them are not finite" in failure(Mean(), instances=torch.full((12, 1), np.nan))


def test_too_little_memory_names_the_batch_that_fits(tmp_path: Path) -> None:
    method = Mean(most=3)
    checkpoints = CheckpointFolder(tmp_path, {})
    text = failure(method, settings=TrainSettings(epochs=1, batch_size=12, lr=0.01), checkpoints=checkpoints)
    assert method.sizes == [12, 6, 3]
    assert text.startswith("pretrain: a batch of 12 does not fit into the memory of cpu (CUDA out of memory. Tried to ")
    assert "A batch of 3 fits: set batch_size = 3" in text
    assert "more advice" not in text


def test_memory_for_no_window_at_all_says_so() -> None:
    assert "Not even one window fits" in failure(Mean(most=0))


def test_other_errors_of_a_step_come_through() -> None:
    class Broken(Mean):
        def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train(Broken(), source(), SETTINGS, 5)


def test_the_cpu_s_allocator_is_understood() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(RuntimeError("posix_memalign failed:Cannot allocate memory (12)"))  # of convolutions


class Narrow(nn.Module):
    """Takes at most `most` windows at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)
        self.most = most
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.linear(x.flatten(1)[:, :8])


def test_features_come_in_smaller_batches_where_memory_is_short() -> None:
    torch.manual_seed(0)
    network = Narrow(12)
    whole = encode(network, source())
    network.most, network.sizes = 3, []
    assert torch.allclose(encode(network, source(), batch_size=8), whole)
    assert network.sizes == [8, 4, 2, 2, 2, 2, 2, 2]
    network.most = 0
    with pytest.raises(torch.OutOfMemoryError):
        encode(network, source())


def test_fine_tuning_names_the_batch_that_fits() -> None:
    network = Narrow(2)
    labelled = Labelled(torch.randn(8, 8), torch.arange(8) % 3)
    with pytest.raises(TrainingError, match=r"finetune: a batch of 8 does not fit .* A batch of 2 fits"):
        train_classifier(
            network, labelled, labelled, FinetuneSettings(batch_size=8), 0, n_classes=3, score=lambda a, b: 0.0
        )
