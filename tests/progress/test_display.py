"""Progress on a terminal and in a log: what is said, how often, and what the rates are taken from."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from otolith.progress.display import LiveProgress, Meter, duration, speed


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def log(clock: Clock) -> tuple[LiveProgress, Callable[[], list[str]]]:
    """A display that writes to no terminal, and the lines it has written."""
    text = io.StringIO()
    display = LiveProgress(Console(file=text, width=200, highlight=False), every_s=5, now=clock)
    return display, lambda: text.getvalue().splitlines()


def test_rate_and_time_left() -> None:
    clock = Clock()
    meter = Meter(1000, "windows", clock)
    assert meter.rate is None
    for _ in range(3):
        clock.time += 2
        meter.advance(100, {"loss": 4.5})
    assert meter.rate == pytest.approx(50)
    assert meter.left == pytest.approx(14)
    assert meter.describe(running=True) == "loss 4.5, 50 windows/s, 14 s left"


def test_the_jump_of_a_resumed_stage_is_no_speed() -> None:
    clock = Clock()
    meter = Meter(1000, "steps", clock)
    meter.advance(800, {})
    for _ in range(4):
        clock.time += 10
        meter.advance(10, {})
    assert meter.rate == pytest.approx(1)
    assert meter.left == pytest.approx(160)


def test_the_rate_follows_a_machine_that_becomes_slow() -> None:
    clock = Clock()
    meter = Meter(None, "steps", clock)
    for seconds in [1.0] * 50 + [10.0] * 10:
        clock.time += seconds
        meter.advance(10, {})
    assert meter.rate == pytest.approx(1)
    assert meter.left is None


def test_a_finished_stage_has_no_time_left() -> None:
    clock = Clock()
    meter = Meter(20, "steps", clock)
    for _ in range(2):
        clock.time += 1
        meter.advance(10, {})
    assert "left" not in meter.describe(running=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (100, "1 min 40 s"),
        (725, "12 min"),
        (3599.7, "1 h"),
        (7300, "2 h 2 min"),
        (86400, "24 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("rate", "unit", "text"),
    [
        (5120.3, "windows", "5,120 windows/s"),
        (2.5, "epochs", "2.5 epochs/s"),
        (0.4, "epochs", "2.5 s each"),
        (3.0, "", "3.0 steps/s"),
        (2.5e6, "B", "2.5 MB/s"),
    ],
)
def test_speeds(rate: float, unit: str, text: str) -> None:
    assert speed(rate, unit) == text


def test_a_log_gets_a_line_at_each_tenth() -> None:
    clock = Clock()
    display, lines = log(clock)
    with display.stage("pretrain", 500, "windows") as stage:
        for step in range(500):
            clock.time += 1
            stage.advance(1, loss=float(step), epoch=1 + step // 100)
    start, *between, end = lines()
    assert start == "pretrain: started"
    assert [line.split(":")[1].split(",")[0].strip() for line in between] == [f"{n}0%" for n in range(1, 10)]
    assert between[3] == "pretrain: 40%, epoch 2, loss 199, 1.0 windows/s, 5 min left"
    assert end == "pretrain: done in 8 min 20 s, epoch 5, loss 499, 1.0 windows/s"


def test_a_log_of_a_quick_stage_stays_short() -> None:
    clock = Clock()
    display, lines = log(clock)
    with display.stage("features", 1000, "windows") as stage:
        for _ in range(1000):
            clock.time += 0.004
            stage.advance()
    assert len(lines()) == 2


def test_a_log_where_the_end_is_not_known() -> None:
    clock = Clock()
    display, lines = log(clock)
    with display.stage("downloading", unit="B") as stage:
        for _ in range(21):
            clock.time += 1
            stage.advance(1_000_000)
    _, *between, end = lines()
    assert between == [f"downloading: {n}.0 MB, 1.0 MB/s" for n in (5, 10, 15, 20)]
    assert end == "downloading: done in 21 s, 21.0 MB, 1.0 MB/s"


def test_a_log_says_where_a_stage_stopped() -> None:
    clock = Clock()
    display, lines = log(clock)

    def work() -> None:
        with display.stage("pretrain", 10) as stage:
            clock.time += 3
            stage.advance(4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert lines()[-1] == "pretrain: stopped at 40% after 3.0 s"


def test_what_is_said_is_not_markup() -> None:
    display, lines = log(Clock())
    display.say("recording [red]7[/red] is damaged")
    assert lines() == ["recording [red]7[/red] is damaged"]


def test_a_terminal_gets_bars_and_keeps_a_line_for_each_stage() -> None:
    clock = Clock()
    text = io.StringIO()
    display = LiveProgress(Console(file=text, width=120, force_terminal=True, highlight=False), now=clock)
    with display.stage("outer [x]", 2) as outer:
        with display.stage("inner", 10, "windows") as inner:
            for _ in range(2):
                clock.time += 1
                inner.advance(5, loss=0.25)
        outer.advance(2)
    with display.stage("report", 1):
        pass
    written = text.getvalue()
    assert "━" in written
    kept = [line for line in written.splitlines() if "✓" in line]
    assert [name for line in kept for name in ("outer [x]", "inner", "report") if name in line] == [
        "inner",
        "outer [x]",
        "report",
    ]
    assert "loss 0.25, 5.0 windows/s" in kept[0]
    assert display._bars is None


def test_a_terminal_is_left_clean_by_an_error() -> None:
    display = LiveProgress(Console(file=io.StringIO(), width=120, force_terminal=True))
    with pytest.raises(ValueError, match="wrong"), display.stage("pretrain", 3):
        raise ValueError("wrong")
    assert display._bars is None
    with display.stage("again", 3) as stage:
        stage.advance(3)
