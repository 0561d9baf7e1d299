"""Training classifiers on features of a frozen encoder: one on all labels, and many on a few each."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import fixtures
from benchmarks.clock import matrix_rate, times
from benchmarks.tasks import turn
from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.heads import Labelled, build_head
from otolith.finetuning.parallel_heads import EVERY, train_many
from otolith.finetuning.settings import FinetuneSettings
from otolith.metrics import macro_f1
from otolith.protocols.cells.learners import STEPS
from otolith.protocols.few_labels import Draws

CLASSES = 6
N_TEST = 5_723
"""Windows of UCI-HAR's test subjects."""


def head(
    kind: str,
    epochs: int = 5,
    n: int = fixtures.N_TRAIN,
    n_val: int = fixtures.N_VAL,
    overrides: fixtures.Overrides = None,
) -> dict[str, float]:
    """Seconds of 50 epochs of head training on as many features as UCI-HAR's, each epoch scored on validation.

    `kind`: ours, shuffled (a plain loop over a shuffled index) or loader (PyTorch's `DataLoader`).
    """
    recipe = fixtures.recipe_of("paper", overrides)
    generator = torch.Generator().manual_seed(0)
    width = fixtures.STEPS * recipe.encoder.maps[-1]
    x, y = torch.randn(n, width, generator=generator), torch.randint(CLASSES, (n,), generator=generator)
    x_val, y_val = torch.randn(n_val, width, generator=generator), torch.randint(CLASSES, (n_val,), generator=generator)
    settings = dataclasses.replace(recipe.finetune, epochs=epochs)

    if kind == "ours":
        network = build_head(width, CLASSES, settings, 0)
        parts = Labelled(x, y), Labelled(x_val, y_val)
        records = train_classifier(
            network, *parts, settings, 0, n_classes=CLASSES, score=_score, on_epoch=lambda _: turn()
        )
        return {"seconds": 50 * statistics.median(record["seconds"] for record in records)}

    model = _stock_head(width, settings)
    adam = torch.optim.Adam(model.parameters(), lr=settings.lr, fused=True)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), settings.batch_size, shuffle=True)

    def shuffled() -> Iterator[tuple[Tensor, Tensor]]:
        for ids in torch.randperm(n).split(settings.batch_size):
            yield x[ids], y[ids]

    def epoch() -> None:
        model.train()
        for inputs, target in loader if kind == "loader" else shuffled():
            adam.zero_grad(set_to_none=True)
            F.cross_entropy(model(inputs), target).backward()
            adam.step()
        model.eval()
        with torch.no_grad():
            _score(y_val, torch.cat([model(part).argmax(1) for part in x_val.split(2048)]))

    return {"seconds": 50 * times(epoch, epochs, 0)}


def few_labels(
    kind: str,
    stop: str,
    draws: int = Draws.draws,
    compared: int = 3,
    ks: tuple[int, ...] = Draws.k,
    n_steps: int = STEPS,
    n_val: int = fixtures.N_VAL,
    n_test: int = N_TEST,
    overrides: fixtures.Overrides = None,
) -> dict[str, float]:
    """Seconds for all heads of Fig. 6 on features as large as UCI-HAR's, each scored on the test windows.

    `kind`: ours, or stock (PyTorch's modules, one head after the other). `stop`: last or paper. The time of fewer
    `draws` than ten is scaled up to ten. The features are made up, with activities that overlap; `macro_f1` is the mean
    over the heads of the first `compared` draws, which both ways make.
    """
    recipe = fixtures.recipe_of("paper", overrides)
    settings = recipe.finetune
    generator = torch.Generator().manual_seed(0)
    width = fixtures.STEPS * recipe.encoder.maps[-1]
    centres = 0.1 * torch.randn(CLASSES, width, generator=generator)

    def labelled(n: int) -> Labelled:
        y = torch.arange(n) % CLASSES
        return Labelled(torch.randn(n, width, generator=generator) + centres[y], y)

    val, test = labelled(n_val), labelled(n_test)
    given = {k: [labelled(CLASSES * k) for _ in range(Draws.draws)][:draws] for k in ks}
    rate = matrix_rate()["rate"]
    scores: list[float] = []
    seconds = 0.0
    for drawn in given.values():
        turn()
        began = time.perf_counter()
        if kind == "ours":
            seeds = range(draws)
            if stop == "last":
                heads = train_many(drawn, seeds, settings, CLASSES, steps=n_steps)
            else:
                heads = train_many(drawn, seeds, settings, CLASSES, val=val, score=_score)
            found = [_score(test.y, found) for found in heads.predict(test.inputs)]
        else:
            found = []
            for seed, draw in enumerate(drawn):
                torch.manual_seed(seed)
                head = _stock_head(width, settings)
                _train_stock(head, draw, settings, n_steps if stop == "last" else None, val)
                found.append(_score(test.y, _stock_found(head, test.inputs)))
        seconds += (time.perf_counter() - began) * Draws.draws / draws
        scores += found[:compared]

    macs = [a * b for a, b in pairwise([width, *settings.hidden, CLASSES])]
    forward = 2 * sum(macs)
    trained = sum(_rows_seen(CLASSES * k, settings, n_steps if stop == "last" else None) for k in ks)
    scorings = 1 if stop == "last" else 1 + settings.epochs // EVERY * n_val / n_test
    flop = Draws.draws * (trained * (3 * forward - 2 * macs[0]) + len(ks) * scorings * n_test * forward)
    return {"seconds": seconds, "macro_f1": statistics.fmean(scores), "flop": float(flop), "matrix_rate": rate}


def _score(true: Tensor, found: Tensor) -> float:
    return macro_f1(true.numpy(), found.numpy(), tuple(range(CLASSES)), CLASSES)


def _stock_head(width: int, settings: FinetuneSettings) -> nn.Sequential:
    widths = [width, *settings.hidden]
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU(), nn.Dropout(settings.dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], CLASSES))


def _train_stock(
    head: nn.Sequential, draw: Labelled, settings: FinetuneSettings, n_steps: int | None, val: Labelled
) -> None:
    adam = torch.optim.Adam(head.parameters(), lr=settings.lr, fused=True)
    done, epoch, best, kept, waited = 0, 0, -1.0, head.state_dict(), 0
    while done < n_steps if n_steps is not None else epoch < settings.epochs:
        head.train()
        for ids in torch.randperm(len(draw.y)).split(settings.batch_size):
            if done == n_steps:
                break
            adam.zero_grad(set_to_none=True)
            F.cross_entropy(head(draw.inputs[ids]), draw.y[ids]).backward()
            adam.step()
            done += 1
        epoch += 1
        if n_steps is None and epoch % EVERY == 0:
            found = _score(val.y, _stock_found(head, val.inputs))
            if found > best:
                best, waited, kept = found, 0, {name: t.clone() for name, t in head.state_dict().items()}
            else:
                waited += EVERY
                if waited > settings.patience:
                    adam.param_groups[0]["lr"], waited = adam.param_groups[0]["lr"] / 2, 0
    if n_steps is None:
        head.load_state_dict(kept)


@torch.no_grad()
def _stock_found(head: nn.Sequential, x: Tensor) -> Tensor:
    head.eval()
    return torch.cat([head(part).argmax(1) for part in x.split(2048)])


def _rows_seen(n: int, settings: FinetuneSettings, n_steps: int | None) -> int:
    """Windows that training on n passes through the head."""
    if n_steps is None:
        return n * settings.epochs
    sizes = [min(settings.batch_size, n - start) for start in range(0, n, settings.batch_size)]
    epochs, rest = divmod(n_steps, len(sizes))
    return epochs * n + sum(sizes[:rest])
