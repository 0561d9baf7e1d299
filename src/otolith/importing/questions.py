"""Questions that the files leave open: an option answers them, or a person at a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

from otolith.errors import DataError
from otolith.importing.labels.activities import kept_words
from otolith.importing.options import ImportOptions


class Undecided(DataError):
    """Neither files nor options decide something: the message names the option that does.

    `whole` says that it is one question for all files of a folder.
    """

    whole = False


class Ask(Protocol):
    """A person who can be asked; the command line has one where it runs on a terminal.

    >>> class Believer:
    ...     def choose(self, question, choices):
    ...         return choices[0][0]
    ...
    ...     def confirm(self, title, rows):
    ...         return True
    >>> questions = Questions(ImportOptions(), ask=Believer())
    >>> questions.choose("unit", "walk.csv", "In which unit?", [("g", "1 g is 1")], "--acc-unit")
    'g'
    """

    def choose(self, question: str, choices: Sequence[tuple[str, str]]) -> str | None:
        """Return one of the first elements of `choices`, which the second ones explain; None: does not know."""

    def confirm(self, title: str, rows: Sequence[tuple[str, str, str]]) -> bool:
        """Tell if a guessed mapping is right; `rows` are (meaning, column, first value)."""


class Questions:
    """Puts questions to a person and remembers the answers, so that a folder of equal tables asks once.

    Whoever asks has looked at `options` before; without a person every question is a refusal.
    """

    def __init__(self, options: ImportOptions, ask: Ask | None = None) -> None:
        self.options = options
        self._ask = ask
        self._answers: dict[object, str] = {}
        self._confirmed: set[object] = set()
        self.kept_words = kept_words(options.label_map)
        """Words for no label that name an activity in this import."""
        self.hints: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = {}
        """Units that data decided, and in which file, by sensor and the columns of its table."""

    @property
    def interactive(self) -> bool:
        """True where a person can be asked."""
        return self._ask is not None

    def choose(self, key: object, where: str, question: str, choices: Sequence[tuple[str, str]], option: str) -> str:
        """Return the answer of a person, asked once for each `key`.

        Raises:
            Undecided: there is nobody, or they do not know; names the option to give.
        """
        if key not in self._answers:
            answer = self._ask.choose(f"{where}: {question}", choices) if self._ask is not None else None
            if answer is None:
                meaning = "; ".join(
                    f"{option} {shlex.quote(value) if ' ' in value else value} ({text})" for value, text in choices
                )
                raise Undecided(f"{where}: {question} Neither the file nor its data decide it. Give one of: {meaning}.")
            self._answers[key] = answer
        return self._answers[key]

    def confirm(self, where: str, rows: Sequence[tuple[str, str, str]], command: str) -> None:
        """Have a guessed mapping of columns confirmed, once for each mapping.

        Raises:
            Undecided: it was refused, or there is nobody to confirm it; names the options that say the same.
        """
        key = tuple(row[:2] for row in rows)
        if self.options.accept_guess or key in self._confirmed:
            return
        if self._ask is None:
            listed = ", ".join(f"{what} from {column}" for what, column, _ in rows)
            raise Undecided(
                f"{where}: its columns were guessed ({listed}), and there is no terminal to confirm them. "
                f"If they are right, give the option --yes, or name them: {command}"
            )
        if not self._ask.confirm(f"Columns of {where}", rows):
            raise Undecided(f"{where}: the guessed columns were not confirmed. Name them, such as: {command}")
        self._confirmed.add(key)
