"""SP-SW-HAR: a phone in the trouser pocket and a watch on the wrist, worn together, about 100 Hz.

`DATA/sNN/sNN_EE_{sp,sw}.csv` holds one execution by subject NN of one sequence of activities (get up, walk, turn, walk
back, turn, sit down), as the phone (sp) or the watch (sw) recorded it: accelerometer in m/s², gyroscope in rad/s, the
moment in ms at which the sample came, and its activity. The phone's stamps bunch: a twelfth of them repeat the one
before. `sp-sw-har` holds both devices, each execution being two recordings; `sp-sw-har-phone` and `sp-sw-har-watch`
hold one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.datasets.registry import register
from otolith.datasets.tables import CURE, read_columns
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows.times import Samples, SourceFile, repair_whole

RATE_HZ = 100.0
"""Nominal; the phone has 101 samples a second, the watch 104."""
N_SUBJECTS, N_EXECUTIONS = 23, 223
ACTIVITIES = {
    "SEATED": "sitting",
    "STANDING_UP": "standing up",
    "WALKING": "walking",
    "TURNING": "turning",
    "SITTING_DOWN": "sitting down",
}
DEVICES = {"sp": "phone", "sw": "watch"}
COLUMNS = [f"{axis}_{sensor}" for sensor in ("acc", "gyro") for axis in "xyz"]
FILE = re.compile(r"s(\d{2})_(\d{2})_(sp|sw)\.csv")
URL = "https://github.com/GeoTecINIT/sp-sw-har-dataset"

INFO = DatasetInfo(
    name="sp-sw-har",
    short="SP-SW-HAR",
    title="SP-SW-HAR, getting up, walking, turning and sitting down with a phone in the pocket and a watch",
    rate_hz=RATE_HZ,
    activities=tuple(ACTIVITIES.values()),
    n_subjects=N_SUBJECTS,
    n_recordings=2 * N_EXECUTIONS,
    licence="CC BY 4.0",
    terms="Free to use, also commercially; name the authors.",
    models="any use",
    citation=(
        "M. Matey-Sanz, S. Casteleyn, C. Granell: Dataset of inertial measurements of smartphones and smartwatches "
        "for human activity recognition. Data in Brief 51 (2023) 109809. doi:10.1016/j.dib.2023.109809"
    ),
    common={
        "sitting": "still",
        "walking": "walking",
        "turning": "walking",
    },
    homepage="https://doi.org/10.5281/zenodo.8398688",
    how_to_get=(
        "Download the archive from https://doi.org/10.5281/zenodo.8398688 and unzip it; the folder DATA in it is what "
        "is read."
    ),
    download_url=f"{URL}/archive/HEAD.zip",
)


@register
class SpSwHar(Dataset):
    """446 recordings of 23 subjects, half of them of the phone; see the module's docstring for the files."""

    info = INFO
    whole_s = 5_047.0
    folder_names = ("sp-sw-har", "sp-sw-har-dataset", "SP-SW-HAR")
    expects = "DATA with files such as s01/s01_01_sp.csv"
    devices: ClassVar[tuple[str, ...]] = tuple(DEVICES)
    root: Path

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        for candidate in (folder / "DATA", folder):
            if any(candidate.glob("s[0-9][0-9]/s*_s[pw].csv")):
                return candidate
        return None

    def files(self) -> list[Path]:
        named = ((FILE.fullmatch(path.name), path) for path in self.root.glob("s[0-9][0-9]/*.csv"))
        return sorted(path for match, path in named if match and match[3] in self.devices)

    def readers(self) -> list[Callable[[], Recording]]:
        paths = self.files()
        if not paths:
            raise DataError(f"{self.root}: holds no execution, expected {self.expects}. {CURE}")
        return [partial(read_execution, path) for path in paths]

    def absences(self) -> list[Problem]:
        paths = self.files()
        subjects = {path.parent.name for path in paths}
        expected = N_EXECUTIONS * len(self.devices)
        if len(paths) >= expected and len(subjects) >= N_SUBJECTS:
            return []
        what = f"has {len(paths)} of {expected} recordings, of {len(subjects)} of {N_SUBJECTS} subjects"
        return [Problem(str(self.root), what, "Restore the others, or go on without.", serious=False)]


@register
class SpSwHarPhone(SpSwHar):
    """The 223 recordings of the phone."""

    info = replace(
        INFO,
        name="sp-sw-har-phone",
        short="SP-SW-HAR, phone",
        title="SP-SW-HAR, its phone alone: in a trouser pocket, in four orientations",
        n_recordings=N_EXECUTIONS,
    )
    whole_s = 2_529.0
    devices = ("sp",)


@register
class SpSwHarWatch(SpSwHar):
    """The 223 recordings of the watch."""

    info = replace(
        INFO,
        name="sp-sw-har-watch",
        short="SP-SW-HAR, watch",
        title="SP-SW-HAR, its watch alone: on the wrist",
        n_recordings=N_EXECUTIONS,
    )
    whole_s = 2_518.0
    devices = ("sw",)


def read_execution(path: Path) -> Recording:
    """Return the recording in one file, in seconds since its first stamp; a segment for each run of one activity.

    Raises:
        DataError: a column is absent, a value is not a finite number, an activity is unknown, or the time stamps
            cannot be repaired.
    """
    frame = read_columns(path, COLUMNS, integers=["timestamp"], texts=["label"])
    labels = frame["label"].to_numpy()
    for row in np.flatnonzero(~np.isin(labels, list(ACTIVITIES))):
        raise DataError(
            f"{path}, line {int(row) + 2}: activity {labels[row]!r}, expected one of {', '.join(ACTIVITIES)}. {CURE}"
        )
    stamps = frame["timestamp"].to_numpy()
    times = (stamps - stamps[0]) / 1e3
    samples = Samples(times, np.ascontiguousarray(frame.select(COLUMNS).to_numpy().T), np.arange(len(times)))
    repaired, repairs = repair_whole(samples, "accelerometer and gyroscope", SourceFile(path, 2))
    if len(repaired.times) < 2:
        raise DataError(f"{path}: holds {len(repaired.times)} sample with a time of its own, expected more. {CURE}")
    begins = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]]))
    starts = times[begins].tolist()
    return Recording(
        name=path.stem,
        subject=int(path.stem[1:3]),
        streams=(Stream(CHANNELS, repaired.values, RATE_HZ, times=repaired.times),),
        segments=tuple(
            Segment(start, end, ACTIVITIES[label])
            for start, end, label in zip(starts, [*starts[1:], None], labels[begins], strict=True)
            if start < repaired.times[-1]  # the last sample alone may have another activity
        ),
        repairs=repairs,
    )
