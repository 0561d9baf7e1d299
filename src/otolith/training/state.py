"""Where the training of a classifier stands, and how that is saved and taken back."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from otolith.errors import CheckpointError
from otolith.fast.masks import KeepMasks
from otolith.progress import Progress
from otolith.training.checkpoint import Checkpoint, CheckpointFolder
from otolith.training.optim import adam_state, load_adam_state

EVERY_S = 10.0
"""Seconds of training between two checkpoints, at least: saving a head may take longer than one of its epochs."""


@dataclass(frozen=True)
class Updates:
    """What trains a network: `step(ids, lr)` makes one update from the windows `ids` and returns their mean loss before
    it. `adam` and `masks` are what it remembers from one update to the next."""

    step: Callable[[Tensor, float], Tensor]
    adam: torch.optim.Adam
    masks: KeepMasks | None = None


class Course:
    """All that the next epoch of a training depends on, but its data and settings.

    Attributes:
        order: draws the order of the windows.
        lr: of the next epoch; halved when more than `patience` epochs in a row bring no better score.
        best_epoch: the first of those with the best score so far; 0: none was scored.
        records: one for each scored epoch.
    """

    def __init__(self, network: nn.Module, updates: Updates, seed: int, lr: float, patience: int) -> None:
        self.network, self.updates = network, updates
        self.order = torch.Generator().manual_seed(seed)
        self.lr, self.patience = lr, patience
        self.records: list[dict[str, Any]] = []
        self.best_epoch = 0
        self._best, self._waited = -1.0, 0
        self._best_state: dict[str, Any] = {}
        self._saved = time.monotonic()

    def judge(self, record: dict[str, Any], figure: float, every: int) -> None:
        """Note a scored epoch, `every` epochs after the last one, and what follows from its score."""
        self.records.append(record)
        if figure > self._best or not self.best_epoch:
            self._best, self.best_epoch, self._waited = figure, record["epoch"], 0
            self._best_state = copy.deepcopy(self.network.state_dict())
            return
        self._waited += every
        if self._waited > self.patience:
            self.lr, self._waited = self.lr / 2, 0

    def take_best(self) -> list[dict[str, Any]]:
        """Give the network the weights of its best epoch; the records, each of which names that epoch."""
        self.network.load_state_dict(self._best_state)
        for record in self.records:
            record["best_epoch"] = self.best_epoch
        return self.records

    def save(self, folder: CheckpointFolder, device: torch.device) -> None:
        """Save the epoch that was scored last, unless little was trained since; each has to be scored for that.

        Raises:
            StorageError: it cannot be written; earlier ones are as they were.
        """
        if time.monotonic() - self._saved < EVERY_S:
            return
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self._best_state.items()}
        tensors |= {f"optimizer.{name}": value for name, value in adam_state(self.updates.adam).items()}
        tensors |= {"random.order": self.order.get_state(), "random.dropout": torch.get_rng_state()}
        if self.updates.masks is not None:
            tensors["random.masks"] = self.updates.masks.state()
        if device.type == "cuda":
            tensors["random.dropout_cuda"] = torch.cuda.get_rng_state(device)
        state = {
            "records": self.records,
            "lr": self.lr,
            "best": self._best,
            "best_epoch": self.best_epoch,
            "waited": self._waited,
        }
        folder.save(Checkpoint(self.records[-1]["epoch"], tensors, state))
        self._saved = time.monotonic()

    def go_on(self, folder: CheckpointFolder, device: torch.device, progress: Progress) -> None:
        """Take back the newest whole checkpoint, if there is one. Damaged ones are named.

        Raises:
            CheckpointError: it is another job's, or does not fit this training.
        """
        found, damaged = folder.latest()
        for line in damaged:
            progress.say(line)
        if found is None:
            return
        try:
            self._restore(found, device)
        except (RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise CheckpointError(
                f"the checkpoint of epoch {found.epoch} in {folder.folder} does not fit this training "
                f"({' '.join(str(error).split())}). Remove it, or choose another --out folder."
            ) from None

    def _restore(self, found: Checkpoint, device: torch.device) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): t for name, t in found.tensors.items() if name.startswith(prefix)}

        random, state = part("random."), found.state
        if ("masks" in random) != (self.updates.masks is not None):
            raise ValueError("its dropout was drawn in another way; see OTOLITH_FAST and the device")
        self._best_state = part("best.")
        self.network.load_state_dict(self._best_state)  # a state that fits now fits in the end
        self.network.load_state_dict(part("network."))
        load_adam_state(self.updates.adam, part("optimizer."))
        if self.updates.masks is not None:
            self.updates.masks.load_state(random["masks"])
        self.order.set_state(random["order"])
        torch.set_rng_state(random["dropout"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(random["dropout_cuda"], device)
        self.lr, self._best = float(state["lr"]), float(state["best"])
        self.best_epoch, self._waited = int(state["best_epoch"]), int(state["waited"])
        self.records = state["records"]
        if [record["epoch"] for record in self.records] != list(range(1, found.epoch + 1)):
            raise ValueError("its records are not those of its epochs")
