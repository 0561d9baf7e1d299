"""Residual convolutions in whole numbers: eight-bit weights and signals, as a small device computes them.

Batch normalisation is folded into the convolutions. Windows come in z-score units and are rounded to steps of 1/256 in
sixteen bits; the input of every further convolution, which is never below zero, is rounded to 256 steps up to a
value that was measured (`peaks`). Products of whole numbers are summed exactly, so that PyTorch, onnxruntime
and C agree to the rounding of what follows: a factor and an offset for each map, ReLU, pooling.
(Jacob et al. 2018, with a factor in float32 in place of a shift.)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from otolith.errors import DataError
from otolith.nets.encoder import Encoder
from otolith.nets.residual import EPSILON, ResidualEncoder

INPUT_STEP = 1 / 256
"""Step to which windows in z-score units are rounded."""
MOST_INPUT = 32767
LEVELS = 255
"""Steps of the input of a convolution after the first."""
MOST_WEIGHT = 127
GRAPH_BYTES = 10_000
"""Bytes of an ONNX file of a student beside its tensors: nodes, names and properties."""
SAMPLED = 200_000
"""Inputs of a convolution that `peaks` looks at."""
SCORE_AXES = 24
"""Axes of the space of distances by which a window is found unknown, in float32 (`otolith.calibration`)."""


class IntegerResidual(Encoder):
    """A `ResidualEncoder` in whole numbers: (batch, n_channels, n_steps) -> (batch, 3 * width).

    Args:
        network: the trained encoder.
        peaks: of the inputs of each convolution after the first, see `peaks`; larger inputs are cut off.

    Attributes:
        weights: of each convolution, int8 (width, taps, maps before).
        factors: (width,) of each, what a sum of products is multiplied by; offsets: (width,), what is added then.
        steps_in: what one step of each convolution's input is worth.

    Raises:
        ValueError: another number of peaks than of convolutions after the first, or one that is not above 0; so many
            channels that sums exceed 32 bits.

    >>> network = ResidualEncoder(6, 30, width=8).eval()
    >>> x = torch.randn(4, 6, 30, generator=torch.Generator().manual_seed(0))
    >>> whole = IntegerResidual(network, peaks(network, [x]))
    >>> bool((whole(x) - network(x)).abs().max() < 0.05)
    True
    """

    def __init__(self, network: ResidualEncoder, peaks: Sequence[float]) -> None:
        super().__init__(network.n_channels, network.n_steps, network.n_features)
        if len(peaks) != len(network.convs) - 1 or not all(peak > 0 for peak in peaks):
            raise ValueError(f"expected {len(network.convs) - 1} peaks above 0; got {list(peaks)}")
        most = MOST_INPUT * MOST_WEIGHT * network.n_channels * int(network.convs[0].weight.shape[2])  # type: ignore[index]
        if most >= 2**31:
            raise ValueError(f"{network.n_channels} channels are too many: a sum would not fit into 32 bits")
        self.maps = network.n_features // 3
        self.pool_after = network.pool_after
        self.steps_in = (INPUT_STEP, *(float(torch.tensor(peak / LEVELS, dtype=torch.float32)) for peak in peaks))
        self.symbolic = False
        """True while a graph is traced, in which operators stand for the sums of whole numbers."""
        for i, (conv, norm) in enumerate(zip(network.convs, network.norms, strict=True)):
            weight, offset = folded(conv, norm)
            size = weight.abs().amax((1, 2)).clamp_min(1e-12) / MOST_WEIGHT
            rounded = torch.round(weight / size[:, None, None]).clamp(-MOST_WEIGHT, MOST_WEIGHT)
            self.register_buffer(f"weight_{i}", rounded.transpose(1, 2).to(torch.int8).contiguous())
            self.register_buffer(f"factor_{i}", (size * self.steps_in[i]).float())
            self.register_buffer(f"offset_{i}", offset.float())
        self.kernels = tuple(int(getattr(self, f"weight_{i}").shape[1]) for i in range(len(network.convs)))

    def tensors(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return weights, factors and offsets of convolution `i`."""
        return getattr(self, f"weight_{i}"), getattr(self, f"factor_{i}"), getattr(self, f"offset_{i}")

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for i in range(len(self.kernels)):
            y = self._convolve(x, i)
            x = x + y if i else y
            if i + 1 == self.pool_after:
                x = F.max_pool1d(x.transpose(1, 2), 2, ceil_mode=True).transpose(1, 2)
        mean = x.mean(dim=1)
        deviation = ((x - mean[:, None]).square().mean(dim=1) + EPSILON).sqrt()
        return torch.cat([mean, x.amax(dim=1), deviation], dim=1)

    def _convolve(self, x: Tensor, i: int) -> Tensor:
        """Return ReLU of convolution `i` of x (batch, time, maps)."""
        weight, factor, offset = self.tensors(i)
        kernel = self.kernels[i]
        if self.symbolic and i:
            sums = self._as_operators(x, i)
        else:
            low, high = (0, LEVELS) if i else (-MOST_INPUT, MOST_INPUT)
            steps = torch.round(x / self.steps_in[i]).clamp(low, high)
            dtype = torch.float32 if self.symbolic else torch.float64  # in which these sums are exact
            sums = F.linear(_shifted(steps.to(dtype), kernel), weight.flatten(1).to(dtype)).float()
        return F.relu(sums * factor + offset)

    def _as_operators(self, x: Tensor, i: int) -> Tensor:
        """Return the sums of products of convolution `i` as operators of ONNX, with unsigned weights about 128: where a
        processor multiplies signed by unsigned bytes, it may cut their sums off at sixteen bits."""
        weight, kernel = self.tensors(i)[0], self.kernels[i]
        step, zero = torch.tensor(self.steps_in[i]), torch.zeros((), dtype=torch.uint8)
        padded = F.pad(x, (0, 0, kernel // 2, kernel // 2))
        q = torch.onnx.ops.symbolic(
            "QuantizeLinear", (padded, step, zero), dtype=torch.uint8, shape=padded.shape, version=13
        )
        shifted = torch.cat([q[:, j : j + x.shape[1]] for j in range(kernel)], dim=2)
        unsigned = (weight.flatten(1).T.to(torch.int16) + 128).to(torch.uint8)
        shape = (*x.shape[:2], weight.shape[0])
        about = torch.full((), 128, dtype=torch.uint8)
        sums = torch.onnx.ops.symbolic(
            "MatMulInteger", (shifted, unsigned, zero, about), dtype=torch.int32, shape=shape, version=13
        )
        return sums.float()


def _shifted(x: Tensor, kernel: int) -> Tensor:
    padded = F.pad(x, (0, 0, kernel // 2, kernel // 2))
    return torch.cat([padded[:, i : i + x.shape[1]] for i in range(kernel)], dim=2)


def folded(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weights (maps, maps before, taps) and offsets (maps,) of a convolution with the normalisation after it, in
    float64.

    >>> weight, offset = folded(nn.Conv1d(2, 3, 5, bias=False), nn.BatchNorm1d(3).eval())
    >>> weight.shape, offset.tolist()
    (torch.Size([3, 2, 5]), [0.0, 0.0, 0.0])
    """
    assert isinstance(conv, nn.Conv1d)
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = conv.weight.detach().double() * scale[:, None, None]
    return weight, norm.bias.detach().double() - norm.running_mean.double() * scale


@torch.no_grad()
def peaks(network: ResidualEncoder, batches: Sequence[Tensor]) -> tuple[float, ...]:
    """Return the largest input of each convolution after the first that its eight bits shall hold.

    It is the one with the least squared error of rounding and of cutting off, over windows of `batches` (n, channels,
    time) in z-score units: a few violent windows would make the steps of all others coarse.

    >>> peaks(ResidualEncoder(6, 30, width=8, kernels=(3,)).eval(), [torch.zeros(1, 6, 30)])
    ()
    """
    seen: list[list[Tensor]] = [[] for _ in list(network.convs)[1:]]
    for x in batches:
        for i, (conv, norm) in enumerate(zip(network.convs, network.norms, strict=True)):
            if i:
                seen[i - 1].append(x.flatten().cpu())
            y = F.relu(norm(conv(x)))
            x = x + y if i else y
            if i + 1 == network.pool_after:
                x = F.max_pool1d(x, 2, ceil_mode=True)
    return tuple(_least_error(torch.cat(parts)) for parts in seen)


def _least_error(values: Tensor) -> float:
    largest = float(values.amax())
    if not largest > 0:
        return 1.0
    some = values[:: max(1, len(values) // SAMPLED)]
    found, least = largest, float("inf")
    for share in torch.linspace(0.05, 1.0, 39).tolist():
        step = share * largest / LEVELS
        error = float((torch.round(some / step).clamp(0, LEVELS) * step - some).square().mean())
        if error < least:
            found, least = share * largest, error
    return found


def bytes_of(width: int, n_channels: int, n_classes: int, kernels: Sequence[int]) -> int:
    """Return about the bytes of a student's int8 ONNX file: whole-number weights, and the rest in float32.

    >>> 90_000 < bytes_of(68, 6, 6, (5, 5, 3, 3)) < 100_000
    True
    """
    inner = width * width * sum(kernels[1:])
    first = 4 * n_channels * width * kernels[0]
    beside = 4 * 2 * width * len(kernels) + 4 * (3 * width + 1) * n_classes + 4 * SCORE_AXES * (3 * width + n_classes)
    return inner + first + beside + GRAPH_BYTES


def width_within(kilobytes: float, n_channels: int, n_classes: int, kernels: Sequence[int]) -> int:
    """Return the largest width, a multiple of four, of a student that takes at most so many thousand bytes as int8.

    Raises:
        DataError: there is no room for one of four maps.

    >>> width_within(100, 6, 6, (5, 5, 3, 3))
    68
    """
    found = 0
    while bytes_of(found + 4, n_channels, n_classes, kernels) <= 1000 * kilobytes:
        found += 4
    if not found:
        least = bytes_of(4, n_channels, n_classes, kernels) / 1000
        raise DataError(f"{kilobytes:g} kB are too few for a student; give {least + 1:.0f} kB or more")
    return found
