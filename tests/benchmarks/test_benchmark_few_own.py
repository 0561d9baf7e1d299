"""The study of few labels: who has which, and that nobody of the data set's test part is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

import otolith
from benchmarks import few_own
from otolith.datasets import load
from otolith.recording import Segment
from otolith.splits import default, read_parts


def test_the_study_holds_a_few_labels_and_no_test_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_own, "EACH", 2)
    data = load("synthetic")
    w = data.windows()
    tested = {str(who) for who in w.subject[default(w, data.info).test]}
    options = few_own.study(data, tmp_path / "few")
    made = otolith.load(options[0])
    parts = read_parts(options[2])
    segments: dict[str, list[Segment]] = {}
    for each in made.recordings():
        segments.setdefault(str(each.subject), []).extend(each.segments)
    assert not tested & set(segments)
    for who, own in segments.items():
        if who in map(str, parts.test):
            assert len(own) >= len(data.info.activities)
        elif own:
            assert len(own) == len({each.activity for each in own}) == len(data.info.activities)
            assert all(each.stop_s is not None and each.stop_s - each.start_s < 1.1 for each in own)
    assert sum(bool(own) for own in segments.values()) == 4
    assert sum(not own for own in segments.values()) == len(segments) - 4 > 0
