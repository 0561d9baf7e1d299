"""Permutation: pieces of the window in another order."""

from __future__ import annotations

import torch
from torch import Tensor

from otolith.augment.base import Augmentation, Params, SignalSpec
from otolith.augment.checks import flag, integer
from otolith.augment.registry import register
from otolith.errors import RecipeError


@register
class Permutation(Augmentation):
    """Cut each window into pieces and shuffle them; all channels are cut and shuffled alike (Section IV-B2).

    The number of pieces is uniform in min_segments .. max_segments (at most the number of steps), every
    order of the pieces is equally likely, the original one included. equal=False cuts at random places,
    every set of cuts being equally likely; equal=True makes pieces whose lengths differ by at most one
    step. The predecessor's code is min_segments=1, max_segments=4, equal=True. Params: `order` (batch,
    time), the step that each step takes its values from.
    """

    name = "permutation"

    def __init__(
        self, signal: SignalSpec, *, min_segments: int = 2, max_segments: int = 5, equal: bool = False
    ) -> None:
        super().__init__(signal)
        self.min_segments = integer(self.name, "min_segments", min_segments, low=1)
        self.max_segments = integer(self.name, "max_segments", max_segments, low=2)
        self.equal = flag(self.name, "equal", equal)
        if self.min_segments > self.max_segments:
            raise RecipeError(
                f"min_segments of augmentation 'permutation' is {min_segments}, above max_segments "
                f"({max_segments}); lower it"
            )

    def _sample(self, x: Tensor, generator: torch.Generator) -> Params:
        batch, _, time = x.shape
        most = min(self.max_segments, time)
        least = min(self.min_segments, most)
        pieces = torch.randint(least, most + 1, (batch, 1), generator=generator, device=x.device)
        if self.equal:
            piece = torch.arange(time, device=x.device) * pieces // time
        else:
            piece = _random_pieces(pieces, most, time, generator)
        rank = torch.rand((batch, most), generator=generator, device=x.device)
        # A stable sort by the rank of each step's piece moves whole pieces and keeps the order inside them.
        return {"order": rank.gather(1, piece).argsort(dim=1, stable=True)}

    def _apply(self, x: Tensor, params: Params) -> Tensor:
        return x.gather(2, params["order"][:, None, :].expand(-1, x.shape[1], -1))


def _random_pieces(pieces: Tensor, most: int, time: int, generator: torch.Generator) -> Tensor:
    """Return the piece number of each step, (batch, time), of `pieces` (batch, 1) random pieces, `most` at the most."""
    batch, device = len(pieces), pieces.device
    starts = torch.zeros((batch, time), dtype=torch.int64, device=device)
    if most > 1:
        # Uniforms sorted downwards put the places in random order; the first pieces - 1 of them are cuts.
        draws = torch.rand((batch, time - 1), generator=generator, device=device)
        places = draws.topk(most - 1, dim=1).indices
        is_cut = torch.arange(most - 1, device=device) < pieces - 1
        starts.scatter_(1, places + 1, is_cut.to(torch.int64))
    return starts.cumsum(dim=1)
