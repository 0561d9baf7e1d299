"""A user's own data set: a folder with `card.json` and one Parquet file for each stream of each recording.

    card.json                    units, activities, split, terms; for each recording its subject and segments
    signals/000000-0.parquet     a column per channel, and `time_s` where the stream has time stamps
    signals/000001-0.jsonl       in place of that, while a recording is made (`otolith.datasets.growing`)
    quality.html                 where it was imported: what was found on the way

Everything in it is in m/s², rad/s and seconds. Recordings without segments are unlabelled; a folder may hold
nothing else. `otolith.datasets.card` has the card's layout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from otolith.datasets import growing
from otolith.datasets.base import Dataset, DatasetInfo
from otolith.datasets.card import (
    CARD,
    CURE,
    FORMAT,
    VERSION,
    RecordingEntry,
    StreamEntry,
    check_info,
    info_of,
    read_card,
    to_json,
)
from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.recording import Recording, Segment, Stream
from otolith.system.files import make_place, refuse_existing, whole_folder
from otolith.system.memory import release
from otolith.windows.clock import check_streams
from otolith.windows.pieces import AT_ONCE, slices
from otolith.windows.times import Samples, SourceFile, repair_whole

TIME = "time_s"


def write_folder(
    path: str | Path,
    info: DatasetInfo,
    recordings: Iterable[Recording],
    *,
    provenance: Mapping[str, Any] | None = None,
    notes: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    files: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write recordings as a data set folder that `otolith.load` reads; all of it appears, or nothing does.

    Args:
        path: the folder to make. It must not exist, or be empty.
        info: what to say of the data set; the numbers of subjects and recordings are counted anew.
        recordings: each with exactly the channels of `info`, in their order, and activities of `info`. They
            are written as they come, so a generator keeps only one in memory.
        provenance: where it all comes from and what was decided on the way; plain values, kept in the card.
        notes: the same of single recordings, by name.
        files: further texts to put into the folder, by file name.

    Raises:
        DataError: the folder exists, nothing came, or a recording breaks a rule; names it and the rule.
        StorageError: the folder cannot be written.
    """
    path = Path(path)
    refuse_existing(path)
    check_info(info, str(path))
    with whole_folder(make_place(path)) as building:
        (building / "signals").mkdir()
        entries: list[dict[str, Any]] = []
        names: set[str] = set()
        for number, recording in enumerate(recordings):
            check_recording(recording, info)
            if recording.name in names:
                raise DataError(f"two recordings are called {recording.name!r}. Give each its own name.")
            names.add(recording.name)
            streams = []
            for index, stream in enumerate(recording.streams):
                file = f"signals/{number:06d}-{index}.parquet"
                write_stream(building / file, stream)
                rate_hz, start_s = float(stream.rate_hz), float(stream.start_s)
                timed = stream.times is not None
                streams.append(StreamEntry(file, stream.channels, rate_hz, start_s, stream.n_samples, timed))
            segments = tuple((segment.start_s, segment.stop_s, segment.activity) for segment in recording.segments)
            entry = asdict(RecordingEntry(recording.name, recording.subject, tuple(streams), segments))
            del entry["notes"]
            entries.append(entry | ({"notes": dict(notes[recording.name])} if recording.name in notes else {}))
        if not entries:
            raise DataError(f"{path}: no recording was given, so there is nothing to write. Give at least one.")
        with open(building / CARD, "w", encoding="utf-8") as card:
            card.writelines(to_json(info, entries, provenance))
        for name, text in files.items():
            (building / name).write_text(text, encoding="utf-8")
    return path


def write_stream(path: Path, stream: Stream) -> None:
    """Write the samples of a stream as a Parquet file; those of a long one a piece at a time."""
    import polars as pl

    def frame(at: slice) -> pl.DataFrame:
        columns = dict(zip(stream.channels, stream.values[:, at], strict=True))
        return pl.DataFrame(columns if stream.times is None else {TIME: stream.times[at], **columns})

    if stream.n_samples <= 4 * AT_ONCE:
        frame(slice(None)).write_parquet(path)
        return
    parts = []
    for number, at in enumerate(slices(stream.n_samples)):
        parts.append(path.with_suffix(f".{number}"))
        frame(at).write_parquet(parts[-1], compression="uncompressed")
        release(stream.values)
        if stream.times is not None:
            release(stream.times)
    pl.scan_parquet(parts).sink_parquet(path, maintain_order=True)
    for part in parts:
        part.unlink()


def check_recording(recording: Recording, info: DatasetInfo) -> None:
    """Raise DataError, naming the recording and the rule, unless it fits the description of its data set."""
    where = f"Recording {recording.name!r}"
    if recording.channels != info.channels:
        raise DataError(
            f"{where}: channels {', '.join(recording.channels)}, expected {', '.join(info.channels)} in this order. "
            "Map the columns anew."
        )
    check_streams(recording)
    for stream in recording.streams:
        if not stream.n_samples:
            raise DataError(f"{where}: {', '.join(stream.channels)} hold no sample, expected one at least. {CURE}")
    before = -math.inf
    for segment in recording.segments:
        if segment.activity not in info.activities:
            raise DataError(
                f"{where}: activity {segment.activity!r} at {segment.start_s} s, expected one of "
                f"{', '.join(info.activities) or 'none'}. Correct the label or add the activity."
            )
        stop = math.inf if segment.stop_s is None else segment.stop_s
        if not (before <= segment.start_s < stop):
            raise DataError(
                f"{where}: segment {segment.activity!r} from {segment.start_s} s to {segment.stop_s} s, "
                f"expected a start before its stop and not before {before} s, where the last one ends. "
                "Correct the intervals."
            )
        before = stop


class FolderDataset(Dataset):
    """The recordings of a folder written by `write_folder`. Its `info` comes from the card."""

    expects = f"{CARD} and the Parquet files that it names"
    root: Path

    def __init__(self, root: Path) -> None:
        """Read the card.

        Raises:
            DataError: there is no card, it is not JSON of this format and version, or an entry is wrong.
        """
        super().__init__(root)
        card = read_card(root / CARD)
        self.info = info_of(card, root / CARD)
        self.provenance = card.provenance
        """Its sources, and what was decided on the way; empty where nobody said."""
        self.notes = {entry.name: entry.notes for entry in card.recordings}
        """The same of each recording, by name."""
        self._entries = [replace(entry, notes={}) for entry in card.recordings]

    def files(self) -> list[Path]:
        return sorted(
            [
                self.root / CARD,
                *(self.root / stream.file for entry in self._entries for stream in entry.streams),
            ]
        )

    def readers(self) -> list[FolderReader]:
        return [FolderReader(self.root, self.info, entry) for entry in self._entries]

    def length_s(self) -> float:
        return sum(max(each.samples / each.rate_hz for each in entry.streams) for entry in self._entries)

    def labelled_s(self) -> float:
        return sum(
            max(0.0, min(ends if stop is None else stop, ends) - max(start, starts))
            for entry in self._entries
            for starts, ends in [_reach(entry)]
            for start, stop, _ in entry.segments
        )

    def example(self) -> Recording:
        shortest = min(self._entries, key=lambda entry: sum(each.samples for each in entry.streams))
        return FolderReader(self.root, self.info, shortest)()

    def cache_key(self) -> str:
        return f"{FORMAT} {VERSION} reader {self.version}"


def _reach(entry: RecordingEntry) -> tuple[float, float]:
    """Return the first and the last second of a recording."""
    ends = (stream.start_s + stream.samples / stream.rate_hz for stream in entry.streams)
    return min(stream.start_s for stream in entry.streams), max(ends)


@dataclass(frozen=True)
class FolderReader:
    """Reads one recording of a folder, in whichever process it is called; `entry` is the recording's part of the card.

    Raises:
        DataError: a file is missing or damaged, or breaks what the card says.
    """

    root: Path
    info: DatasetInfo
    entry: RecordingEntry

    def __call__(self) -> Recording:
        entry = self.entry
        if entry.growing and not (self.root / entry.streams[0].file).exists():  # it has been finished meanwhile
            entry = next((each for each in read_card(self.root / CARD).recordings if each.name == entry.name), entry)
        repairs: list[str] = []
        if entry.growing:
            streams, segments = self._grown(entry.streams[0], repairs)
        else:
            streams = tuple(self._stream(stream, repairs) for stream in entry.streams)
            segments = tuple(Segment(*segment) for segment in entry.segments)
        recording = Recording(entry.name, entry.subject, streams, segments, repairs=tuple(repairs))
        check_recording(recording, self.info)
        return recording

    def _grown(self, entry: StreamEntry, repairs: list[str]) -> tuple[tuple[Stream, ...], tuple[Segment, ...]]:
        path = self.root / entry.file
        found = growing.read(path, len(entry.channels))
        if found.lost:
            repairs.append(f"{path.name}: {found.lost} line(s) at its end are broken off, and left out")
        return (Stream(entry.channels, found.values, entry.rate_hz, times=found.times),), found.segments

    def _stream(self, entry: StreamEntry, repairs: list[str]) -> Stream:
        import polars as pl

        path = self.root / entry.file
        wanted = [*([TIME] if entry.timed else []), *entry.channels]
        try:
            frame = pl.read_parquet(read_bytes(path), columns=wanted)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:  # some damage is told as a panic
            raise DataError(f"{path}: is not a Parquet file with {', '.join(wanted)} ({error}). {CURE}") from error
        if any(not kind.is_float() for kind in frame.dtypes) or any(frame.null_count().row(0)):
            raise DataError(f"{path}: holds values that are not numbers, expected floats only. {CURE}")
        if frame.height != entry.samples:
            raise DataError(f"{path}: holds {frame.height} samples, the card says {entry.samples}. {CURE}")
        values = np.ascontiguousarray(frame.select(entry.channels).to_numpy().T)
        times = frame[TIME].cast(pl.Float64).to_numpy() if entry.timed else None
        if times is not None:
            samples = Samples(times, values, np.arange(len(times)))
            samples, told = repair_whole(samples, "/".join(entry.channels), SourceFile(path, unit="row"))
            repairs += told
            times, values = samples.times, samples.values
        return Stream(entry.channels, values, entry.rate_hz, times=times, start_s=entry.start_s)
