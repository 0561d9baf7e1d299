"""WISDM 2019, its watch: on the dominant wrist, about 20 Hz, 18 activities of daily life and of the hand.

`raw/watch/{accel,gyro}/data_PPPP_{accel,gyro}_watch.txt` holds all that person PPPP did, a line a sample:
`person,letter,time,x,y,z;`, in m/s² or rad/s, with the time in ns since the watch was started. A recording is the three
minutes of one activity, with both sensors on their clocks. Published are 51 people, 1600 to 1650; the data set is
whatever of them is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.datasets.registry import register
from otolith.datasets.tables import CURE, read_bytes, read_numbers
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows.times import Samples, SourceFile, rate_of, repair_whole

if TYPE_CHECKING:
    import polars as pl

RATE_HZ = 100.0
"""Highest rate: two recordings have it, all others 20 Hz."""
SUBJECTS = range(1600, 1651)
ACTIVITIES = {
    "A": "walking",
    "B": "jogging",
    "C": "stairs",
    "D": "sitting",
    "E": "standing",
    "F": "typing",
    "G": "brushing teeth",
    "H": "eating soup",
    "I": "eating chips",
    "J": "eating pasta",
    "K": "drinking",
    "L": "eating a sandwich",
    "M": "kicking a ball",
    "O": "catching a ball",
    "P": "dribbling",
    "Q": "writing",
    "R": "clapping",
    "S": "folding clothes",
}
"""By the publisher's letter; there is no N."""
COLUMNS = ("person", "activity", "time", "x", "y", "z")
FILE = re.compile(r"data_(\d{4})_(accel|gyro)_watch\.txt")
SENSORS = {"accel": "accelerometer", "gyro": "gyroscope"}


@register
class WisdmWatch(Dataset):
    """A recording for each person and activity that both sensors have; see the module's docstring for the files."""

    info = DatasetInfo(
        name="wisdm-watch",
        short="WISDM, watch",
        title="WISDM 2019, its watch: 18 activities of daily life and of the hand",
        rate_hz=RATE_HZ,
        activities=tuple(ACTIVITIES.values()),
        n_subjects=len(SUBJECTS),
        n_recordings=None,
        licence="CC BY 4.0",
        terms="Free to use, also commercially; name the authors.",
        models="any use",
        citation=(
            "G. M. Weiss, K. Yoneda, T. Hayajneh: Smartphone and smartwatch-based biometrics using activities of daily "
            "living. IEEE Access 7 (2019) 133190-133202. doi:10.1109/ACCESS.2019.2940729"
        ),
        common={
            "walking": "walking",
            "jogging": "running",
            "stairs": "stairs",
            "sitting": "still",
            "standing": "still",
            # seated, whatever the hand does
            "typing": "still",
            "writing": "still",
            "eating soup": "still",
            "eating chips": "still",
            "eating pasta": "still",
            "eating a sandwich": "still",
            "drinking": "still",
        },
        homepage="https://doi.org/10.24432/C5HK59",
        how_to_get=(
            "Download the archive from https://doi.org/10.24432/C5HK59 and unzip it, and the archive in it; the folder "
            "raw/watch in it is what is read."
        ),
        download_url=(
            "https://archive.ics.uci.edu/static/public/507/"
            "wisdm+smartphone+and+smartwatch+activity+and+biometrics+dataset.zip"
        ),
    )
    folder_names = ("WISDM-watch", "wisdm-dataset", "WISDM", "wisdm-watch")
    expects = "raw/watch with files such as accel/data_1600_accel_watch.txt"
    root: Path

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        for candidate in (folder, folder / "watch", folder / "raw" / "watch"):
            if any(candidate.glob("accel/data_*_accel_watch.txt")):
                return candidate
        return None

    def files(self) -> list[Path]:
        return sorted(path for paths in self._people().values() for path in paths.values())

    def readers(self) -> list[Callable[[], Recording]]:
        whole = {person: paths for person, paths in self._people().items() if len(paths) == len(SENSORS)}
        if not whole:
            raise DataError(f"{self.root}: holds no person with both sensors, expected {self.expects}. {CURE}")
        return [
            partial(read_activity, paths["accel"], paths["gyro"], letter)
            for _, paths in sorted(whole.items())
            for letter in letters_in(paths["accel"], paths["gyro"])
        ]

    def absences(self) -> list[Problem]:
        people = self._people()
        problems = [
            Problem(str(*paths.values()), "has no file of the other sensor beside it; the person is left out",
                    "Restore it, or go on without.", serious=False)
            for _, paths in sorted(people.items())
            if len(paths) < len(SENSORS)
        ]  # fmt: skip
        if len(people) < len(SUBJECTS):
            what = f"has {len(people)} of {len(SUBJECTS)} people"
            problems.append(Problem(str(self.root), what, "Restore the others, or go on without.", serious=False))
        return problems

    def _people(self) -> dict[int, dict[str, Path]]:
        """Paths by person, then by sensor."""
        people: dict[int, dict[str, Path]] = {}
        for path in self.root.glob("*/data_*_watch.txt"):
            match = FILE.fullmatch(path.name)
            if match and match[2] == path.parent.name:
                people.setdefault(int(match[1]), {})[match[2]] = path
        return people


def letters_in(*paths: Path) -> list[str]:
    """Return the letters of the activities that all the files hold, in order.

    Raises:
        DataError: a file cannot be read, or there is no such letter.
    """
    found = [set(re.findall(rb"(?m)^\s*\d+,([A-Z]),", read_bytes(path))) for path in paths]
    letters = sorted(letter.decode() for letter in set.intersection(*found))
    if not letters:
        named = " and ".join(str(path) for path, its in zip(paths, found, strict=True) if not its or all(found))
        raise DataError(f"{named}: no activity has lines, expected such as {', '.join(COLUMNS)}; {CURE}")
    return letters


def read_activity(accel: Path, gyro: Path, letter: str) -> Recording:
    """Return the recording of one activity, both sensors on one clock, in seconds since the earlier first stamp.

    Raises:
        DataError: a line is not one of a person, a letter and four numbers that ends with a semicolon, a letter is
            unknown, a file is of somebody else, or the time stamps cannot be repaired.
    """
    person = int(accel.name[5:9])
    tables = {sensor: _table(path, person) for sensor, path in (("accel", accel), ("gyro", gyro))}
    parts = {sensor: table.filter(table["activity"] == letter) for sensor, table in tables.items()}
    for path, part in zip((accel, gyro), parts.values(), strict=True):
        if not part.height:
            raise DataError(f"{path}: has no line of activity {letter}. {CURE}")
    zero = min(int(part["time"].min()) for part in parts.values())  # type: ignore[arg-type]
    streams: list[Stream] = []
    repairs: tuple[str, ...] = ()
    for (sensor, part), path, channels in zip(parts.items(), (accel, gyro), (CHANNELS[:3], CHANNELS[3:]), strict=True):
        times = (part["time"].to_numpy() - zero) / 1e9
        values = np.ascontiguousarray(part.select("x", "y", "z").to_numpy().T)
        samples, told = repair_whole(Samples(times, values, part["row"].to_numpy()), SENSORS[sensor], SourceFile(path))
        if len(samples.times) < 2:
            raise DataError(f"{path}: holds {len(samples.times)} sample of activity {letter}, expected more. {CURE}")
        streams.append(Stream(channels, samples.values, rate_of(samples.times), times=samples.times))
        repairs += told
    return Recording(
        name=f"{person}_{letter}",
        subject=person,
        streams=tuple(streams),
        segments=(Segment(0.0, None, ACTIVITIES[letter]),),
        repairs=repairs,
    )


def _table(path: Path, person: int) -> pl.DataFrame:
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}). {CURE}") from error
    return _read(path, person, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=2)  # both sensors of the person at hand, whose recordings are read one after another
def _read(path: Path, person: int, size: int, changed_ns: int) -> pl.DataFrame:
    """Columns person, activity, time, x, y, z, and row, counted from 0."""
    import polars as pl

    text = read_bytes(path)
    lines = text.rstrip(b"\r\n").split(b"\n") if text.strip() else []
    for number, line in enumerate(lines, 1):
        if not line.rstrip(b"\r").endswith(b";"):
            raise DataError(f"{path}, line {number}: does not end with a semicolon. {CURE}")
    content = text.replace(b";", b"").replace(b"\r", b"")
    frame = read_numbers(path, COLUMNS, ",", content=content, integers=("person", "time"), texts=("activity",))
    for column, right, expected in (
        ("person", pl.col("person") == person, str(person)),
        ("activity", pl.col("activity").is_in(list(ACTIVITIES)), f"one of {', '.join(ACTIVITIES)}"),
    ):
        wrong = frame.select(~right).to_series().arg_true()
        if len(wrong):
            row = int(wrong[0])
            raise DataError(f"{path}, line {row + 1}: {column} {frame[column][row]!r}, expected {expected}. {CURE}")
    return frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
