"""Work that ends in the middle, as if a signal had come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from otolith.progress import Progress, Stage


class Stopped(BaseException):
    """Ends a run as a signal does: nobody catches it."""


class StopIn(Progress):
    """Raises Stopped when a stage reports; notes the lines worth keeping."""

    def __init__(self, title: str = "", at: int = 1) -> None:
        self.title, self.left = title, at
        self.lines: list[str] = []
        self.stages: list[str] = []

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        outer = self
        self.stages.append(title)

        class Bar(Stage):
            def advance(self, steps: int = 1, **figures: float) -> None:
                if title == outer.title:
                    outer.left -= 1
                    if not outer.left:
                        raise Stopped

        yield Bar()

    def say(self, text: str) -> None:
        self.lines.append(text)
