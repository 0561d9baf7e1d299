"""Hand-made features: what was computed from windows before networks learnt to, as one network without parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from otolith.nets.encoder import Encoder
from otolith.nets.families import BANDS, HIGHEST, LAGS, NOISE, QUANTILES, SMALL
from otolith.recording import STANDARD_GRAVITY, triads

MOST_STEPS, MOST_FREQUENCIES = 16_384, 512
_TINY = 1e-12  # least value under roots, whose slope at zero has no end; adding it would be optimised away in a graph


class HandmadeFeatures(Encoder):
    """Moments, quantiles, differences, spectra, rhythms and postures of a window, in closed form.

    (batch, n_channels, n_steps) in m/s² and rad/s -> (batch, n_features). Most are taken of each signal: every channel,
    the magnitude of every three-axis sensor, and what each of them measures along gravity and across it (Mizell 2003),
    gravity being the direction of the mean acceleration: these stay the same however the device sits.
    `otolith.nets.families.FAMILIES` has their definitions and sources, docs/features.md the table. There is nothing to
    learn, and nothing is kept in a model's folder.

    All operations are plain ones that ONNX has. Every feature is finite and a continuous function of the window:
    variances that divide have `SMALL` added, and a crossing of the mean leads from `NOISE` below to `NOISE` above it.

    Args:
        channels: their names, such as "acc_x".
        n_steps: time steps of a window.
        rate_hz: sampling rate.

    Attributes:
        names: of the features, in order, such as "acc_x_std".
        signals: what most features are taken of, in order.

    Raises:
        ValueError: fewer than eight steps, more than `MOST_STEPS`, or a rate that is not positive.

    >>> features = HandmadeFeatures(("acc_x", "acc_y", "acc_z"), n_steps=30, rate_hz=30)
    >>> level = torch.tensor([0.0, 0.0, 9.81]).view(1, 3, 1).expand(1, 3, 30)
    >>> dict(zip(features.names, features(level)[0].tolist(), strict=True))["acc_gravity_z"] > 0.99
    True
    """

    _slope: Tensor
    _cosines: Tensor
    _sines: Tensor
    _frequencies: Tensor
    _bands: Tensor
    _quantiles: Tensor
    _axes: Tensor
    _pairs: Tensor

    def __init__(self, channels: Sequence[str], n_steps: int, rate_hz: float) -> None:
        if not (rate_hz > 0 and math.isfinite(rate_hz)):
            raise ValueError(f"the rate has to be positive; got {rate_hz:g} Hz")
        if n_steps > MOST_STEPS:
            raise ValueError(f"a window of {n_steps} steps is too long: hand-made features take at most {MOST_STEPS}")
        self._triads = triads(channels)
        sensors = [channels[x].removesuffix("_x") for x, _, _ in self._triads]
        self._acc = sensors.index("acc") if "acc" in sensors else None
        self._gyro = sensors.index("gyro") if "gyro" in sensors else None
        parts = ("mag",) if self._acc is None else ("mag", "vertical", "horizontal")
        self.signals = (*channels, *(f"{sensor}_{part}" for part in parts for sensor in sensors))
        by_steps = {round(lag * rate_hz): lag for lag in reversed(LAGS)}  # of equal numbers of steps the shortest stays
        lags = {steps: lag for steps, lag in sorted(by_steps.items()) if 1 <= steps <= n_steps // 2}
        self._lags = tuple(lags)
        bands = [band for band in BANDS if band[0] < rate_hz / 2]
        self.names = tuple(self._named(sensors, bands, list(lags.values())))
        super().__init__(len(channels), n_steps, len(self.names))
        self.rate_hz = rate_hz
        with torch.device("cpu"):  # to compute on "meta" PyTorch would import its compiler
            constants = _constants(n_steps, rate_hz, bands)
        for name, value in constants.items():
            self.register_buffer(name, value.float().to(torch.get_default_device()), persistent=False)
        axes = torch.tensor(self._triads, dtype=torch.long).flatten()
        pairs = torch.tensor(list(self._pairs_of()), dtype=torch.long).view(-1, 2).T.contiguous()
        self.register_buffer("_axes", axes, persistent=False)
        self.register_buffer("_pairs", pairs, persistent=False)

    def _named(
        self, sensors: Sequence[str], bands: Sequence[tuple[float, float]], lags: Sequence[float]
    ) -> Iterator[str]:
        own = ["mean", "std", "skewness", "slope", *(f"q{round(100 * q)}" for q in QUANTILES)]
        own += ["diff_mean", "diff_max", "crossings", *(f"power_{low:g}_{high:g}hz" for low, high in bands)]
        own += ["peak_hz", "entropy", *(f"autocorr_{lag:g}s" for lag in lags)]
        for signal in self.signals:
            yield from (f"{signal}_{each}" for each in own)
        for sensor in sensors:
            yield from (
                f"{sensor}_{each}" for each in ("corr_xy", "corr_xz", "corr_yz", "sma", "jerk_mean", "jerk_std")
            )
        if self._acc is not None:
            yield from ("acc_gravity_x", "acc_gravity_y", "acc_gravity_z", "acc_turned", "acc_enmo")
            if self._gyro is not None:
                yield from (f"acc_gyro_corr_{each}" for each in ("mag", "x", "y", "z"))

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (batch, n_features) of windows x (batch, n_channels, n_steps) in m/s² and rad/s."""
        with torch.autocast("cuda" if x.is_cuda else "cpu", enabled=False):
            x = x.float()
            sensors = self._by_axis(x)
            signals, gravity = [x, _length(sensors)], x.new_zeros(0)
            if self._acc is not None:
                mean = sensors[:, self._acc].mean(2, keepdim=True)
                gravity = mean / _length(mean)[..., None]
                across = gravity[:, None]
                along = (sensors * across).sum(2)
                signals += [along, _length(sensors - along[:, :, None] * across)]
            s = torch.cat(signals, 1)
            mean = s.mean(2)
            d = s - mean[:, :, None]
            variance = d.square().mean(2)
            own = [mean, *self._shape(d, variance), *self._quantiles_of(s), *self._differences(s, d)]
            own += [*self._spectrum(d), *self._rhythm(d, variance)]
            correlated = self._correlations(d, variance)
            joint = [*self._of_sensors(d, correlated), *self._of_gravity(sensors, gravity)]
            n_within = 3 * len(self._triads)
            return torch.cat([torch.stack(own, 2).flatten(1), *joint, correlated[:, n_within:]], 1)

    def _by_axis(self, x: Tensor) -> Tensor:
        """(batch, signals, time) -> (batch, sensors, 3, time)."""
        return x.index_select(1, self._axes).unflatten(1, (len(self._triads), 3))

    def _shape(self, d: Tensor, variance: Tensor) -> list[Tensor]:
        third = (d.square() * d).mean(2)
        return [variance.clamp(min=_TINY).sqrt(), third / (variance + SMALL) ** 1.5, d @ self._slope]

    def _quantiles_of(self, s: Tensor) -> list[Tensor]:
        return list((s.sort(2).values @ self._quantiles).unbind(2))

    def _differences(self, s: Tensor, d: Tensor) -> list[Tensor]:
        size = (s[:, :, 1:] - s[:, :, :-1]).abs() * self.rate_hz
        side = (d / NOISE).clamp(-1, 1)
        crossed = (side[:, :, 1:] - side[:, :, :-1]).abs().mean(2) * (self.rate_hz / 2)
        return [size.mean(2), size.amax(2), crossed]

    def _spectrum(self, d: Tensor) -> list[Tensor]:
        power = (d @ self._cosines).square() + (d @ self._sines).square()
        share = power / (power.sum(2, keepdim=True) + SMALL)
        sharp = (power / (power.amax(2, keepdim=True) + SMALL)).square().square()
        peak = (sharp @ self._frequencies) / (sharp.sum(2) + SMALL)
        entropy = -(share * share.clamp(min=_TINY).log()).sum(2) / math.log(len(self._frequencies))
        return [*(power @ self._bands + SMALL).log().unbind(2), peak, entropy]

    def _rhythm(self, d: Tensor, variance: Tensor) -> list[Tensor]:
        return [(d[:, :, lag:] * d[:, :, :-lag]).mean(2) / (variance + SMALL) for lag in self._lags]

    def _correlations(self, d: Tensor, variance: Tensor) -> Tensor:
        """Return those of each sensor's axes, then those of the accelerometer with the gyroscope: (batch, pairs)."""
        one, other = self._pairs
        scale = variance + SMALL
        together = (d.index_select(1, one) * d.index_select(1, other)).mean(2)
        return together / (scale.index_select(1, one) * scale.index_select(1, other)).sqrt()

    def _pairs_of(self) -> Iterator[tuple[int, int]]:
        for x, y, z in self._triads:
            yield from ((x, y), (x, z), (y, z))
        if self._acc is not None and self._gyro is not None:
            yield self.n_channels + self._acc, self.n_channels + self._gyro
            yield from zip(self._triads[self._acc], self._triads[self._gyro], strict=True)

    def _of_sensors(self, d: Tensor, correlated: Tensor) -> Iterator[Tensor]:
        three = self._by_axis(d)
        jerk = _length(three[..., 1:] - three[..., :-1]) * self.rate_hz
        rest = jerk - jerk.mean(2, keepdim=True)
        sizes = [three.abs().mean(3).sum(2), jerk.mean(2), rest.square().mean(2).clamp(min=_TINY).sqrt()]
        for number in range(len(self._triads)):
            yield correlated[:, 3 * number : 3 * number + 3]
            yield from (each[:, number : number + 1] for each in sizes)

    def _of_gravity(self, sensors: Tensor, gravity: Tensor) -> Iterator[Tensor]:
        if self._acc is not None:
            acc, half = sensors[:, self._acc] / STANDARD_GRAVITY, self.n_steps // 2
            yield gravity[:, :, 0]
            yield _length(acc[:, :, -half:].mean(2, keepdim=True) - acc[:, :, :half].mean(2, keepdim=True))
            yield (_length(acc) - 1).clamp(min=0).mean(1, keepdim=True)


def _constants(n_steps: int, rate_hz: float, bands: Sequence[tuple[float, float]]) -> dict[str, Tensor]:
    """Return the matrices by which windows are multiplied, in float64.

    The spectrum is a periodogram under a Hann window, in squared units for each Hz, at the middles of n equal cells
    from 0 Hz to `HIGHEST` or half the rate; a cell is at most half a hertz wide.
    """
    steps = torch.arange(n_steps, dtype=torch.float64)
    time = steps / rate_hz
    centred = time - time.mean()
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * (steps + 0.5) / n_steps)
    top = min(HIGHEST, rate_hz / 2)
    n = max(2, min(MOST_FREQUENCIES, math.ceil(top / min(0.5, rate_hz / n_steps))))
    width = top / n
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) * width
    angle = 2 * math.pi * time[:, None] * middle
    scale = (2 / (rate_hz * hann.square().sum())).sqrt() * hann[:, None]
    edges = torch.tensor(bands, dtype=torch.float64).view(-1, 2)
    low = torch.maximum(middle[:, None] - width / 2, edges[:, 0])
    high = torch.minimum(middle[:, None] + width / 2, edges[:, 1])
    position = torch.tensor(QUANTILES, dtype=torch.float64) * (n_steps - 1)
    return {
        "_slope": centred / centred.square().sum(),
        "_cosines": scale * angle.cos(),
        "_sines": scale * angle.sin(),
        "_frequencies": middle,
        "_bands": (high - low).clamp(min=0),
        "_quantiles": (1 - (steps[:, None] - position).abs()).clamp(min=0),
    }


def _length(x: Tensor) -> Tensor:
    """(..., 3, time) -> (..., time)."""
    return x.square().sum(-2).clamp(min=_TINY).sqrt()
