"""Training steps: dynamic temperature against the stock way, and against a constant temperature."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import fixtures, stock
from benchmarks.clock import matrix_rate, times
from otolith.fast.memory import keep_pages
from otolith.finetuning.features import encode
from otolith.losses import ndt_xent
from otolith.nets import ProjectionHead, TransformerEncoder
from otolith.recipes import Recipe
from otolith.training.loop import train
from otolith.training.optim import Optimizer

KINDS = {
    "matrix products": ("mm", "addmm", "bmm", "baddbmm"),
    "normalisation": ("native_layer_norm", "native_batch_norm", "batch_norm"),
    "softmax": ("_softmax",),
    "optimiser": ("_fused_adam", "_foreach"),
    "copies": ("copy_", "cat", "clone", "index_select"),
}
"""Operations by the beginnings of their names in a profile."""


class StockModel(nn.Module):
    """The stock encoder under a projection head, with the weights of ours."""

    def __init__(self, recipe: Recipe, ours: TransformerEncoder, projection: ProjectionHead) -> None:
        super().__init__()
        self.encoder = stock.StockEncoder(ours.n_channels, ours.n_steps, recipe.encoder)
        self.encoder.take(ours)
        self.projection = projection

    def forward(self, views: Tensor) -> Tensor:
        out: Tensor = self.projection(self.encoder(views))
        return out


def step(kind: str, recipe: str = "paper", steps: int = 8, overrides: fixtures.Overrides = None) -> dict[str, float]:
    """A dynamic-temperature step on given views: forward, backward, optimiser. `kind`: ours, stock or compiled.

    The stock way asks its teacher in each step; ours looks the features up. Also the losses of both sides with the
    same weights and without dropout, the FLOP of the model's matrix products, and the matrix rate around it all.
    """
    chosen = fixtures.recipe_of(recipe, overrides)
    n = chosen.pretrain.batch_size
    encoder = fixtures.encoder(chosen)
    projection = fixtures.projection(encoder, chosen)
    x = torch.from_numpy(fixtures.windows(n))
    views = torch.cat([x + 0.5 * torch.randn_like(x), x + 0.5 * torch.randn_like(x)])
    teacher = fixtures.teacher(chosen)
    h = teacher(x)
    ours: nn.Module = nn.Sequential(encoder, projection)
    other = StockModel(chosen, encoder, projection)
    with torch.no_grad():
        result = {
            "ours_loss": float(ndt_xent(ours.eval()(views), h)),
            "stock_loss": float(stock.ndt_xent(other.eval()(views), h)),
            "flop": training_flop(other, views),
        }
    before = matrix_rate()["rate"]
    if kind == "ours":
        work = _our_step(ours, chosen, views, h)
    else:
        other.train()
        adam = torch.optim.Adam(other.parameters(), lr=chosen.pretrain.lr, fused=True)
        forward: Any = torch.compile(other) if kind == "compiled" else other

        def work() -> None:
            with torch.no_grad():
                of_teacher = teacher(x)
            loss = stock.ndt_xent(forward(views), of_teacher)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

    seconds = times(work, steps)
    return result | {"seconds": seconds, "matrix_rate": statistics.mean([before, matrix_rate()["rate"]])}


def profile(recipe: str = "paper", steps: int = 3, overrides: fixtures.Overrides = None) -> dict[str, float]:
    """Return the share of each kind of operation (`KINDS`, and the rest) in the time of our step."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    chosen = fixtures.recipe_of(recipe, overrides)
    encoder = fixtures.encoder(chosen)
    x = torch.from_numpy(fixtures.windows(chosen.pretrain.batch_size))
    work = _our_step(
        nn.Sequential(encoder, fixtures.projection(encoder, chosen)),
        chosen,
        torch.cat([x, x]),
        fixtures.teacher(chosen)(x),
    )
    work()
    with profiler(activities=[ProfilerActivity.CPU]) as watched:
        for _ in range(steps):
            work()
    spent: dict[str, float] = {}
    for event in watched.key_averages():
        name = event.key.removeprefix("aten::")
        own = [kind for kind, names in KINDS.items() if name.startswith(names)]
        kind = own[0] if own else "element-wise" if event.key.startswith("aten::") else "random numbers and Python"
        spent[kind] = spent.get(kind, 0.0) + event.self_cpu_time_total
    whole = sum(spent.values())
    return {kind: part / whole for kind, part in sorted(spent.items(), key=lambda each: -each[1])}


def _our_step(model: nn.Module, recipe: Recipe, views: Tensor, h: Tensor) -> Callable[[], None]:
    keep_pages()
    model.train()
    optimizer = Optimizer(model, recipe.pretrain.optimizer, recipe.pretrain.lr, recipe.pretrain.trust)

    def work() -> None:
        ndt_xent(model(views), h).backward()
        optimizer.step(recipe.pretrain.lr)

    return work


def training_flop(model: nn.Module, views: Tensor) -> float:
    """FLOP of a training step's matrix products: three times those of the forward pass."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # the counter sees neither into this nor into fused attention
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            model.eval()(views)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return 3 * float(counter.get_total_flops())


def methods_cost(
    recipe: str = "compact", steps: int = 8, rounds: int = 5, device: str = "cpu", overrides: fixtures.Overrides = None
) -> dict[str, float]:
    """Seconds of a whole training step of CSSHAR and of dynamic temperature, taking turns.

    `features` are the seconds, shared out to each step, of computing the teacher's features once for a training of the
    recipe's length; `teacher` are those of training the teacher itself on as many windows as UCI-HAR's.
    """
    chosen = fixtures.recipe_of(recipe, overrides)
    n = chosen.pretrain.batch_size
    source = fixtures.source(fixtures.windows(n * steps), device)
    teacher = fixtures.teacher(chosen).to(source.device)
    h = encode(teacher, source)
    settings = dataclasses.replace(chosen.pretrain, epochs=1, lr=1e-6)
    both = {name: fixtures.method(chosen, name).to(source.device) for name in ("csshar", "dynamic")}
    taken: dict[str, list[float]] = {name: [] for name in both}
    for number in range(rounds + 1):
        for name, method in both.items():
            (record,) = train(method, source, settings, 0, instances=h if method.needs_instances else None)
            if number:
                taken[name].append(record["seconds"] / steps)
    per_window = times(lambda: encode(teacher, source), 3, 1, source.device) / len(source)
    once = dataclasses.replace(chosen.autoencoder.train, epochs=1)
    (record,) = train(fixtures.autoencoding(chosen).to(source.device), source, once, 0)
    windows = fixtures.N_TRAIN * chosen.autoencoder.train.epochs
    return {
        "csshar": statistics.median(taken["csshar"]),
        "dynamic": statistics.median(taken["dynamic"]),
        "features": per_window * n / max(1, chosen.pretrain.epochs),
        "teacher": record["seconds"] / record["windows"] * windows,
    }
