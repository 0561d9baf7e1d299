"""Activities from a file of intervals, on the recording's clock or as points in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from tests.helpers.exports import physics_toolbox, sensor_logger, signal

S = signal(12)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that says when it began (09:00:00 UTC, its first sample ten milliseconds later)."""
    return sensor_logger(tmp_path_factory.mktemp("walk") / "walk.zip", S)


def labelled(source: Path | list[Path], tmp_path: Path, *rows: str, header: str = "start,end,activity") -> Imported:
    (tmp_path / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return read_recordings(source, ImportOptions(labels=tmp_path / "labels.csv"))


def segments(found: Imported) -> list[tuple[float, float | None, str]]:
    (recording,) = found.recordings
    return [(round(s.start_s, 6), s.stop_s and round(s.stop_s, 6), s.activity) for s in recording.segments]


@pytest.mark.parametrize(
    "row",
    [
        "1.5,4,walking",
        "00:00:01.5,00:00:04,walking",
        "2026-03-01T09:00:01.51Z,2026-03-01T09:00:04.01Z,walking",
        "2026-03-01 10:00:01.51+01:00,2026-03-01 10:00:04.01+01:00,walking",
        "1772355601.51,1772355604.01,walking",
        "1772355601510,1772355604010,walking",
    ],
)
def test_times_in_all_forms(walk: Path, tmp_path: Path, row: str) -> None:
    found = labelled(walk, tmp_path, "5,6,sitting", row)
    assert segments(found) == [(1.5, 4.0, "walking"), (5.0, 6.0, "sitting")]
    assert found.activities == ("sitting", "walking")


def test_recordings_are_named_in_several_ways(walk: Path, tmp_path: Path) -> None:
    other = physics_toolbox(tmp_path / "ride.csv", S)
    rows = ("walk,1,2,a", "ride.csv,1,2,b", "ride,3,4,a")
    found = labelled([walk, other], tmp_path, *rows, header="Recording,Start_s,End_s,Label")
    assert {each.name: len(each.segments) for each in found.recordings} == {"walk": 1, "ride": 2}


def test_recordings_may_have_no_label(walk: Path, tmp_path: Path) -> None:
    other = physics_toolbox(tmp_path / "ride.csv", S)
    found = labelled([walk, other], tmp_path, "walk,1,2,a", "walk,2,3,b", header="recording,start,end,activity")
    assert {each.name: len(each.segments) for each in found.recordings} == {"walk": 2, "ride": 0}


def test_what_reaches_out_is_clipped_and_told(walk: Path, tmp_path: Path) -> None:
    found = labelled(walk, tmp_path, "-3,2,a", "10,99,b")
    assert [start for start, _, _ in segments(found)] == [0.0, 10.0]
    assert len(found.findings["walk"].repairs) == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1,2,"], "line 2: names no activity"),
        (["2,1,a"], "line 2: ends at 1 s, not after its start at 2 s"),
        (["1,2,a", "soon,3,b"], "line 3: start is 'soon'"),
        (["1,2026-03-01T09:00:02Z,a"], "line 2: start and end are times of two kinds"),
        (["1,3,a", "2,4,b"], "line 3: overlaps .*line 2"),
        (["100,200,a"], "line 2: from 100 to 200 s of recording 'walk', which runs from 0 to 11.98 s"),
        (["2026-03-01T10:00:01Z,2026-03-01T10:00:02Z,a"], "line 2: .*zone of absolute times"),
        (["2026-03-01T09:00:01,2026-03-01T09:00:02,a"], "names a zone and the file of intervals does not"),
        (["nan,2,a"], "line 2: start is 'nan'"),
    ],
)
def test_wrong_intervals_are_refused_with_their_line(walk: Path, tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        labelled(walk, tmp_path, *rows)


def test_wrong_files_of_intervals(walk: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)no column for the end.*walk,0,12\.5,walking"):
        labelled(walk, tmp_path, "1,a", header="start,activity")
    with pytest.raises(DataError, match="unknown recording 'wlak'; did you mean 'walk'"):
        labelled(walk, tmp_path, "wlak,1,2,a", header="recording,start,end,activity")
    with pytest.raises(DataError, match="cannot be read"):
        read_recordings(walk, ImportOptions(labels=tmp_path / "none.csv"))
    other = physics_toolbox(tmp_path / "ride.csv", S)
    with pytest.raises(DataError, match="does not say of which recording; there are 2"):
        labelled([walk, other], tmp_path, "1,2,a")
    with pytest.raises(DataError, match="counts from a start that it does not name"):
        labelled(other, tmp_path, "2026-03-01T09:00:01Z,2026-03-01T09:00:02Z,a")


def test_labels_may_lie_among_the_recordings(walk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "walk.zip").write_bytes(walk.read_bytes())
    assert len(labelled(folder, folder, "1,2,a").recordings) == 1
