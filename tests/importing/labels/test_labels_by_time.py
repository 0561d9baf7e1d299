"""Points in time that belong to one of several recordings, which the file of labels does not name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from tests.helpers.exports import signal

S = signal(60, acc_hz=25)


def recording(path: Path, began: str) -> None:
    times = np.datetime64(began) + np.round(1000 * (S.acc_times - S.acc_times[0])).astype("timedelta64[ms]")
    rows = [f"{at}Z,{x:.4f},{y:.4f},{z:.4f}" for at, (x, y, z) in zip(times, S.acc.T, strict=True)]
    path.write_text("\n".join(["time,acc_x,acc_y,acc_z", *rows, ""]))


def labelled(folder: Path, text: str, second: str = "2026-03-01T09:05:00") -> Imported:
    (folder / "in").mkdir()
    recording(folder / "in" / "a.csv", "2026-03-01T09:00:00")
    recording(folder / "in" / "b.csv", second)
    (folder / "labels.csv").write_text(text)
    return read_recordings(folder / "in", ImportOptions(labels=folder / "labels.csv", accept_guess=True))


def segments(found: Imported) -> dict[str, list[tuple[float, float, str]]]:
    return {
        each.name: [(round(s.start_s, 2), round(s.stop_s or 0, 0), s.activity) for s in each.segments]
        for each in found.recordings
    }


def test_points_in_time_find_their_recording(tmp_path: Path) -> None:
    text = "start,end,activity\n2026-03-01T09:00:10Z,2026-03-01T09:00:20Z,walk\n1772355910,1772355930,sit\n"
    assert segments(labelled(tmp_path, text)) == {"a": [(10, 20, "walk")], "b": [(10, 30, "sit")]}


def test_a_mark_lasts_to_the_end_of_its_recording(tmp_path: Path) -> None:
    text = "time,activity\n2026-03-01T09:00:10Z,walk\n2026-03-01T09:05:20Z,sit\n"
    assert segments(labelled(tmp_path, text)) == {"a": [(10, 60, "walk")], "b": [(20, 60, "sit")]}


def test_recordings_that_run_at_once_need_their_names(tmp_path: Path) -> None:
    text = "start,end,activity\n2026-03-01T09:00:10Z,2026-03-01T09:00:20Z,walk\n"
    with pytest.raises(DataError, match=r"'a' and 'b' run at the same time\. Add a column called recording"):
        labelled(tmp_path, text, "2026-03-01T09:00:30")


def test_a_time_between_the_recordings_is_refused(tmp_path: Path) -> None:
    text = "start,end,activity\n2026-03-01T09:03:10Z,2026-03-01T09:03:20Z,walk\n"
    with pytest.raises(DataError, match="none of the 2 recordings runs at its time"):
        labelled(tmp_path, text)
