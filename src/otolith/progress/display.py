"""Progress of long work: live bars on a terminal, occasional plain lines in a log. All of it goes to stderr."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from otolith.progress.base import Progress, Stage
from otolith.progress.printing import Printer, visible

WINDOW_S = 30.0
"""Rates are taken over about the last half minute, so that a machine that becomes busy shows."""

SHOWN = {"epoch": "epoch {:.0f}", "loss": "loss {:.4g}", "val_macro_f1": "validation F1 {:.1f}"}
"""Figures worth a place in a line, in their order."""


@dataclass
class Meter:
    """Steps done, their rate, and the time left. `now` is a clock in seconds."""

    total: int | None
    unit: str
    now: Callable[[], float] = time.monotonic
    done: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.now()
        self._seen: deque[tuple[float, int]] = deque()

    def advance(self, steps: int, figures: dict[str, float]) -> None:
        self.done += steps
        self.figures |= figures
        self._seen.append((self.now(), self.done))
        while len(self._seen) > 2 and self._seen[-1][0] - self._seen[1][0] > WINDOW_S:
            self._seen.popleft()

    @property
    def elapsed(self) -> float:
        return self.now() - self.began

    @property
    def share(self) -> float | None:
        return self.done / self.total if self.total else None

    @property
    def rate(self) -> float | None:
        """Steps a second. The first report does not count: a resumed stage begins by jumping to where it was."""
        if len(self._seen) < 2:
            return None
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        return (after - before) / (last - first) if last > first and after > before else None

    @property
    def left(self) -> float | None:
        rate = self.rate
        return (self.total - self.done) / rate if self.total is not None and rate else None

    def describe(self, running: bool) -> str:
        """`epoch 3, loss 4.21, 5,120 windows/s, 1 min 40 s left`."""
        parts = [text.format(self.figures[name]) for name, text in SHOWN.items() if name in self.figures]
        if self.unit == "B" and self.done:
            parts.append(f"{self.done / 1e6:.1f} MB")
        rate = self.rate
        if rate is not None:
            parts.append(speed(rate, self.unit))
        if running and self.left is not None and self.done < (self.total or 0):
            parts.append(f"{duration(self.left)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """0.42 -> `0.4 s`, 100 -> `1 min 40 s`, 7300 -> `2 h 2 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 and whole < 600 else f"{round(whole / 60)} min"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def speed(rate: float, unit: str) -> str:
    """5120.3 windows a second -> `5,120 windows/s`; below one a second, the time that one takes, `2.5 s each`."""
    if unit == "B":
        return f"{rate / 1e6:.1f} MB/s"
    if rate < 1:
        return f"{duration(1 / rate)} each"
    return f"{rate:,.0f} {unit or 'steps'}/s" if rate >= 10 else f"{rate:.1f} {unit or 'steps'}/s"


class LiveProgress(Progress):
    """The progress of library calls, drawn for people.

    On a terminal each running stage has a bar, which gives way to one line when the stage is done. Elsewhere a stage
    writes a line when it starts and ends, and between them one at each tenth, at most every `every_s` seconds.
    Stages that took less than `least_s` seconds leave no line, and none says that it starts unless that is zero.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        every_s: float = 5.0,
        least_s: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console = console or Printer(stderr=True, highlight=False)
        self.every_s = every_s
        self.least_s = least_s
        self.now = now
        self.live = self.console.is_terminal and not self.console.is_dumb_terminal
        self._bars: RichProgress | None = None

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        meter = Meter(total, unit, self.now)
        try:
            if self.live:
                with self._bar(title, meter) as bar:
                    yield bar
            else:
                if not self.least_s:
                    self.say(f"{title}: started")
                yield _LoggedStage(self, title, meter)
        except BaseException:
            where = f" at {meter.share:.0%}" if meter.share is not None else ""
            self.say(f"{title}: stopped{where} after {duration(meter.elapsed)}")
            raise
        self._finish(title, meter)

    @contextmanager
    def paused(self) -> Iterator[Console]:
        """The console without bars, for asking whoever sits there."""
        if self._bars is not None:
            self._bars.stop()
        try:
            yield self.console
        finally:
            if self._bars is not None:
                self._bars.start()

    def say(self, text: str) -> None:
        self.console.print(Text(visible(text)), soft_wrap=True)

    def _finish(self, title: str, meter: Meter) -> None:
        if meter.elapsed < self.least_s:
            return
        figures = meter.describe(running=False)
        if not self.live:
            self.say(f"{title}: done in {duration(meter.elapsed)}" + (f", {figures}" if figures else ""))
            return
        line = Text.assemble(("✓ ", "green"), f"{title:<24}", (f"{duration(meter.elapsed):>11}", "cyan"), "  ", figures)
        self.console.print(line, soft_wrap=True)

    @contextmanager
    def _bar(self, title: str, meter: Meter) -> Iterator[Stage]:
        """A bar among those that are drawn already, or the first of them."""
        outermost = self._bars is None
        if self._bars is None:
            self._bars = RichProgress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=max(8, min(30, self.console.width - 80))),
                TextColumn("{task.fields[share]}"),
                *([TimeElapsedColumn()] if self.console.width >= 100 else []),
                TextColumn("{task.fields[detail]}", markup=False),
                console=self.console,
                transient=True,
            )
            self._bars.start()
        bars = self._bars
        # One step is no scale: such a bar only shows that something moves.
        task = bars.add_task(title, total=meter.total if meter.total != 1 else None, share="", detail="")
        try:
            yield _DrawnStage(bars, task, meter)
        finally:
            bars.remove_task(task)
            if outermost:
                bars.stop()
                self._bars = None


class _DrawnStage(Stage):
    def __init__(self, bars: RichProgress, task: TaskID, meter: Meter) -> None:
        self.bars, self.task, self.meter = bars, task, meter

    def advance(self, steps: int = 1, **figures: float) -> None:
        self.meter.advance(steps, figures)
        share = f"{self.meter.share:4.0%}" if self.meter.share is not None else ""
        self.bars.update(self.task, completed=self.meter.done, share=share, detail=self.meter.describe(running=True))


class _LoggedStage(Stage):
    def __init__(self, display: LiveProgress, title: str, meter: Meter) -> None:
        self.display, self.title, self.meter = display, title, meter
        self._said_at = meter.began
        self._said_tenth = 0

    def advance(self, steps: int = 1, **figures: float) -> None:
        self.meter.advance(steps, figures)
        if self.meter.now() - self._said_at < self.display.every_s or self.meter.done == self.meter.total:
            return
        share = self.meter.share
        # Where the end is not known, time alone decides.
        tenth = int(10 * share) if share is not None else self._said_tenth + 1
        if tenth > self._said_tenth:
            self._said_at, self._said_tenth = self.meter.now(), tenth
            where = f"{share:.0%}, " if share is not None else ""
            self.display.say(f"{self.title}: {where}{self.meter.describe(running=True)}")
