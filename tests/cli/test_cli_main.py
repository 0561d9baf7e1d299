"""What all commands share: help, suggestions, exit codes, and nothing heavy before it is needed."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from functools import reduce

import pytest
from cyclopts import App

from otolith import __version__, methods
from otolith.cli import main
from otolith.cli.app import COMMANDS, app
from otolith.errors import DataError
from otolith.protocols import PROTOCOLS
from tests.helpers.commandline import call, refused

NAMES = [
    command.name[0] if isinstance(command, App) else command.__name__.rstrip("_").replace("_", "-")
    for command in COMMANDS
]
WITH_OPTIONS = [[name] for name in NAMES if name != "compare"] + [["compare", name] for name in PROTOCOLS.names()]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_help_names_every_command_and_ends_with_examples() -> None:
    ended = call("--help")
    assert ended.code == 0
    assert all(re.search(rf"^│ {name} ", ended.out, re.MULTILINE) for name in NAMES)
    assert "Examples:" in ended.out.split("Commands")[1]


def test_examples_in_the_help_parse() -> None:
    examples = [line.split("   ")[0] for line in call("--help").out.splitlines() if line.startswith("  otolith ")]
    assert len(examples) >= 5
    for example in examples:
        app.parse_args(example.split()[1:], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("command", WITH_OPTIONS, ids=" ".join)
def test_arguments_may_stand_on_both_sides_of_an_option(command: list[str]) -> None:
    function = reduce(lambda outer, name: outer[name], command, app).default_command
    places = [each for each in inspect.signature(function).parameters.values() if each.kind < each.KEYWORD_ONLY]
    many = any(each.kind is each.VAR_POSITIONAL for each in places)
    if not places or not (many or len(places) > 1):
        return
    words = ["a", "b", "c"] if many else list("abcdef")[: len(places)]
    options = {each.name for each in inspect.signature(function).parameters.values() if each not in places}
    option = [f"--{next(each for each in ('out', 'data', 'licence') if each in options)}", "d"]
    both = app.parse_args([*command, words[0], *option, *words[1:]], exit_on_error=False, print_error=False)[1]
    last = app.parse_args([*command, *words, *option], exit_on_error=False, print_error=False)[1]
    assert both == last


def test_version() -> None:
    assert call("--version").out.strip() == __version__


@pytest.mark.parametrize("command", WITH_OPTIONS, ids=" ".join)
def test_every_argument_is_described(command: list[str]) -> None:
    options = reduce(lambda outer, name: outer[name], command, app).assemble_argument_collection(parse_docstring=True)
    assert len(options)
    flat = [option for option in options if option.name != "*" and not option.children]
    assert [option.name for option in flat if not option.parameter.help] == []


@pytest.mark.parametrize("name", ["run", "pretrain"])
def test_help_lists_the_methods_there_are(name: str) -> None:
    text = re.sub(r"[│\s]+", " ", call(name, "--help").out)
    (listed,) = re.findall(r"--method STR ([a-z0-9, -]+) or ([a-z0-9-]+)\.", text)
    assert {*listed[0].split(", "), listed[1]} == set(methods.names())


def test_help_imports_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "polars", "pydantic", "scipy", "matplotlib", "requests", "sklearn", "otolith.pipeline"}
    done = python(
        f"import sys; from otolith.cli import main; main(['--help']); sys.exit({heavy} & sys.modules.keys() or 0)"
    )
    assert done.returncode == 0, f"--help imports {done.stderr}"


def test_python_m_otolith() -> None:
    done = subprocess.run([sys.executable, "-m", "otolith", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (["rnu"], '"run"'),
        (["run", "--recip", "paper"], "--recipe"),
        (["run", "--dryrun"], "--dry-run"),
        (["run", "--no-resume"], "--resume"),
        (["run", "watch", "uci-har"], "uci-har is not expected here."),
        (["run", "--seed", "first"], "first"),
        (["run", "--seed", "-1"], "-1"),
        (["run", "--seed", "4294967296"], "4294967296"),
        (["run", "--set"], "--set"),
        (["run", "--recipe"], "--recipe"),
        (["pretrain"], "--out"),
        (["evaluate", "model", "--part", "tset"], "test"),
    ],
)
def test_wrong_options_are_named_and_point_to_the_help(tokens: list[str], named: str) -> None:
    message = refused(*tokens)
    assert named in message
    assert "--help" in message


def test_a_bug_keeps_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **options: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("otolith.datasets.names", broken)
    with pytest.raises(ZeroDivisionError):
        main(["data"])


def test_errors_are_not_wrapped_and_not_read_as_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"/folder/{'x' * 200}/[bold]file[/bold]: is wrong"

    def wrong() -> None:
        raise DataError(text)

    monkeypatch.setattr("otolith.datasets.names", wrong)
    assert refused("data") == f"Error: {text}\n"


def test_interrupted_where_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("otolith.datasets.names", interrupted)
    ended = call("data")
    assert ended.code == 130
    assert "Stopped." in ended.err
    assert "--resume" not in ended.err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break differently there")
@pytest.mark.parametrize("writer", ["main(['--help'])", "main(['data'])"])
def test_a_reader_that_goes_away_is_no_bug(writer: str) -> None:
    code = f"""
import sys
from otolith.cli import main, results
import otolith.datasets
otolith.datasets.names = lambda: results.write("plain text") or []
sys.exit({writer})"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 1
