"""The one way to the terminal: what a stranger's text would make a terminal do is shown instead.

Names of files, activities and data sets, terms and error texts may hold control sequences, which move the cursor,
rename the window or hide what was printed, and marks that turn the direction of writing. They come out as `\\u001b`,
which JSON and TOML read back as the same text.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """Return text in which control characters, but for ends of lines and tabs, are written as their numbers.

    >>> visible("walk\\x1b[31m")
    'walk\\\\u001b[31m'
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Printer(Console):
    """A console of rich that prints no control character but its own."""

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Render as a console does, with the text of each segment made visible."""
        for segment in super().render(renderable, options):
            changed = not segment.control and _OBEYED.search(segment.text)
            yield Segment(visible(segment.text), segment.style) if changed else segment


def write(text: str) -> None:
    """Write text to stdout, for other programs to read."""
    sys.stdout.write(visible(text))


def complain(text: str, label: str = "Error:") -> None:
    """Print on stderr, not wrapped: a path or a command that is broken over two lines cannot be copied."""
    # rich drops some control characters from a text; written out here they stay
    Printer(stderr=True).print(Text.assemble((label, "bold red"), " ", visible(text)), soft_wrap=True)


class Warnings(logging.Handler):
    """Prints warnings of the library's log as `complain` does."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        complain(record.getMessage(), "Note:")


def catch_warnings() -> None:
    """Print warnings of the library from now on, once."""
    log = logging.getLogger("otolith")
    if not any(isinstance(handler, Warnings) for handler in log.handlers):
        log.addHandler(Warnings(logging.WARNING))
