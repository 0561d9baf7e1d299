"""Many small heads on features of one frozen encoder, as few-label experiments need (Fig. 6).

Heads differ in the windows they learn from and in their seed, not in their shape. On a GPU their weights are stacked
for training, so that one batched product does the work of many small ones, and each head computes what it would compute
alone. On a CPU batched training loses to one head after the other: weights and moments of one fit into its cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast
from otolith.errors import TrainingError
from otolith.fast.adam import Adam
from otolith.fast.masks import KeepMasks, dropped_share
from otolith.finetuning.classifier import refuse_not_finite, train_classifier, train_steps
from otolith.finetuning.heads import Labelled, build_layers
from otolith.finetuning.linear import fit_linear
from otolith.finetuning.settings import FinetuneSettings
from otolith.nets import PredictionMLP

TOGETHER = 128
"""Heads that are trained in one batch."""

EVERY = 5
"""Epochs between two scorings on the validation windows."""


class ManyHeads(nn.Module):
    """G prediction MLPs of one shape (Section IV-B4) with stacked weights.

    `forward` takes (G, batch, n_features), rows of its own for each head, and returns (G, batch, n_classes). `masks`
    multiply the hidden layers, (G, batch, width) each: dropout, drawn by whoever trains.

    >>> ManyHeads([PredictionMLP(8, 3, (4,), 0.0)] * 2).predict(torch.zeros(5, 8)).shape
    torch.Size([2, 5])
    """

    def __init__(self, heads: Sequence[PredictionMLP]) -> None:
        super().__init__()
        same = list(zip(*(head.linear_layers() for head in heads), strict=True))
        # (G, in, out): the gradient of a batched product comes in this layout, and copying it would double its time
        self.weights = nn.ParameterList(torch.stack([each.weight.detach().t() for each in layer]) for layer in same)
        self.biases = nn.ParameterList(torch.stack([each.bias.detach() for each in layer]) for layer in same)

    def __len__(self) -> int:
        return len(self.weights[0])

    def forward(self, x: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number:
                x = F.relu(x)
                x = x * masks[number - 1] if masks else x
            x = torch.baddbmm(bias[:, None], x, weight)
        return x

    @torch.no_grad()
    def predict(self, features: Tensor, batch_size: int = 2048) -> Tensor:
        """Return the classes (G, n) that each head finds in the same features (n, n_features), in eval mode."""
        return self.logits(features, batch_size).argmax(2)

    @torch.no_grad()
    def logits(self, features: Tensor, batch_size: int = 2048) -> Tensor:
        """Return the logits (G, n, n_classes) of each head for the same features (n, n_features), in eval mode."""
        first, bias = self.weights[0], self.biases[0]
        found = []
        for part in features.split(batch_size):
            x = torch.matmul(part, first).add_(bias[:, None])
            for weight, shift in zip(self.weights[1:], self.biases[1:], strict=True):
                x = torch.baddbmm(shift[:, None], F.relu(x), weight)
            found.append(x)
        return torch.cat(found, 1)


def train_many(
    draws: Sequence[Labelled],
    seeds: Sequence[int],
    settings: FinetuneSettings,
    n_classes: int,
    *,
    steps: int | None = None,
    val: Labelled | None = None,
    score: Callable[[Tensor, Tensor], float] | None = None,
    on_head: Callable[[int], None] | None = None,
    batched: bool | None = None,
) -> ManyHeads:
    """Train one head on each of `draws` and return them, in eval mode.

    Two ways to stop, which must not stand in one figure:
    - `steps`: after so many steps, whatever the validation windows say; no label beyond the draws is used;
    - `val` and `score`: `settings.epochs` epochs, scored every fifth, the best kept and the rate halved when more than
      `settings.patience` epochs pass without a better one (Section IV-B4).

    Args:
        draws: one set of features (n, d), as the layers of a head see them, and labels for each head; equal n. The
            solver `lbfgs` fits each to convergence, however the others stop.
        seeds: of each head's weights and of the order of its windows.
        on_head: told how many more heads are done.
        batched: whether heads take each step together, as only those trained as published can; None: they do on a GPU.

    Raises:
        TrainingError: draws of different sizes, or a loss that is not finite.
        ValueError: neither or both ways to stop.

    >>> draws = [Labelled(torch.eye(3), torch.arange(3))] * 2
    >>> len(train_many(draws, [0, 1], FinetuneSettings(hidden=(4,)), 3, steps=2))
    2
    """
    if (steps is None) == (val is None) or (val is None) != (score is None):
        raise ValueError("expected either steps, or val together with score; got both or neither")
    if len(seeds) != len(draws) or not draws:
        raise ValueError(f"expected one seed for each draw, and a draw; got {len(seeds)} and {len(draws)}")
    sizes = {len(draw.y) for draw in draws}
    if len(sizes) > 1 and settings.solver != "lbfgs":
        raise TrainingError(f"heads that train together need draws of one size; got {sorted(sizes)}")
    if batched is None:
        published = settings.plain_steps and settings.schedule == "halving" and settings.keep == "best"
        batched = published and draws[0].inputs.device.type != "cpu"
    batched = batched and settings.solver != "lbfgs"

    def together(part: slice) -> ManyHeads:
        group = _Group(draws[part], seeds[part], settings, n_classes)
        if val is None or score is None:
            group.run(steps or 0)
        else:
            group.run_best(val, score)
        return group.heads

    def alone(part: slice) -> ManyHeads:
        (draw,), (seed,) = draws[part], seeds[part]
        head = build_layers(draw.inputs.shape[1], n_classes, settings, seed).to(draw.inputs.device)
        if settings.solver == "lbfgs":
            fit_linear(head.linear_layers()[0], draw.inputs, draw.y, settings.penalty, draw.weight)
        elif val is None or score is None:
            train_steps(head, draw, settings, seed, steps or 0)
        else:
            train_classifier(head, draw, val, settings, seed, n_classes=n_classes, score=score, every=EVERY)
        return ManyHeads([head])

    done: list[ManyHeads] = []
    size = TOGETHER if batched else 1
    for first in range(0, len(draws), size):
        done.append((together if batched else alone)(slice(first, first + size)))
        if on_head is not None:
            on_head(len(done[-1]))
    return _joined(done).eval()


def _joined(parts: Sequence[ManyHeads]) -> ManyHeads:
    """Return the heads of all parts in one stack."""
    whole = parts[0]
    for name in ("weights", "biases"):
        layers = zip(*(getattr(part, name) for part in parts), strict=True)
        setattr(whole, name, nn.ParameterList(torch.cat([each.detach() for each in layer]) for layer in layers))
    return whole


class _Group:
    """Heads that take each step together."""

    def __init__(
        self, draws: Sequence[Labelled], seeds: Sequence[int], settings: FinetuneSettings, n_classes: int
    ) -> None:
        self.x = torch.stack([draw.inputs for draw in draws])
        self.y = torch.stack([draw.y for draw in draws])
        self.settings = settings
        device, n_features = self.x.device, self.x.shape[2]
        heads = [build_layers(n_features, n_classes, settings, seed) for seed in seeds]
        self.heads = ManyHeads(heads).to(device)
        self.adam = Adam(
            self.heads.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=fast.is_on()
        )
        self.rate = torch.full((len(draws),), 1.0)
        # each head has its own order and dropout, so that it does not depend on its neighbours
        self.orders = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.masks = [KeepMasks(settings.dropout, seed) for seed in seeds]

    def epoch(self, most: int | None = None) -> int:
        """Train on all windows once, or for up to `most` steps; return the steps taken."""
        n = self.y.shape[1]
        order = torch.stack([torch.randperm(n, generator=each) for each in self.orders]).to(self.x.device)
        rows = torch.arange(len(self.x), device=self.x.device)[:, None]
        taken = 0
        for ids in order.split(self.settings.batch_size, dim=1):
            logits = self.heads(self.x[rows, ids], self._dropout(ids.shape[1]))
            loss = F.cross_entropy(logits.flatten(0, 1), self.y[rows, ids].flatten()) * len(self.x)  # a mean each
            loss.backward()
            self._update()
            taken += 1
            if taken == most:
                break
        refuse_not_finite(float(loss.detach()), "few labels", f"after {taken} steps", self.settings.lr)
        return taken

    def _dropout(self, batch: int) -> list[Tensor]:
        """Return masks of the hidden layers, (G, batch, width) each; none without dropout."""
        p = self.settings.dropout
        if p == 0:
            return []
        found = []
        for weight in self.heads.weights[:-1]:
            mask = torch.empty(len(self.masks), batch, weight.shape[2], dtype=self.x.dtype)
            for stream, part in zip(self.masks, mask, strict=True):
                stream.fill(part)
            found.append(mask.mul_(1 / (1 - dropped_share(p))).to(self.x.device, non_blocking=True))
        return found

    def _update(self) -> None:
        if bool((self.rate == 1.0).all()):
            self.adam.step()
        else:  # Adam's step is proportional to the rate: heads that wait for a better score take a part of it
            before = [p.detach().clone() for p in self.heads.parameters()]
            self.adam.step()
            with torch.no_grad():
                for parameter, old in zip(self.heads.parameters(), before, strict=True):
                    share = self.rate.to(parameter.device).view(-1, *[1] * (parameter.ndim - 1))
                    parameter.copy_(torch.lerp(old, parameter, share.expand_as(parameter)))
        self.adam.zero_grad(set_to_none=True)

    def run(self, steps: int) -> None:
        while steps > 0:
            steps -= self.epoch(steps)

    def run_best(self, val: Labelled, score: Callable[[Tensor, Tensor], float]) -> None:
        best = torch.full((len(self.heads),), -1.0)
        kept = [p.detach().clone() for p in self.heads.parameters()]
        waited = torch.zeros(len(self.heads), dtype=torch.int64)
        for epoch in range(1, self.settings.epochs + 1):
            self.epoch()
            if epoch % EVERY and epoch != self.settings.epochs:
                continue
            scores = torch.tensor([score(val.y, found) for found in self.heads.predict(val.inputs)])
            better = scores > best
            best = torch.maximum(best, scores)
            for old, new in zip(kept, self.heads.parameters(), strict=True):
                old[better] = new.detach()[better]
            waited = torch.where(better, 0, waited + EVERY)
            tired = waited > self.settings.patience
            self.rate = torch.where(tired, self.rate / 2, self.rate)
            waited = torch.where(tired, 0, waited)
        with torch.no_grad():
            for parameter, old in zip(self.heads.parameters(), kept, strict=True):
                parameter.copy_(old)
