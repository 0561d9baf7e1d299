"""Processes that train one model together: each holds a part of every batch, and all take the same step.

The result is that of one process with the joint batch: negatives, batch statistics and temperatures come from all of
it, and gradients are exact. Nothing here knows what is trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from otolith.errors import TrainingError


class Ranks:
    """Processes of one training, `size` of them, of which this is number `rank`. Alone, it costs nothing.

    >>> Ranks(rank=1, size=4).rows(256)
    slice(64, 128, None)
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def first(self) -> bool:
        """Return whether this process speaks and writes for all."""
        return self.rank == 0

    def rows(self, n: int) -> slice:
        """Return this process's rows of a joint batch of `n`; ranks follow each other."""
        each = n // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def own_seed(self, seed: int) -> int:
        """Return a seed for what each rank draws for itself; the first rank's is `seed`."""
        return (seed + self.rank * 0x9E3779B97F4A7C15) % 2**63

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return `module` with gradients that are averaged over ranks as they come; alone, itself."""
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(module)

    def gather(self, x: Tensor) -> Tensor:
        """Return the rows (n, ...) of all ranks, (size n, ...), in order of rank, the same on each. Differentiable.

        The gradient that comes back is the sum of all ranks' gradients for this rank's rows. Averaged over ranks, as
        `DistributedDataParallel` does, a loss that each computes from the joint rows has its exact gradient.
        """
        if self.size == 1:
            return x
        gathered: Tensor = _Gather.apply(x, self)
        return gathered

    def gather_views(self, x: Tensor) -> Tensor:
        """Return the same for rows of two views, (2n, ...): first views of all ranks, then second ones."""
        if self.size == 1:
            return x
        n = len(x) // 2
        return self.gather(x).unflatten(0, (self.size, 2, n)).transpose(0, 1).flatten(0, 2)

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum over ranks. Differentiable."""
        if self.size == 1:
            return x
        total: Tensor = _Sum.apply(x)
        return total

    @torch.no_grad()
    def mean(self, x: Tensor) -> Tensor:
        """Return the mean over ranks, for figures that are shown."""
        return self.sum(x) / self.size

    def broadcast(self, blob: bytes | None) -> bytes:
        """Return, on every rank, the bytes that the first one passes; those of the others are ignored."""
        if self.size == 1:
            assert blob is not None
            return blob
        given = torch.frombuffer(bytearray(blob or b"\0"), dtype=torch.uint8)
        size = torch.tensor(len(blob or b""), device=_device())
        distributed.broadcast(size, 0)
        room = torch.empty(int(size), dtype=torch.uint8, device=_device())
        if self.first:
            room.copy_(given)
        if len(room):
            distributed.broadcast(room, 0)
        return room.cpu().numpy().tobytes()

    def states(self, x: Tensor) -> list[Tensor]:
        """Return the tensors of bytes of all ranks, in order, on every rank."""
        return list(self.gather(x.to(_device())[None]).cpu()) if self.size > 1 else [x]

    def wait(self) -> None:
        """Wait until all ranks are here."""
        if self.size > 1:
            self.sum(torch.zeros(1, device=_device()))


ALONE = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the ranks that `torchrun` started in the group that connects them; `ALONE` where it did not start any.

    Raises:
        TrainingError: the others cannot be reached.
    """
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        yield ALONE
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        distributed.init_process_group("nccl" if cuda else "gloo")
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the processes of this training cannot reach each other: {str(error).splitlines()[0]}. Check the "
            "addresses that torchrun was given."
        ) from None
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _device() -> torch.device:
    """Return the device of the group's tensors: NCCL knows those of a GPU only."""
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        out = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(ranks.size)]
        distributed.all_gather(out, x.contiguous())
        return torch.cat(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        total = grad.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total[ctx.ranks.rows(len(total))], None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total


class JointBatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d` over the joint batch of all ranks; PyTorch's own synchronised form refuses CPU tensors."""

    def __init__(self, of: nn.BatchNorm1d, ranks: Ranks) -> None:
        super().__init__(of.num_features, of.eps, of.momentum, of.affine, of.track_running_stats)
        self._parameters, self._buffers, self.training = of._parameters, of._buffers, of.training
        self.ranks = ranks

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        x = input if input.dtype == torch.float64 else input.float()
        over = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        count = x.numel() // x.shape[1] * self.ranks.size
        mean = self.ranks.sum(x.sum(over)) / count
        centred = x - mean.view(shape)
        var = self.ranks.sum(centred.square().sum(over)) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with torch.no_grad():
                self.num_batches_tracked.add_(1)
                share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
                self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
                self.running_var.lerp_((var * (count / (count - 1))).to(self.running_var.dtype), share)
        out = centred * (var + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(input.dtype)


@contextmanager
def joint_statistics(module: nn.Module, ranks: Ranks) -> Iterator[None]:
    """Make the batch normalisations of `module` see the joint batch within this context."""
    replaced = []
    if ranks.size > 1:
        for parent in list(module.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.BatchNorm1d:
                    setattr(parent, name, JointBatchNorm1d(child, ranks))
                    replaced.append((parent, name, child))
    try:
        yield
    finally:
        for parent, name, child in replaced:
            child.training = getattr(parent, name).training
            setattr(parent, name, child)
