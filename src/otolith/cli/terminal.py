"""Questions to the person at the terminal, for what neither files nor options say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.prompt import Confirm, Prompt
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from otolith.progress.display import LiveProgress

UNKNOWN = "unknown"


class Terminal:
    """Asks on stderr, so that results can be piped; see `otolith.importing.questions.Ask`."""

    def __init__(self, progress: LiveProgress) -> None:
        self.progress = progress

    def choose(self, question: str, choices: Sequence[tuple[str, str]]) -> str | None:
        """Return one of the choices, or None where the person does not know."""
        with self.progress.paused() as console:
            console.print(Text(question, "bold"))
            for value, meaning in choices:
                console.print(Text(f"  {value:<10} {meaning}"))
            try:
                answer = Prompt.ask("Which", console=console, choices=[*(value for value, _ in choices), UNKNOWN])
            except EOFError:
                return None
        return None if answer == UNKNOWN else answer

    def agree(self, question: str) -> bool:
        """Return True where the person says yes."""
        with self.progress.paused() as console:
            try:
                return Confirm.ask(question, console=console, default=False)
            except EOFError:
                return False

    def confirm(self, title: str, rows: Sequence[tuple[str, str, str]]) -> bool:
        """Return True where the person says that the guessed columns are right."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title=Text(title), title_justify="left")
        for heading in ("what", "column", "first value"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        with self.progress.paused() as console:
            console.print(table)
            try:
                return Confirm.ask("Is that right?", console=console)
            except EOFError:
                return False


def terminal(progress: LiveProgress) -> Terminal | None:
    """Return the person at the terminal; None where input or output is not a terminal."""
    return Terminal(progress) if sys.stdin.isatty() and progress.live else None
