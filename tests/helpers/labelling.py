"""Recordings whose activities are plain to see, as a data set folder, and `otolith label` on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from otolith.labelling.stretches import Signals, stretches_of
from otolith.labelling.work import Work
from otolith.recording import CHANNELS, Recording, Segment, Stream
from tests.helpers.live import Command

ACTIVITIES = ("still", "walking", "running")
STRETCH_S = 4.0
RATE_HZ = 25.0


def truth(name: str, n: int = 20) -> list[str]:
    """Return the activity of each stretch of a recording."""
    rng = np.random.default_rng(sum(name.encode()))
    return [ACTIVITIES[i] for i in rng.integers(0, 3, n)]


def recording(name: str, n: int = 20, segments: Sequence[Segment] = ()) -> Recording:
    """Return a recording of `n` stretches, each of one activity."""
    rng = np.random.default_rng(len(name))
    time = np.arange(round(STRETCH_S * RATE_HZ)) / RATE_HZ
    parts = []
    for activity in truth(name, n):
        amount, hz = {"still": (0.05, 0.3), "walking": (2.0, 1.6), "running": (7.0, 2.8)}[activity]
        swing = np.sin(2 * np.pi * hz * time + rng.uniform(0, 6, (6, 1))) * np.array([1, 1, 1, 0.3, 0.3, 0.3])[:, None]
        parts.append(amount * swing + rng.normal(0, 0.1, swing.shape) + np.array([0, 0, 9.81, 0, 0, 0])[:, None])
    return Recording(name, "ada", (Stream(CHANNELS, np.concatenate(parts, 1), RATE_HZ),), tuple(segments))


class Held:
    """Recordings in memory, in place of those of a data set."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._recordings = list(recordings)

    def readers(self) -> list[object]:
        return [lambda each=each: each for each in self._recordings]


def work(folder: Path, labeller: str = "ann", names: Sequence[str] = ("monday", "tuesday"), **options: object) -> Work:
    """Return the work of a labeller on recordings of these names."""
    signals = Signals(Held([recording(name) for name in names]))  # type: ignore[arg-type]
    return Work(signals, stretches_of(signals, CHANNELS), folder, labeller, **options)  # type: ignore[arg-type]


@contextmanager
def running_label(data: Path, *options: str) -> Iterator[Command]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "otolith", "label", str(data), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    with closing(Command(process)) as one:
        one.started()
        yield one
