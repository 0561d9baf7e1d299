"""One training in float64, by one process or by several: `python -m tests.helpers.joint FOLDER RANK SIZE METHOD...`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, distributed, nn

from otolith import methods
from otolith.augment import SignalSpec
from otolith.pipeline import build_encoder
from otolith.preprocessing.scaler import Scaler
from otolith.training.checkpoint import CheckpointFolder
from otolith.training.loop import PretextLoss, train
from otolith.training.pretext import Batch, Method
from otolith.training.ranks import ALONE, Ranks, joint_statistics
from otolith.training.settings import TrainSettings
from otolith.training.window_source import Part, Source
from tests.helpers import stops, tiny

BATCH = 16
DROPOUT = 0.3
"""Options of the training that is stopped: each rank draws its own, and has to go on drawing where it was."""
EPOCHS, STEPS = 2, 3
"""Epochs of a training, and steps of each."""
METHODS = [name for name in methods.names() if methods.spec(name).build is not None]
CONV = [f"{name}:conv" for name in ("dynamic", "multimodal", "byol", "vicreg", "masked")]
"""Methods with an encoder of convolutions, whose batch normalisations are its own."""
NAMES = METHODS + CONV


class Double(Source):
    """Windows in float64, in which sums over one order or another agree."""

    def __getitem__(self, ids: Tensor) -> Tensor:
        return super().__getitem__(ids).double()


def task(name: str, dropout: float = 0.0) -> tuple[Method, Source, Tensor | None, TrainSettings]:
    """A method in float64, its windows, what its teacher would say of them, and its settings."""
    name, _, kind = name.partition(":")
    recipe = tiny.recipe(encoder__dropout=0.0, encoder__kind=kind or "transformer")
    w = tiny.windows()
    scaler = Scaler.fit(w.x)
    spec = methods.spec(name)
    signal = SignalSpec.of(w.meta, scaler)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        assert spec.build is not None
        pretext = spec.build(recipe, recipe.settings_of(name), build_encoder(name, recipe, w.meta, 0), signal).double()
    for module in pretext.modules():  # each rank's own
        if isinstance(module, nn.Dropout):
            module.p = dropout
        elif isinstance(module, nn.GRU):
            module.dropout = 0.0
    source = Double([Part(w.x, np.arange(STEPS * BATCH + 5))], scaler, torch.device("cpu"))
    instances = None
    if pretext.needs_instances:
        instances = torch.from_numpy(np.random.default_rng(0).normal(size=(len(source), 12)))
    return pretext, source, instances, spec.train(recipe, recipe.settings_of(name))


def trained(
    name: str,
    ranks: Ranks = ALONE,
    checkpoints: Path | None = None,
    epochs: int = EPOCHS,
    dropout: float = 0.0,
    stop_after: int = 0,
) -> tuple[dict[str, Tensor], list[dict[str, Any]], dict[str, Tensor]]:
    """Gradients of the first batch, then the records and the state of a training.

    Raises:
        Stopped: `stop_after` epochs are done.
    """
    pretext, source, instances, settings = task(name, dropout)
    grads = gradients(pretext, source, instances, ranks)
    settings = replace(settings, epochs=epochs, batch_size=BATCH)
    folder = CheckpointFolder(checkpoints, {"method": name}) if checkpoints is not None else None

    records = train(
        pretext,
        source,
        settings,
        3,
        instances=instances,
        ranks=ranks,
        checkpoints=folder,
        on_epoch=stops.stop_after(stop_after),
    )
    return grads, records, {key: value.clone() for key, value in pretext.state_dict().items()}


def gradients(pretext: Method, source: Source, instances: Tensor | None, ranks: Ranks) -> dict[str, Tensor]:
    """Return gradients of the first 16 windows' loss, and the loss itself as "loss"; the method stays as it was."""
    before = {key: value.clone() for key, value in pretext.state_dict().items()}
    rows = torch.arange(BATCH)[ranks.rows(BATCH)]
    batch = Batch(source[rows], instances[rows] if instances is not None else None, 0.25, ranks)
    pretext.train()
    with joint_statistics(pretext, ranks):
        wrapped = ranks.wrap(PretextLoss(pretext))  # the sums of gradients end with it
        loss = wrapped(batch, torch.Generator().manual_seed(5))["loss"]
        loss.backward()
    found = {key: p.grad.clone() for key, p in pretext.named_parameters() if p.grad is not None}
    pretext.zero_grad(set_to_none=True)
    pretext.load_state_dict(before)
    return found | {"loss": ranks.mean(loss.detach())}


def main(folder: Path, rank: int, size: int, names: list[str]) -> None:
    store = distributed.FileStore(str(folder / "store"), size)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=size)
    ranks = Ranks(rank, size)
    try:
        for name in names:
            grads, records, state = trained(name, ranks)
            save_file({k: v.contiguous() for k, v in grads.items()}, folder / f"{name}-{rank}-grads.safetensors")
            save_file({k: v.contiguous() for k, v in state.items()}, folder / f"{name}-{rank}-state.safetensors")
            (folder / f"{name}-{rank}.json").write_text(json.dumps(records))
        for kind, begun in (("whole", False), ("resumed", True)):
            checkpoints = folder / f"checkpoints-{kind}-{rank}"  # only the first rank's is ever made
            if begun:
                with suppress(stops.Stopped):
                    trained("csshar", ranks, checkpoints, dropout=DROPOUT, stop_after=1)
            state = trained("csshar", ranks, checkpoints, dropout=DROPOUT)[2]
            save_file({k: v.contiguous() for k, v in state.items()}, folder / f"{kind}-{rank}.safetensors")
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] or NAMES)
