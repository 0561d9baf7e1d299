"""Scores of segments and events over time, after Ward, Lukowicz and Gellersen 2011 (ACM TIST 2(1), 6).

Windows of a recording that follow one another with one activity are an event. For each activity, time is cut into
segments within which neither truth nor answer changes. A segment that is wrong is a deletion or an insertion where its
whole event was missed or invented, a fragmentation or a merge where it lies between two hits of one event, and else an
underfill or an overfill, at an event's edge (the paper's Sections 3.2 and 3.3; Bulling et al. 2014 recommend them).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from otolith.metrics.spec import Metric, Predictions

GAP = 1.5
"""Windows that start further apart than so many times the usual step are not of one event."""
SEGMENTS = ("deletion", "fragmentation", "underfill", "insertion", "merge", "overfill")
EVENTS = ("deleted", "fragmented", "merged", "fragmented and merged", "correct")


def runs(values: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last index plus one of each run of True.

    >>> runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], values.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def stretches(p: Predictions) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield truth and answer of windows that follow one another without a gap, in order of time."""
    names = np.char.add(np.char.add(p.subject.astype(str), "\0"), p.recording.astype(str))
    order = np.lexsort((p.start, names))
    names, start = names[order], p.start[order]
    step = np.diff(start)
    within = (names[1:] == names[:-1]) & (step > 0)
    usual = float(np.median(step[within])) if within.any() else p.seconds
    cuts = np.flatnonzero((names[1:] != names[:-1]) | (step > GAP * usual)) + 1
    for part in np.split(order, cuts):
        yield p.y_true[part], p.y_pred[part]


def segment_errors(p: Predictions) -> dict[str, float]:
    """Return the windows in each kind of error of `SEGMENTS`, over the windows of the activities that are scored.

    Windows of an activity that are not recognised are deletion, fragmentation or underfill; windows that are wrongly
    taken for it are insertion, merge or overfill. Activities that occur and were trained are scored.

    >>> p = Predictions.of([0, 0, 1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0], ["still", "walk"])
    >>> {name: share for name, share in segment_errors(p).items() if share}
    {'underfill': 0.125, 'overfill': 0.125}
    """
    counts = dict.fromkeys(SEGMENTS, 0)
    for true, pred in stretches(p):
        for c in p.counted:
            t, r = true == c, pred == c
            for kind, (whole, part) in {"truth": (t, r), "answer": (r, t)}.items():
                names = SEGMENTS[:3] if kind == "truth" else SEGMENTS[3:]
                for begin, stop in runs(whole):
                    hits = np.flatnonzero(part[begin:stop])
                    if not len(hits):
                        counts[names[0]] += stop - begin
                        continue
                    inner = hits[-1] + 1 - hits[0] - len(hits)
                    counts[names[1]] += int(inner)
                    counts[names[2]] += int(stop - begin - len(hits) - inner)
    n = max(int(np.isin(p.y_true, p.counted).sum()), 1)
    return {name: count / n for name, count in counts.items()}


def event_counts(p: Predictions) -> dict[str, int]:
    """Return numbers of true events of each kind of `EVENTS`, of recognised ones that are `inserted`, and both totals,
    `events` and `returned`.

    A true event is deleted where no window of it is recognised, fragmented where several answers hit it, merged where
    an answer that hits it hits another one, too, and correct otherwise, whatever its edges.

    >>> p = Predictions.of([0, 1, 1, 1, 0, 1, 0], [0, 1, 0, 1, 1, 1, 0], ["still", "walk"])
    >>> found = event_counts(p)
    >>> found["events"], found["correct"], found["fragmented and merged"], found["merged"], found["deleted"]
    (5, 2, 1, 1, 1)
    """
    counts = dict.fromkeys((*EVENTS, "events", "returned", "inserted"), 0)
    for true, pred in stretches(p):
        for c in p.counted:
            t, r = runs(true == c), runs(pred == c)
            hit = np.array([[a < d and b > e for e, d in r] for a, b in t], dtype=bool).reshape(len(t), len(r))
            many = hit.sum(0) > 1
            for row in hit:
                fragmented, merged = int(row.sum()) > 1, bool((row & many).any())
                name = "fragmented and merged" if fragmented and merged else ""
                name = name or ("fragmented" if fragmented else "merged" if merged else "")
                counts[name or ("correct" if row.any() else "deleted")] += 1
            counts["inserted"] += int((hit.sum(0) == 0).sum())
            counts["events"] += len(t)
            counts["returned"] += len(r)
    return counts


def event_f1(p: Predictions) -> float | None:
    """Return F1 of events that are recognised as one and whole: neither deleted, inserted, fragmented nor merged.

    >>> event_f1(Predictions.of([0, 0, 1, 1], [0, 1, 1, 1], ["still", "walk"]))
    1.0
    """
    counts = event_counts(p)
    total = counts["events"] + counts["returned"]
    return 2 * counts["correct"] / total if total else None


def _share(p: Predictions, name: str, of: str) -> float | None:
    counts = event_counts(p)
    return counts[name] / counts[of] if counts[of] else None


def _segment(p: Predictions, name: str) -> float:
    return segment_errors(p)[name]


WARD = "(Ward et al. 2011)"
SPECS = (
    Metric("event_f1", "Event F1", event_f1, f"F1 of events recognised as one and whole {WARD}", order=100),
    *(
        Metric(
            f"event_{name}",
            f"Events {name}",
            partial(_share, name=name, of="returned" if name == "inserted" else "events"),
            f"share of {'recognised' if name == 'inserted' else 'true'} events that are {name} {WARD}",
            higher_is_better=False,
            order=110 + place,
        )
        for place, name in enumerate(("deleted", "inserted", "fragmented", "merged"))
    ),
    *(
        Metric(
            f"segment_{name}",
            f"Time in {name}s",
            partial(_segment, name=name),
            f"windows in {name}s over the windows of the activities {WARD}",
            higher_is_better=False,
            order=120 + place,
        )
        for place, name in enumerate(SEGMENTS)
    ),
)
