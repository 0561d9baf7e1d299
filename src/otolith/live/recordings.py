"""The recordings that the server can play, each on one regular clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from otolith import datasets
from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction import open_sources
from otolith.prediction.matching import fitting, refuse_removed_gravity
from otolith.recording import Recording
from otolith.windows.clock import contiguous

MOST = 100
"""Recordings that are held in memory at most."""
PIECE_S = 0.1
"""Seconds of signal in one message, as a phone sends them."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Times (n,) in seconds from the recording's first sample on, and samples (channels, n) in m/s² and rad/s."""

    times: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Playable:
    """A recording that fits the model, with the model's channels alone."""

    name: str
    channels: tuple[str, ...]
    rate_hz: float
    seconds: float
    stretches: tuple[Piece, ...]

    @classmethod
    def of(cls, recording: Recording, model: Model) -> Playable:
        """Bring a recording onto one clock, as prediction of whole recordings does.

        Raises:
            DataError: a channel is missing, a rate too low, or gravity or units contradict the model.
        """
        fitted = fitting(recording, model.meta, model.encoder.scaler)
        streams = contiguous(fitted)
        zero = streams[0].start_s
        stretches = []
        for stream in streams:
            times = stream.start_s - zero + np.arange(stream.n_samples) / stream.rate_hz
            stretches.append(Piece(times, np.asarray(stream.values, np.float64)))
        last = stretches[-1].times[-1]
        return cls(recording.name, streams[0].channels, streams[0].rate_hz, float(last), tuple(stretches))

    def pieces(self) -> Iterator[Piece]:
        """Yield the recording in pieces of `PIECE_S`, in order; none spans a gap."""
        n = max(1, round(PIECE_S * self.rate_hz))
        for stretch in self.stretches:
            for at in range(0, len(stretch.times), n):
                yield Piece(stretch.times[at : at + n], stretch.values[:, at : at + n])


def playable(
    named: Sequence[str], model: Model, root: str | Path | None = None
) -> tuple[dict[str, Playable], list[str]]:
    """Return recordings by name, and sentences on those that were left out.

    Args:
        named: data sets, folders or exports as `otolith predict` takes them; "SOURCE:RECORDING" for one of a source.
        root: folder of a built-in data set.

    Raises:
        DataError: an unknown source or recording, or none that the model can be used on (with the first reason).
    """
    found: dict[str, Playable] = {}
    notes: list[str] = []
    for text in named:
        source, only = _split(text)
        (opened,) = open_sources([source], root)
        refuse_removed_gravity(opened.gravity, model.meta, model.encoder.scaler, opened.name)
        seen = []
        for recording in opened.recordings:
            seen.append(recording.name)
            if only is not None and recording.name != only:
                continue
            if len(found) == MOST:
                notes.append(f"Only the first {MOST} recordings can be played; name others as SOURCE:RECORDING.")
                return found, notes
            try:
                one = Playable.of(recording, model)
            except DataError as error:
                notes.append(f"Left out: {error}")
            else:
                found[one.name if one.name not in found else f"{source}: {one.name}"] = one
            if only is not None:
                break
        if only is not None and only not in seen:
            few = ", ".join(seen[:5]) + (", ..." if len(seen) > 5 else "")
            raise DataError(f"{source} has no recording {only!r}; name one of its {len(seen)}: {few}")
    if named and not found:
        raise DataError(notes[0] if notes else f"there is no recording in {', '.join(named)}; check the source")
    return found, notes


def _split(text: str) -> tuple[str, str | None]:
    """Split SOURCE:RECORDING; a file or folder may have a colon in its name."""
    if text in datasets.names() or Path(text).expanduser().exists() or ":" not in text:
        return text, None
    source, _, only = text.rpartition(":")
    return source, only
