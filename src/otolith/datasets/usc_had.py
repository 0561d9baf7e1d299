"""USC-HAD: a motion node at the front right hip, 100 Hz, twelve activities.

`SubjectN/aKtM.mat` holds trial M of activity K by subject N; its key `sensor_readings` is (samples, 6):
accelerometer in g, gyroscope in deg/s. Subject and activity come from the path, because what some files say
inside is wrong (Subject14/a3t2) or spelt differently (Subject13/a11t4).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.datasets.base import Dataset, DatasetInfo
from otolith.datasets.matlab import read_array
from otolith.datasets.registry import register
from otolith.datasets.tables import CURE, read_bytes
from otolith.errors import DataError
from otolith.recording import CHANNELS, STANDARD_GRAVITY, Recording, Segment, Stream
from otolith.windows.subjects import FixedSubjects

RATE_HZ = 100.0
N_SUBJECTS, N_ACTIVITIES, N_TRIALS = 14, 12, 5
SUBJECT = re.compile(r"Subject(\d+)")
AUGMENT = [  # IV-B2
    {"name": "jitter", "probability": 1.0, "sigma": 0.5},
    {"name": "scaling", "probability": 0.5, "sigma": 0.5},
]
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {
        "encoder.kernel": 5,  # IV-B3
        "encoder.blocks": 10,  # IV-B3
        "projection.hidden": 512,  # predecessor
        "pretrain.batch_size": 256,  # predecessor
        "autoencoder.latent": 512,  # IV-B1
        "augment": AUGMENT,
    },
    "compact": {
        "encoder.kernel": 5,
        "projection.hidden": 512,
        "autoencoder.latent": 512,
        "augment": AUGMENT,
    },
}
"""Sections are those of the paper; "predecessor" is explained in the shipped recipes."""
TO_SI = np.array([STANDARD_GRAVITY] * 3 + [np.pi / 180] * 3)[:, None]


@register
class UscHad(Dataset):
    """840 trials of 14 subjects; see the module's docstring for the files."""

    info = DatasetInfo(
        name="usc-had",
        short="USC-HAD",
        title="USC-HAD, daily activities with a sensor at the hip",
        rate_hz=RATE_HZ,
        activities=(
            "walking forward",
            "walking left",
            "walking right",
            "walking upstairs",
            "walking downstairs",
            "running forward",
            "jumping up",
            "sitting",
            "standing",
            "sleeping",
            "elevator up",
            "elevator down",
        ),
        n_subjects=N_SUBJECTS,
        n_recordings=N_SUBJECTS * N_ACTIVITIES * N_TRIALS,
        licence="none stated",
        terms="Free for research; publications must cite the authors.",
        models="research",
        citation=(
            "M. Zhang, A. A. Sawchuk: USC-HAD: a daily activity dataset for ubiquitous activity recognition "
            "using wearable sensors. Proc. ACM UbiComp 2012 workshops, 1036-1043. doi:10.1145/2370216.2370438"
        ),
        common={
            "walking forward": "walking",
            "walking left": "walking",
            "walking right": "walking",
            "walking upstairs": "stairs up",
            "walking downstairs": "stairs down",
            "running forward": "running",
            "sitting": "still",
            "standing": "still",
            "sleeping": "still",
        },
        homepage="https://sipi.usc.edu/had/",
        how_to_get="Download USC-HAD.zip from https://sipi.usc.edu/had/ and unzip it.",
        default_split=FixedSubjects(val=(11, 12), test=(13, 14), is_last_fold=True),
        download_url="https://sipi.usc.edu/had/USC-HAD.zip",
        recipes=RECIPES,
    )
    whole_s = 28_115.0
    folder_names = ("USC-HAD", "usc-had", "USC_HAD", "USCHAD")
    expects = "Subject1 to Subject14 with files such as a1t1.mat"
    root: Path

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        return folder if any(folder.glob("Subject*/a*t*.mat")) else None

    def _trials(self) -> list[tuple[int, int, Path]]:
        """Subject, activity and file of each trial of the published whole."""
        return [
            (subject, activity, self.root / f"Subject{subject}" / f"a{activity}t{trial}.mat")
            for subject in range(1, N_SUBJECTS + 1)
            for activity in range(1, N_ACTIVITIES + 1)
            for trial in range(1, N_TRIALS + 1)
        ]

    def files(self) -> list[Path]:
        return sorted(path for *_, path in self._trials() if path.is_file())

    def readers(self) -> list[Callable[[], Recording]]:
        trials = self._trials()
        missing = [path for *_, path in trials if not path.is_file()]
        if missing:
            raise DataError(
                f"{self.root}: {len(missing)} of {len(trials)} files are missing, the first is "
                f"{missing[0].relative_to(self.root)}. Restore the missing files or unpack the archive again."
            )
        return [partial(read_trial, path, subject, self.info.activities[k - 1]) for subject, k, path in trials]

    def fingerprint(self, path: Path) -> dict[str, int | str]:
        """Number of samples and checksum of the values, whichever type they are stored in."""
        readings = read_readings(path)
        values = np.ascontiguousarray(readings, dtype="<f8").tobytes()
        return {"samples": len(readings), "sha256": hashlib.sha256(values).hexdigest()}


def read_trial(path: Path, subject: int, activity: str) -> Recording:
    """Return the recording in one file.

    Raises:
        DataError: as `read_readings`.
    """
    return Recording(
        name=f"{path.parent.name}/{path.stem}",
        subject=subject,
        streams=(Stream(CHANNELS, read_readings(path).T * TO_SI, RATE_HZ),),
        segments=(Segment(0.0, None, activity),),
    )


def read_readings(path: Path) -> NDArray[np.float64]:
    """Return `sensor_readings` of one trial as published: (samples, 6), g and deg/s.

    Raises:
        DataError: no such file, no MATLAB file, no such key, another shape, or a value that is not finite.
    """
    try:
        readings = read_array(read_bytes(path), "sensor_readings")
    except ValueError as error:
        raise DataError(f"{path}: is not a readable MATLAB file: {error}. {CURE}") from error
    if readings is None:
        raise DataError(f"{path}: has no key 'sensor_readings'. {CURE}")
    if readings.ndim != 2 or readings.shape[1] != len(CHANNELS):
        raise DataError(
            f"{path}: sensor_readings is {readings.dtype} of shape {readings.shape}, expected numbers of "
            f"shape (samples, {len(CHANNELS)}). {CURE}"
        )
    if len(readings) == 0:
        raise DataError(f"{path}: sensor_readings holds no samples. {CURE}")
    finite = np.isfinite(readings)
    if not finite.all():
        sample, column = np.argwhere(~finite)[0]
        raise DataError(
            f"{path}: {CHANNELS[column]} of sample {sample} is {readings[sample, column]}, expected a finite "
            f"number. {CURE}"
        )
    return np.asarray(readings, dtype=np.float64)
