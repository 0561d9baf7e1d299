"""The recordings that the server can play, each on one regular clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith import datasets
from otolith.errors import DataError
from otolith.model import Model
from otolith.prediction import open_sources
from otolith.prediction.matching import fitting, refuse_removed_gravity
from otolith.recording import Recording, Stream
from otolith.windows.clock import contiguous

if TYPE_CHECKING:
    from otolith.importing import Ask, ImportOptions

MOST = 100
"""Recordings that are held in memory at most."""
PIECE_S = 0.1
"""Seconds of signal in one message, as a phone sends them."""


@dataclass(frozen=True, eq=False)
class Playable:
    """A recording that fits the model, as gap-free streams of the model's channels on one regular clock."""

    name: str
    streams: tuple[Stream, ...]

    @classmethod
    def of(cls, recording: Recording, model: Model) -> Playable:
        """Bring a recording onto one clock, as prediction of whole recordings does.

        Raises:
            DataError: a channel is missing, a rate too low, or gravity or units contradict the model.
        """
        return cls(recording.name, tuple(contiguous(fitting(recording, model.meta, model.encoder.scaler))))

    @property
    def channels(self) -> tuple[str, ...]:
        return self.streams[0].channels

    @property
    def rate_hz(self) -> float:
        return self.streams[0].rate_hz

    @property
    def seconds(self) -> float:
        return float(self._times(self.streams[-1])[-1])

    def pieces(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Yield times (n,) since the first sample and samples (channels, n), `PIECE_S` at a time; none spans a gap."""
        n = max(1, round(PIECE_S * self.rate_hz))
        for stream in self.streams:
            times, values = self._times(stream), np.asarray(stream.values, np.float64)
            for at in range(0, len(times), n):
                yield times[at : at + n], values[:, at : at + n]

    def _times(self, stream: Stream) -> NDArray[np.float64]:
        return stream.start_s - self.streams[0].start_s + np.arange(stream.n_samples) / stream.rate_hz


def playable(
    named: Sequence[str],
    model: Model,
    root: str | Path | None = None,
    options: ImportOptions | None = None,
    ask: Ask | None = None,
) -> tuple[dict[str, Playable], list[str]]:
    """Return recordings by name, and sentences on those that were left out.

    Args:
        named: data sets, folders or exports as `otolith predict` takes them; "SOURCE:RECORDING" for one of a source.
        root: folder of a built-in data set.
        options, ask: see `otolith.prediction.open_sources`.

    Raises:
        DataError: an unknown source or recording, or none that the model can be used on (with the first reason).
    """
    found: dict[str, Playable] = {}
    notes: list[str] = []
    for text in named:
        source, only = _split(text)
        (opened,) = open_sources([source], root, options, ask)
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
