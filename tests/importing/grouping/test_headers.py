"""Series of files of which the first alone has names of columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.importing import read_recordings
from otolith.importing.containers.sources import gather
from otolith.importing.formats import TAKEN
from otolith.importing.grouping.folders import folders_of
from otolith.importing.grouping.headers import with_headers
from otolith.recording import CHANNELS
from tests.helpers.exports import G, signal
from tests.importing.grouping.test_people import YES

NAMES = "t,gyro_x,gyro_y,gyro_z,ax,ay,az\ns,deg/s,deg/s,deg/s,g,g,g\n"
S = signal(12)


def rows(cells: int = 7) -> str:
    values = np.concatenate([[S.acc_times], np.degrees(S.gyro), S.acc / G]).T
    return "".join(",".join(f"{v:.6f}" for v in row[:cells]) + "\n" for row in values)


@pytest.mark.parametrize("names", ["rec_1 rec_2 rec_3", "S01/a1 S01/a2"])
def test_later_files_have_the_names_of_the_first(tmp_path: Path, names: str) -> None:
    for number, name in enumerate(names.split()):
        path = tmp_path / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(NAMES * (not number) + rows())
    found = read_recordings(tmp_path, YES)
    assert {each.channels for each in found.recordings} == {CHANNELS}
    for recording in found.recordings:
        np.testing.assert_allclose(recording.streams[0].values, np.concatenate([S.acc, S.gyro]), atol=1e-4)
    last = found.findings[names.split()[-1]].repairs
    assert any(repair.what.startswith("has no names of columns; those of ") for repair in last)


@pytest.mark.parametrize(
    "others",
    [
        {"rec_2.csv": rows(4)},
        {"other.csv": rows()},
        {"rec_2.csv": NAMES.replace("t,", "time,") + rows(), "rec_3.csv": rows()},
        {"rec_2.csv": rows().replace(",", ";")},
        {"rec_2.csv": rows().replace("0.0", "a")},
    ],
)
def test_names_of_what_may_be_another_table_are_not_taken(tmp_path: Path, others: dict[str, str]) -> None:
    for name, text in {"rec_1.csv": NAMES + rows(), **others}.items():
        (tmp_path / name).write_text(text)
    with gather([tmp_path], TAKEN) as gathered:
        (folder,) = with_headers(folders_of([tmp_path], gathered.members))
        assert [sheet.named_by for sheet in folder.sheets] == [None] * (1 + len(others))
