"""Names of activities: no label, one activity under several spellings, and the user's own map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.labels.activities import is_label, read_map, tidied
from otolith.recording import Recording, Segment, Stream


def recording(*activities: str, name: str = "walk", seconds: float = 2.0) -> Recording:
    segments = tuple(Segment(seconds * i, seconds * (i + 1), each) for i, each in enumerate(activities))
    stream = Stream(("acc_x", "acc_y", "acc_z"), np.zeros((3, round(50 * seconds * len(activities)))), 50.0)
    return Recording(name, "ada", (stream,), segments)


def activities(recordings: list[Recording]) -> list[str]:
    return [segment.activity for each in recordings for segment in each.segments]


@pytest.mark.parametrize(
    "text",
    ["", " ", "NA", "NaN", "null", "-1", "Unknown", "UNLABELLED", "unlabeled", "No Label", "?", "null_class", "(none)",
     "<undefined>", "Transition", "unbekannt", "Non étiqueté", "sin etiqueta", "nessuna attività", "Übergang", "未知",
     "なし", "알 수 없음", "неизвестно", "not-annotated", "N.A.", "#N/A", "<NA>", "nil", ".", "*", "—", "#DIV/0!"],
)  # fmt: skip
def test_words_for_no_activity(text: str) -> None:
    assert not is_label(text)


@pytest.mark.parametrize("text", ["walk", "0", "1", "unknown gait", "no stairs", "nap", "other", "走る", "нет покоя"])
def test_words_for_an_activity(text: str) -> None:
    assert is_label(text)


def test_spellings_of_one_activity_become_the_one_that_lasts_longest() -> None:
    given = [recording("Walk", "walk ", "REST"), recording("walk", "walk", "rest", name="two")]
    found, notes = tidied(given)
    assert activities(found) == ["walk", "REST", "walk", "REST"]  # neighbours of one name are one
    assert (found[0].segments[0].stop_s, found[1].segments[0].stop_s) == (4.0, 4.0)
    assert len(notes) == 2
    assert all("--keep-case" in note for note in notes)
    kept, silent = tidied(given, keep_case=True)
    assert activities(kept) == ["Walk", "walk", "REST", "walk", "rest"]
    assert silent == []


def test_a_map_renames_merges_and_takes_away(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text(
        "as written,as meant\nStairs Up,stairs\nstairs down,stairs\ntransition,\nswim,swim\n"
    )
    (tmp_path / "map.toml").write_text(
        '"Stairs Up" = "stairs"\n"stairs down" = "stairs"\ntransition = "none"\nswim = "swim"\n'
    )
    for name in ("map.csv", "map.toml"):
        found, notes = tidied([recording("stairs up", "stairs  DOWN", "transition", "walk")], read_map(tmp_path / name))
        assert activities(found) == ["stairs", "walk"]
        assert found[0].segments[0].stop_s == 4.0
        assert notes == ["--label-map names 'swim', which no recording has"]


def test_a_map_without_a_header_loses_no_line(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("stairs up,stairs\nstairs down,stairs\n")
    given = recording("Stairs Up", "stairs down")
    names = [segment.activity for segment in given.segments]
    assert activities(tidied([given], read_map(tmp_path / "map.csv", names))[0]) == ["stairs"]


def test_a_mapped_name_and_a_spelling_of_it_are_one() -> None:
    found, notes = tidied([recording("stairs up", "walk", "upstairs")], {"stairs up": "Upstairs"})
    assert len(set(activities(found))) == 2
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "a,b,c\n1,2,3\n", "has 3 columns; expected two"),
        ("m.csv", "a,b\nwalk,1\nWALK,2\n", "maps 'WALK' to '1' and to '2'"),
        ("m.toml", "walk", "is not TOML"),
    ],
)
def test_other_maps_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_map(tmp_path / name)


def test_an_import_tells_what_it_took_for_one(tmp_path: Path) -> None:
    cells = ["walk", "Walk", "NA", "null", "rest"]
    rows = [f"{i / 50},0.1,0.2,9.8,{cells[i // 100]}" for i in range(500)]
    (tmp_path / "t.csv").write_text("\n".join(["time (s),acc_x,acc_y,acc_z,activity", *rows]))
    found = read_recordings(tmp_path / "t.csv", ImportOptions(accept_guess=True))
    assert found.activities == ("Walk", "rest")
    assert any("'walk' differ(s) from 'Walk'" in note for note in found.notes)


def test_words_that_may_be_somebodys_activity_are_told(tmp_path: Path) -> None:
    rows = [f"{n / 50},0.1,{n % 7},9.8,{'Transition' if n < 300 else 'walk'}" for n in range(600)]
    (tmp_path / "t.csv").write_text("time,ax,ay,az,activity\n" + "\n".join(rows) + "\n")
    found = read_recordings(tmp_path / "t.csv", ImportOptions(accept_guess=True))
    assert found.activities == ("walk",)
    assert [d.value for d in found.findings["t"].decisions if d.what == "no label"] == ["Transition"]


@pytest.mark.parametrize("header", ["", "activity,meant\n"])
def test_a_word_for_no_label_is_an_activity_where_the_map_says_so(tmp_path: Path, header: str) -> None:
    rows = [f"{n / 50},0.1,{n % 7},9.8,{'None' if n < 300 else 'walk'}" for n in range(600)]
    (tmp_path / "t.csv").write_text("time,ax,ay,az,activity\n" + "\n".join(rows) + "\n")
    (tmp_path / "map.csv").write_text(f"{header}none,null class\n")
    options = ImportOptions(accept_guess=True)
    assert read_recordings(tmp_path / "t.csv", options).activities == ("walk",)
    mapped = replace(options, label_map=tmp_path / "map.csv")
    assert read_recordings(tmp_path / "t.csv", mapped).activities == ("null class", "walk")
    (tmp_path / "labels.csv").write_text("start,end,activity\n0,2,none\n3,4,run\n")
    mapped = replace(mapped, labels=tmp_path / "labels.csv")
    assert read_recordings(tmp_path / "t.csv", mapped).activities == ("null class", "run")
