"""Features of a frozen network, computed once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from otolith.progress import SILENT, Progress
from otolith.training.source import Source


@torch.no_grad()
def encode(
    network: nn.Module, source: Source, *, batch_size: int = 1024, title: str = "features", progress: Progress = SILENT
) -> Tensor:
    """(len(source), n_features) float32 on the source's device, in the source's order.

    The network runs in eval mode, as one that is frozen must: no dropout, and batch statistics neither used nor
    updated. It is left in the mode it was in.
    """
    was_training = network.training
    network.eval()
    out: Tensor | None = None
    done = 0
    with progress.stage(title, len(source), "windows") as bar:
        for x in source.in_order(batch_size):
            features = network(x).float()
            if out is None:
                out = torch.empty(len(source), features.shape[1], device=source.device)
            out[done : done + len(features)] = features
            done += len(features)
            bar.advance(len(features))
    network.train(was_training)
    if out is None:
        raise ValueError("there are no windows to encode")
    return out
