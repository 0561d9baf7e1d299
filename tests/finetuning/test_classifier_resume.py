"""A classifier whose training was stopped and resumed ends bit-identical to one that was not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from otolith import fast
from otolith.augment import Compose
from otolith.errors import CheckpointError
from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.heads import Labelled, build_head
from otolith.finetuning.settings import FinetuneSettings
from otolith.finetuning.updates import EndToEnd
from otolith.training import state
from otolith.training.checkpoint import KEEP, CheckpointFolder
from tests.helpers.progress import Told
from tests.helpers.stops import Stopped, plain, same, stop_after

FIGURES = [0.2, 0.7, 0.5, 0.6, 0.1, 0.65, 0.3]
SETTINGS = FinetuneSettings(
    epochs=len(FIGURES), batch_size=16, lr=1e-2, hidden=(12,), dropout=0.3, patience=1, weight_decay=1e-3
)
IDENTITY = {"recipe": "abc", "seed": 3}


@pytest.fixture(autouse=True)
def each_epoch_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short."""
    monkeypatch.setattr(state, "EVERY_S", 0.0)


def blobs(n: int, seed: int) -> Labelled:
    made = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    return Labelled(torch.randn(n, 5, generator=made) + 2 * torch.eye(3, 5)[y], y)


def head() -> nn.Module:
    return build_head(5, 3, SETTINGS, 3)


def deep() -> nn.Module:
    """With buffers, and dropout from PyTorch's generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), build_head(8, 3, SETTINGS, 3))


STRONG = replace(
    SETTINGS, optimizer="adamw", encoder_rate=0.3, schedule="one-cycle", label_smoothing=0.1, weight_decay=0.01
)


class Noise(Compose):
    """A random change of each batch."""

    def __init__(self) -> None:
        super().__init__(())

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x + 0.5 * torch.randn(x.shape, generator=generator)


def fit(
    network: nn.Module,
    checkpoints: CheckpointFolder | None = None,
    first: int = 0,
    stop_in: int | None = None,
    settings: FinetuneSettings = SETTINGS,
    **more: Any,
) -> list[dict[str, Any]]:
    """Train with a script of scores from epoch `first` on; raise Stopped when epoch `stop_in` is scored."""
    script = iter(FIGURES[first:])
    epoch = first

    def score(y_true: Tensor, y_pred: Tensor) -> float:
        nonlocal epoch
        epoch += 1
        if epoch == stop_in:
            raise Stopped
        return next(script)

    return train_classifier(
        network, blobs(90, 0), blobs(30, 1), settings, 3, n_classes=3, score=score, checkpoints=checkpoints, **more
    )


@pytest.mark.parametrize(
    ("build", "stop", "fast_forms"),
    [
        (head, {"on_epoch": stop_after(1)}, True),
        (head, {"on_epoch": stop_after(4)}, False),
        (head, {"stop_in": 6}, True),
        (deep, {"on_epoch": stop_after(4)}, True),
        (deep, {"stop_in": 6}, False),
    ],
)
def test_resumed_equals_uninterrupted(
    build: Callable[[], nn.Module], stop: dict[str, Any], fast_forms: bool, tmp_path: Path
) -> None:
    with fast.plain(not fast_forms):
        whole = build()
        expected = fit(whole)
        assert {record["best_epoch"] for record in expected} == {2}
        assert len({record["lr"] for record in expected}) == 3  # halved twice, before and after a stop

        checkpoints = CheckpointFolder(tmp_path, IDENTITY)
        with pytest.raises(Stopped):
            fit(build(), checkpoints, **stop)
        saved, _ = checkpoints.latest()
        assert saved is not None
        if "stop_in" in stop:  # in the middle of an epoch
            assert saved.epoch == stop["stop_in"] - 1

        torch.manual_seed(99)  # another process has other random numbers behind it
        resumed, told = build(), []
        records = fit(resumed, checkpoints, saved.epoch, on_epoch=told.append)
        assert same(resumed, whole)
        assert plain(records) == plain(expected)
        assert told == records
        assert len(list(tmp_path.iterdir())) == KEEP


@pytest.mark.parametrize("keep", ["best", "last"])
def test_end_to_end_training_goes_on_with_its_schedule_and_its_changes(keep: Any, tmp_path: Path) -> None:
    def begin(checkpoints: CheckpointFolder | None = None, first: int = 0, **more: Any) -> tuple[nn.Module, Any]:
        network = deep()
        whole = EndToEnd(network[0], Noise())  # type: ignore[index]
        return network, fit(network, checkpoints, first, settings=replace(STRONG, keep=keep), whole=whole, **more)

    expected, records = begin()
    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    with pytest.raises(Stopped):
        begin(checkpoints, on_epoch=stop_after(4))
    torch.manual_seed(99)
    resumed, again = begin(checkpoints, 4)
    assert same(resumed, expected)
    assert plain(again) == plain(records)
    assert {record["best_epoch"] for record in again} == {len(FIGURES) if keep == "last" else 2}


@pytest.mark.parametrize("build", [head, deep])
def test_checkpoints_change_nothing(build: Callable[[], nn.Module], tmp_path: Path) -> None:
    without, with_them = build(), build()
    assert plain(fit(without)) == plain(fit(with_them, CheckpointFolder(tmp_path, IDENTITY)))
    assert same(without, with_them)


def test_a_finished_training_is_taken_as_it_is(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    first, second = deep(), deep()
    records = fit(first, checkpoints)
    again = fit(second, checkpoints, len(FIGURES))
    assert same(first, second)
    assert again == records  # seconds too: nothing was done again
    assert not second.training


def test_a_damaged_checkpoint_costs_one_epoch_and_a_line(tmp_path: Path) -> None:
    whole = deep()
    fit(whole)
    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    with pytest.raises(Stopped):
        fit(deep(), checkpoints, on_epoch=stop_after(4))
    path = tmp_path / "epoch-00004" / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    resumed, told = deep(), Told()
    fit(resumed, checkpoints, 3, progress=told)
    assert same(resumed, whole)
    (line,) = told.said
    assert "epoch-00004 is damaged" in line
    assert "using the one before it" in line


def test_another_job_s_checkpoint_is_refused_by_what_differs(tmp_path: Path) -> None:
    fit(head(), CheckpointFolder(tmp_path, IDENTITY))
    with pytest.raises(CheckpointError, match="it has seed 3; this run has seed 4"):
        fit(head(), CheckpointFolder(tmp_path, IDENTITY | {"seed": 4}))


def other_masks(tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    tensors["random.masks"] = tensors["random.masks"][:3]


def other_moments(tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    tensors["optimizer.0.exp_avg"] = tensors["optimizer.0.exp_avg"].T


def no_best(tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    for name in [name for name in tensors if name.startswith("best.")]:
        del tensors[name]


def other_epochs(tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    state["records"][0]["epoch"] = 9


def no_rate(tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    del state["best"]["lr"]


@pytest.mark.parametrize("change", [other_masks, other_moments, no_best, other_epochs, no_rate])
def test_what_does_not_fit_is_refused_with_a_cure(change: Callable[..., None], tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    with pytest.raises(Stopped):
        fit(head(), checkpoints, on_epoch=stop_after(2))
    found, _ = checkpoints.latest()
    assert found is not None
    changed = copy.deepcopy(found)
    change(changed.tensors, changed.state)
    checkpoints.save(changed)
    with pytest.raises(CheckpointError, match=r"epoch 2 in .* does not fit this training .*Remove it, or choose"):
        fit(head(), checkpoints, 2)


def test_dropout_of_another_kind_is_refused(tmp_path: Path) -> None:
    """The fast forms draw it in another way, and lay their moments out in another way."""
    checkpoints = CheckpointFolder(tmp_path, IDENTITY)
    with pytest.raises(Stopped):
        fit(head(), checkpoints, on_epoch=stop_after(2))
    with fast.plain(), pytest.raises(CheckpointError, match="OTOLITH_FAST"):
        fit(head(), checkpoints, 2)
    settings = replace(SETTINGS, dropout=0.0)
    checkpoints = CheckpointFolder(tmp_path / "none", IDENTITY)
    with pytest.raises(Stopped):
        fit(build_head(5, 3, settings, 3), checkpoints, settings=settings, on_epoch=stop_after(2))
    with fast.plain(), pytest.raises(CheckpointError, match="does not fit this training"):
        fit(build_head(5, 3, settings, 3), checkpoints, 2, settings=settings)


def test_little_training_is_not_worth_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each epoch takes four seconds of a clock that the test moves."""
    now = 0.0
    monkeypatch.setattr(state, "EVERY_S", 10.0)
    # its own clock alone: by that of the process the loops of servers in other threads would sleep for hours
    monkeypatch.setattr(state, "time", SimpleNamespace(monotonic=lambda: now))
    saved: list[int] = []

    def four_seconds_more(record: dict[str, Any]) -> None:
        nonlocal now
        now += 4
        newest, _ = CheckpointFolder(tmp_path, IDENTITY).latest()
        saved.append(newest.epoch if newest is not None else 0)

    fit(head(), CheckpointFolder(tmp_path, IDENTITY), on_epoch=four_seconds_more)
    assert saved == [0, 0, 0, 4, 4, 4, 7]


def test_every_epoch_has_to_be_scored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="every=5"):
        fit(head(), CheckpointFolder(tmp_path, IDENTITY), every=5)
