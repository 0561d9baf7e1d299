"""What a command proposes to do next works as it stands: options of data and split go along, names are in quotes."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import otolith
from tests.helpers.commandline import SET, Ended, call, make_set

SOURCE = Path(otolith.__file__).parent
PLACEHOLDERS = {"MODEL_DIR": "their model", "ENCODER_DIR": "their encoder"}
TOLD = re.compile(r"\botolith ([a-z][a-z-]*)\b(?! on )[^`;:.,]*\0")
"""A command with a value in it, which stands for a name that may hold a space."""
SAFE = {"datasets/checking.py", "datasets/locations.py", "cli/commands/data.py", "export/readme.py", "model/hub.py"}
"""Files that write commands with names of registered data sets or of models of a hub, in which no space can be."""


def proposed(ended: Ended) -> list[list[str]]:
    """Return the words of the commands in the line "next" of what a command printed."""
    assert ended.code == 0, ended.err
    (line,) = re.findall(r"^ *next +(.*)$", ended.out, re.MULTILINE)
    told = [shlex.split(command) for command in re.split(", (?:or )?", line)]
    assert all(words[0] == "otolith" for words in told)
    return [[PLACEHOLDERS.get(word, word) for word in words[1:]] for words in told]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_set(tmp_path / "my data" / "my moves", n_subjects=8)
    return tmp_path


def test_from_pre_training_to_a_score_with_another_split(work: Path) -> None:
    split = ["--split-seed", "3"]
    first = call("pretrain", "my data/my moves", *SET, *split, "--method", "random", "--out", "an encoder")
    (following,) = proposed(first)
    (last,) = proposed(call(*following))
    assert last[-2:] == split
    assert call(*last).code == 0
    assert call(*last[:-2]).code == 2  # the options are needed


def test_values_that_were_searched_are_used_on_the_same_split(work: Path) -> None:
    varied = ["--vary", "finetune.lr=1e-4..1e-2:log", "--trials", "1", "--folds", "2", "--split-seed", "3"]
    done = call("tune", "my data/my moves", *SET, *varied, "--method", "random", "--out", "a search")
    (following,) = proposed(done)
    planned = call(*following, "--dry-run")
    assert planned.code == 0, planned.err
    assert "seed 3" in planned.out


@pytest.mark.parametrize("activities", [0, 1, 2])
def test_an_import_is_used_for_what_its_labels_allow(activities: int, work: Path) -> None:
    t = np.arange(0, 40, 0.02)
    for who in ("ada", "bo", "cy"):
        acc = np.stack([np.sin(t * 7), np.cos(t * 5), 9.81 + np.sin(t)], axis=1)
        rows = [
            f"{at:.2f},{x:.4f},{y:.4f},{z:.4f},{x / 9:.4f},{y / 8:.4f},{x / 7:.4f}"
            for at, (x, y, z) in zip(t, acc, strict=True)
        ]
        head = "time_s,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z"
        if activities:
            head += ",label"
            rows = [f"{row},{('sit', 'walk')[i % 1000 // 500 % activities]}" for i, row in enumerate(rows)]
        (work / f"{who}'s walk.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    done = call("import", *work.glob("*.csv"), "--yes", "--gyro-unit", "rad/s", "--out", "all walks")
    more = {
        "run": ["--dry-run"],
        "predict": ["--out", "answers"],
        "pretrain": ["--method", "random"],
        "label": ["--help"],
    }
    for following in proposed(done):
        ended = call(*following, *more[following[0]])
        assert ended.code == 0, ended.err


def test_commands_with_names_in_them_are_spelled_in_one_place() -> None:
    """`otolith.showing.command` puts names into quotes: no text may join them by itself."""
    found = set()
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
                if any((SOURCE / "cli/commands" / f"{_file(told)}.py").is_file() for told in TOLD.findall(text)):
                    found.add(path.relative_to(SOURCE).as_posix())
    assert found == SAFE


def _file(command: str) -> str:
    return {"import": "import_"}.get(command, command.replace("-", "_"))
