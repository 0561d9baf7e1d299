"""State of a training: everything that its next epoch depends on, as it is saved and taken back."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from otolith.errors import CheckpointError
from otolith.fast.masks import KeepMasks
from otolith.progress import Progress
from otolith.training.checkpoint import Checkpoint, CheckpointFolder
from otolith.training.optim import adam_state, load_adam_state
from otolith.training.ranks import ALONE, Ranks

EVERY_S = 10.0
"""Seconds of training between two checkpoints of a classifier, at least: saving a head may take longer than one of its
epochs."""


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Let PyTorch draw from `seed` here; its state is put back afterwards, that of a GPU `device` too."""
    with torch.random.fork_rng(devices=[device] if device is not None and device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


class BestEpoch:
    """The best epoch of a training so far by its validation score, and the rate that falls while none is better.

    Args:
        lr: learning rate of the first epoch.
        patience: the rate is halved when more than so many epochs in a row bring no better score (Section IV-B4).
        last: the last epoch counts as the best, whatever its score.

    >>> best = BestEpoch(lr=0.1, patience=0)
    >>> for epoch, score in enumerate([0.5, 0.7, 0.6], start=1):
    ...     best.judge(nn.Linear(1, 1), epoch, score, every=1)
    >>> best.epoch, best.lr
    (2, 0.05)

    Attributes:
        lr: learning rate of the next epoch.
        epoch: the first of those with the best score, or the last; 0: none was scored.
        weights: the network's state after that epoch.
    """

    def __init__(self, lr: float, patience: int, *, last: bool = False) -> None:
        self.lr, self.patience, self.last = lr, patience, last
        self.epoch, self.score, self.waited = 0, -1.0, 0
        self.weights: dict[str, Any] = {}

    def judge(self, network: nn.Module, epoch: int, score: float, every: int) -> None:
        """Compare the score of an epoch, `every` epochs after the last one that was scored."""
        if score > self.score or not self.epoch or self.last:
            self.score, self.epoch, self.waited = score, epoch, 0
            self.weights = copy.deepcopy(network.state_dict())
            return
        self.waited += every
        if self.waited > self.patience:
            self.lr, self.waited = self.lr / 2, 0

    def values(self) -> dict[str, Any]:
        """Return everything but the weights, for JSON."""
        return {"lr": self.lr, "epoch": self.epoch, "score": self.score, "waited": self.waited}

    def load(self, values: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """Take back what `values` gave, and the weights."""
        self.lr, self.score, self.weights = float(values["lr"]), float(values["score"]), weights
        self.epoch, self.waited = int(values["epoch"]), int(values["waited"])


class TrainingState:
    """Everything that the next epoch of a training depends on, but its data and settings.

    Args:
        network: what is trained.
        adam: the optimiser, whose moments belong to the state.
        seed: of `order`, which shuffles the windows, and of `augment`, which draws the changes of a batch.
        device: where `network` is.
        masks: the stream of dropout masks, where dropout is not drawn by PyTorch's generator.
        best: the best epoch so far, where epochs are scored.
        ranks: the processes that train together; each has dropout of its own.

    Attributes:
        records: one for each epoch that is done, in order.

    >>> line = nn.Linear(1, 1)
    >>> state = TrainingState(line, torch.optim.Adam(line.parameters()), seed=0, device=torch.device("cpu"))
    >>> sorted(torch.randperm(3, generator=state.order).tolist()), state.records
    ([0, 1, 2], [])
    """

    def __init__(
        self,
        network: nn.Module,
        adam: torch.optim.Adam,
        seed: int,
        device: torch.device,
        *,
        masks: KeepMasks | None = None,
        best: BestEpoch | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.network, self.adam, self.device = network, adam, device
        self.masks, self.best, self.ranks = masks, best, ranks
        self.order = torch.Generator().manual_seed(seed)
        self.augment = torch.Generator(device).manual_seed(seed)
        self.records: list[dict[str, Any]] = []
        self._saved = time.monotonic()

    def save(self, folder: CheckpointFolder, *, seldom: bool = False) -> None:
        """Save the state after an epoch; of several ranks the first one writes, and all have to call.

        Args:
            seldom: do nothing unless the last save, or the beginning, is `EVERY_S` seconds ago.

        Raises:
            StorageError: it cannot be written; earlier ones are as they were.
        """
        if seldom and time.monotonic() - self._saved < EVERY_S:
            return
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"optimizer.{name}": value for name, value in adam_state(self.adam).items()}
        tensors |= {"random.order": self.order.get_state(), "random.augment": self.augment.get_state()}
        dropout = {"dropout": torch.get_rng_state()}
        if self.device.type == "cuda":
            dropout["dropout_cuda"] = torch.cuda.get_rng_state(self.device)
        for name, own in dropout.items():
            tensors |= {f"random.{name}.{rank}": each for rank, each in enumerate(self.ranks.states(own))}
        if self.masks is not None:
            tensors["random.masks"] = self.masks.state()
        state: dict[str, Any] = {"records": self.records}
        if self.best is not None:
            tensors |= {f"best.{name}": value for name, value in self.best.weights.items()}
            state["best"] = self.best.values()
        if self.ranks.first:
            folder.save(Checkpoint(len(self.records), tensors, state))
        self._saved = time.monotonic()

    def resume(self, folder: CheckpointFolder, progress: Progress) -> None:
        """Take back the newest whole checkpoint, if there is one; damaged ones are named to `progress`.

        Raises:
            CheckpointError: it is another job's or version's, or does not fit this training.
        """
        found, damaged = folder.latest(self.ranks)
        for line in damaged:
            progress.say(line)
        if found is None:
            return
        try:
            self._load(found)
        except (RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise CheckpointError(
                f"the checkpoint of epoch {found.epoch} in {folder.folder} does not fit this training "
                f"({' '.join(str(error).split())}). Remove it, or choose another --out folder."
            ) from None

    def _load(self, found: Checkpoint) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): t for name, t in found.tensors.items() if name.startswith(prefix)}

        random, records = part("random."), found.state["records"]
        if [record["epoch"] for record in records] != list(range(1, found.epoch + 1)):
            raise ValueError("its records are not those of its epochs")
        if ("masks" in random) != (self.masks is not None):
            raise ValueError("its dropout was drawn in another way; see OTOLITH_FAST and the device")
        if self.best is not None:
            self.best.load(found.state["best"], part("best."))
            self.network.load_state_dict(self.best.weights)  # a state that fits now fits in the end
        self.network.load_state_dict(part("network."))
        load_adam_state(self.adam, part("optimizer."))
        self.records = records
        self.order.set_state(random["order"])
        self.augment.set_state(random["augment"])
        if self.masks is not None:
            self.masks.load_state(random["masks"])
        if f"dropout.{self.ranks.size - 1}" not in random or f"dropout.{self.ranks.size}" in random:
            # Begun with another number of ranks: dropout goes on with other draws, from none that were used.
            torch.manual_seed(self.ranks.own_seed(found.epoch + (torch.initial_seed() << 20)))
            return
        torch.set_rng_state(random[f"dropout.{self.ranks.rank}"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(random[f"dropout_cuda.{self.ranks.rank}"], self.device)
