"""Studies that hold the same samples twice."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing import read_recordings
from tests.importing.grouping.test_people import YES, put


def test_a_copy_under_the_same_name_is_passed_over_and_named(tmp_path: Path) -> None:
    path = put(tmp_path / "ada" / "walk.csv")
    pl.read_csv(path).with_columns(pl.exclude("time").round(4)).write_parquet(path.with_suffix(".parquet"))
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    found = read_recordings(tmp_path, YES)
    assert [each.name for each in found.recordings] == ["ada/walk"]
    assert [where.partition("ada/")[2].partition(" (a copy of ")[0] for where in found.passed_over] == [
        "walk.csv.gz",
        "walk.parquet",
    ]


def test_other_samples_under_the_same_name_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "walk.csv")
    text = path.read_text()
    path.with_suffix(".txt").write_text(text.replace("0.5", "0.6"))
    with pytest.raises(DataError, match="Two recordings are called 'walk'"):
        read_recordings(tmp_path, YES)
    path.with_suffix(".txt").write_text("\n".join(f"{row},{'subject' if not n else 'P1'}" for n, row in
                                                  enumerate(text.splitlines())))  # fmt: skip
    assert [each.subject for each in read_recordings(tmp_path, YES).recordings] == ["walk", "P1"]


def test_copies_under_other_names_are_told(tmp_path: Path) -> None:
    for name in ("new/a", "backup/a", "b"):
        put(tmp_path / f"{name}.csv", 11 if name == "b" else 12)
    (who, note) = read_recordings(tmp_path, YES).notes
    assert note.startswith("The same samples stand in 'backup/a' and 'new/a'. They")
    assert "'b'" not in note
    assert who.startswith("Nothing says")


def test_two_recordings_of_a_person_at_one_time_are_told(tmp_path: Path) -> None:
    for number, (folder, start) in enumerate((("ada", 0.0), ("ada", 2.0), ("bob", 0.0), ("bob", 30.0))):
        put(tmp_path / folder / f"imu{number}.csv", 12 + number, start=1.7e9 + start)
    options = replace(YES, subject_folder=True)
    (note,) = read_recordings(tmp_path, options).notes
    assert note.startswith("One person made several recordings at the same time: 'ada/imu0' and 'ada/imu1'. If")
    assert read_recordings(tmp_path, replace(options, place="all")).notes == ()
