"""A data set: its recordings in SI units, and the check of the copy at hand."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from otolith import showing
from otolith.datasets.checking import check
from otolith.datasets.description import DatasetInfo, Problem
from otolith.datasets.tables import read_bytes
from otolith.errors import OtolithError
from otolith.progress import HERE, Progress
from otolith.recording import Recording, sensors_of

if TYPE_CHECKING:
    from otolith.windows import Windows


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
    whole_s: ClassVar[float | None] = None
    """Seconds of the published recordings together, counted once; None: nobody counted."""
    version: ClassVar[int] = 1
    """Raised whenever the recordings change and the files do not, so that cached windows are built anew."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root

    def __repr__(self) -> str:
        found = self._facts()
        sensors = showing.plain(", ".join(found["sensors"]), 30)
        activities = showing.count(len(self.info.activities), "activity", "activities")
        told = [sensors, f"{self.info.rate_hz:g} Hz", found["people"], found["length"], activities]
        return showing.line("Dataset", self.info.name, told)

    def _repr_html_(self) -> str:
        """Return a card with a picture of one recording, where its files are there."""
        try:
            pictures = self.example().pictures()
        except (OtolithError, OSError, StopIteration):  # `check` says what is wrong
            pictures = []
        info = self.info
        told = {"activities": info.activities, "rate": f"{info.rate_hz:g} Hz", "licence": info.licence}
        return showing.card("Data set", info.name, {"what": info.title} | self._facts() | told, pictures)

    def _facts(self) -> dict[str, Any]:
        info, length = self.info, self.length_s()
        return {
            "sensors": list(sensors_of(info.channels)),
            "people": "" if info.n_subjects is None else showing.count(info.n_subjects, "person", "people"),
            "recordings": info.n_recordings,
            "length": "" if length is None else showing.duration(length),
        }

    def length_s(self) -> float | None:
        """Return the seconds of all recordings together where they are known without reading them, else None."""
        return self.whole_s

    def labelled_s(self) -> float | None:
        """Return the seconds with a label where they are known without reading the recordings, else None."""
        return None

    def example(self) -> Recording:
        """Return one recording, to be shown.

        Raises:
            DataError: files are missing or damaged.
        """
        readers = self.readers()
        return readers[0]() if readers else next(iter(self.recordings()))

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
        progress: Progress = HERE,
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
