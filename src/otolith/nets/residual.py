"""Residual convolutions with features that are pooled over time: small, fast, and usable for windows of any length."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith import fast
from otolith.nets.conv import along_time, as_image, as_rows
from otolith.nets.dropout import Dropout
from otolith.nets.encoder import Encoder

EPSILON = 1e-5
"""Joins the variance under the root, whose slope has no bound at 0."""


class ResidualEncoder(Encoder):
    """Residual convolutions; the features are each map's mean, maximum and deviation over time.

    (batch, n_channels, n_steps) -> (batch, 3 * width), all means, all maxima, all deviations. Each convolution is
    followed by batch normalisation and ReLU; from the second on, its input is added to its output (He et al. 2016,
    with one convolution in a block). After the first half of them, maxima of two steps halve the time. Pooling by mean
    and by deviation keeps what a flattened output keeps of motion, at a size that does not grow with the window.

    Args:
        n_channels, n_steps: size of the windows.
        width: maps of every convolution.
        kernels: taps of each convolution, odd.
        dropout: share of each convolution's output that is dropped.

    Raises:
        ValueError: fewer than eight steps, no convolution, or a kernel that is even.

    >>> ResidualEncoder(n_channels=6, n_steps=30).n_features
    288
    >>> ResidualEncoder(n_channels=6, n_steps=30).steps(torch.zeros(2, 6, 30)).shape
    torch.Size([2, 15, 96])
    """

    n_out_steps: int
    width: int

    def __init__(
        self,
        n_channels: int,
        n_steps: int,
        width: int = 96,
        kernels: Sequence[int] = (5, 5, 3, 3),
        dropout: float = 0.0,
    ) -> None:
        if not kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f"expected one or more kernels, each odd; got {', '.join(map(str, kernels)) or 'none'}")
        super().__init__(n_channels, n_steps, 3 * width, n_out_steps=(n_steps + 1) // 2, width=width)
        self.convs = nn.ModuleList(
            nn.Conv1d(width if i else n_channels, width, kernel, padding=kernel // 2, bias=False)
            for i, kernel in enumerate(kernels)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in kernels)
        self.dropout = Dropout(dropout)
        self.pool_after = (len(kernels) + 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        steps = self.steps(x)
        mean = steps.mean(dim=1)
        deviation = ((steps - mean[:, None]).square().mean(dim=1) + EPSILON).sqrt()
        return torch.cat([mean, steps.amax(dim=1), deviation], dim=1)

    def steps(self, x: Tensor) -> Tensor:
        """Return the maps before they are pooled: (batch, n_channels, n_steps) -> (batch, ceil(n_steps / 2), width)."""
        if x.device.type == "cpu" and fast.is_on():
            return self._time_first(x.transpose(1, 2).contiguous())
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = self.dropout(F.relu(norm(conv(x))))
            x = x + y if i else y
            if i + 1 == self.pool_after:
                x = F.max_pool1d(x, 2, ceil_mode=True)
        return x.transpose(1, 2)

    def _time_first(self, x: Tensor) -> Tensor:
        """Compute the same from (batch, n_steps, n_channels): on a CPU the layout in which a step is fastest."""
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = along_time(x, conv)
            rows = F.relu(norm(y.flatten(0, 1)), inplace=True)  # in place of a view, autograd would copy four times
            y = self.dropout(rows.view_as(y))
            x = x + y if i else y
            if i + 1 == self.pool_after:
                x = as_rows(F.max_pool2d(as_image(x), (1, 2), ceil_mode=True))
        return x
