"""MotionSense: a phone in the front trouser pocket, 50 Hz, six activities.

`A_DeviceMotion_data/ACT_TRIAL/sub_N.csv` holds one trial of subject N as iOS's CoreMotion tells it: a row number, the
attitude, gravity and the user's acceleration in g, and the rate of rotation in rad/s; there are no time stamps.
CoreMotion's gravity points down, where a sensor at rest (and Android, and the other data sets here) shows +1 g along
the axis that points up, and its user acceleration has the opposite sign too. So the accelerometer is
-(gravity + userAcceleration), as for iOS recordings that otolith imports. One activity fills a recording.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.datasets.registry import register
from otolith.datasets.tables import CURE, UNNAMED, read_columns
from otolith.errors import DataError
from otolith.recording import CHANNELS, STANDARD_GRAVITY, Recording, Segment, Stream

RATE_HZ = 50.0
N_SUBJECTS = 24
ACTIVITIES = {
    "wlk": "walking",
    "ups": "walking upstairs",
    "dws": "walking downstairs",
    "jog": "jogging",
    "sit": "sitting",
    "std": "standing",
}
TRIALS = {"wlk": (7, 8, 15), "ups": (3, 4, 12), "dws": (1, 2, 11), "jog": (9, 16), "sit": (5, 13), "std": (6, 14)}
"""By code of the activity; every subject has all of them."""
GRAVITY, USER, ROTATION = (
    [f"{name}.{axis}" for axis in "xyz"] for name in ("gravity", "userAcceleration", "rotationRate")
)


@register
class MotionSense(Dataset):
    """360 trials of 24 subjects; see the module's docstring for the files."""

    info = DatasetInfo(
        name="motionsense",
        short="MotionSense",
        title="MotionSense, daily activities with a smartphone in the front trouser pocket",
        rate_hz=RATE_HZ,
        activities=tuple(ACTIVITIES.values()),
        n_subjects=N_SUBJECTS,
        n_recordings=N_SUBJECTS * sum(map(len, TRIALS.values())),
        licence="ODbL 1.0; MIT in the publisher's repository",
        terms="Free to use; publications must cite the authors; databases made of it stay under the ODbL.",
        models="any use",
        citation=(
            "M. Malekzadeh, R. G. Clegg, A. Cavallaro, H. Haddadi: Mobile sensor data anonymization. Proc. ACM/IEEE "
            "IoTDI 2019, 49-58. doi:10.1145/3302505.3310068"
        ),
        common={
            "walking": "walking",
            "walking upstairs": "stairs up",
            "walking downstairs": "stairs down",
            "jogging": "running",
            "sitting": "still",
            "standing": "still",
        },
        homepage="https://github.com/mmalekzadeh/motion-sense",
        how_to_get=(
            "Download data/A_DeviceMotion_data.zip from https://github.com/mmalekzadeh/motion-sense and unzip it; the "
            "folder A_DeviceMotion_data in it is what is read."
        ),
    )
    whole_s = 28_257.0
    folder_names = ("A_DeviceMotion_data", "MotionSense", "motion-sense", "motionsense")
    expects = "A_DeviceMotion_data with files such as wlk_7/sub_1.csv"
    root: Path

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        for candidate in (folder, folder / "A_DeviceMotion_data"):
            if any(candidate.glob("[a-z][a-z][a-z]_*/sub_*.csv")):
                return candidate
        return None

    def _trials(self) -> list[tuple[int, str, Path]]:
        """Subject, code of the activity and file of each trial of the published whole."""
        return [
            (subject, code, self.root / f"{code}_{trial}" / f"sub_{subject}.csv")
            for subject in range(1, N_SUBJECTS + 1)
            for code, trials in TRIALS.items()
            for trial in trials
        ]

    def files(self) -> list[Path]:
        return sorted(path for *_, path in self._trials() if path.is_file())

    def readers(self) -> list[Callable[[], Recording]]:
        for problem in self.absences():
            raise DataError(str(problem))
        return [partial(read_trial, path, subject, ACTIVITIES[code]) for subject, code, path in self._trials()]

    def absences(self) -> list[Problem]:
        trials = self._trials()
        missing = [path for *_, path in trials if not path.is_file()]
        if not missing:
            return []
        first = missing[0].relative_to(self.root)
        what = f"{len(missing)} of {len(trials)} files are missing, the first is {first}"
        return [Problem(str(self.root), what, "Restore the missing files or unpack the archive again.")]


def read_trial(path: Path, subject: int, activity: str) -> Recording:
    """Return the recording in one file.

    Raises:
        DataError: a column is absent, a value is not a finite number, or the rows are not numbered 0, 1, 2, ...
    """
    frame = read_columns(path, [*GRAVITY, *USER, *ROTATION], integers=[UNNAMED])
    numbers = frame[UNNAMED].to_numpy()
    wrong = np.flatnonzero(numbers != np.arange(len(numbers)))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(f"{path}, line {row + 2}: row number {numbers[row]}, expected {row}. {CURE}")
    gravity, user, rotation = (frame.select(columns).to_numpy().T for columns in (GRAVITY, USER, ROTATION))
    with np.errstate(over="ignore"):  # becomes infinite, which the clock refuses
        signal = np.concatenate([(gravity + user) * -STANDARD_GRAVITY, rotation])
    return Recording(
        name=f"{path.parent.name}/{path.stem}",
        subject=subject,
        streams=(Stream(CHANNELS, signal, RATE_HZ),),
        segments=(Segment(0.0, None, activity),),
    )
