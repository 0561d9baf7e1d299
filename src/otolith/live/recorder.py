"""The folder of `otolith live --record`: a data set folder to which recordings are added while pages make them.

Each recording begins as lines that are appended once a second (`otolith.datasets.growing`) and is written as Parquet
when its page is done. The card names it from its first second on and is replaced whole each time: any command takes the
folder at any moment, also after a kill.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from otolith import __version__
from otolith.datasets.base import DatasetInfo
from otolith.datasets.card import CARD, RecordingEntry, StreamEntry, info_of, read_card, to_json
from otolith.datasets.folder import FolderReader, write_stream
from otolith.datasets.growing import ENDING
from otolith.errors import DataError, StorageError
from otolith.importing.findings import Findings
from otolith.importing.times.local_time import known_zone
from otolith.live.track import USUAL, Bounds, Ended, Track
from otolith.recording import CHANNELS
from otolith.system import claims, files
from otolith.system.storage import make_folder, make_place

SIGNALS = "signals"
WRITER = "live"
MOST_ACTIVITIES = 200
_TITLE = "Recordings made with otolith live"
_TERMS = (
    "Recorded with the consent of the person in front of the page, for whoever ran the server; not stated otherwise."
)
_log = logging.getLogger(__name__)


class Recorder:
    """Recordings of one folder; `opened` makes it. All of its functions may be called from several threads.

    Args:
        folder: the data set folder, held by this process.
        activities: labels that the page offers.
        own_labels: pages may label by other words, too.
        gravity: "included" or "removed", as the page sends acceleration.
    """

    def __init__(
        self, folder: Path, activities: Sequence[str], own_labels: bool, gravity: str, bounds: Bounds = USUAL
    ) -> None:
        self.folder, self.activities, self.own_labels, self.bounds = folder, tuple(activities), own_labels, bounds
        self._lock = threading.Lock()
        self._info: DatasetInfo | None = None
        self._entries: list[dict[str, Any]] = []
        self._gravity = gravity
        self._tracks: set[Track] = set()
        self._load()
        there = list((folder / SIGNALS).iterdir())
        self._bytes = sum(path.stat().st_size for path in there)
        self._number = 1 + max((int(path.name[:6]) for path in there if path.name[:6].isdigit()), default=-1)

    def about(self) -> dict[str, Any]:
        """Return what the page says of it."""
        return {
            "folder": self.folder.resolve().name,
            "activities": list(self.activities),
            "own_labels": self.own_labels,
            "hours": self.bounds.session_s / 3600,
        }

    def begin(self, channels: Sequence[str], rate_hz: float, who: str = "", zone: str = "") -> Track:
        """Return a recording that begins now; it is in the folder from its first samples on.

        Args:
            channels: of the samples, in any order.
            rate_hz: their nominal rate.
            who: name of the person; empty: the recording counts as a person of its own.
            zone: time zone of the page; unknown ones are replaced by this machine's distance from UTC.

        Raises:
            Ended: the folder is full, or its recordings have other channels.
        """
        wanted = tuple(sorted(channels, key=CHANNELS.index))
        self.check_room(0)
        with self._lock:
            if self._info is not None and self._info.channels != wanted:
                raise Ended(
                    f"recordings of this folder have {', '.join(self._info.channels)}, and this device gives "
                    f"{', '.join(wanted)}"
                )
            if len(self._entries) >= self.bounds.recordings:
                raise Ended(f"the folder holds {self.bounds.recordings:,} recordings, which is all it may")
            number, self._number = self._number, self._number + 1
            now = datetime.now().astimezone()
            place = known_zone(zone) if zone else None
            if place is not None:
                now = now.astimezone(ZoneInfo(place))
            name = own = f"{now:%Y-%m-%d_%H-%M-%S}"
            taken = {entry["name"] for entry in self._entries} | {track.name for track in self._tracks}
            more = 2
            while name in taken:
                name, more = f"{own}-{more}", more + 1
            file = f"{SIGNALS}/{number:06d}-0{ENDING}"
            offset = f"{now:%z}"
            zone = place or f"{offset[:3]}:{offset[3:]}"
            track = Track(self, name, who or name, file, tuple(channels), wanted, rate_hz, zone)
            self._tracks.add(track)
        return track

    def check_room(self, more: int) -> None:
        """Make sure that so many bytes may be written.

        Raises:
            Ended: they may not.
        """
        if self._bytes + more > self.bounds.folder_bytes:
            raise Ended(f"the folder has reached the {self.bounds.folder_bytes / 1e9:.1f} GB that it may have")
        with suppress(OSError):
            if shutil.disk_usage(self.folder).free - more < self.bounds.free_bytes:
                raise Ended("the disk of the computer is nearly full")

    def grew(self, n_bytes: int) -> None:
        """Count bytes of a file in the folder."""
        with self._lock:
            self._bytes += n_bytes

    def enter(self, track: Track) -> None:
        """Name a recording in the card, with the activities of its labels.

        Raises:
            StorageError: the card cannot be written; it is as it was.
        """
        with self._lock:
            others = [each for each in self._entries if each["name"] != track.name]
            self._write(self._described(track), [*others, _entry(track)])

    def may_name(self, activity: str) -> bool:
        """Tell whether one more activity has room."""
        info = self._info  # without the lock, for which a disk may be waited
        known = info.activities if info is not None else ()
        return activity in known or len(known) < MOST_ACTIVITIES

    def finish(self, track: Track) -> None:
        """Write a recording as Parquet in place of its lines.

        Raises:
            DataError, StorageError: it cannot be; its lines stay, and are read as they are.
        """
        with self._lock:
            self._tracks.discard(track)
            entry = next((each for each in self._entries if each["name"] == track.name), None)
        if entry is not None:
            self._settle(entry)

    def discard(self, track: Track) -> None:
        """Remove a recording and all of its samples.

        Raises:
            StorageError: the card cannot be written.
        """
        with self._lock:
            self._tracks.discard(track)
            left = [entry for entry in self._entries if entry["name"] != track.name]
            if len(left) < len(self._entries):
                if left:
                    self._write(self._described(None), left)
                else:
                    (self.folder / CARD).unlink(missing_ok=True)
                    self._info, self._entries = None, []
            path = self.folder / track.file
            if path.exists():
                self._bytes -= path.stat().st_size
                path.unlink()

    def settle(self) -> None:
        """Finish all recordings: those that are being made, and those that a killed server has left."""
        for track in list(self._tracks):
            track.end()
        for entry in list(self._entries):
            if entry["streams"][0]["file"].endswith(ENDING):
                try:
                    self._settle(entry)
                except (DataError, StorageError) as error:
                    _log.warning("%s", error)

    def _settle(self, entry: dict[str, Any]) -> None:
        info = self._info
        assert info is not None
        stream = entry["streams"][0]
        read = RecordingEntry(entry["name"], entry["subject"], (StreamEntry(**stream),), ())
        lines = self.folder / stream["file"]
        recording = FolderReader(self.folder, info, read)()
        (made,) = recording.streams
        file = stream["file"].removesuffix(ENDING) + ".parquet"
        with files.whole_file(self.folder / file) as partial:
            write_stream(partial, made)
        whole = entry | {
            "streams": [stream | {"file": file, "samples": made.n_samples}],
            "segments": [[each.start_s, each.stop_s, each.activity] for each in recording.segments],
        }
        if recording.repairs:
            repairs = [{"where": stream["file"], "what": each, "count": 1} for each in recording.repairs]
            whole["notes"] = entry["notes"] | {"repairs": repairs}
        with self._lock:
            assert self._info is not None
            self._write(self._info, [whole if each["name"] == entry["name"] else each for each in self._entries])
            self._bytes += (self.folder / file).stat().st_size - lines.stat().st_size
            lines.unlink()

    def _described(self, track: Track | None) -> DatasetInfo:
        info = self._info
        if info is None:
            assert track is not None
            info = DatasetInfo.of_own(
                self.folder.resolve().name,
                _TITLE,
                track.rate_hz,
                "Recorded by the user.",
                terms=_TERMS,
                channels=track.kept,
                gravity=self._gravity,
            )
        if track is None or set(track.activities) <= set(info.activities):
            return info
        return replace(info, activities=tuple(dict.fromkeys([*info.activities, *tuple(track.activities)])))

    def _write(self, info: DatasetInfo, entries: list[dict[str, Any]]) -> None:
        provenance = {"written_by": f"otolith {__version__} {WRITER}"}
        files.write(self.folder / CARD, "".join(to_json(info, entries, provenance)))
        self._info, self._entries = info, entries

    def _load(self) -> None:
        """Read the card, and remove files that it does not name: a killed server left them."""
        named: set[str] = set()
        if (self.folder / CARD).exists():
            card = read_card(self.folder / CARD)
            if str(card.provenance.get("written_by", "")).split()[-1:] != [WRITER]:
                raise DataError(f"{self.folder} holds recordings that were not made here. Choose another folder.")
            if card.gravity != self._gravity:
                raise DataError(
                    f"{self.folder}: gravity is {card.gravity} in its recordings, and would be {self._gravity} with "
                    "this model. Choose another folder, or another model."
                )
            self._info = info_of(card, self.folder / CARD)
            self._entries = [asdict(entry) for entry in card.recordings]
            named = {stream.file for entry in card.recordings for stream in entry.streams}
        elif others := [
            path.name for path in self.folder.iterdir() if path.name not in (files.LOCK, SIGNALS, "labels")
        ]:
            raise DataError(
                f"{self.folder} holds {others[0]}, and is no folder of recordings that were made here. Choose another "
                "folder, or an empty one."
            )
        signals = make_folder(self.folder / SIGNALS)
        for path in signals.iterdir():
            if f"{SIGNALS}/{path.name}" not in named:
                path.unlink()


@contextmanager
def opened(
    folder: Path, activities: Sequence[str], own_labels: bool, gravity: str, bounds: Bounds = USUAL
) -> Iterator[Recorder]:
    """Hold a folder for recordings until the block ends; what a killed server has left there is finished first.

    Raises:
        DataError: the folder holds something else.
        InUseError: another process records there.
        StorageError: it cannot be written.
    """
    make_place(folder.absolute())
    with claims.hold(folder):
        recorder = Recorder(folder, activities, own_labels, gravity, bounds)
        recorder.settle()
        try:
            yield recorder
        finally:
            recorder.settle()


def _entry(track: Track) -> dict[str, Any]:
    findings = Findings(["otolith live"], WRITER, track.started, timezone=track.zone)
    findings.about["consent"] = "given on the page before it began"
    findings.started_s = datetime.fromisoformat(track.started).astimezone(UTC).timestamp()
    stream = StreamEntry(track.file, track.kept, float(track.rate_hz), 0.0, 0, True)
    entry = asdict(RecordingEntry(track.name, track.who, (stream,), ()))
    return entry | {"notes": findings.as_json()}
