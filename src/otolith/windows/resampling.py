"""Another sampling rate for windows: scipy's filter, as one matrix product for all windows of one length."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError

LOWEST_RATE = 0.5
"""Share of the windows' rate below which a recording is refused: half of the windows' frequencies are not in it."""
_MATRIX_LIMIT = 1024  # samples per window; beyond, the matrix would cost more memory than it saves time


def refuse_rate(rate_hz: float, wanted_hz: float, where: str, whose: str = "the windows have") -> None:
    """Raise DataError where signals of a rate cannot be resampled to the one that is wanted, or to `LOWEST_RATE` of it.

    Args:
        where: the place of the signals, for the message.
        whose: subject and verb of the rate that is wanted.
    """
    if not rate_hz >= LOWEST_RATE * wanted_hz:
        raise DataError(
            f"{where}: the rate is {rate_hz:g} Hz, and {whose} {wanted_hz:g} Hz. Fast movements are lost at such a "
            f"rate, and no resampling brings them back. Record at {wanted_hz:g} Hz or more, or train with "
            f"--set windows.rate_hz={rate_hz:g}."
        )


def resample(x: NDArray[np.floating], n_steps: int) -> NDArray[np.float64]:
    """Return windows (..., time) with `n_steps` samples each, anti-aliased, every window on its own.

    The straight line through a window's first and last sample is kept exactly (so constant signals stay what
    they are), and what lies about it goes through scipy's polyphase filter. For windows of one length that is
    a fixed linear map, so a whole batch costs one matrix product.

    Output sample i lies at input sample i * time / n_steps, counted from 0.

    >>> resample(np.array([[0.0, 1.0, 2.0, 3.0]]), 2).round(9)
    array([[0., 2.]])
    """
    n_in = x.shape[-1]
    if n_in == n_steps:
        return x.astype(np.float64, copy=False)
    if n_in <= _MATRIX_LIMIT:
        return x @ _resampling_matrix(n_in, n_steps)
    return _polyphase(x.astype(np.float64, copy=False), n_steps)


@lru_cache(maxsize=16)
def _resampling_matrix(n_in: int, n_out: int) -> NDArray[np.float64]:
    """(n_in, n_out): row i is the resampled unit impulse at sample i."""
    matrix = _polyphase(np.eye(n_in), n_out)
    matrix.flags.writeable = False
    return matrix


def _polyphase(x: NDArray[np.float64], n_out: int) -> NDArray[np.float64]:
    from scipy.signal import resample_poly

    n_in = x.shape[-1]
    if n_in == 1:
        return np.repeat(x, n_out, axis=-1)
    # The line is carried over exactly and only the rest is filtered: the branches of a polyphase filter differ in gain
    # by some 1e-5, which would print a pattern on gravity. The rest is zero at both ends, hence no edge effect.
    first, rise = x[..., :1], x[..., -1:] - x[..., :1]
    rest = x - (first + rise * (np.arange(n_in) / (n_in - 1)))
    common = math.gcd(n_in, n_out)
    filtered = resample_poly(rest, n_out // common, n_in // common, axis=-1)
    out: NDArray[np.float64] = filtered + first + rise * (np.arange(n_out) * (n_in / n_out) / (n_in - 1))
    return out
