"""What strangers wrote is shown on a terminal and never obeyed by it, and errors name options that the command has."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

import otolith
from otolith.cli import options, results
from otolith.cli.terminal import Terminal
from otolith.progress.display import LiveProgress
from otolith.progress.printing import Printer, catch_warnings, complain, visible
from tests.helpers.commandline import Ended, call

HERE = Path(otolith.__path__[0])
NASTY = "walk\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\x7f\udc9b"
"""Renames the window, clears the screen, turns red, writes backwards, and is no valid text."""


def obeyed(text: str) -> list[str]:
    """Characters that a terminal would obey, without the ends of lines."""
    odd = [each for each in text if unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t"]
    return odd + [each for each in text if unicodedata.bidirectional(each) in ("RLO", "LRO", "RLE", "LRE", "PDF")]


def test_every_control_character_is_made_visible() -> None:
    every = "".join(map(chr, range(0x3000))) + "\udc80\udfff"
    assert obeyed(visible(every)) == []
    assert visible("Gehen\tübers\nEis – 步行") == "Gehen\tübers\nEis – 步行"
    assert json.loads(f'"{visible(chr(0x9B))}"') == "\x9b"


def test_every_way_of_printing_is_safe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # a test's report could not be sent from process to process with these letters in its log
    monkeypatch.setattr(logging.getLogger("otolith"), "propagate", False)
    results.show(NASTY, [(NASTY, NASTY)])
    results.write(NASTY)
    complain(NASTY, "Error:")
    progress = LiveProgress()
    progress.say(NASTY)
    with progress.stage(NASTY, 1) as bar:
        bar.advance()
    catch_warnings()
    logging.getLogger("otolith.rows.log").warning("%s, line %d", NASTY, 3)
    found = capsys.readouterr()
    assert obeyed(found.out + found.err) == []
    assert (found.out + found.err).count("\\u001b]0;owned") >= 6


def test_a_terminal_gets_its_own_control_sequences_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    console = Printer(file=out, force_terminal=True, width=200)
    monkeypatch.setattr("builtins.input", lambda *_: "yes")
    table = Table("name")
    table.add_row(Text(NASTY))
    with Live(table, console=console):
        pass
    results.show(NASTY, [(NASTY, NASTY)], console)
    progress = LiveProgress(console)
    with progress.stage(NASTY, 2) as bar:
        bar.advance()
    Terminal(progress).choose(NASTY, [(NASTY, NASTY), ("yes", NASTY)])
    left = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", out.getvalue())
    assert obeyed(left) == []
    assert "owned" in left
    assert "\x1b[2J" not in out.getvalue()
    assert "\x1b]0" not in out.getvalue()


def test_nothing_else_prints() -> None:
    """Whoever prints does it by `otolith.progress.printing`: a console of rich's own would obey."""
    found = []
    for path in HERE.rglob("*.py"):
        name = path.relative_to(HERE).as_posix()
        # the second prints what this package ships, the third warns scikit-learn's callers of a number
        if name in ("progress/printing.py", "datasets/__main__.py", "estimator.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                text = ast.unparse(node.func)
                printed = text in ("print", "rich.print", "Console", "console.Console", "warnings.warn")
                printed |= text.startswith(("sys.stdout.write", "sys.stderr.write", "os.write(1", "os.write(2"))
                found += [f"{name}: {ast.unparse(node)}"] if printed else []
    assert found == []


def test_a_stranger_s_bundle_and_files_say_nothing_to_the_terminal(
    finished: tuple[Path, Ended], moves: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(finished[0] / "model", model)
    card = json.loads((model / "card.json").read_text())
    nasty = visible(NASTY[:-1]).encode().decode("unicode_escape")
    card["activities"] = [f"{nasty} {number}" for number in range(len(card["activities"]))]
    card["data"] |= {"terms": nasty, "title": nasty, "licence": nasty, "citation": nasty}
    (model / "card.json").write_text(json.dumps(card))
    texts = [call("predict", model, moves, "--out", tmp_path / "out")]
    assert texts[0].code == 0, texts[0].err
    texts += [call("evaluate", model, moves, "--json"), call("evaluate", tmp_path / nasty), call("data", nasty)]
    rows = np.random.default_rng(0).normal(size=(400, 3)) + np.array([0, 0, 9.81])
    table = "\n".join(["time,ax,ay,az", *(f"{i / 50},{a},{b},{c}" for i, (a, b, c) in enumerate(rows))])
    (tmp_path / f"{nasty}.csv").write_text(table)
    (tmp_path / f"{nasty}.empty.csv").write_text("time,ax\n1,\x1b[2J")
    options_ = ["--yes", "--acc-unit", "m/s^2", "--subject", nasty]
    texts.append(call("import", *tmp_path.glob("*.csv"), "--out", tmp_path / "set", *options_))
    assert texts[-1].code == 3, texts[-1].err
    for each in texts:
        assert obeyed(each.out + each.err) == []
        assert "owned" in each.out + each.err


def strings(tree: ast.AST) -> Iterator[str]:
    """Texts of a module that may reach people: its docstrings are not among them."""
    skip: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skip.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skip |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skip:
            yield node.value


OTHERS = {
    "cli/options.py": {"--no", "--empty"},
    "datasets/watch.py": {"--no-deps", "--force-reinstall"},
    "live/runtime.py": {"--ignore-scripts", "--loglevel", "--prefer-offline"},
    "rows/environment.py": {"--no-optional-locks", "--porcelain", "--short"},
    "report/style.py": {"--accent", "--grid", "--ink", "--muted", "--paper", "--warm", "--y"},
}
"""Options of other programs."""
PYTHON = re.compile(r"\b[a-z_]+=(True|False)\b|\b(splits|otolith|windows|rows)\.[a-z_]+\(|\bpass [a-z_]+=")


def test_every_option_and_every_call_that_a_text_advises_is_one() -> None:
    known = set().union(*options.options().values()) | {"--help", "--plugin", "--version"}  # of every command
    found = []
    for path in HERE.rglob("*.py"):
        name = path.relative_to(HERE).as_posix()
        for text in strings(ast.parse(path.read_text("utf-8"))):
            odd = set(options.OPTION.findall(text)) - known - OTHERS.get(name, set())
            found += [f"{name}: no command has {each}: {text}" for each in odd]
            if " " in text and PYTHON.search(text) and "in Python" not in " ".join(text.split()).replace("In", "in"):
                found.append(f"{name}: advises a call where a command may be meant: {text}")
    assert found == []


@pytest.mark.parametrize("command", ["evaluate", "calibrate", "export", "predict", "run", "report", "data", "live"])
def test_an_error_never_sends_to_an_option_that_its_command_lacks(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever option a text names, the command has it, or the one that has it is named beside it."""
    has = options.options()[command]
    for option in sorted(set().union(*options.options().values())):
        said = options.explained(f"It is wrong. Give {option}.", [command, "x"])
        owners = [name for name, its in options.options().items() if option in its]
        assert (said == f"It is wrong. Give {option}.") == (option in has)
        assert option in has or all(f"`otolith {name}`" in said for name in owners)


def test_a_command_s_error_is_explained(finished: tuple[Path, Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise otolith.errors.DataError("Name the columns with --acc.")

    monkeypatch.setattr("otolith.model.bundle.load_model", refuse)
    ended = call("evaluate", finished[0] / "model")
    assert "(`otolith evaluate` has no --acc; `otolith import`, `otolith calibrate`" in ended.err
    assert " have it.)" in ended.err
