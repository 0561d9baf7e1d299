"""docs/distill.md: its commands parse, its Python runs, its C is that of the example, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from otolith import pipeline, splits
from otolith.cli.app import app
from otolith.finetuning.settings import FinetuneSettings
from tests.helpers import tiny

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs" / "distill.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_commands_parse() -> None:
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) >= 3
    for command in commands:
        program, *tokens = shlex.split(command)
        assert program == "otolith"
        app.parse_args(tokens, exit_on_error=False, print_error=False)


def test_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    w = tiny.windows(n_subjects=6)
    encoder = pipeline.pretrain(w, splits.holdout(w, 0), tiny.recipe(encoder__kind="conv"), "random", device="cpu")
    model = pipeline.finetune(encoder, w, splits.holdout(w, 0), settings=FinetuneSettings(head="linear", epochs=1))
    exec(compile("\n".join(blocks("python")), "distill.md", "exec"), {"model": model, "w": w})
    assert re.fullmatch(r"\d+% of 48 windows get the model's activity\n", capsys.readouterr().out)


def test_the_loop_is_that_of_the_example() -> None:
    example = (HOME / "examples" / "recognise.c").read_text("utf-8")
    (loop,) = blocks("c")
    assert " ".join(loop.split()) in " ".join(example.split())
    assert len(loop.splitlines()) <= 10


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert targets
    assert [target for target in targets if not (HOME / "docs" / target).exists()] == []
