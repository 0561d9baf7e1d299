"""The command line `otolith`.

Each command is one thin typed function in a file of its own below `commands`; `app` joins them, `shared` holds the
options that several of them take, `results` prints what comes out, `display` shows progress, `terminal` asks the
person who sits there, and all of them print by `printing`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from otolith.errors import OtolithError, PluginError
from otolith.system.files import FULL, cannot_write


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code.

    Args:
        argv: The command and its arguments; default: those of the process.

    Returns:
        0 where all went well; 2 where the user can cure the error, which is printed on stderr in a sentence; 3 where
        `import` or `predict` left out files that cannot be read or used, and did the others; 130 after Ctrl-C. Any
        other exception is a defect of otolith and keeps its trace.

    >>> main(["data", "nowhere"])
    2
    """
    from otolith import progress
    from otolith.progress.printing import catch_warnings, complain
    from otolith.system import plugins

    catch_warnings()
    progress.show(False)  # commands have displays of their own
    tokens = list(sys.argv[1:] if argv is None else argv)
    try:
        asked, files = without_plugins(tokens)
        for file in files:
            plugins.load(file)
        plugins.load_all()
    except OtolithError as error:  # before the commands are built, which list what plug-ins bring
        complain(str(error))
        return 2
    return _main(tokens, asked)


def without_plugins(tokens: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the tokens of a command line without `--plugin FILE`, which every command has, and those files.

    Raises:
        PluginError: no file follows.

    >>> without_plugins(["run", "watch", "--plugin", "mine.py", "--seed", "1", "--plugin=b.py"])
    (['run', 'watch', '--seed', '1'], ['mine.py', 'b.py'])
    """
    rest: list[str] = []
    files: list[str] = []
    left = iter(tokens)
    for token in left:
        if token == "--":
            rest += [token, *left]
        elif token.partition("=")[0] == "--plugin":
            file = token.partition("=")[2] or next(left, "")
            if not file or file.startswith("--"):
                raise PluginError("--plugin takes a Python file, such as --plugin my_method.py.")
            files.append(file)
        else:
            rest.append(token)
    return rest, files


def _main(tokens: Sequence[str], asked: Sequence[str]) -> int:
    from cyclopts import CycloptsError, UnusedCliTokensError

    from otolith.cli.app import app
    from otolith.cli.shared import BROKEN_PIPE, INTERRUPTED, USAGE, Interrupted
    from otolith.progress.printing import complain

    try:
        status = app(asked, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        command = shlex.join(["otolith", *(error.command_chain or ()), "--help"])
        unused = (error.unused_tokens or ()) if type(error) is UnusedCliTokensError else ()
        text = f"{shlex.join(unused)} is not expected here." if unused else str(error)
        complain(f"{text}\n{command} shows what there is.")
        return USAGE
    except OtolithError as error:
        from otolith.cli.options import explained

        complain(explained(str(error), tokens))
        return USAGE
    except BrokenPipeError:  # such as `otolith data | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:  # a disk that fails where nothing else says so
        if error.errno not in FULL:
            raise
        complain(str(cannot_write(Path(os.fsdecode(error.filename or "a file")), error)))
        return USAGE
    except Interrupted as stop:
        option = ["--resume"] if stop.resume else []
        again = shlex.join(["otolith", *(token for token in tokens if token != "--resume"), *option])
        where = " from the last whole epoch" if stop.resume else ""
        complain(f"What was done is kept in {stop.kept}. Go on{where} with:\n  {again}", "Stopped.")
        return INTERRUPTED
    except KeyboardInterrupt:
        complain("Nothing was left half-written.", "Stopped.")
        return INTERRUPTED
    return status or 0
