"""MobiFall v2, its daily activities: a phone in the trouser pocket, each sensor in files of its own.

`subN/ADL/CODE/CODE_{acc,gyro}_N_M.txt` holds comment lines, `@DATA`, then `timestamp_ns, x, y, z` in m/s² or
rad/s. The two sensors share a clock but neither rate nor start (accelerometer 66-96 Hz and irregular,
gyroscope 200 Hz), so a recording has two streams with time stamps; zero is the earlier of their first stamps.
One activity fills a recording.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from otolith.datasets import mobiact
from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.datasets.registry import register
from otolith.datasets.tables import CURE, read_bytes, read_numbers
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows.times import Samples, SourceFile, repair_whole

GYRO_RATE_HZ = 200.0
ACTIVITIES = {
    code: mobiact.ACTIVITIES[code] for code in ("STD", "WAL", "JOG", "JUM", "STU", "STN", "SCH", "CSI", "CSO")
}
SUBJECTS = (2, 3, 4, 5, 7, 8, 9, 10, 11)
SENSORS = ("acc", "gyro")
FILE = re.compile(r"([A-Z]{3})_(acc|gyro)_(\d+)_(\d+)\.txt")


@register
class MobiFall(Dataset):
    """342 trials of 9 subjects; see the module's docstring for the files."""

    info = DatasetInfo(
        name="mobifall",
        short="MobiFall",
        title="MobiFall v2, daily activities with a smartphone in the trouser pocket",
        rate_hz=GYRO_RATE_HZ,
        activities=tuple(ACTIVITIES.values()),
        n_subjects=len(SUBJECTS),
        n_recordings=342,
        licence="given out by its authors",
        terms="Research only; publications must cite the authors.",
        models="research",
        citation=(
            "G. Vavoulas, M. Pediaditis, C. Chatzaki, E. G. Spanakis, M. Tsiknakis: The MobiFall dataset: "
            "fall detection and classification with a smartphone. Int. J. Monitoring and Surveillance "
            "Technologies Research 2 (2014) 44-56. doi:10.4018/ijmstr.2014010103"
        ),
        common={
            "standing": "still",
            "walking": "walking",
            "jogging": "running",
            "stairs up": "stairs up",
            "stairs down": "stairs down",
        },
        homepage="https://bmi.hmu.gr/the-mobifall-and-mobiact-datasets-2/",
        how_to_get=(
            "Ask its authors for MobiFall v2 through https://bmi.hmu.gr/the-mobifall-and-mobiact-datasets-2/ "
            "and unpack what they send; the folders sub2, sub3, ... with ADL in them are what is read."
        ),
        recipes=mobiact.RECIPES,  # MobiAct's: the same laboratory, phone and pocket
    )
    whole_s = 9_066.0
    folder_names = ("MobiFall", "MobiFall_Dataset_v2.0", "mobifall")
    expects = "sub2, sub3, ... with files such as ADL/WAL/WAL_acc_2_1.txt"
    root: Path

    @classmethod
    def recognise(cls, folder: Path) -> Path | None:
        return folder if any(folder.glob("sub*/ADL")) else None

    def files(self) -> list[Path]:
        return sorted(path for trial in self._whole() for path in trial)

    def readers(self) -> list[Callable[[], Recording]]:
        trials = self._whole()
        if not trials:
            raise DataError(f"{self.root}: holds no trial with both sensors, expected {self.expects}. {CURE}")
        return [partial(read_trial, acc, gyro) for acc, gyro in trials]

    def absences(self) -> list[Problem]:
        trials = self._trials()
        problems = [
            Problem(
                str(*paths.values()),
                f"has no {'acc' if 'gyro' in paths else 'gyro'} file beside it; the trial is left out",
                "Restore it, or go on without.",
                serious=False,
            )
            for _, paths in sorted(trials.items())
            if len(paths) < len(SENSORS)
        ]
        absent = sorted(set(SUBJECTS) - {subject for subject, _, _ in trials})
        if absent:
            named = ", ".join(map(str, absent))
            what = f"has {len(SUBJECTS) - len(absent)} of {len(SUBJECTS)} subjects, absent are {named}"
            problems.append(Problem(str(self.root), what, "Restore them, or go on without.", serious=False))
        return problems

    def _whole(self) -> list[tuple[Path, Path]]:
        """Accelerometer and gyroscope of each trial that has both, by subject, code and trial."""
        trials = [paths for _, paths in sorted(self._trials().items()) if len(paths) == len(SENSORS)]
        return [(paths["acc"], paths["gyro"]) for paths in trials]

    def _trials(self) -> dict[tuple[int, str, int], dict[str, Path]]:
        """Paths by (subject, code, trial), then by sensor."""
        trials: dict[tuple[int, str, int], dict[str, Path]] = {}
        for path in self.root.glob("sub*/ADL/*/*.txt"):
            match = FILE.fullmatch(path.name)
            if match and match[1] in ACTIVITIES:
                trials.setdefault((int(match[3]), match[1], int(match[4])), {})[match[2]] = path
        return trials


def read_trial(acc: Path, gyro: Path) -> Recording:
    """Return the recording of one trial, both sensors on one clock, in seconds since the earlier first stamp.

    Raises:
        DataError: no `@DATA` line, a value that is not a finite number, or time stamps that cannot be repaired.
    """
    tables = [_read(path) for path in (acc, gyro)]
    zero = min(int(stamps.min()) for stamps, _, _ in tables)
    (a, acc_repairs), (g, gyro_repairs) = [
        repair_whole(Samples((stamps - zero) / 1e9, values, np.arange(len(stamps))), sensor, file)
        for sensor, (stamps, values, file) in zip(("accelerometer", "gyroscope"), tables, strict=True)
    ]
    steps = np.diff(a.times)
    acc_rate = 1 / float(np.median(steps)) if len(steps) else GYRO_RATE_HZ / 2
    code, _, subject, trial = acc.stem.split("_")
    return Recording(
        name=f"{code}_{int(subject)}_{int(trial)}",
        subject=int(subject),
        streams=(
            Stream(CHANNELS[:3], a.values, acc_rate, times=a.times),
            Stream(CHANNELS[3:], g.values, GYRO_RATE_HZ, times=g.times),
        ),
        segments=(Segment(0.0, None, ACTIVITIES[code]),),
        repairs=acc_repairs + gyro_repairs,
    )


def _read(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64], SourceFile]:
    """Time stamps in ns (samples,), values (3, samples), and where the rows stand."""
    text = read_bytes(path)
    header = re.match(rb"(?:(?:#[^\n]*|[^\S\n]*)\n)*@DATA[^\S\n]*\n", text)
    if header is None:
        raise DataError(f"{path}: does not begin with comment lines and a line '@DATA'. {CURE}")
    start = header.end()
    file = SourceFile(path, text.count(b"\n", 0, start) + 1)
    columns = ("timestamp", "x", "y", "z")
    frame = read_numbers(path, columns, ",", content=text[start:], first_line=file.first, integers=("timestamp",))
    values = np.ascontiguousarray(frame.select("x", "y", "z").to_numpy().T)
    return frame["timestamp"].to_numpy(), values, file
