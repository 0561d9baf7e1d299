"""Fine-tuning, alone and within a comparison, goes on from its checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith import splits
from otolith.errors import CheckpointError, InUseError
from otolith.pipeline import evaluate, finetune, pretrain
from otolith.splits import Split
from otolith.system import claims
from otolith.training import state
from otolith.windows import Windows
from tests.helpers import tiny
from tests.helpers.stops import Stopped, plain, stop_after

EPOCHS = 4
RECIPE = tiny.recipe(finetune__epochs=EPOCHS, method__supervised__epochs=EPOCHS)


@pytest.fixture(autouse=True)
def each_epoch_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short."""
    monkeypatch.setattr(state, "EVERY_S", 0.0)


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_unlabelled=2)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.mark.parametrize(
    ("method", "frozen"), [("supervised", None), ("supervised", True), ("random", None), ("random", False)]
)
def test_resumed_equals_uninterrupted(
    method: str, frozen: bool | None, w: Windows, split: Split, tmp_path: Path
) -> None:
    encoder = pretrain(w, split, RECIPE, method, seed=0)
    whole = finetune(encoder, w, split, frozen=frozen)
    with pytest.raises(Stopped):
        finetune(encoder, w, split, frozen=frozen, checkpoints=tmp_path, on_epoch=stop_after(2))
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-00001", "epoch-00002"]
    told: list[dict[str, Any]] = []
    again = pretrain(w, split, RECIPE, method, seed=0)  # as another process would
    resumed = finetune(again, w, split, frozen=frozen, checkpoints=tmp_path, on_epoch=told.append)
    np.testing.assert_array_equal(resumed.predict_proba(w.x), whole.predict_proba(w.x))
    assert plain(resumed.records) == plain(whole.records)
    assert told == resumed.records
    assert evaluate(resumed, w, split) == evaluate(whole, w, split)
    assert repr(resumed.calibration) == repr(whole.calibration)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "seed 0; this run has seed 1"),
        ({"frozen": False}, "end_to_end False"),
        ({"settings": replace(RECIPE.finetune, epochs=1)}, r"settings .*epochs=4.*this run has settings .*epochs=1"),
        ({"split": 1}, "data "),
        ({"labels": 1}, "data "),
        ({"sample": 1}, "data "),
    ],
)
def test_checkpoints_of_another_job_are_refused(
    change: dict[str, Any], named: str, w: Windows, split: Split, tmp_path: Path
) -> None:
    encoder = pretrain(w, split, RECIPE, "supervised", seed=0)
    finetune(encoder, w, split, frozen=True, settings=RECIPE.finetune, checkpoints=tmp_path)
    x, y = np.array(w.x), np.array(w.y)
    y[split.train[0]] += "labels" in change and 1
    x[split.train[0], 0, 0] += "sample" in change and 1e-3
    other = splits.holdout(w, 1) if "split" in change else split
    asked = {"frozen": True, "settings": RECIPE.finetune} | {k: v for k, v in change.items() if k in asked_of}
    with pytest.raises(CheckpointError, match=f"it has .*{named}"):
        finetune(encoder, replace(w, x=x, y=y), other, checkpoints=tmp_path, **asked)


asked_of = ("seed", "frozen", "settings")


def test_another_encoder_s_checkpoints_are_left_alone(w: Windows, split: Split, tmp_path: Path) -> None:
    """Same names and settings, other weights: nothing of the one goes into the head of the other."""
    encoder = pretrain(w, split, RECIPE, "random", seed=0)
    with pytest.raises(Stopped):
        finetune(encoder, w, split, checkpoints=tmp_path, on_epoch=stop_after(2))
    other = pretrain(w, split, RECIPE, "random", seed=1)
    other.seed = 0
    told: list[dict[str, Any]] = []
    found = finetune(other, w, split, checkpoints=tmp_path, on_epoch=told.append)
    np.testing.assert_array_equal(found.predict_proba(w.x), finetune(other, w, split).predict_proba(w.x))
    assert len(list(tmp_path.iterdir())) == 2


def test_one_process_at_a_time(w: Windows, split: Split, tmp_path: Path) -> None:
    encoder = pretrain(w, split, RECIPE, "random", seed=0)
    with claims.hold(tmp_path), pytest.raises(InUseError, match="in use"):
        finetune(encoder, w, split, checkpoints=tmp_path)
