"""The work of one labeller on one data set: what has been labelled, what it teaches, and what to label next."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError, unknown
from otolith.importing.labels.activities import folded, is_label
from otolith.labelling import head as heads
from otolith.labelling.intervals import Labelled, Span, activity_of, painted
from otolith.labelling.journal import Journal, file_of, labellers
from otolith.labelling.proposals import Proposals
from otolith.labelling.stretches import Signals, Stretches

LEAST_COVERED = 0.6
"""Share of a stretch that an activity has to cover for the stretch to count as labelled."""
GROUP_S = 60.0
"""Labels within as many seconds are left out together when agreement is measured."""
SURE, DOUBTED = 0.7, 0.15
"""A head contradicts a label where it is as sure of another activity, and gives the label's own less than that."""
MOST_ACTIVITIES = 100
MOST_NAME = 80


@dataclass
class Learnt:
    """Results of the labels so far."""

    head: heads.Head | None = None
    probabilities: NDArray[np.float32] | None = None
    corrections: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


class Work:
    """Takes labels, writes them down at once, and proposes; `refit` learns from them, in whichever thread it is called.

    Args:
        signals, stretches: of the data set.
        folder: of the labellers' files.
        labeller: who labels now.
        activities: names known beforehand.
        base: spans that the data set came with, by recording; labels cover them.

    Raises:
        DataError: a labeller's file cannot be read, or the name cannot be one.
    """

    def __init__(
        self,
        signals: Signals,
        stretches: Stretches,
        folder: Path,
        labeller: str,
        *,
        activities: Sequence[str] = (),
        base: Mapping[str, Sequence[Span]] | None = None,
    ) -> None:
        self.signals, self.stretches, self.labeller = signals, stretches, labeller
        self.journal = Journal(file_of(folder, labeller))
        self.base = {name: list(spans) for name, spans in (base or {}).items() if spans}
        self.others = {
            each: painted(labels_in(Journal(file_of(folder, each)))) for each in labellers(folder) if each != labeller
        }
        self._known = list(activities)
        self._proposals = Proposals(stretches.features)
        self._rows = [np.flatnonzero(stretches.recording == i) for i in range(len(stretches.names))]
        self._fitting = threading.Lock()
        self.learnt = Learnt()
        self._take_stock()

    @property
    def activities(self) -> list[str]:
        """Names in the order of their keys: as they were first used or added."""
        found = dict.fromkeys(self._known)
        for spans in (*self.base.values(), *(s for each in self.others.values() for s in each.values())):
            found |= dict.fromkeys(activity for _, _, activity in spans)
        for line in self.journal.standing("activity", "label"):
            found[line["name"] if line["do"] == "activity" else line["activity"]] = None
        found.pop("", None)
        return list(found)

    def add_activity(self, name: str) -> str:
        """Add an activity, and return its name as it is known.

        Raises:
            DataError: it is empty, long or a word for no label, or there are many already.
        """
        name = " ".join(name.split())
        if len(name) > MOST_NAME or not name.isprintable() or not is_label(name):
            raise DataError(
                f"{name[:40]!r} names no activity; expected one to {MOST_NAME} letters, and no word for “no label”"
            )
        known = self.activities
        for each in known:
            if folded(each) == folded(name):
                return each
        if len(known) >= MOST_ACTIVITIES:
            raise DataError(f"there are {MOST_ACTIVITIES} activities already; use one of them")
        self.journal.add("activity", name=name)
        return name

    def label(self, recording: int, start: float, stop: float, activity: str) -> None:
        """Label from `start` to `stop` (seconds); an empty activity takes labels away.

        Raises:
            DataError: an unknown recording or activity, or no stretch of time.
        """
        if activity and activity not in self.activities:
            raise DataError(unknown("activity", activity, self.activities))
        self.journal.add("label", **self._place(recording, start, stop), activity=activity)
        self._take_stock()

    def skip(self, recording: int, start: float, stop: float) -> None:
        """Propose this stretch no more."""
        self.journal.add("skip", **self._place(recording, start, stop))
        self._take_stock()

    def keep(self, recording: int, start: float, stop: float) -> None:
        """Hold a label that the head contradicts to be right."""
        self.journal.add("keep", **self._place(recording, start, stop))
        self._take_stock()

    def undo(self) -> dict[str, Any] | None:
        """Take the last label, skip or keep back, and return it; None where there is none."""
        line = self.journal.last()
        if line is not None:
            self.journal.add("undo", of=line["id"])
            self._take_stock()
        return line

    def set_offset(self, video: str, recording: int, seconds: float) -> None:
        """Say that second 0 of a video is at `seconds` on the recording's clock."""
        self.journal.add("offset", video=video, recording=self._name(recording), seconds=round(float(seconds), 3))

    def offsets(self) -> dict[tuple[str, str], float]:
        """Return the offset of each (video, recording)."""
        return {(line["video"], line["recording"]): line["seconds"] for line in self.journal.standing("offset")}

    def propose(self) -> dict[str, Any] | None:
        """Return the stretch to label next, with what the head takes it for; None where all are labelled."""
        stretches, learnt = self.stretches, self.learnt
        free = np.array([not label for label in self.labels]) & ~self._passed
        known = np.flatnonzero(~free)
        i = self._proposals.best(free, known.tolist(), learnt.probabilities)
        if i is None:
            return None
        return {
            "recording": int(stretches.recording[i]),
            "start": float(stretches.start[i]),
            "stop": float(stretches.stop[i]),
            "guesses": self._guesses(i),
        }

    def refit(self) -> Learnt:
        """Fit a head to the labels so far, compare it with labels left out, and keep and return what came of it."""
        with self._fitting:
            began = time.perf_counter()
            labels = list(self.labels)
            own = list(self._own)
            rows = [i for i, label in enumerate(labels) if label]
            known = [labels[i] for i in rows]
            x = self.stretches.features[rows]
            head = heads.fit(x, known) if rows else None
            p = None if head is None else head.probabilities(self.stretches.features)
            corrections: list[dict[str, Any]] = []
            if head is not None:
                groups = [(int(self.stretches.recording[i]), int(self.stretches.start[i] // GROUP_S)) for i in rows]
                left_out = heads.leave_out(x, known, groups)
                corrections = self._contradictions(rows, left_out)
                n = sum(map(bool, own))
                if left_out.share is not None and n and (not self.curve or self.curve[-1][0] != n):
                    self.journal.add("agreement", labels=n, value=round(left_out.share, 4))
            self.learnt = Learnt(head, p, corrections, time.perf_counter() - began)
            return self.learnt

    @property
    def curve(self) -> list[tuple[int, float]]:
        """Growth of the agreement: (labelled stretches, share of labels left out that the head says, too)."""
        return [(line["labels"], line["value"]) for line in self.journal.standing("agreement")]

    def spans(self) -> dict[str, list[Span]]:
        """Return what is labelled, the data set's own labels beneath the labeller's."""
        base = [Labelled(name, *span) for name, spans in self.base.items() for span in spans]
        return painted([*base, *labels_in(self.journal)])

    def of_recording(self, number: int) -> dict[str, Any]:
        """Return the spans of one recording: one's own with the base beneath, others', and the head's guesses."""
        name = self._name(number)
        rows, p = self._rows[number], self.learnt.probabilities
        guesses: list[list[Any]] = []
        if p is not None and self.learnt.head is not None and len(p) == len(self.stretches):
            present = self.learnt.head.present
            guesses = [
                [float(self.stretches.start[i]), float(self.stretches.stop[i]), present[int(p[i].argmax())]]
                for i in rows
            ]
        return {
            "own": [list(span) for span in self._spans.get(name, [])],
            "guesses": guesses,
            "others": {each: [list(s) for s in spans[name]] for each, spans in self.others.items() if name in spans},
        }

    def counts(self) -> dict[str, int]:
        """Return the number of labelled stretches of each activity."""
        return dict(Counter(label for label in self.labels if label))

    def _take_stock(self) -> None:
        self._spans = self.spans()
        own = painted(labels_in(self.journal))
        self.labels = self._of_stretches(self._spans)
        self._own = self._of_stretches(own)
        self._passed = self._covered("skip")
        self._kept = self._covered("keep")

    def _of_stretches(self, spans: Mapping[str, Sequence[Span]]) -> list[str]:
        found = [""] * len(self.stretches)
        for number, name in enumerate(self.stretches.names):
            rows = self._rows[number]
            if name in spans and len(rows):
                of = activity_of(spans[name], self.stretches.start[rows], self.stretches.stop[rows], LEAST_COVERED)
                for i, label in zip(rows.tolist(), of, strict=True):
                    found[i] = label
        return found

    def _covered(self, kind: str) -> NDArray[np.bool_]:
        spans = painted(
            Labelled(line["recording"], line["start"], line["stop"], kind) for line in self.journal.standing(kind)
        )
        return np.array([bool(each) for each in self._of_stretches(spans)], bool)

    def _contradictions(self, rows: Sequence[int], left_out: heads.LeftOut) -> list[dict[str, Any]]:
        """Return labels that the head, or another labeller, contradicts, the surest first."""
        found = []
        for place, i in enumerate(rows):
            if not self._own[i] or self._kept[i]:
                continue
            said, sure = left_out.said[place], float(left_out.certainty[place])
            if said and said != self._own[i] and sure >= SURE and left_out.own[place] <= DOUBTED:
                found.append((sure, i, said, ""))
        for name, spans in self.others.items():
            for i, label in enumerate(self._of_stretches(spans)):
                if label and self._own[i] and label != self._own[i] and not self._kept[i]:
                    found.append((1.0, i, label, name))
        found.sort(key=lambda each: -each[0])
        return [
            {
                "recording": int(self.stretches.recording[i]),
                "start": float(self.stretches.start[i]),
                "stop": float(self.stretches.stop[i]),
                "label": self._own[i],
                "said": said,
                "certainty": round(sure, 3),
                "by": name,
            }
            for sure, i, said, name in found
        ]

    def _guesses(self, i: int) -> list[tuple[str, float]]:
        head, p = self.learnt.head, self.learnt.probabilities
        if head is None or p is None:
            return []
        order = np.argsort(-p[i])[:3]
        return [(head.present[j], round(float(p[i, j]), 3)) for j in order]

    def _name(self, number: int) -> str:
        if not 0 <= number < len(self.stretches.names):
            raise DataError(f"there is no recording {number}; there are {len(self.stretches.names)}, from 0")
        return self.stretches.names[number]

    def _place(self, recording: int, start: float, stop: float) -> dict[str, Any]:
        name = self._name(recording)
        start, stop = round(float(start), 3), round(float(stop), 3)
        if not 0 <= stop - start < 1e7 or stop - start < 0.05:
            raise DataError(f"from {start:g} to {stop:g} s is no stretch; expected an end after the start")
        return {"recording": name, "start": start, "stop": stop}


def labels_in(journal: Journal) -> list[Labelled]:
    """Return the labels that stand, in their order."""
    return [
        Labelled(line["recording"], line["start"], line["stop"], line["activity"]) for line in journal.standing("label")
    ]
