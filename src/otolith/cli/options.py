"""Options that error texts name, held against those of the command that ended with the error.

One function serves several commands, and what one of them calls `--acc-only` another may not have. Where an error names
an option of another command, the commands that have it are named after it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from cyclopts import App

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_COMMAND = re.compile(r"(?:otolith |`(?!otolith ))([a-z][a-z-]+)")


@functools.cache
def options() -> dict[str, frozenset[str]]:
    """Return the options of each command, by its name; a command with commands of its own has all of theirs.

    >>> "--out" in options()["predict"], "--out" in options()["evaluate"]
    (True, False)
    """
    from otolith.cli.app import app

    return {name: frozenset(_options(app[name])) for name in app if not name.startswith("-")}


def _options(command: App) -> set[str]:
    inner = [name for name in command if not name.startswith("-")]
    if inner:
        return set[str]().union(*(_options(command[name]) for name in inner))
    found = command.assemble_argument_collection()
    names = {name for argument in found for name in argument.names if name.startswith("--")}
    return {name for name in names if not name.startswith(("--no-", "--empty-"))}  # which no command has


def foreign(text: str, tokens: Sequence[str]) -> dict[str, list[str]]:
    """Return the options in an error text that belong to other commands than the one that was given, and to which.

    Args:
        tokens: the command line behind `otolith`.

    >>> foreign("Calibrate it with --score, or give --data.", ["evaluate", "model"])
    {'--score': ['calibrate']}
    >>> foreign("See `otolith calibrate MODEL --score`.", ["evaluate", "model"])
    {}
    """
    known = options()
    named = {*tokens[:1], *_COMMAND.findall(text)}
    mine = set[str]().union(*(known.get(name, frozenset()) for name in named))
    found = {}
    for option in dict.fromkeys(OPTION.findall(text)):
        owners = [name for name, its in known.items() if option in its]
        if owners and option not in mine:
            found[option] = owners
    return found


def explained(text: str, tokens: Sequence[str]) -> str:
    """Return an error text with a sentence for each option in it that the command given does not have.

    >>> explained("Calibrate it with --score.", ["evaluate", "model"])
    'Calibrate it with --score. (`otolith evaluate` has no --score; `otolith calibrate` has it.)'
    """
    for option, owners in foreign(text, tokens).items():
        *others, last = (f"`otolith {name}`" for name in owners)
        have = f"{', '.join(others)} and {last}" if others else last
        verb = "has" if len(owners) == 1 else "have"
        text += f" (`otolith {' '.join(tokens[:1])}` has no {option}; {have} {verb} it.)"
    return text
