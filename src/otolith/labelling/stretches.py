"""Stretches of a few seconds, each with the mean of its windows' features: what a person labels at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.nets import HandmadeFeatures
from otolith.preprocessing.sensors import usable, widened
from otolith.progress import SILENT, Progress
from otolith.recording import Recording
from otolith.windows import WindowMeta, Windows, cutting

if TYPE_CHECKING:
    from collections.abc import Callable

    from otolith.datasets import Dataset
    from otolith.model import PretrainedEncoder

SECONDS = 4.0
"""Length of a stretch: long enough for a person to see what it is, short enough to hold one activity mostly."""
LEAST_WINDOWS = 0.5
"""Share of its windows that a stretch has to have; fewer are there beside gaps."""
BATCH = 1024
LIMIT = 5.0
"""Deviations that a feature counts at most."""
HELD = 3
"""Recordings whose signals are kept in memory."""


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches of all recordings, one row in every array.

    Attributes:
        names: of the recordings.
        recording: int64 (n,), index into `names`.
        start, stop: float64 (n,), seconds on the recording's clock.
        features: float32 (n, d), each with mean 0 and deviation 1 over all stretches, divided by the root of d / 32.
        left_out: sentences on recordings that have no stretch.
    """

    names: tuple[str, ...]
    recording: NDArray[np.int64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    features: NDArray[np.float32]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start)


class Signals:
    """The recordings of a data set by number, of which a few are kept in memory."""

    def __init__(self, dataset: Dataset) -> None:
        readers = list(dataset.readers())
        kept = [] if readers else list(dataset.recordings())
        self.n = len(readers) or len(kept)
        self._read: Callable[[int], Recording] = lru_cache(HELD)(lambda i: readers[i]() if readers else kept[i])

    def __call__(self, number: int) -> Recording:
        return self._read(number)

    def __iter__(self) -> Iterator[Recording]:
        return (self._read(i) for i in range(self.n))


def stretches_of(
    recordings: Iterable[Recording],
    channels: tuple[str, ...],
    encoder: PretrainedEncoder | None = None,
    seconds: float = SECONDS,
    progress: Progress = SILENT,
) -> Stretches:
    """Return the stretches of recordings, with features of `encoder`, or hand-made ones where there is none.

    Args:
        channels: of the data set.
        seconds: of a stretch; longer where a window is.

    Raises:
        DataError: no recording has a stretch, or the data lack a sensor that the encoder needs.
    """
    meta = WindowMeta("own", (), channels) if encoder is None else replace(encoder.meta, activities=())
    used = meta.channels if encoder is None else usable(channels, meta, encoder.scaler)
    missing = [channel for channel in used if channel not in channels]
    if missing:
        raise DataError(
            f"the model expects {', '.join(missing)}, which the recordings lack (they have {', '.join(channels)}). "
            "Leave --model out, so that hand-made features are used, or name a model of these sensors."
        )
    seconds = max(seconds, 1.5 * meta.seconds)
    names, left_out = [], []
    numbers, starts, parts = [], [], []
    with progress.stage("features", None, "recordings") as bar:
        for number, recording in enumerate(recordings):
            names.append(recording.name)
            bar.advance()
            windows = _windows(recording, replace(meta, channels=used))
            if windows is None:
                left_out.append(f"{recording.name}: shorter than a window of {meta.seconds:g} s")
                continue
            if encoder is None:
                found = handmade(channels, meta, windows.x)
            else:
                found = encoder.features(widened(windows, meta).x)
            first, means = pooled(windows.start, found, meta, seconds)
            numbers.append(np.full(len(first), number, np.int64))
            starts.append(first)
            parts.append(means)
    if not sum(map(len, starts)):
        raise DataError(f"no recording is as long as a stretch of {seconds:g} s; {'; '.join(left_out[:3])}")
    start = np.concatenate(starts)
    return Stretches(
        tuple(names), np.concatenate(numbers), start, start + seconds, scaled(np.concatenate(parts)), tuple(left_out)
    )


def pooled(
    start: NDArray[np.float64], features: NDArray[np.floating], meta: WindowMeta, seconds: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the starts (m,) of the stretches of a recording, and the mean features (m, d) of the windows within each.

    Args:
        start, features: of its windows, (n,) in seconds and (n, d).
        seconds: of a stretch; stretches begin at multiples of it.
    """
    per_stretch = 1 + int((seconds - meta.seconds) / (meta.seconds * (1 - meta.overlap)) + 1e-6)
    bins = np.floor(start / seconds + 1e-9).astype(np.int64)
    inside = start + meta.seconds <= (bins + 1) * seconds + 1e-6
    which, place, count = np.unique(bins[inside], return_inverse=True, return_counts=True)
    sums = np.zeros((len(which), features.shape[1]))
    np.add.at(sums, place, features[inside])
    enough = count >= LEAST_WINDOWS * per_stretch
    return which[enough].astype(np.float64) * seconds, (sums / count[:, None])[enough]


def handmade(channels: tuple[str, ...], meta: WindowMeta, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the hand-made features (n, d) of windows x (n, channels, time)."""
    import torch

    network = HandmadeFeatures(channels, meta.n_steps, meta.rate_hz)
    with torch.no_grad():
        pieces = [network(torch.from_numpy(x[i : i + BATCH].copy())) for i in range(0, len(x), BATCH)]
    return np.asarray(torch.cat(pieces))


def scaled(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return features (n, d) with mean 0 and deviation 1, bounded, and of like total size whatever their number."""
    x = (features - features.mean(0)) / (features.std(0) + 1e-8)
    found: NDArray[np.float32] = (np.clip(x, -LIMIT, LIMIT) / np.sqrt(x.shape[1] / 32)).astype(np.float32)
    return found


def _windows(recording: Recording, meta: WindowMeta) -> Windows | None:
    try:
        return cutting.cut([replace(recording, segments=())], meta, unlabelled=True)
    except DataError:
        longest = max((float(s.sample_times[-1] - s.sample_times[0]) for s in recording.streams), default=0.0)
        if longest < 2 * meta.seconds:
            return None
        raise
