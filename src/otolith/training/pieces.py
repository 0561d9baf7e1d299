"""A batch in pieces, where memory does not suffice for all of it at once: the same gradients, in more time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from otolith.errors import TrainingError
from otolith.progress import Progress
from otolith.training.failures import does_not_fit, is_out_of_memory, release, said_by
from otolith.training.pretext import Method, Piece
from otolith.training.ranks import Ranks

Terms = dict[str, Tensor]
LossOf = Callable[[Tensor, Piece | None], Terms]
"""Terms of the loss of some windows, which may be a piece of the batch."""


def at_once(loss_of: LossOf, ids: Tensor) -> Terms:
    """Add the gradients of the loss of windows `ids` to those of the parameters, and return its terms."""
    terms = loss_of(ids, None)
    terms["loss"].backward()
    return terms


class Pieces:
    """Gradients like those of `at_once`, in as many pieces of the batch as memory asks for.

    For a method that is `mean_over_windows`: the gradients of the pieces, each weighted by its share of the windows,
    add up to those of the batch. A batch that does not fit is begun again in twice as many pieces, as if it had not
    been tried: gradients and random numbers are taken back. Later batches keep the number of pieces that fitted.

    Every piece is treated by what was drawn for the whole batch, so that masks, noise and transformations are those of
    an undivided step, and so is the generator `augment` afterwards. Dropout draws for each piece.
    """

    def __init__(
        self,
        method: Method,
        augment: torch.Generator,
        stage: str,
        progress: Progress,
        count: int = 1,
    ) -> None:
        """`count`: pieces to begin with, where training goes on from a checkpoint."""
        self.method, self.augment, self.stage, self.progress = method, augment, stage, progress
        self.count = count
        self._said = ""

    def backward(self, loss_of: LossOf, ids: Tensor) -> Terms:
        """Add the gradients of the loss of windows `ids` to those of the parameters, and return its terms.

        Raises:
            TrainingError: memory does not suffice for one window.
        """
        count = self.count
        while (terms := self._tried(loss_of, ids)) is None:
            if self.count >= len(ids):
                raise does_not_fit(
                    self.stage,
                    len(ids),
                    self.augment.device,
                    self._said,
                    "Not even one window fits: free memory on the device, or use --device cpu.",
                )
            self.count = min(2 * self.count, len(ids))
        if self.count > count:
            self.progress.say(
                f"{self.stage}: a batch of {len(ids)} windows does not fit into the memory of {self.augment.device}. "
                f"From here on each step is done in {self.count} pieces of it, with the gradients of the whole."
            )
        return terms

    def _tried(self, loss_of: LossOf, ids: Tensor) -> Terms | None:
        """None where memory did not suffice; then everything is as before."""
        before = _RandomState(self.augment)
        try:
            return self._sum(loss_of, ids)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._said = said_by(error)
        # Not in the handler: what was raised keeps the tensors of the step alive.
        self.method.zero_grad(set_to_none=True)
        before.restore()
        release(self.augment.device)
        return None

    def _sum(self, loss_of: LossOf, ids: Tensor) -> Terms:
        before = self.augment.get_state()
        total: Terms = {}
        first = 0
        for piece in ids.tensor_split(min(self.count, len(ids))):
            self.augment.set_state(before)  # each piece draws for the whole batch, and keeps its rows
            terms = loss_of(piece, Piece(first, len(ids)))
            share = len(piece) / len(ids)
            (share * terms["loss"]).backward()
            for name, value in terms.items():
                total[name] = total.get(name, 0) + share * value.detach()
            first += len(piece)
        return total


class _RandomState:
    """Where all generators of a step stand."""

    def __init__(self, augment: torch.Generator) -> None:
        self.augment, self.of_augment, self.of_cpu = augment, augment.get_state(), torch.get_rng_state()
        self.of_gpu = torch.cuda.get_rng_state(augment.device) if augment.device.type == "cuda" else None

    def restore(self) -> None:
        self.augment.set_state(self.of_augment)
        torch.set_rng_state(self.of_cpu)
        if self.of_gpu is not None:
            torch.cuda.set_rng_state(self.of_gpu, self.augment.device)


def refuse_ranks(ranks: Ranks) -> None:
    """Raise TrainingError where several processes train together."""
    if ranks.size > 1:
        raise TrainingError(
            f"--split-batches is for one process, and {ranks.size} train together: they wait for each other in each "
            "step, so that none can do its part again in pieces. Leave it out, and start more processes, which share "
            "the batch, or lower batch_size."
        )


def advice(method: Method, split_batches: bool) -> str:
    """What a batch that does not fit has to do with pieces: they would help, or cannot."""
    if not method.mean_over_windows:
        return (
            "This method needs its whole batch at once, since its loss or its network relates the windows of a batch: "
            "--split-batches cannot help it."
            if split_batches
            else ""
        )
    return "" if split_batches else "With --split-batches the step is done in pieces, with the same gradients."
