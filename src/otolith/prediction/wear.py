"""Stretches in which a device was not worn: an hour or more without movement and without another posture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otolith.prediction.epochs import EPOCH_S, Epochs
from otolith.recording import STANDARD_GRAVITY

STILL_MS2 = 0.013 * STANDARD_GRAVITY
"""Standard deviation of every axis below which an epoch is still: 13 mg, as in van Hees et al. 2013."""
TURNED_DEG = 5.0
"""Change of posture, in degrees between the directions of gravity, that tells that somebody moved the device."""
NOT_WORN_S = 3600.0


def not_worn(epochs: Epochs, least_s: float = NOT_WORN_S) -> tuple[tuple[float, float], ...]:
    """Return begin and end, in seconds, of the stretches in which a device was not worn.

    A sleeper breathes and turns over: whoever sleeps so still for an hour, on a sensor this coarse, is missed.

    Args:
        epochs: with gravity in them, or without: stillness then decides alone.
        least_s: shortest stretch.

    >>> n = 800
    >>> level = np.tile(np.array([0, 0, 9.81], np.float32), (n, 1))
    >>> nothing = np.zeros(n, np.float32)
    >>> not_worn(Epochs(5.0 * np.arange(n), nothing, nothing, level, np.zeros((n, 3), np.float32)))
    ((0.0, 4000.0),)
    """
    if not len(epochs):
        return ()
    still: NDArray[np.bool_] = np.all(epochs.std < STILL_MS2, axis=1)
    follows = np.diff(epochs.start_s, prepend=epochs.start_s[0] - EPOCH_S) <= 1.5 * EPOCH_S
    breaks = ~still | ~follows | _turned(epochs)
    number = np.cumsum(breaks)  # epochs of one number are a still stretch, but for the first, which may be anything
    found = []
    for run in np.unique(number[still]):
        first, last = int(np.searchsorted(number, run)), int(np.searchsorted(number, run, "right")) - 1
        begin, end = float(epochs.start_s[first + int(not still[first])]), float(epochs.start_s[last]) + EPOCH_S
        if end - begin >= least_s:
            found.append((begin, end))
    return tuple(found)


def _turned(epochs: Epochs) -> NDArray[np.bool_]:
    """Return (n,) True where gravity points elsewhere than in the epoch before."""
    length = np.linalg.norm(epochs.mean, axis=1, keepdims=True)
    towards = epochs.mean / np.maximum(length, 1e-9)
    cosine = np.einsum("ij,ij->i", towards[1:], towards[:-1])
    clear = (length[1:, 0] > STANDARD_GRAVITY / 2) & (length[:-1, 0] > STANDARD_GRAVITY / 2)
    return np.concatenate([[False], clear & (cosine < np.cos(np.radians(TURNED_DEG)))])
