"""Stages of long work, and those who are told of them: silent ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Stage:
    """One piece of work with a known number of steps. This one is silent.

    >>> Stage().advance(10, loss=0.31)
    """

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Count `steps` more as done; `figures` are the latest values to show, such as loss=0.31."""


class Progress:
    """Opens stages. This one is silent; `otolith.progress.display.LiveProgress` draws bars.

    >>> with Progress().stage("files", 2, "files") as bar:
    ...     bar.advance()
    """

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        """Open a stage of `total` steps (None: unknown), each counted as one `unit`."""
        yield Stage()

    def say(self, text: str) -> None:
        """Tell a line that is worth keeping on the screen."""


SILENT = Progress()
