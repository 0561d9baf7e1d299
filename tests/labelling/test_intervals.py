"""Later labels over earlier ones, and the table that the import reads back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import otolith
from otolith.importing import ImportOptions
from otolith.importing.labels.intervals import read_intervals
from otolith.labelling.export import write
from otolith.labelling.intervals import Labelled, activity_of, painted, to_csv
from otolith.labelling.journal import Journal, file_of
from tests.helpers import exports


def one(*labels: tuple[float, float, str]) -> list[tuple[float, float, str]]:
    return painted([Labelled("walk", *label) for label in labels]).get("walk", [])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([(0, 4, "a"), (4, 8, "a")], [(0, 8, "a")]),
        ([(0, 4, "a"), (4, 8, "b")], [(0, 4, "a"), (4, 8, "b")]),
        ([(0, 9, "a"), (3, 6, "b")], [(0, 3, "a"), (3, 6, "b"), (6, 9, "a")]),
        ([(3, 6, "b"), (0, 9, "a")], [(0, 9, "a")]),
        ([(0, 9, "a"), (3, 6, "")], [(0, 3, "a"), (6, 9, "a")]),
        ([(0, 9, "a"), (0, 9, "")], []),
        ([(5, 9, "a"), (0, 6, "b"), (8, 12, "b")], [(0, 6, "b"), (6, 8, "a"), (8, 12, "b")]),
    ],
)
def test_later_labels_cover_earlier_ones(
    labels: list[tuple[float, float, str]], expected: list[tuple[float, float, str]]
) -> None:
    assert one(*labels) == expected


def test_spans_never_overlap_whatever_came() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        starts = rng.integers(0, 30, 12)
        labels = [(float(a), float(a + rng.integers(1, 9)), "abc"[rng.integers(3)]) for a in starts]
        seconds = {}
        for start, stop, activity in labels:
            seconds |= dict.fromkeys(range(int(start), int(stop)), activity)
        spans = one(*labels)
        assert {s: a for start, stop, a in spans for s in range(int(start), int(stop))} == seconds
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_stretch_has_the_activity_that_covers_most_of_it() -> None:
    starts = np.array([0.0, 4.0, 8.0])
    assert activity_of([(0, 6, "a"), (6.5, 11, "b")], starts, starts + 4, 0.6) == ["a", "", "b"]


def test_the_table_survives_names_with_commas_and_quotes(tmp_path: Path) -> None:
    name, activity = 'ada, "monday"', "stairs, up"
    (tmp_path / "labels.csv").write_text(to_csv({name: [(0.25, 1e6 + 0.125, activity)]}))
    (found,) = read_intervals(tmp_path / "labels.csv")
    assert (found.recording, found.start, found.end, found.activity) == (name, 0.25, 1e6 + 0.125, activity)


def test_labels_go_back_into_the_import(tmp_path: Path) -> None:
    for name in ("monday", "tuesday"):
        exports.sensor_logger(tmp_path / "in" / f"{name}.zip", exports.signal(30, seed=len(name)))
    otolith.import_recordings(tmp_path / "in", tmp_path / "walks", ImportOptions(accept_guess=True))
    data = otolith.load(tmp_path / "walks")
    names = [recording.name for recording in data.recordings()]
    journal = Journal(file_of(tmp_path / "walks" / "labels", "ann"))
    journal.add("label", recording=names[0], start=4.0, stop=12.0, activity="walking")
    journal.add("label", recording=names[0], start=8.0, stop=16.0, activity="stairs up")
    journal.add("label", recording=names[1], start=0.0, stop=28.0, activity="walking")
    journal.add("undo", of=3)
    journal.add("label", recording=names[1], start=20.0, stop=24.0, activity="still")
    assert "3 intervals, 0.3 minutes of 2 recordings" in write(data, journal, tmp_path / "labels.csv")
    options = ImportOptions(accept_guess=True, labels=tmp_path / "labels.csv")
    otolith.import_recordings(tmp_path / "in", tmp_path / "again", options)
    write(data, journal, tmp_path / "copy")
    for folder in ("again", "copy"):
        found = otolith.load(tmp_path / folder)
        assert set(found.info.activities) == {"walking", "stairs up", "still"}
        segments = {
            each.name: [(s.start_s, s.stop_s, s.activity) for s in each.segments] for each in found.recordings()
        }
        assert segments == {
            names[0]: [(4.0, 8.0, "walking"), (8.0, 16.0, "stairs up")],
            names[1]: [(20.0, 24.0, "still")],
        }
    assert len(otolith.load(tmp_path / "copy").windows(30, 1.0, 0.5)) > 20
