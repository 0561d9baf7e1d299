"""Labels teach a head, which proposes what it is unsure of and tells how well it does; contradictions are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.labelling.work import Work
from tests.helpers.labelling import ACTIVITIES, STRETCH_S, truth, work


def answer(w: Work, n: int) -> list[str]:
    """Label `n` proposals rightly; return the activities."""
    said = []
    for _ in range(n):
        found = w.propose()
        assert found is not None
        name = w.stretches.names[found["recording"]]
        said.append(truth(name)[round(found["start"] / STRETCH_S)])
        w.label(found["recording"], found["start"], found["stop"], said[-1])
        w.refit()
    return said


def test_recordings_become_stretches(tmp_path: Path) -> None:
    w = work(tmp_path)
    assert len(w.stretches) == 40
    assert np.allclose(w.stretches.stop - w.stretches.start, STRETCH_S)
    assert w.stretches.features.std(0).max() < 1
    assert np.abs(w.stretches.features.mean(0)).max() < 1e-2


def test_a_few_labels_suffice_and_are_spread(tmp_path: Path) -> None:
    w = work(tmp_path, activities=ACTIVITIES)
    assert set(answer(w, 6)) == set(ACTIVITIES)
    head, p = w.learnt.head, w.learnt.probabilities
    assert head is not None
    assert p is not None
    said = [head.present[i] for i in p.argmax(1)]
    right = [
        truth(w.stretches.names[r])[round(s / STRETCH_S)]
        for r, s in zip(w.stretches.recording, w.stretches.start, strict=True)
    ]
    assert np.mean([a == b for a, b in zip(said, right, strict=True)]) > 0.9
    assert w.learnt.seconds < 2


def test_no_stretch_is_proposed_twice_and_undo_brings_it_back(tmp_path: Path) -> None:
    w = work(tmp_path, names=("monday",), activities=ACTIVITIES)
    seen = []
    while (found := w.propose()) is not None:
        seen.append(found["start"])
        if len(seen) % 3:
            w.label(0, found["start"], found["stop"], truth("monday")[round(found["start"] / STRETCH_S)])
        else:
            w.skip(0, found["start"], found["stop"])
        if len(seen) == 8:
            w.refit()
    assert sorted(seen) == [STRETCH_S * i for i in range(20)]
    line = w.undo()
    assert line is not None
    again = w.propose()
    assert again is not None
    assert again["start"] == line["start"]


def test_a_new_start_goes_on_where_it_was(tmp_path: Path) -> None:
    first = work(tmp_path, activities=ACTIVITIES)
    answer(first, 10)
    first.undo()
    first.refit()
    second = work(tmp_path, activities=ACTIVITIES)
    second.refit()
    assert second.labels == first.labels
    assert second.counts() == first.counts()
    assert sum(second.counts().values()) == 9
    assert second.curve == first.curve
    assert second.propose() == first.propose()


def test_agreement_grows(tmp_path: Path) -> None:
    w = work(tmp_path, activities=ACTIVITIES)
    answer(w, 24)
    labels, shares = zip(*w.curve, strict=True)
    assert list(labels) == sorted(labels)
    assert shares[-1] > 0.9


def test_a_wrong_label_is_found_and_can_be_kept_or_corrected(tmp_path: Path) -> None:
    w = work(tmp_path, activities=ACTIVITIES)
    answer(w, 20)
    assert w.learnt.corrections == []
    names = list(w.stretches.names)
    wrong = next(i for i, label in enumerate(w.labels) if label == "still")
    where = int(w.stretches.recording[wrong]), float(w.stretches.start[wrong]), float(w.stretches.stop[wrong])
    w.label(*where, "running")
    (found,) = w.refit().corrections
    assert (found["recording"], found["start"], found["label"], found["said"]) == (*where[:2], "running", "still")
    assert found["certainty"] > 0.7
    w.keep(*where)
    assert w.refit().corrections == []
    w.undo()
    assert len(w.refit().corrections) == 1
    w.label(*where, "still")
    assert w.refit().corrections == []
    assert names == list(w.stretches.names)


def test_people_are_kept_apart_and_what_they_differ_in_is_told(tmp_path: Path) -> None:
    ann = work(tmp_path, "ann", activities=ACTIVITIES)
    answer(ann, 8)
    bob = work(tmp_path, "bob", activities=ACTIVITIES)
    assert bob.counts() == {}
    assert list(bob.others) == ["ann"]
    row = next(i for i, label in enumerate(ann.labels) if label == "still")
    bob.label(
        int(ann.stretches.recording[row]), float(ann.stretches.start[row]), float(ann.stretches.stop[row]), "walking"
    )
    bob.label(0 if row else 1, 0.0, 4.0, "still")
    found = [each for each in bob.refit().corrections if each["by"] == "ann"]
    assert found
    assert found[0]["said"] == "still"


def test_labels_of_the_data_set_lie_beneath(tmp_path: Path) -> None:
    w = work(tmp_path, base={"monday": [(0.0, 8.0, "sitting")]})
    assert w.activities == ["sitting"]
    assert w.labels[:3] == ["sitting", "sitting", ""]
    w.add_activity("still")
    w.label(0, 4.0, 8.0, "still")
    assert w.spans() == {"monday": [(0.0, 4.0, "sitting"), (4.0, 8.0, "still")]}
    w.undo()
    assert w.labels[:2] == ["sitting", "sitting"]


def test_activities_are_one_whatever_their_case(tmp_path: Path) -> None:
    w = work(tmp_path)
    assert w.add_activity("Stairs  up ") == "Stairs up"
    assert w.add_activity("stairs UP") == "Stairs up"
    assert w.activities == ["Stairs up"]
    for name in ("", " ", "unknown", "NA", "x" * 200, "a\x00b"):
        with pytest.raises(DataError, match="names no activity"):
            w.add_activity(name)


@pytest.mark.parametrize(
    "given",
    [(0, 0.0, 4.0, "flying"), (9, 0.0, 4.0, "still"), (0, 4.0, 4.0, "still"), (0, 4.0, 0.0, "still"), (-1, 0, 4, "")],
)
def test_what_cannot_be_labelled_is_refused_and_not_written(
    tmp_path: Path, given: tuple[int, float, float, str]
) -> None:
    w = work(tmp_path, activities=ACTIVITIES)
    with pytest.raises(DataError):
        w.label(*given)
    assert w.journal.lines == []
