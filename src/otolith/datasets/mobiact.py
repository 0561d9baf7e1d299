"""MobiAct v2: a phone in the trouser pocket, annotated files on a 200 Hz grid. Given out on request only.

`Annotated Data/CODE/CODE_subject_trial_annotated.csv` has a header and the columns named in `COLUMNS`,
accelerometer in m/s², gyroscope in rad/s. A run of rows with one label is a segment. Falls and the lying
after them are not activities here: rows with such a label stay unlabelled, and the scenario folders of falls
and of daily routines that the authors' protocol leaves out are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.datasets.registry import register
from otolith.datasets.tables import CURE, read_columns
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows.subjects import FixedSubjects
from otolith.windows.times import Samples, SourceFile, repair_whole

RATE_HZ = 200.0
FIRST_LINE = 2
COLUMNS = ("rel_time", *CHANNELS)
ACTIVITIES = {
    "STD": "standing",
    "WAL": "walking",
    "JOG": "jogging",
    "JUM": "jumping",
    "STU": "stairs up",
    "STN": "stairs down",
    "SCH": "sitting down",
    "SIT": "sitting",
    "CHU": "standing up",
    "CSI": "car step in",
    "CSO": "car step out",
}
SKIPPED_LABELS = ("LYI", "FOL", "FKL", "BSC", "SDL")
SKIPPED_FOLDERS = ("FOL", "FKL", "SDL", "BSC", "LYI", "SLH", "SBW", "SLW", "SBE", "SRH")
SPLIT = FixedSubjects(
    val=(3, 9, 16, 21, 22, 23, 24, 37, 52, 54),
    test=(5, 6, 25, 36, 41, 42, 43, 50, 53, 56, 60, 61, 63),
    train=(
        *(1, 2, 4, 7, 8, 10, 11, 12, 18, 19, 20, 26, 27, 28, 29, 32, 33, 34, 35),
        *(38, 39, 40, 44, 45, 46, 47, 48, 49, 51, 55, 57, 58, 59, 62, 64, 65, 66, 67),
    ),
)
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {
        "encoder.maps": [64, 128, 256],  # IV-B3
        "encoder.blocks": 6,  # IV-B3
        "projection.hidden": 512,  # predecessor
        "pretrain.batch_size": 256,  # predecessor
        "autoencoder.latent": 1024,  # IV-B1
        "augment.2": {"name": "rotation", "probability": 0.5},  # IV-B2
    },
    "compact": {
        "projection.hidden": 512,
        "autoencoder.latent": 1024,
        "augment.2": {"name": "rotation", "probability": 0.5},
    },
}
"""Sections are those of the paper; "predecessor" is explained in the shipped recipes."""
FILE = re.compile(r"([A-Z]{3})_(\d+)_(\d+)_annotated\.csv")


@register
class MobiAct(Dataset):
    """Annotated trials of 61 subjects in the authors' split; see the module's docstring for the files."""

    info = DatasetInfo(
        name="mobiact",
        short="MobiAct",
        title="MobiAct v2, annotated smartphone recordings from the trouser pocket",
        rate_hz=RATE_HZ,
        activities=tuple(ACTIVITIES.values()),
        n_subjects=61,
        n_recordings=None,
        licence="given out by its authors on request",
        terms="Research only; publications must cite the authors; not to be passed on.",
        models="research",
        citation=(
            "G. Vavoulas, C. Chatzaki, T. Malliotakis, M. Pediaditis, M. Tsiknakis: The MobiAct dataset: "
            "recognition of activities of daily living using smartphones. Proc. ICT4AWE 2016, 143-151. "
            "doi:10.5220/0005792401430151"
        ),
        common={
            "standing": "still",
            "sitting": "still",
            "walking": "walking",
            "jogging": "running",
            "stairs up": "stairs up",
            "stairs down": "stairs down",
        },
        homepage="https://bmi.hmu.gr/the-mobifall-and-mobiact-datasets-2/",
        how_to_get=(
            "Ask its authors for MobiAct v2 through the form on "
            "https://bmi.hmu.gr/the-mobifall-and-mobiact-datasets-2/ and unpack what they send; the folder "
            "'Annotated Data' in it is what is read."
        ),
        default_split=SPLIT,
        recipes=RECIPES,
    )
    folder_names = ("Annotated Data", "MobiAct_Dataset_v2.0", "MobiAct", "mobiact")
    expects = "'Annotated Data' with files such as WAL/WAL_1_1_annotated.csv"
    root: Path

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        for candidate in (folder, folder / "Annotated Data"):
            if any(candidate.glob("*/*_annotated.csv")):
                return candidate
        return None

    def files(self) -> list[Path]:
        return sorted(
            path
            for path in self.root.glob("*/*_annotated.csv")
            if FILE.fullmatch(path.name) and path.parent.name not in SKIPPED_FOLDERS
        )

    def readers(self) -> list[Callable[[], Recording]]:
        paths = sorted(self.files(), key=lambda path: (path.parent.name, *_subject_and_trial(path)))
        if not paths:
            raise DataError(f"{self.root}: holds no annotated file outside the skipped folders. {self.info.how_to_get}")
        return [partial(read_trial, path) for path in paths]

    def absences(self) -> list[Problem]:
        absent = sorted({*SPLIT.val, *SPLIT.test} - {_subject_and_trial(path)[0] for path in self.files()}, key=int)
        if not absent:
            return []
        what = f"has no recording of the subjects {', '.join(map(str, absent))}, whom the authors validate and test on"
        return [Problem(str(self.root), what, "Restore them, or use a random hold-out.")]


def _subject_and_trial(path: Path) -> tuple[int, int]:
    match = FILE.fullmatch(path.name)
    if match is None:
        raise DataError(f"{path}: is not named CODE_subject_trial_annotated.csv. Rename it, or move it away.")
    return int(match[2]), int(match[3])


def read_trial(path: Path) -> Recording:
    """Return the recording in one annotated file, a regular stream unless a step of `rel_time` is off by half a sample.

    Raises:
        DataError: a column is absent, a value is not a finite number, or a label is unknown.
    """
    subject, _ = _subject_and_trial(path)
    frame = read_columns(path, COLUMNS, texts=["label"])
    times = frame["rel_time"].to_numpy()
    signal = np.ascontiguousarray(frame.select(CHANNELS).to_numpy().T)
    regular = bool((np.abs(np.diff(times) - 1 / RATE_HZ) < 0.5 / RATE_HZ).all())
    repairs: tuple[str, ...] = ()
    samples = Samples(np.arange(len(times)) / RATE_HZ if regular else times, signal, np.arange(len(times)))
    if not regular:
        samples, repairs = repair_whole(samples, "sensors", SourceFile(path, FIRST_LINE))
    return Recording(
        name=f"{path.parent.name}/{path.stem.removesuffix('_annotated')}",
        subject=subject,
        streams=(Stream(CHANNELS, samples.values, RATE_HZ, times=None if regular else samples.times),),
        segments=_segments(path, frame["label"].to_numpy()[samples.rows], samples),
        repairs=repairs,
    )


def _segments(path: Path, labels: NDArray[np.object_], samples: Samples) -> tuple[Segment, ...]:
    times = samples.times
    starts = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist()]
    segments = []
    for start, stop in zip(starts, [*starts[1:], len(labels)], strict=True):
        label = str(labels[start]).strip()
        if label in ACTIVITIES:
            end_s = times[stop] if stop < len(times) else times[-1] + 1 / RATE_HZ
            segments.append(Segment(float(times[start]), float(end_s), ACTIVITIES[label]))
        elif label not in SKIPPED_LABELS:
            raise DataError(
                f"{path}, line {FIRST_LINE + samples.rows[start]}: label is {label!r}, expected one of "
                f"{', '.join([*ACTIVITIES, *SKIPPED_LABELS])}. {CURE}"
            )
    return tuple(segments)
