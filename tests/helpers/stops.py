"""Work that ends in the middle, as if a signal had come, and what has to be the same after it went on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from otolith.progress import Progress, Stage


class Stopped(BaseException):
    """Ends a run as a signal does: nobody catches it."""


def stop_after(epoch: int) -> Callable[[dict[str, Any]], None]:
    """Return an `on_epoch` that raises Stopped."""

    def on_epoch(record: dict[str, Any]) -> None:
        if record["epoch"] == epoch:
            raise Stopped

    return on_epoch


def plain(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records without how long they took."""
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def same(one: nn.Module, other: nn.Module) -> bool:
    """Compare two networks to the bit."""
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


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
