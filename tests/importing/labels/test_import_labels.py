"""Activities from a file of intervals, on the recording's clock or as points in time."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from tests.helpers.exports import START_NS, physics_toolbox, sensor_logger, signal

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
        (["1,2,a", "soon,3,b"], "line 3: 'soon' is no time"),
        (["1,2026-03-01T09:00:02Z,a"], "line 2: start and end are times of two kinds"),
        (["1,3,a", "2,4,b"], "line 3: overlaps .*line 2"),
        (["100,200,a"], "line 2: from 100 to 200 s of recording 'walk', which runs from 0 to 11.98 s"),
        (["2026-03-01T10:00:01Z,2026-03-01T10:00:02Z,a"], "line 2: .*zone of absolute times"),
        (["2026-03-01T09:00:01,2026-03-01T09:00:02,a"], "names a zone and the file of intervals does not"),
        (["nan,2,a"], "line 2: 'nan' is no time"),
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


def written(tmp_path: Path, name: str, *rows: str) -> ImportOptions:
    (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return ImportOptions(labels=tmp_path / name)


EXPECTED = [(1.0, 2.5, "walk, fast"), (4.0, 6.0, "sit")]
WALK = "\t00:00:01.000\t00:00:02.500\t00:00:01.500\twalk, fast"
SIT = "\t00:00:04.000\t00:00:06.000\t00:00:02.000\tsit"
ELAN = "\tBegin Time - hh:mm:ss.ms\tEnd Time - hh:mm:ss.ms\tDuration - hh:mm:ss.ms\tactivity"


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("labels.txt", ["1.000000\t2.500000\twalk, fast", "\\\t100.0\t200.0", "4.000000\t6.000000\tsit"]),
        ("labels.csv", ['1,2.5,"walk, fast"', "4,6,sit", "7,8,NA"]),
        ("elan.txt", [f"tier\t{WALK}", f"tier\t{SIT}"]),
        ("elan.txt", ["a\t0:0:01.000\t1.0\t0:0:02.500\t2.5\twalk, fast", "a\t0:0:04.000\t4.0\t0:0:06.000\t6.0\tsit"]),
        ("elan.txt", [ELAN, WALK, SIT]),
        ("elan.txt", ["Begin Time - ss.msec\tDuration - ss.msec\tAnnotation Value", "1\t1.5\twalk, fast", "4\t2\tsit"]),
        ("marks.csv", ["time,text", '1,"walk, fast"', "2.5,", "4,sit", "6,none"]),
    ],
)  # fmt: skip
def test_files_of_programs_for_annotation(walk: Path, tmp_path: Path, name: str, rows: list[str]) -> None:
    assert segments(read_recordings(walk, written(tmp_path, name, *rows))) == EXPECTED


def region(start: float, end: float, label: str, kind: str = "timeserieslabels") -> dict[str, object]:
    return {"start": start, "end": end, "instant": False, kind: [label]}


def studio(*regions: dict[str, object], file: str = "0123abcd-walk.csv") -> dict[str, object]:
    result = [{"id": "x", "type": "timeserieslabels", "value": each} for each in regions]
    return {"id": 1, "data": {"csv": f"/data/upload/1/{file}"}, "annotations": [{"id": 2, "result": result}]}


def test_label_studio(walk: Path, tmp_path: Path) -> None:
    regions = region(1, 2.5, "walk, fast"), region(4, 6, "sit", "labels")
    options = written(tmp_path, "l.json", json.dumps([studio(*regions)]))
    assert segments(read_recordings(walk, options)) == EXPECTED
    options = written(tmp_path, "l.json", json.dumps([{"csv": "/data/upload/walk.csv", "label": regions}]))
    assert segments(read_recordings(walk, options)) == EXPECTED
    other = physics_toolbox(tmp_path / "ride.csv", S)
    both = [studio(*regions), studio(region(1, 2, "ride"), file="?d=local/ride.csv")]
    found = read_recordings([walk, other], written(tmp_path, "l.json", json.dumps(both)))
    assert {each.name: [s.activity for s in each.segments] for each in found.recordings} == {
        "walk": ["walk, fast", "sit"],
        "ride": ["ride"],
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a\t0:00:01\t0:00:02\tx", "b\t0:00:01\t0:00:02\ty"], "has 2 tiers"),
        (["1\t2\ta", "3"], "line 2: 1 cells, expected start, end and activity"),
        (['{"a": 1'], "is no JSON"),
        (['[{"data": {}, "annotations": []}]'], "no labelled region"),
        (["[1]"], "is no task"),
        (['[{"label": [{"ranges": [{"start": 1, "end": 9}], "timelinelabels": ["a"]}]}]'], "no start and end"),
        (['[{"label": [{"start": 1, "end": 2, "labels": ["a", "b"]}]}]'], "has 2 labels"),
        ([json.dumps([{"annotations": 2 * studio(region(1, 2, "a"))["annotations"]}])], "has 2 annotations"),  # type: ignore[operator]
    ],
)
def test_wrong_files_of_programs_are_refused(walk: Path, tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_recordings(walk, written(tmp_path, "labels.txt", *rows))


def test_marks_that_were_set_while_recording(walk: Path, tmp_path: Path) -> None:
    """Each lasts until the next; an empty one ends the one before; seconds before the first are unlabelled."""
    marks = ["time,seconds_elapsed,text,millisecond_press_duration"]
    for seconds, text in ((1.005, "walk"), (3.005, ""), (5.005, "Sit"), (9.005, "sit")):
        marks.append(f"{START_NS + round(seconds * 1e9)},{seconds},{text},50")
    folder = tmp_path / "in" / "walk"
    with zipfile.ZipFile(walk) as archive:
        archive.extractall(folder)
    (folder / "Annotation.csv").write_text("\n".join(marks) + "\n")
    found = read_recordings(tmp_path / "in")
    (recording,) = found.recordings
    assert [(round(s.start_s, 2), round(s.stop_s or 0, 2), s.activity) for s in recording.segments] == [
        (1.0, 3.0, "walk"),
        (5.0, 12.0, "Sit"),
    ]
    assert not any("Annotation" in name for name in found.passed_over)
    assert any("4 mark(s)" in d.why for d in found.findings["walk"].decisions)
    assert read_recordings(tmp_path / "in", ImportOptions(label="none")).activities == ()
