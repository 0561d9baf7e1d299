"""A progress that remembers what it was told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from otolith.progress import Progress, Stage


class Told(Progress):
    """Keeps (title, total, unit) of each stage, the steps done after each advance, and the lines that were said."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, str]] = []
        self.done: list[int] = []
        self.said: list[str] = []

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        self.stages.append((title, total, unit))
        done, steps_of = self.done, 0

        class Counting(Stage):
            def advance(self, steps: int = 1, **figures: float) -> None:
                nonlocal steps_of
                steps_of += steps
                done.append(steps_of)

        yield Counting()

    def say(self, text: str) -> None:
        self.said.append(text)
