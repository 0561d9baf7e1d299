"""The README's promises, executed: its commands parse or run, its Python runs, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import otolith
from otolith.cli.app import app
from otolith.recipes import load_recipe

HOME = Path(__file__).parents[2]
README = (HOME / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [part for part in parts if part.startswith("otolith")]


def test_the_two_set_up_commands_are_one_line_each() -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("python -m pip")]
    assert len(lines) == 2
    assert lines[0].endswith("&& otolith run")
    assert lines[1].endswith("&& python -m pytest -n 2 --dist loadfile")


@pytest.mark.parametrize("command", commands())
def test_command_parses(command: str) -> None:
    function, bound, _ = app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    assert callable(function)
    assert bound is not None


def test_data_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert "otolith data" in commands()
    app(["data"], exit_on_error=False, result_action="return_value")
    assert "uci-har" in capsys.readouterr().out


def test_python_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("python")
    small = {
        "encoder.maps": [8, 8, 8],
        "encoder.blocks": 1,
        "encoder.heads": 2,
        "encoder.feed_forward": 16,
        "projection.hidden": 16,
        "projection.out": 16,
        "pretrain.epochs": 1,
        "autoencoder.latent": 8,
        "autoencoder.train.epochs": 1,
        "finetune.epochs": 2,
    }
    recipe = load_recipe("compact", "watch", small)
    monkeypatch.setattr("otolith.recipes.load_recipe", lambda name, dataset: recipe)
    exec(compile(block, "README.md", "exec"), {})
    assert 0 < float(capsys.readouterr().out) < 1


def test_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (HOME / target).exists()] == []


def test_names_that_the_readme_lists_exist() -> None:
    table = README[README.index("| data sets |") : README.index("| recipes |")]
    from otolith import datasets, methods

    listed = set(re.findall(r"`([a-z][a-z0-9-]*)`", table))
    assert listed == {*datasets.names(), *methods.names()}
    assert otolith.__version__ in (HOME / "CITATION.cff").read_text("utf-8")
