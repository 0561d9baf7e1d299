"""Count lost, doubled, disordered and different predictions of streams, and measure how late each came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.streams.fleet import Heard
from benchmarks.streams.script import Answers
from otolith.streaming import Prediction

TOLERANCE = 2e-5
"""On probabilities: float32 in batches of another size, and six digits in a message."""


@dataclass(eq=False)
class Verdict:
    """Over all streams. Latencies and lateness are in seconds."""

    samples: int = 0
    """Samples that were sent."""
    dropped: int = 0
    """Samples and messages that the server says it dropped."""
    expected: int = 0
    received: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    different: int = 0
    largest: float = 0.0
    """The largest difference of a probability from the offline one."""
    failures: list[str] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """True where nothing was dropped, and everything came once, in order, and as offline."""
        return not (self.dropped or self.lost or self.doubled or self.disordered or self.different or self.failures)


def judge(heard: Sequence[Heard], answers: Sequence[Answers]) -> Verdict:
    """Hold what each stream received against its offline answers."""
    verdict = Verdict()
    for one, right in zip(heard, answers, strict=True):
        _add(verdict, one, right)
    return verdict


def _add(verdict: Verdict, heard: Heard, right: Answers) -> None:
    came = heard.predictions()
    place = {round(p.start_s, 6): i for i, p in enumerate(right.predictions)}
    seen: list[int] = []
    for at, message in came:
        i = place.get(round(message["start_s"], 6))
        if i is None:  # a window that nobody sent: another stream's
            verdict.different += 1
            continue
        if i in seen:
            verdict.doubled += 1
            continue
        verdict.disordered += bool(seen and i < seen[-1])
        seen.append(i)
        off, same = _difference(message, right.predictions[i])
        verdict.largest = max(verdict.largest, off)
        verdict.different += not same
        # the windows that the stop completes wait for no sample: they say nothing of a stream that goes on
        if right.completed_by[i] < len(heard.sent_s) - 1:
            verdict.latency_s.append(at - heard.sent_s[right.completed_by[i]])
    verdict.samples += heard.samples
    verdict.dropped += heard.dropped()
    verdict.expected += len(right.predictions)
    verdict.received += len(came)
    verdict.lost += len(right.predictions) - len(seen)
    verdict.late_s += heard.late_s
    if heard.failure or not heard.ended:
        verdict.failures.append(heard.failure or "no end came")


def _difference(message: dict[str, Any], right: Prediction) -> tuple[float, bool]:
    """The largest difference of a probability, and whether the message says what is right."""
    off = float(np.abs(np.array(message["p"]) - right.probabilities).max())
    believed = right.probabilities if right.belief is None else right.belief
    said = message["p"] if message["belief"] is None else message["belief"]
    off = max(off, float(np.abs(np.array(said) - believed).max()))
    first, second = np.sort(np.asarray(believed, np.float64))[::-1][:2]
    same = message["activity"] == right.activity or bool(first - second <= TOLERANCE)
    return off, same and off <= TOLERANCE and message["unknown"] == right.unknown
