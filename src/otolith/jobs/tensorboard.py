"""Training curves for TensorBoard; needs the extra `tensorboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otolith.errors import RecipeError


class CurveWriter:
    """Writes the figures of each epoch as scalars `STAGE/FIGURE` into event files of a folder.

    Raises:
        RecipeError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise RecipeError(
                "TensorBoard is not installed: python -m pip install 'otolith[tensorboard]', or leave --tensorboard out"
            ) from None
        self._writer = SummaryWriter(str(folder))

    def add(self, record: dict[str, Any]) -> None:
        """One record of `otolith.training.train` or `otolith.finetuning.classifier.train_classifier`."""
        for name, value in record.items():
            if isinstance(value, float):
                self._writer.add_scalar(f"{record['stage']}/{name}", value, record["epoch"])
        self._writer.flush()
