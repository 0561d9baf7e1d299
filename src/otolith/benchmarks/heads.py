"""Training the classifier on features of a frozen encoder."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith.benchmarks import made
from otolith.benchmarks.clock import times
from otolith.classifier import Labelled, build_head, train_classifier
from otolith.metrics import macro_f1

CLASSES = 6


def head(
    kind: str, epochs: int = 5, n: int = made.N_TRAIN, n_val: int = made.N_VAL, overrides: made.Overrides = None
) -> dict[str, float]:
    """Seconds of 50 epochs of head training on as many features as UCI-HAR's, each epoch scored on validation.

    `kind`: ours, shuffled (a plain loop over a shuffled index) or loader (PyTorch's `DataLoader`).
    """
    recipe = made.recipe_of("paper", overrides)
    generator = torch.Generator().manual_seed(0)
    width = made.STEPS * recipe.encoder.maps[-1]
    x, y = torch.randn(n, width, generator=generator), torch.randint(CLASSES, (n,), generator=generator)
    x_val, y_val = torch.randn(n_val, width, generator=generator), torch.randint(CLASSES, (n_val,), generator=generator)
    settings = dataclasses.replace(recipe.finetune, epochs=epochs)

    def score(true: Tensor, found: Tensor) -> float:
        return macro_f1(true.numpy(), found.numpy(), tuple(range(CLASSES)), CLASSES)

    if kind == "ours":
        network = build_head(width, CLASSES, settings, 0)
        parts = Labelled(x, y), Labelled(x_val, y_val)
        records = train_classifier(network, *parts, settings, 0, n_classes=CLASSES, score=score)
        return {"seconds": 50 * statistics.median(record["seconds"] for record in records)}

    widths = [width, *settings.hidden]
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU(), nn.Dropout(settings.dropout)]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], CLASSES))
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
            score(y_val, torch.cat([model(part).argmax(1) for part in x_val.split(2048)]))

    return {"seconds": 50 * times(epoch, epochs, 0)}
