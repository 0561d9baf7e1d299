"""A batch in pieces trains what the whole one would, in float64; methods that cannot have it say so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from otolith.augment import Compose, SignalSpec, build
from otolith.errors import TrainingError
from otolith.jobs.estimate import estimate
from otolith.methods.autoencoder import DenoisingAutoencoder
from otolith.progress import Progress
from otolith.recording import CHANNELS
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import TrainSettings, train
from otolith.training.optim import Optimizer
from otolith.training.pieces import Pieces
from otolith.training.pretext import Batch, Method
from otolith.training.ranks import Ranks
from otolith.training.window_source import Part, Source
from tests.helpers import joint, tiny

BATCH = 13
"""Does not come apart evenly: pieces of 7 and 6, then of 4, 3, 3 and 3."""
SIGNAL = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, tiny.RATE_HZ)


class Said(Progress):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(autouse=True)
def released(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """Where memory was given back, which takes longer than these trainings and is not done here."""
    where: list[torch.device] = []
    monkeypatch.setattr("otolith.training.pieces.release", where.append)
    monkeypatch.setattr("otolith.training.failures.release", where.append)
    return where


def task(name: str, dropout: float = 0.0) -> tuple[Method, Source, Tensor | None, TrainSettings]:
    """As `joint.task`, with windows for three steps alone."""
    method, source, instances, settings = joint.task(name, dropout)
    few = [Part(part.x, part.rows[: 3 * BATCH + 1]) for part in source.parts]
    return method, joint.Double(few, source.scaler, source.device), instances, settings


def narrow(method: Method, most: int) -> list[int]:
    """Let more than `most` windows at once run out of memory, late, with gradients there; the sizes that are tried."""
    loss = method.loss
    tried: list[int] = []

    def limited(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        terms = loss(batch, generator)
        tried.append(len(batch.x))
        if len(batch.x) > most:
            terms["loss"].backward()
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore advice")
        return terms

    method.loss = limited  # type: ignore[method-assign]
    return tried


def trained(method: Method, name: str, **given: Any) -> tuple[list[Tensor], list[dict[str, Any]]]:
    """Gradients of each step, and then the weights; and the records."""
    _, source, instances, settings = task(name)
    settings = replace(settings, epochs=1, batch_size=BATCH)
    seen: list[Tensor] = []
    step = Optimizer.step

    def noting(self: Optimizer, lr: float) -> None:
        seen.append(torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None]))
        step(self, lr)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Optimizer, "step", noting)
        records = train(method, source, settings, 3, instances=instances, **given)
    weights = torch.cat([p.detach().flatten() for p in method.parameters()])
    return [*seen, weights], records


def farthest(one: list[Tensor], other: list[Tensor]) -> float:
    assert len(one) == len(other) >= 4
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))


def apart(name: str, method: type[Method] | None = None, **given: Any) -> float:
    """How far gradients, weights and losses of a training in pieces are from those of one with whole batches."""

    def fresh() -> Method:
        made = task(name)[0]
        if method is not None:
            made.__class__ = method
        return made

    whole, whole_records = trained(fresh(), name, **given)
    pieced = fresh()
    pieced.mean_over_windows = True
    tried = narrow(pieced, 5)
    found, records = trained(pieced, name, split_batches=True, **given)
    assert tried[:7] == [13, 7, 4, 3, 3, 3, 4]
    assert records[0]["pieces"] == 4
    assert "pieces" not in whole_records[0]
    terms = [key for key in records[0] if key not in ("stage", "epoch", "lr", "seconds", "windows", "pieces")]
    losses = [abs(records[0][term] - whole_records[0][term]) for term in terms]
    return max(farthest(whole, found), *losses)


def one_of_each_class() -> list[str]:
    """Whether a batch may be done in pieces is said by a method's class."""
    return list({type(task(name)[0]): name for name in joint.NAMES}.values())


@pytest.mark.parametrize("name", one_of_each_class())
def test_a_method_declares_that_its_loss_is_a_mean_if_pieces_train_it_alike(name: str) -> None:
    method = task(name)[0]
    assert (apart(name) < 1e-9) == method.mean_over_windows
    assert not (method.mean_over_windows and any(isinstance(module, _NormBase) for module in method.modules()))


def test_who_declares_it() -> None:
    declared = {name for name in joint.NAMES if task(name)[0].mean_over_windows}
    assert declared == {"autoencoder", "multi-task"}


class Sum(DenoisingAutoencoder):
    """Declares what its loss is not: a sum over windows."""

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": super().loss(batch, generator)["loss"] * len(batch.x)}


class DrawsAlone(DenoisingAutoencoder):
    """Draws for the windows that it sees, not for the batch."""

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return super().loss(replace(batch, piece=None), generator)


@pytest.mark.parametrize("wrong", [Sum, DrawsAlone])
def test_who_declares_it_wrongly_is_found_out(wrong: type[Method]) -> None:
    assert apart("autoencoder", wrong) > 1e-6


def test_changes_of_a_batch_are_those_of_the_whole() -> None:
    vary = Compose([(build("rotation", SIGNAL), 0.7), (build("jitter", SIGNAL, sigma=0.3), 0.5)])
    assert apart("autoencoder", vary=vary) < 1e-9


def test_a_batch_that_fits_is_trained_as_without_the_option() -> None:
    said = Said()
    found = [
        trained(task("multi-task", 0.3)[0], "multi-task", **given)[0]
        for given in ({}, {"split_batches": True, "progress": said})
    ]
    assert farthest(*found) == 0.0
    assert said.lines == []


def test_dropout_goes_on_from_where_it_was_before_the_failed_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that finds out, and one that begins with the pieces that fit, draw the same masks."""
    method = task("multi-task", 0.3)[0]
    narrow(method, 5)
    finds_out, _ = trained(method, "multi-task", split_batches=True)
    init = Pieces.__init__
    monkeypatch.setattr(Pieces, "__init__", lambda self, *given: init(self, *given[:4], 4))
    method = task("multi-task", 0.3)[0]
    tried = narrow(method, BATCH)
    knows, _ = trained(method, "multi-task", split_batches=True)
    assert tried[0] == 4
    assert farthest(finds_out, knows) == 0.0


def test_the_number_of_pieces_is_said_once_and_kept(released: list[torch.device]) -> None:
    said = Said()
    method = task("autoencoder")[0]
    tried = narrow(method, 5)
    trained(method, "autoencoder", split_batches=True, progress=said)
    assert tried == [13, 7, *[4, 3, 3, 3] * 3]
    assert released == [torch.device("cpu")] * 2
    (line,) = said.lines
    assert line == (
        "pretrain: a batch of 13 windows does not fit into the memory of cpu. From here on each step is done in 4 "
        "pieces of it, with the gradients of the whole."
    )


def test_a_resumed_training_goes_on_in_pieces_and_ends_alike(tmp_path: Path) -> None:

    def go_on(folder: str, stop_after: int = 0) -> tuple[list[Tensor], list[int]]:
        method, source, _, settings = task("multi-task", 0.3)
        tried = narrow(method, 5)
        kept = CheckpointFolder(tmp_path / folder, {})

        def stop(record: dict[str, Any]) -> None:
            if record["epoch"] == stop_after:
                raise joint.Stopped

        settings = replace(settings, epochs=2, batch_size=BATCH)
        train(method, source, settings, 3, split_batches=True, checkpoints=kept, on_epoch=stop)
        return [p.detach() for p in method.parameters()], tried

    whole, _ = go_on("whole")
    with pytest.raises(joint.Stopped):
        go_on("stopped", stop_after=1)
    resumed, tried = go_on("stopped")
    assert tried == [4, 3, 3, 3] * 3  # no larger piece is tried again
    assert farthest(whole, resumed) == 0.0


def refusal(name: str, most: int, **given: Any) -> str:
    method = task(name)[0]
    narrow(method, most)
    with pytest.raises(TrainingError) as caught:
        trained(method, name, **given)
    return str(caught.value)


def test_a_method_that_needs_its_whole_batch_stops_with_the_smaller_one_and_says_why() -> None:
    text = refusal("csshar", 5, split_batches=True)
    assert text.startswith("pretrain: a batch of 13 does not fit into the memory of cpu (CUDA out of memory. Tried to ")
    assert "A batch of 3 fits: set batch_size = 3" in text
    assert "This method needs its whole batch at once" in text
    assert "--split-batches cannot help" in text
    assert "--split-batches" not in refusal("csshar", 5)


def test_without_the_option_a_method_that_may_have_it_names_it() -> None:
    text = refusal("autoencoder", 5)
    assert "A batch of 3 fits" in text
    assert "With --split-batches the step is done in pieces, with the same gradients." in text


def test_memory_for_no_window_at_all_says_so() -> None:
    text = refusal("autoencoder", 0, split_batches=True)
    assert text.startswith("pretrain: a batch of 13 does not fit into the memory of cpu (CUDA out of memory. Tried to ")
    assert "Not even one window fits" in text
    assert "more advice" not in text


def test_other_errors_of_a_step_come_through() -> None:
    method = task("autoencoder")[0]
    method.encoder.down = nn.ModuleList()  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        trained(method, "autoencoder", split_batches=True)


def test_several_ranks_are_refused() -> None:
    with pytest.raises(TrainingError, match="--split-batches is for one process, and 2 train together"):
        trained(task("autoencoder")[0], "autoencoder", split_batches=True, ranks=Ranks(0, 2))


def test_an_estimate_does_not_refuse_what_pieces_make_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = DenoisingAutoencoder.loss

    def limited(self: DenoisingAutoencoder, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        if len(batch.x) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss(self, batch, generator)

    monkeypatch.setattr(DenoisingAutoencoder, "loss", limited)
    meta, recipe = tiny.windows(n_subjects=1).meta, tiny.recipe()
    with pytest.raises(TrainingError, match="A batch of 16 fits"):
        estimate(recipe, "dynamic", meta, 100, 20)
    assert estimate(recipe, "dynamic", meta, 100, 20, split_batches=True).seconds["autoencoder"] > 0
