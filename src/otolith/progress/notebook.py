"""Progress in a notebook: one line of HTML for each stage, redrawn in place."""

from __future__ import annotations

import html
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from otolith.progress.base import Progress, Stage
from otolith.progress.display import Meter, duration

EVERY_S = 0.25
"""Lines are redrawn at most this often."""


class NotebookProgress(Progress):
    """The progress of library calls in the output of a notebook's cell.

    Args:
        least_s: stages that took less leave no line.
        now: a clock in seconds.
    """

    def __init__(self, *, least_s: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self.least_s = least_s
        self.now = now

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        stage = _Line(title, Meter(total, unit, self.now), self.least_s)
        try:
            yield stage
        except BaseException:
            stage.draw(f"stopped after {duration(stage.meter.elapsed)}")
            raise
        if stage.handle is not None or stage.meter.elapsed >= self.least_s:
            figures = stage.meter.describe(running=False)
            stage.draw(f"✓ {duration(stage.meter.elapsed)}" + (f", {figures}" if figures else ""))

    def say(self, text: str) -> None:
        show(f"<div>{html.escape(text)}</div>")


class _Line(Stage):
    def __init__(self, title: str, meter: Meter, least_s: float) -> None:
        self.title, self.meter = title, meter
        self.handle: Any = None
        self._next = meter.now() + min(least_s, EVERY_S)

    def advance(self, steps: int = 1, **figures: float) -> None:
        self.meter.advance(steps, figures)
        if self.meter.now() < self._next:
            return
        self._next = self.meter.now() + EVERY_S
        share = self.meter.share
        label = html.escape(self.title)
        bar = f'<progress value="{min(share, 1):.3f}" aria-label="{label}"></progress> ' if share is not None else ""
        self.draw(self.meter.describe(running=True), bar=bar)

    def draw(self, text: str, *, bar: str = "") -> None:
        line = f"<div>{html.escape(self.title)} {bar}{html.escape(text)}</div>"
        if self.handle is None:
            self.handle = show(line)
        else:
            self.handle.update(_html(line))


def show(line: str) -> Any:
    """Put a line of HTML below the cell, and return the handle that redraws it."""
    return importlib.import_module("IPython.display").display(_html(line), display_id=True)


def _html(line: str) -> Any:
    return importlib.import_module("IPython.display").HTML(line)
