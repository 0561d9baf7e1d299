"""Activities that stand in the row where they begin, and in no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from otolith.importing import ImportOptions, read_recordings
from otolith.importing.questions import Undecided
from tests.helpers.exports import signal

S = signal(8)
OPTIONS = ImportOptions(accept_guess=True, subject="ada")


def write(path: Path, labels: dict[int, str]) -> Path:
    rows = [
        f"{time:.4f},{x:.5f},{y:.5f},{z:.5f},{labels.get(row, '')}"
        for row, (time, (x, y, z)) in enumerate(zip(S.acc_times - S.acc_times[0], S.acc.T, strict=True))
    ]
    path.write_text("\n".join(["time,acc_x,acc_y,acc_z,label", *rows, ""]))
    return path


@pytest.mark.parametrize("rows", [{0: "walk"}, {0: "walk", 200: "run"}, dict.fromkeys(range(0, 400, 50), "walk")])
def test_labels_of_single_rows_are_asked_about(tmp_path: Path, rows: dict[int, str]) -> None:
    path = write(tmp_path / "walk.csv", rows)
    with pytest.raises(Undecided, match=f"in {len(rows)} of {S.acc.shape[1]} rows.*--label none"):
        read_recordings(path, OPTIONS)
    assert read_recordings(path, replace(OPTIONS, label="none")).recordings[0].segments == ()


def test_labels_of_some_rows_in_a_row_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "walk.csv", dict.fromkeys(range(100, 102), "walk"))
    (segment,) = read_recordings(path, OPTIONS).recordings[0].segments
    assert segment.activity == "walk"


@pytest.mark.parametrize("every", [2, 5, 10])
def test_labels_of_every_so_many_rows_are_asked_about(tmp_path: Path, every: int) -> None:
    """Each was a segment of one sample, and the rows between were unlabelled."""
    path = write(tmp_path / "walk.csv", dict.fromkeys(range(0, 400, every), "walk"))
    with pytest.raises(Undecided, match="never in two"):
        read_recordings(path, OPTIONS)


def test_labels_beside_the_rows_of_one_of_two_sensors_are_taken(tmp_path: Path) -> None:
    rows = [
        line
        for time, (x, y, z) in zip(S.acc_times - S.acc_times[0], S.acc.T, strict=True)
        for line in (f"{time:.4f},{x:.5f},{y:.5f},{z:.5f},,,,walk", f"{time + 0.01:.4f},,,,0.1,0.2,{0.01 * x:.5f},")
    ]
    header = "time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z,label"
    (tmp_path / "walk.csv").write_text("\n".join([header, *rows, ""]))
    options = replace(OPTIONS, acc_unit="m/s^2", gyro_unit="rad/s")
    (segment,) = read_recordings(tmp_path / "walk.csv", options).recordings[0].segments
    assert segment.activity == "walk"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1.000000000000000000e+00", "1"), ("2.00", "2"), ("b'walk'", "walk"), ("['walk']", "walk"), ("'walk'", "walk")],
)
def test_labels_as_programs_write_them(tmp_path: Path, written: str, meant: str) -> None:
    """Numbers of NumPy's `savetxt` were no labels at all; the others kept what stands around them."""
    path = write(tmp_path / "walk.csv", dict.fromkeys(range(100, 400), written))
    (segment,) = read_recordings(path, OPTIONS).recordings[0].segments
    assert segment.activity == meant
