"""The curves for TensorBoard, read back by TensorBoard."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from otolith.errors import RecipeError


def test_figures_of_each_epoch_become_scalars(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tensorboard's own dependencies
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        from otolith.jobs.tensorboard import CurveWriter

        writer = CurveWriter(tmp_path)
        writer.add({"stage": "pretrain", "epoch": 1, "loss": 2.5, "windows": 64})
        writer.add({"stage": "pretrain", "epoch": 2, "loss": 1.5, "windows": 64})
        read = EventAccumulator(str(tmp_path)).Reload()
    assert read.Tags()["scalars"] == ["pretrain/loss"]
    assert [(event.step, event.value) for event in read.Scalars("pretrain/loss")] == [(1, 2.5), (2, 1.5)]


def test_without_tensorboard_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from otolith.jobs.tensorboard import CurveWriter

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(RecipeError, match="pip install"):
        CurveWriter(tmp_path)
