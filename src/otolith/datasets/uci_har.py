"""UCI-HAR: raw smartphone recordings, the version with postural transitions (phone at the waist, 50 Hz).

`RawData/acc_expEE_userUU.txt` (g) and `gyro_expEE_userUU.txt` (rad/s) hold three values a line; `labels.txt`
holds experiment, user, label, first and last sample (1-based, inclusive). Labels 1-6 are the activities;
transitions (7-12) and what lies between the rows stay unlabelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from otolith.datasets.base import Dataset, DatasetInfo
from otolith.datasets.registry import register
from otolith.datasets.tables import CURE, read_numbers
from otolith.errors import DataError
from otolith.recording import CHANNELS, STANDARD_GRAVITY, Recording, Segment, Stream
from otolith.windows.subjects import FixedSubjects

RATE_HZ = 50.0
AXES = ("x", "y", "z")
LABEL_COLUMNS = ("experiment", "user", "label", "first sample", "last sample")
ACTIVITIES = ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying")
N_LABELS = 12
SIGNAL = re.compile(r"(acc|gyro)_exp(\d+)_user(\d+)\.txt")
LabelRow = tuple[int, int, int, int, int, int]
"""Line, experiment, user, label, first and last sample."""


def signal_names(experiment: int, user: int) -> list[str]:
    """Return the file names of the accelerometer and the gyroscope of one experiment."""
    return [f"{sensor}_exp{experiment:02d}_user{user:02d}.txt" for sensor in ("acc", "gyro")]


@register
class UciHar(Dataset):
    """61 experiments of 30 users; see the module's docstring for the files."""

    info = DatasetInfo(
        name="uci-har",
        short="UCI-HAR",
        title="UCI-HAR, smartphone recordings with postural transitions",
        rate_hz=RATE_HZ,
        activities=ACTIVITIES,
        n_subjects=30,
        n_recordings=61,
        licence="own terms, in the data set's README",
        terms="No commercial use; publications must cite the authors; given as is.",
        models="research",
        citation=(
            "J.-L. Reyes-Ortiz, L. Oneto, A. Samà, X. Parra, D. Anguita: Transition-aware human activity "
            "recognition using smartphones. Neurocomputing 171 (2016) 754-767. "
            "doi:10.1016/j.neucom.2015.07.085"
        ),
        common={
            "walking": "walking",
            "walking upstairs": "stairs up",
            "walking downstairs": "stairs down",
            "sitting": "still",
            "standing": "still",
            "laying": "still",
        },
        homepage="https://archive.ics.uci.edu/dataset/341",
        how_to_get=(
            "Download 'Smartphone-Based Recognition of Human Activities and Postural Transitions' (data set "
            "341) from https://archive.ics.uci.edu/dataset/341 and unzip it; the folder RawData in it is "
            "what is read."
        ),
        default_split=FixedSubjects(val=(4, 10, 21, 24, 28), test=(2, 3, 11, 14, 26, 30)),
        recipes={  # the shipped recipes have the paper's values for this data set
            "compact": {
                "augment": [
                    {"name": "jitter", "probability": 1.0, "sigma": 0.5},
                    {"name": "scaling", "probability": 0.5, "sigma": 0.5},
                    {"name": "permutation", "probability": 0.5},
                    {"name": "time_warp", "probability": 0.5},  # beyond the paper's set; tried on validation subjects
                ]
            }
        },
        download_url=(
            "https://archive.ics.uci.edu/static/public/341/smartphone+based+recognition+of+human+activities+and+postural+transitions.zip"
        ),
    )
    whole_s = 22_455.0
    folder_names = ("RawData", "HAPT", "HAPT Data Set", "uci-har", "UCI-HAR", "UCI HAR Dataset")
    expects = "RawData with labels.txt, acc_expEE_userUU.txt and gyro_expEE_userUU.txt"
    root: Path

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        for candidate in (folder, folder / "RawData"):
            if (candidate / "labels.txt").is_file() or any(candidate.glob("acc_exp*_user*.txt")):
                return candidate
        return None

    def files(self) -> list[Path]:
        signals = [path for path in self.root.glob("*_exp*_user*.txt") if SIGNAL.fullmatch(path.name)]
        return sorted([*signals, *(path for path in [self.root / "labels.txt"] if path.is_file())])

    def readers(self) -> list[Callable[[], Recording]]:
        rows = self._label_rows()
        present = {path.name for path in self.files()}
        found = {(int(match[2]), int(match[3])) for name in present if (match := SIGNAL.fullmatch(name))}
        experiments = sorted(found | {(row[1], row[2]) for row in rows})
        wanted = [name for experiment in experiments for name in signal_names(*experiment)]
        missing = [name for name in wanted if name not in present]
        if missing:
            raise DataError(
                f"{self.root}: {len(missing)} of {len(wanted)} files are missing, the first is {missing[0]}. "
                "Restore the missing files or unpack the archive again."
            )
        return [
            partial(read_experiment, self.root, *each, [row for row in rows if row[1:3] == each])
            for each in experiments
        ]

    def _label_rows(self) -> list[LabelRow]:
        path = self.root / "labels.txt"
        frame = read_numbers(path, LABEL_COLUMNS, " ", integers=LABEL_COLUMNS)
        return [(line, *row) for line, row in enumerate(frame.rows(), 1)]


def read_experiment(root: Path, experiment: int, user: int, rows: Sequence[LabelRow]) -> Recording:
    """Return the recording of one experiment; `rows` are its rows of labels.txt.

    Raises:
        DataError: a file is damaged, both have different lengths, or a row leads outside the recording.
    """
    paths = [root / name for name in signal_names(experiment, user)]
    acc, gyro = (read_numbers(path, AXES, " ").to_numpy() for path in paths)
    if len(acc) != len(gyro):
        raise DataError(
            f"{paths[0]} has {len(acc)} samples and {paths[1].name} {len(gyro)}; both must have equally many. {CURE}"
        )
    with np.errstate(over="ignore"):  # becomes infinite, which the clock refuses
        signal = np.concatenate([acc.T * STANDARD_GRAVITY, gyro.T])
    return Recording(
        name=f"exp{experiment:02d}_user{user:02d}",
        subject=user,
        streams=(Stream(CHANNELS, signal, RATE_HZ),),
        segments=_segments(root / "labels.txt", rows, signal.shape[1]),
    )


def _segments(path: Path, rows: Sequence[LabelRow], n_samples: int) -> tuple[Segment, ...]:
    segments = []
    last_before = 0
    for line, _, _, label, first, last in sorted(rows, key=lambda row: row[4]):
        where = f"{path}, line {line}"
        if not 1 <= label <= N_LABELS:
            raise DataError(f"{where}: label {label}, expected 1 to {N_LABELS}. {CURE}")
        if not 1 <= first <= last <= n_samples:
            raise DataError(
                f"{where}: samples {first} to {last}, expected 1 <= first <= last <= {n_samples}, the length of the "
                f"recording. {CURE}"
            )
        if first <= last_before:
            raise DataError(f"{where}: starts at sample {first}, inside the row that ends at {last_before}. {CURE}")
        last_before = last
        if label <= len(ACTIVITIES):
            segments.append(Segment((first - 1) / RATE_HZ, last / RATE_HZ, ACTIVITIES[label - 1]))
    return tuple(segments)
