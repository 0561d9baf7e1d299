"""What every data set offers: a description, recordings in SI units, and a check of the copy at hand."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from otolith.datasets.tables import read_bytes
from otolith.progress import SILENT, Progress
from otolith.recording import CHANNELS, Recording, unit_of
from otolith.windows.subjects import FixedSubjects, Holdout

if TYPE_CHECKING:
    from otolith.windows import Windows


@dataclass(frozen=True)
class DatasetInfo:
    """What one must know of a data set before using it, without opening a file.

    `rate_hz` is the sensors' highest nominal rate. `activities` stand in the order of the class indices; a
    set that has none is wholly unlabelled. `n_subjects` and `n_recordings` count the published whole, None
    where unknown.
    """

    name: str
    title: str
    rate_hz: float
    activities: tuple[str, ...]
    n_subjects: int | None
    n_recordings: int | None
    licence: str
    terms: str
    citation: str
    homepage: str
    how_to_get: str
    default_split: FixedSubjects | Holdout = field(default_factory=Holdout)
    channels: tuple[str, ...] = CHANNELS
    download_url: str | None = None
    """Where the publisher offers it to everybody; None where it must be requested or needs no download."""
    own: bool = False
    """Somebody's own recordings: with too few subjects for a subject split, recordings or time are split instead."""

    gravity: str = "included"
    """"included" in the accelerometer's signals, as sensors measure it, or "removed" from them."""

    @property
    def units(self) -> tuple[str, ...]:
        """SI unit of each channel, in the order of `channels`."""
        return tuple(unit_of(channel) for channel in self.channels)


@dataclass(frozen=True)
class Problem:
    """One thing that is missing or damaged, and what to do about it.

    A problem that is not `serious` leaves a usable copy: something of the published whole is absent or passed
    over.
    """

    where: str
    what: str
    cure: str
    serious: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.cure}"


class Dataset(ABC):
    """Recordings from one source. Subclasses read files and convert units; they neither cut nor resample."""

    info: DatasetInfo
    folder_names: ClassVar[tuple[str, ...]] = ()
    """Names under which people keep the data. Empty: the data set needs no folder."""
    expects: ClassVar[str] = ""
    """The files that the folder holds, for messages."""
    version: ClassVar[int] = 1
    """Raised whenever the recordings change and the files do not, so that cached windows are built anew."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        """The folder of the raw files if `folder` is it or its parent, else None. Looks at names only."""
        return None

    @abstractmethod
    def recordings(self) -> Iterator[Recording]:
        """All recordings in a fixed order, in m/s² and rad/s.

        Raises:
            DataError: a file is missing or damaged; names the file, line or value, what was expected and the
            cure.
        """

    def readers(self) -> Sequence[Callable[[], Recording]]:
        """A picklable reader for each of `recordings`, in their order, so that several processes can share the work.

        Empty where recordings cannot be read one by one.
        """
        return ()

    @abstractmethod
    def files(self) -> list[Path]:
        """The raw files behind `recordings`, sorted; empty for a data set that is computed."""

    @abstractmethod
    def check(self, deep: bool = False) -> list[Problem]:
        """What is missing or damaged; empty when all is well.

        The quick check looks at names, counts and sizes; `deep` reads every file and compares checksums where
        the published ones are known.
        """

    def fingerprint(self, path: Path) -> dict[str, int | str]:
        """What identifies one raw file in a manifest: by default its size and the checksum of its bytes.

        Raises:
            DataError: the file cannot be read.
        """
        content = read_bytes(path)
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def cache_key(self) -> str:
        """Everything besides the bytes of `files` that decides what `recordings` yields."""
        return f"{self.info.name} reader {self.version}"

    def windows(
        self,
        rate_hz: float = 30,
        seconds: float = 1.0,
        overlap: float = 0.5,
        unlabelled: bool = False,
        channels: Sequence[str] | None = None,
        *,
        workers: int | None = None,
        progress: Progress = SILENT,
    ) -> Windows:
        """Cut into windows by the rule of `otolith.windows`, or open those that were cut before.

        Args:
            rate_hz: sampling rate of the windows, whatever the rate of the recordings.
            seconds: length of a window.
            overlap: share of a window that the next one repeats, 0 <= overlap < 1.
            unlabelled: also cut the stretches without a label; their `y` is -1.
            channels: those to cut, in this order; None: all.
            workers: processes that read and cut; None: one for each core where that is worth it.

        Raises:
            DataError: the recordings cannot be read, or give no window at all.
        """
        from otolith.windows.cache import windows_for

        return windows_for(
            self,
            rate_hz=rate_hz,
            seconds=seconds,
            overlap=overlap,
            unlabelled=unlabelled,
            channels=channels,
            workers=workers,
            progress=progress,
        )
