"""A data set: its description, its recordings in SI units, and the check of the copy at hand."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from otolith.datasets.tables import read_bytes
from otolith.progress import SILENT, Progress
from otolith.recording import CHANNELS, Recording, unit_of
from otolith.windows.subjects import FixedSubjects, Holdout

if TYPE_CHECKING:
    from otolith.windows import Windows


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a data set that are known without opening a file of it.

    Args:
        name: the name by which it is loaded, lower case.
        title: its name and what it holds, in one line.
        rate_hz: the sensors' highest nominal rate.
        activities: in the order of the class indices; none: all of it is unlabelled.
        n_subjects, n_recordings: of the published whole; None where unknown.
        short: its name in tables and figures; empty: as `name`.
        default_split: the authors' split of subjects, or a random hold-out.
        channels: in the order of its recordings.
        download_url: where its publisher offers it to everybody; None where it must be requested or needs no download.
        own: somebody's own recordings: with too few subjects for a subject split, recordings or time are split instead.
        gravity: "included" in the accelerometer's signals, as sensors measure it, or "removed" from them.
        recipes: values in which a shipped recipe differs for this data set, as
            {"paper": {"encoder.blocks": 6}, "compact": {}}.

    >>> from otolith.datasets import info
    >>> info("uci-har").short, info("uci-har").n_subjects, info("uci-har").units[0]
    ('UCI-HAR', 30, 'm/s^2')
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
    short: str = ""
    default_split: FixedSubjects | Holdout = field(default_factory=Holdout)
    channels: tuple[str, ...] = CHANNELS
    download_url: str | None = None
    own: bool = False
    gravity: str = "included"
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def units(self) -> tuple[str, ...]:
        """SI unit of each channel, in the order of `channels`."""
        return tuple(unit_of(channel) for channel in self.channels)


@dataclass(frozen=True)
class Problem:
    """One thing that is missing or damaged, and what to do about it.

    A problem that is not `serious` leaves a usable copy: something of the published whole is absent, passed over or
    repaired.

    >>> str(Problem("a.txt", "is empty", "Restore it."))
    'a.txt: is empty. Restore it.'
    """

    where: str
    what: str
    cure: str = ""
    serious: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f". {self.cure}" if self.cure else "")


class Dataset(ABC):
    """Recordings from one source. A subclass reads files and converts units; it neither cuts nor resamples.

    It gives `info`, `files` and either `readers` or `recordings`; one that needs a folder also `folder_names`,
    `expects` and `recognise`.

    >>> from otolith.datasets import load
    >>> recording = next(load("synthetic").recordings())
    >>> recording.name, recording.streams[0].rate_hz
    ('subject01_take1', 50.0)
    """

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
        """Return the folder of the raw files if `folder` is it or its parent, else None. Looks at names only."""
        return None

    @abstractmethod
    def files(self) -> list[Path]:
        """Return the raw files behind `recordings`, sorted; none for a data set that is computed."""

    def readers(self) -> Sequence[Callable[[], Recording]]:
        """Return a picklable reader for each of `recordings`, in their order, so that processes can share the work.

        Empty where recordings cannot be read one by one.

        Raises:
            DataError: files are missing.
        """
        return ()

    def recordings(self) -> Iterator[Recording]:
        """Yield all recordings in a fixed order, in m/s² and rad/s.

        Raises:
            DataError: a file is missing or damaged; names the file, line or value, what was expected and the
            cure.
        """
        for reader in self.readers():
            yield reader()

    def absences(self) -> list[Problem]:
        """Return what the names of files tell to be absent, beside the files of the published manifest."""
        return []

    def check(self, deep: bool = False) -> list[Problem]:
        """Return what is missing, damaged or repaired; empty when all is well.

        The quick check looks at names, counts and sizes; `deep` compares the checksums of files whose published ones
        are known, and reads every recording where there are other files.
        """
        from otolith.datasets.checking import check

        return check(self, deep)

    def fingerprint(self, path: Path) -> dict[str, int | str]:
        """Return what identifies one raw file in a manifest: by default its size and the checksum of its bytes.

        Raises:
            DataError: the file cannot be read.
        """
        content = read_bytes(path)
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def cache_key(self) -> str:
        """Return everything besides the bytes of `files` that decides what `recordings` yields."""
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
        """Return its windows, cut by the rule of `otolith.windows`, or those that were cut before.

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
