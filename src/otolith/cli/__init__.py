"""The command line. A command is one thin typed function in a file of its own below `commands`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from otolith.errors import OtolithError
from otolith.system.files import FULL, cannot_write

USAGE = 2
"""Exit code for whatever the user can cure."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells give it."""
BROKEN_PIPE = 1
"""Exit code when whoever read the output went away; rich gives the same."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during work of which `kept` holds everything done so far.

    The same command goes on, with --resume where `resume` says so.
    """

    def __init__(self, kept: object, resume: bool = True) -> None:
        super().__init__()
        self.kept = kept
        self.resume = resume


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` (None: the process's arguments) names, and return the exit code.

    0: done; 2: something the user can cure, said on stderr in a sentence; 130: interrupted. Any other exception is a
    bug of ours and keeps its trace.
    """
    from cyclopts import CycloptsError

    from otolith.cli.app import app

    tokens = list(sys.argv[1:] if argv is None else argv)
    try:
        status = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        command = shlex.join(["otolith", *(error.command_chain or ()), "--help"])
        _complain(f"{error}\n{command} shows what there is.")
        return USAGE
    except OtolithError as error:
        _complain(str(error))
        return USAGE
    except BrokenPipeError:  # such as `otolith data | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:  # a disk that fails where nothing else says so
        if error.errno not in FULL:
            raise
        _complain(str(cannot_write(Path(os.fsdecode(error.filename or "a file")), error)))
        return USAGE
    except Interrupted as stop:
        option = ["--resume"] if stop.resume else []
        again = shlex.join(["otolith", *(token for token in tokens if token != "--resume"), *option])
        _complain(f"What was done is kept in {stop.kept}. Go on from the last whole epoch with:\n  {again}", "Stopped.")
        return INTERRUPTED
    except KeyboardInterrupt:
        _complain("Nothing was left half-written.", "Stopped.")
        return INTERRUPTED
    return status or 0


def _complain(text: str, label: str = "Error:") -> None:
    from rich.console import Console
    from rich.text import Text

    # Not wrapped: a path or a command that is broken over two lines cannot be copied.
    Console(stderr=True).print(Text.assemble((label, "bold red"), " ", text), soft_wrap=True)
