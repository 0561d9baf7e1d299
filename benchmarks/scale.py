"""Pre-training on more windows than one would hold in memory."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from benchmarks import fixtures
from benchmarks.memory import anonymous_bytes
from benchmarks.tasks import turn
from otolith.finetuning.features import encode
from otolith.progress import Progress, Stage
from otolith.recording import CHANNELS
from otolith.training.loop import train


class _Enough(Exception):
    """The steps that a measurement wants are done."""


class _Watch(Stage, Progress):
    """Notes, at each report of a training, seconds a window and memory that is no file's; stops it after some steps."""

    def __init__(self, windows: int) -> None:
        self.wanted = windows
        self.seconds: list[float] = []
        self.anonymous: list[int] = []
        self.done = 0

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        turn()
        self.at = time.perf_counter()
        yield self

    def advance(self, steps: int = 1, **figures: float) -> None:
        now = time.perf_counter()
        self.seconds.append((now - self.at) / steps)
        self.anonymous.append(anonymous_bytes())
        self.done += steps
        if self.done >= self.wanted:
            raise _Enough
        turn()
        self.at = time.perf_counter()


def scale(n: int, steps: int = 300, recipe: str = "compact", overrides: fixtures.Overrides = None) -> dict[str, float]:
    """Pre-training by dynamic temperature on `n` windows from a memory-mapped file, the teacher's features likewise.

    Median seconds of a window over `steps` steps, and the most anonymous memory. Needs 0.7 kB of disk for each window
    and 1 kB for its features.
    """
    chosen = fixtures.recipe_of(recipe, overrides)
    size = chosen.pretrain.batch_size
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        out = np.lib.format.open_memmap(path, "w+", np.float32, (n, len(CHANNELS), fixtures.STEPS))
        rng = np.random.default_rng(0)
        for first in range(0, n, 10_000):
            part = out[first : first + 10_000]
            part[:] = rng.standard_normal(part.shape, np.float32)
        out.flush()
        del out, part
        source = fixtures.source(np.load(path, mmap_mode="r"))
        h = encode(fixtures.teacher(chosen), source, folder=Path(folder))
        watch = _Watch(steps * size)
        settings = dataclasses.replace(chosen.pretrain, epochs=-(-steps // (n // size)), lr=1e-6)
        with suppress(_Enough):
            train(fixtures.method(chosen, "dynamic"), source, settings, 0, instances=h, progress=watch)
        return {
            "seconds": statistics.median(watch.seconds),
            "anonymous": float(max(watch.anonymous)),
            "windows": watch.done,
        }
