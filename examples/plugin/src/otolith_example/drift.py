"""An augmentation: the zero of each channel drifts from one end of the window to the other."""

from __future__ import annotations

import torch

from otolith.augment import Augmentation


class Drift(Augmentation):
    """Add a line through the window's middle, of a random slope for each channel.

    Args:
        most: size at the ends of the window, in standard deviations of the channel.

    Params:
        slope: (windows, channels, 1), at the end of the window.
    """

    name = "drift"

    def __init__(self, signal, *, most=0.3):
        # keyword arguments are the options that recipes may give: {name = "drift", probability = 0.5, most = 0.1}
        super().__init__(signal)
        self.most = float(most)

    def _sample(self, x, generator):
        # draw from the shape of the batch alone, first axis the windows
        drawn = torch.rand((len(x), x.shape[1], 1), generator=generator, device=x.device, dtype=x.dtype)
        return {"slope": self.most * (2 * drawn - 1)}

    def _apply(self, x, params):
        line = torch.linspace(-1, 1, x.shape[2], device=x.device, dtype=x.dtype)
        return x + params["slope"].to(x.dtype) * line
