"""One recording while a page makes it: samples and labels wait in memory for a second, then they are on the disk."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from otolith.datasets import growing
from otolith.errors import DataError, StorageError

WAITING_S = 20.0
"""Seconds of samples that may wait for the disk, and that may come faster than time goes by."""
LEAST_S = 1.0
"""Length below which a recording is not kept, such as one of a device that the model cannot be used on."""
MOST_LABELS = 10_000
_log = logging.getLogger(__name__)


class Ended(Exception):
    """The reason why a recording ends or does not begin, as a part of a sentence for the reader of the page."""


@dataclass(frozen=True)
class Bounds:
    """Ends of a recording that nobody ends.

    Attributes:
        folder_bytes: size of the folder.
        free_bytes: room on the disk that is left alone.
        session_s: length of a recording.
        recordings: number of recordings in the folder.
    """

    folder_bytes: int = 4 << 30
    free_bytes: int = 256 << 20
    session_s: float = 12 * 3600.0
    recordings: int = 10_000


USUAL = Bounds()


class Folder(Protocol):
    """The folder of the recordings, as `otolith.live.recorder.Recorder` is it."""

    folder: Path
    bounds: Bounds

    def check_room(self, more: int) -> None: ...

    def grew(self, n_bytes: int) -> None: ...

    def enter(self, track: Track) -> None: ...

    def may_name(self, activity: str) -> bool: ...

    def finish(self, track: Track) -> None: ...

    def discard(self, track: Track) -> None: ...


class Track:
    """A recording; `add` and `label` never wait, `flush`, `end` and `discard` wait for the disk.

    Args:
        recorder: the folder's.
        name, who, file: as they stand in the card.
        given, kept: channels as they come, and in the order in which they are written.
        zone: name of the time zone, or distance from UTC.
    """

    def __init__(
        self,
        recorder: Folder,
        name: str,
        who: str,
        file: str,
        given: tuple[str, ...],
        kept: tuple[str, ...],
        rate_hz: float,
        zone: str,
    ) -> None:
        self._recorder = recorder
        self.name, self.who, self.file, self.kept, self.rate_hz, self.zone = name, who, file, kept, rate_hz, zone
        self.started = ""
        """Date and time (UTC, ISO 8601) at which the clock of the samples was at zero."""
        self.activities: dict[str, None] = {}
        self.over = ""
        """The reason why it has ended by itself; empty while it has not."""
        self._order = [given.index(channel) for channel in kept]
        self._pending: deque[str] = deque()
        self._words: deque[str] = deque()
        self._came = self._written = self._labels = 0
        self._first = self._last = -math.inf
        self._io = threading.Lock()
        self._closed = self._entered = False
        self._size = 0

    @property
    def seconds(self) -> float:
        """Length of what came so far."""
        return max(0.0, self._last - self._first) if self._came else 0.0

    def add(self, t: Sequence[float], x: Sequence[Sequence[float]]) -> None:
        """Take samples: times (n,) in seconds, and a row for each channel; times that do not increase are left out."""
        if self.over or self._closed or t[0] <= self._last or any(b <= a for a, b in pairwise(t)):
            return
        if not self._came:
            # no calendar has the moments of clocks that are far from it
            zero = timedelta(seconds=t[-1] if abs(t[-1]) < 1e9 else 0)
            self.started = (datetime.now(UTC) - zero).isoformat(timespec="milliseconds")
            self._first = t[0]
        if t[-1] - self._first > self._recorder.bounds.session_s:
            self.over = f"it has lasted for {self._recorder.bounds.session_s / 3600:g} hours, which is all that it may"
        elif self._came - self._written > WAITING_S * self.rate_hz:
            self.over = "samples came faster than the disk took them"
        else:
            self._last = t[-1]
            self._came += len(t)
            self._pending.append(growing.samples_line(t, [x[i] for i in self._order]))

    def label(self, at: float, activity: str | None) -> bool:
        """Label from a moment on, until the next label; None: no activity. False where there are too many."""
        if self.over or self._closed:
            return True
        if self._labels >= MOST_LABELS or (activity and not self._recorder.may_name(activity)):
            return False
        self._labels += 1
        if activity:
            self.activities[activity] = None
            self._words.append(activity)
        self._pending.append(growing.label_line(at, activity))
        return True

    def flush(self) -> None:
        """Put on the disk what came. Where that fails the recording ends, and `over` says why; what was there stays."""
        with self._io:
            if self._closed or not self._came:
                return
            words, came = [self._words.popleft() for _ in range(len(self._words))], self._came
            lines = [self._pending.popleft() for _ in range(len(self._pending))]
            text = "".join(lines).encode()
            if not text:
                return
            try:
                self._recorder.check_room(len(text))
                if self._entered and words:  # the card has every activity of the lines
                    self._recorder.enter(self)
                self._append(text)
                self._written = came
                if not self._entered:
                    self._recorder.enter(self)
                    self._entered = True
            except Ended as error:
                self.over = str(error)
            except (OSError, StorageError) as error:
                _log.warning("recording %s ends: %s", self.name, error)
                self.over = "the disk of the computer is full or cannot be written"
            if self.over:
                self._close()

    def end(self) -> bool:
        """Write the recording as it stays; True where there is one, of `LEAST_S` at least."""
        self.flush()
        with self._io:
            self._closed = True
            try:
                if self.seconds < LEAST_S:
                    self._recorder.discard(self)
                    self._entered = False
                self._recorder.finish(self)
            except (DataError, StorageError) as error:
                _log.warning("recording %s stays as its lines: %s", self.name, error)
            return self._entered

    def discard(self) -> None:
        """Remove all of it.

        Raises:
            StorageError: it cannot be removed.
        """
        with self._io:
            self._closed = True
            self._recorder.discard(self)
            self._entered = False

    def _append(self, text: bytes) -> None:
        descriptor = os.open(self._recorder.folder / self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            left = text
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._size)
            raise
        finally:
            os.close(descriptor)
        self._size += len(text)
        self._recorder.grew(len(text))

    def _close(self) -> None:
        self._closed = True
        if not self._entered:  # nothing of it is named anywhere
            with contextlib.suppress(OSError):
                (self._recorder.folder / self.file).unlink(missing_ok=True)
