"""Progress of long work, told without printing; `display` draws it on a terminal, `notebook` in a notebook.

Calls in Python are shown where a person looks: where stderr is a terminal, and in notebooks. In pipes and files, in
threads and in processes of a pool nothing is written. `OTOLITH_PROGRESS=off` or `show(False)` turns it off everywhere,
`on` and `show()` on. The command line has displays of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from otolith.errors import OtolithError
from otolith.progress.base import SILENT, Progress, Stage

__all__ = ["HERE", "SILENT", "Progress", "Stage", "show", "shown"]

SWITCH = "OTOLITH_PROGRESS"
"""Environment variable: on, off, or auto for where a person looks."""
WORDS = {"on": True, "1": True, "true": True, "yes": True, "off": False, "0": False, "false": False, "no": False}
LEAST_S = 1.0
"""Stages of calls in Python that took less than this many seconds leave no line."""


_wanted: bool | None = None


def show(wanted: bool | None = True) -> None:
    """Show the progress of calls in Python from now on, or not; None: as `OTOLITH_PROGRESS` says.

    >>> show(False)
    >>> shown()
    False
    >>> show(None)
    """
    global _wanted
    _wanted = wanted


def shown() -> bool:
    """Return whether the progress of a call would be shown now and here.

    Raises:
        OtolithError: `OTOLITH_PROGRESS` is another word than on, off or auto.

    >>> show()
    >>> shown()
    True
    >>> show(None)
    """
    wanted = _wanted
    if wanted is None:
        word = os.environ.get(SWITCH, "").strip().lower()
        if word not in (*WORDS, "", "auto"):
            raise OtolithError(f"{SWITCH} is {word!r}, expected on, off or auto. Set one of them, or unset it.")
        wanted = WORDS.get(word)
    if wanted is not None:
        return wanted
    alone = threading.current_thread() is threading.main_thread() and multiprocessing.parent_process() is None
    return alone and (in_notebook() or _at_terminal())


def in_notebook() -> bool:
    """Return whether this runs in the kernel of a notebook."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _at_terminal() -> bool:
    try:
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # none, as under pythonw, or closed
        return False


def _display() -> Progress:
    if not shown():
        return SILENT
    try:
        if in_notebook():
            from otolith.progress.notebook import NotebookProgress

            return NotebookProgress(least_s=LEAST_S)
        from otolith.progress.display import LiveProgress
    except ImportError:  # the training core works without packages for displays
        return SILENT
    return LiveProgress(least_s=LEAST_S)


class _Here(Progress):
    """Shows stages where a person looks at the time they open; those within another one are drawn with it."""

    def __init__(self) -> None:
        self._open = threading.local()

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        display: Progress | None = getattr(self._open, "display", None)
        outermost = display is None
        display = display or _display()
        self._open.display = display
        try:
            with display.stage(title, total, unit) as stage:
                yield stage
        finally:
            if outermost:
                self._open.display = None

    def say(self, text: str) -> None:
        (getattr(self._open, "display", None) or _display()).say(text)


HERE: Progress = _Here()
"""Progress of whoever calls from Python, which their switch decides: the default of public functions."""
