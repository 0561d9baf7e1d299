"""A test that moves a clock moves its own module's: the process's is that of loops and locks in all other threads."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PROCESS_CLOCK = re.compile(r"""setattr\(\s*(?:[\w.]+\.)?time\s*,|setattr\(\s*["'](?:[\w.]+\.)?time\.\w+["']""")


def test_no_test_moves_the_clock_of_the_process() -> None:
    assert PROCESS_CLOCK.search('monkeypatch.setattr(state.time, "monotonic", fake)')
    assert PROCESS_CLOCK.search('monkeypatch.setattr("otolith.training.state.time.sleep", fake)')
    assert not PROCESS_CLOCK.search('monkeypatch.setattr(state, "time", fake)')
    moving = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if path != Path(__file__) and PROCESS_CLOCK.search(path.read_text("utf-8"))
    }
    assert not moving
