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


class NormalisedMaps(nn.Module):
    """Layer normalisation of each step (Ba et al. 2016), and how large the step was as one more map.

    (batch, steps, width) -> (batch, steps, width + 1). The last map is ln(1 + the deviation over the step's maps),
    without which no feature would tell an absurd signal from a small one of the same form.

    >>> small, absurd = NormalisedMaps(2)(torch.tensor([[[0.0, 2.0], [0.0, 200.0]]]))[0].detach()
    >>> [round(float(value), 1) for value in small], [round(float(value), 1) for value in absurd]
    ([-1.0, 1.0, 0.7], [-1.0, 1.0, 4.6])
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        variance = (x - x.mean(2, keepdim=True)).square().mean(2, keepdim=True)
        return torch.cat([self.norm(x), (variance + EPSILON).sqrt().log1p()], dim=2)


class ResidualEncoder(Encoder):
    """Residual convolutions; the features are each map's mean, maximum and deviation over time.

    (batch, n_channels, n_steps) -> (batch, 3 * width), all means, all maxima, all deviations. Each convolution is
    followed by batch normalisation and ReLU; from the second on, its input is added to its output (He et al. 2016,
    with one convolution in a block). After the first half of them, maxima of two steps halve the time. Pooling by mean
    and by deviation keeps what a flattened output keeps of motion, at a size that does not grow with the window.

    With `layer_norm` the maps of each step are brought to one mean and deviation before they are pooled, so that most
    features say how a person moves and not how strongly, and one more map keeps the latter (`NormalisedMaps`).

    Args:
        n_channels, n_steps: size of the windows.
        width: maps of every convolution.
        kernels: taps of each convolution, odd.
        dropout: share of each convolution's output that is dropped.
        layer_norm: normalise each step before pooling; there are 3 * (width + 1) features then.

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
        layer_norm: bool = False,
    ) -> None:
        if not kernels or any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f"expected one or more kernels, each odd; got {', '.join(map(str, kernels)) or 'none'}")
        n_out = width + 1 if layer_norm else width
        super().__init__(n_channels, n_steps, 3 * n_out, n_out_steps=(n_steps + 1) // 2, width=n_out)
        self.convs = nn.ModuleList(
            nn.Conv1d(width if i else n_channels, width, kernel, padding=kernel // 2, bias=False)
            for i, kernel in enumerate(kernels)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in kernels)
        self.dropout = Dropout(dropout)
        self.layer_norm = layer_norm
        self.last = NormalisedMaps(width) if layer_norm else nn.Identity()
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
        return self.last(x.transpose(1, 2))

    def _time_first(self, x: Tensor) -> Tensor:
        """Compute the same from (batch, n_steps, n_channels): on a CPU the layout in which a step is fastest."""
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = along_time(x, conv)
            rows = F.relu(norm(y.flatten(0, 1)), inplace=True)  # in place of a view, autograd would copy four times
            y = self.dropout(rows.view_as(y))
            x = x + y if i else y
            if i + 1 == self.pool_after:
                x = as_rows(F.max_pool2d(as_image(x), (1, 2), ceil_mode=True))
        return self.last(x)
