"""Optimisers and learning-rate schedules: Adam, AdamW, LARC around Adam (Section IV-B3), and a LAMB-like variant."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from otolith import fast
from otolith.fast.adam import Adam, AdamW
from otolith.training.settings import OptimizerName, ScheduleName


def larc_factors(weights: Sequence[Tensor], grads: Sequence[Tensor], lr: float, trust: float = 0.02) -> Tensor:
    """Return min(trust |w| / (|g| + 1e-8) / lr, 1) of each tensor, (k,); 1 where |w| or |g| is 0.

    You, Gitman and Ginsburg 2017 with clipping, no weight decay, as the predecessor sets it (trust 0.02).

    Args:
        weights: k tensors of one device. grads: their gradients.

    >>> larc_factors([torch.ones(4)], [torch.ones(4)], lr=0.1)
    tensor([0.2000])
    """
    w = torch.stack(torch._foreach_norm(list(weights)))
    g = torch.stack(torch._foreach_norm(list(grads)))
    factor = (trust * w / (g + 1e-8) / lr).clamp(max=1.0)
    return torch.where((w == 0) | (g == 0), torch.ones_like(factor), factor)


class Optimizer:
    """Adam on all parameters of a module, plain or changed in one of three ways.

    - `adam`: plain; `weight_decay` joins the gradient.
    - `adamw`: `weight_decay` times the rate shrinks the weights, apart from the gradient (Loshchilov and Hutter 2019);
      biases and the scales of normalisations, tensors of one axis, are left alone.
    - `larc`: multiplies each tensor's *gradient* by its LARC factor before Adam. At rate 1e-4 the factor is nearly
      always 1, and Adam does not feel a constant factor, so this is almost plain Adam; `scaled_share` tells.
    - `lamb`: multiplies each tensor's *update* by min(trust |w| / |update|, 1) (after You et al. 2020).

    Args:
        slower: a part of the module whose rate is `factor` times that of the others.

    >>> line = nn.Linear(1, 1)
    >>> optimizer = Optimizer(line, "larc", lr=0.01)
    >>> line(torch.ones(1, 1)).sum().backward()
    >>> optimizer.step(0.01)
    """

    def __init__(
        self,
        module: nn.Module,
        name: OptimizerName,
        lr: float,
        trust: float = 0.02,
        weight_decay: float = 0.0,
        *,
        slower: nn.Module | None = None,
        factor: float = 1.0,
    ) -> None:
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.name, self.trust = name, trust
        fused = fast.is_on()
        apart = {id(p) for p in slower.parameters()} if slower is not None and factor != 1.0 else set()
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for p in self.parameters:
            decay = 0.0 if name == "adamw" and p.ndim < 2 else weight_decay
            groups.setdefault((factor if id(p) in apart else 1.0, decay), []).append(p)
        self.adam = (AdamW if name == "adamw" else Adam)(
            [{"params": each, "weight_decay": decay, "factor": share} for (share, decay), each in groups.items()],
            lr=lr,
            fused=fused,
            foreach=None if fused else True,
        )
        self._scaled = torch.zeros((), device=self.parameters[0].device)
        self._seen = 0

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Make one update at rate `lr` from the gradients in place, which are then dropped."""
        for group in self.adam.param_groups:
            group["lr"] = lr * group["factor"]
        active = [p for p in self.parameters if p.grad is not None]
        if self.name == "larc":
            grads = [p.grad for p in active if p.grad is not None]
            factor = larc_factors(active, grads, lr, self.trust)
            torch._foreach_mul_(grads, list(factor.unbind()))
            self._count(factor)
            self.adam.step()
        elif self.name == "lamb":
            before = [p.clone() for p in active]
            self.adam.step()
            update = [new - old for new, old in zip(active, before, strict=True)]
            factor = larc_factors(before, update, 1.0, self.trust)
            for parameter, old, change, f in zip(active, before, update, factor.unbind(), strict=True):
                parameter.copy_(old + f * change)
            self._count(factor)
        else:
            self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def _count(self, factor: Tensor) -> None:
        self._scaled += (factor < 1).sum()
        self._seen += factor.numel()

    def scaled_share(self) -> float:
        """Return the share of tensors, over all steps since the last call, whose factor was below 1."""
        share = float(self._scaled) / self._seen if self._seen else 0.0
        self._scaled.zero_()
        self._seen = 0
        return share


def adam_state(adam: torch.optim.Adam) -> dict[str, Tensor]:
    """Return Adam's moments by parameter number, for a checkpoint."""
    state = adam.state_dict()["state"]
    return {f"{i}.{key}": value for i, entry in state.items() for key, value in entry.items()}


def load_adam_state(adam: torch.optim.Adam, tensors: dict[str, Tensor]) -> None:
    """Take back what `adam_state` gave.

    Raises:
        ValueError: the moments are of other parameters.
    """
    shapes = [parameter.shape for group in adam.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split(".", 1)
        if key != "step" and value.shape != shapes[int(number)]:
            raise ValueError(f"{name} has shape {tuple(value.shape)}, its parameter {tuple(shapes[int(number)])}")
        state.setdefault(int(number), {})[key] = value
    adam.load_state_dict({"state": state, "param_groups": adam.state_dict()["param_groups"]})


def rate_at(step: int, total: int, lr: float, schedule: ScheduleName = "constant", warmup: float = 0.0) -> float:
    """Return the learning rate of step `step` (0 .. total - 1).

    `warmup` is the share of steps in which the rate climbs: in a straight line for `constant` and `cosine`, along a
    half cosine from lr / 25 for `one-cycle` (Smith and Topin 2018), which then falls to lr / 250,000 along another.

    >>> [round(rate_at(step, 4, 0.1, "cosine"), 3) for step in range(4)]
    [0.085, 0.05, 0.015, 0.0]
    """
    climb = warmup * total
    climbed = min((step + 1) / climb, 1.0) if climb > 0 else 1.0  # the climb may end within a step
    done = min(max((step + 1 - climb) / max(total - climb, 1), 0.0), 1.0)
    if schedule == "one-cycle":
        if step < climb:
            return lr / 25 + (lr - lr / 25) * (1 - math.cos(math.pi * climbed)) / 2
        floor = lr / 250_000
        return floor + (lr - floor) * (1 + math.cos(math.pi * done)) / 2
    if step < climb:
        return lr * climbed
    return lr * (1 + math.cos(math.pi * done)) / 2 if schedule == "cosine" else lr
