"""Pre-training on more windows than one would hold in memory, and than the machine could: `python -m benchmarks.scale`.

Writes windows, and features of a teacher, as of 10,000 hours into memory-mapped files, drawn at random, pre-trains on
them for some hundred steps, and on so few that they fit into memory, in turns, and prints seconds and memory. Then the
same with the system not told which rows come next.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import fixtures
from benchmarks.memory import anonymous_bytes
from benchmarks.tasks import fresh_processes, turn
from otolith.finetuning.features import encode
from otolith.progress import Progress, Stage
from otolith.recipes.sections import Recipe
from otolith.recording import CHANNELS
from otolith.system import memory
from otolith.training.loop import train
from otolith.training.window_source import Source


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
    with tempfile.TemporaryDirectory() as folder:
        source = fixtures.source(drawn(Path(folder) / "x.npy", (n, len(CHANNELS), fixtures.STEPS)))
        h = encode(fixtures.teacher(chosen), source, folder=Path(folder))
        return _trained(chosen, source, h, steps)


def beyond_memory(x: str, h: str, n: int, steps: int, seed: int, announced: bool = True) -> dict[str, float]:
    """The same on the first `n` windows and features of two files; `announced`: the system is told which come next.

    With another seed other windows come, which no process has read before.
    """
    chosen = fixtures.recipe_of("compact", None)
    source = fixtures.source(np.load(x, mmap_mode="r")[:n])
    if not announced:
        memory._advise = lambda: None  # type: ignore[assignment]
    return _trained(chosen, source, torch.from_numpy(np.load(h, mmap_mode="r+")[:n]), steps, seed)


def drawn(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Write an array of normal numbers, float32, a piece at a time; return it as a map of its file."""
    out = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    rng = np.random.default_rng(0)
    for first in range(0, len(out), 10_000):
        part = out[first : first + 10_000]
        part[:] = rng.standard_normal(part.shape, np.float32)
        if not first % 1_000_000:
            memory.release(out)
    out.flush()
    return np.load(path, mmap_mode="r")


def _trained(chosen: Recipe, source: Source, h: Tensor, steps: int, seed: int = 0) -> dict[str, float]:
    watch = _Watch(steps * chosen.pretrain.batch_size)
    settings = dataclasses.replace(
        chosen.pretrain, epochs=-(-steps // (len(source) // chosen.pretrain.batch_size)), lr=1e-6
    )
    with suppress(_Enough):
        train(fixtures.method(chosen, "dynamic"), source, settings, seed, instances=h, progress=watch)
    return {
        "seconds": statistics.median(watch.seconds),
        "mean": statistics.mean(watch.seconds),
        "anonymous": float(max(watch.anonymous)),
        "windows": watch.done,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--hours", type=int, default=10_000, help="of windows of a second (default: %(default)s)")
    parser.add_argument("--few", type=int, default=10_000, help="windows that fit into memory (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="disk to work on, 1.8 kB a window")
    given = parser.parse_args(arguments)
    n = given.hours * 3600
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        files = {"x": str(Path(folder, "x.npy")), "h": str(Path(folder, "h.npy"))}
        drawn(Path(files["x"]), (n, len(CHANNELS), fixtures.STEPS))
        drawn(Path(files["h"]), (n, 256))
        sys.stdout.write(
            "| windows | told what comes | a window | mean | memory that no file backs |\n|---|---|---|---|---|\n"
        )
        for seed in range(0, 2 * given.rounds, 2):
            cases = [
                {"n": given.few, "seed": seed},
                {"n": n, "seed": seed},
                {"n": n, "seed": seed + 1, "announced": False},
            ]
            found = fresh_processes(*(("beyond_memory", {**files, "steps": given.steps, **case}) for case in cases))
            for case, figures in zip(cases, found, strict=True):
                sys.stdout.write(
                    f"| {case['n']:,} | {'no' if 'announced' in case else 'yes'} | {1e6 * figures['seconds']:.0f} µs | "
                    f"{1e6 * figures['mean']:.0f} µs | {figures['anonymous'] / 1e6:.0f} MB |\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
