"""`otolith compare` as people call it: what it writes, what it refuses, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otolith import rows
from otolith.cli.commands.compare import command_of
from otolith.errors import CheckpointError
from otolith.jobs import compare
from otolith.protocols import ProtocolSpec
from otolith.protocols.cells import learners, study
from otolith.report import folder
from otolith.training import state
from tests.helpers import tiny
from tests.helpers.commandline import SET, SMALL, call, refused
from tests.helpers.stops import StopIn, Stopped

FEW = ["--method", "csshar", "--method", "random", "--k", "1", "--k", "2", "--draws", "3"]


def plain(path: Path) -> dict[str, Any]:
    return {rows.key_hash(row.key): row.result for row in rows.read(path / "rows.jsonl")}


def test_few_labels_from_command_to_page(moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "STEPS", 5)
    out = tmp_path / "out"
    ended = call("compare", "few-labels", "--dataset", moves, *FEW, *SET, "--out", out)
    assert ended.code == 0, ended.err
    assert "12, 0 of them done" in ended.err
    assert ended.out.count("macro F1") == 4
    kept = {path.name for path in out.iterdir()}
    assert kept >= {"rows.jsonl", "compare.json", "recipe.toml", "report.html", "report.md"}
    page, table = (out / "report.html").read_text(), (out / "report.md").read_text()
    assert "Few labels" in page
    assert "| Method | k = 1 | k = 2 | Draws |" in table
    assert "### Differences, paired by test subject" in table
    before = plain(out)
    more = call("compare", "few-labels", "--dataset", moves, *FEW, "--method", "angular", *SET, "--out", out)
    assert "18, 12 of them done" in more.err
    after = plain(out)
    assert len(after) == 18
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("protocol", ["representation", "cross-validation", "cost"])
def test_other_protocols(protocol: str, moves: Path, tmp_path: Path) -> None:
    own = ["--folds", "2"] if protocol == "cross-validation" else []
    tokens = ["compare", protocol, "--dataset", moves, "--method", "random", *own, *SET]
    ended = call(*tokens, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "random" in ended.out
    assert "report.html" in ended.out
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_classifiers_in_training_keep_their_checkpoints_until_the_row(
    moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "EVERY_S", 0.0)

    def planned() -> compare.Planned:
        return compare.plan(
            "representation", str(moves), ("random",), overrides=SMALL, out=tmp_path / "out", device="cpu"
        )

    with pytest.raises(Stopped):
        compare.run(planned(), progress=StopIn("finetune", 2))
    left = list((tmp_path / "out" / "checkpoints").glob("*/finetune-*/epoch-00002"))
    assert len(left) == 1
    compare.run(planned())
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_features_of_methods_stand_side_by_side(moves: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tokens = ["compare", "representation", "--dataset", moves, "--method", "csshar", "--method", "random", *SET]
    assert call(*tokens, "--seeds", "2", "--out", out).code == 0
    pictured = sorted(path.name for path in (out / "arrays").iterdir())
    assert pictured == ["csshar-seed0", "random-seed0"]
    page = (out / "report.html").read_text()
    assert [page.count(f't-SNE, moves, {short}, seed 0"') for short in ("CSSHAR", "Random")] == [1, 1]
    (out / "arrays" / "csshar-seed0" / "tsne_after.npy").write_bytes(b"torn")
    shown = folder.load(out)
    assert list(shown.cells) == ["random-seed0"]
    assert any("tsne_after.npy" in problem for problem in shown.problems)


def test_transfer_between_two_folders(moves: Path, tmp_path: Path) -> None:
    tokens = ["compare", "transfer", "--dataset", moves, "--source", moves, "--method", "supervised", *SET]
    ended = call(*tokens, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "source moves" in ended.out


def test_what_the_command_refuses(moves: Path) -> None:
    assert "--source NAME" in refused("compare", "transfer", "--dataset", moves)
    assert "dynamic" in refused("compare", "cost", "--dataset", moves, "--method", "dynamc")


def test_killed_and_begun_again(moves: Path, tmp_path: Path) -> None:
    """The command, killed with SIGKILL while it computes, ends with the rows of one that ran through."""
    tokens = ["compare", "few-labels", "--dataset", moves, "--method", "csshar", "--method", "random"]
    tokens += ["--k", "1", "--k", "2", "--draws", "2", *SET, "--out"]
    assert call(*tokens, tmp_path / "whole").code == 0
    kept, killed = tmp_path / "killed" / "rows.jsonl", tmp_path / "killed"
    command = [sys.executable, "-m", "otolith", *map(str, tokens), str(killed)]
    with subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not (kept.exists() and kept.read_bytes().count(b"\n") >= 2):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert 2 <= len(rows.read(kept)) < 8
    assert call(*tokens, killed).code == 0
    whole, after = (rows.read(tmp_path / name / "rows.jsonl") for name in ("whole", "killed"))
    assert len(whole) == len(after) == 8
    assert plain(tmp_path / "whole") == plain(killed)


def test_a_folder_of_another_comparison_is_refused(moves: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given: dict[str, Any] = {"overrides": {"windows.rate_hz": 12.0} | tiny.SIZES, "out": out}
    planned = compare.plan("representation", str(moves), ("random",), **given)
    compare.run(planned)
    assert planned.missing == 0
    more = compare.plan("representation", str(moves), ("random", "csshar"), 2, **given)
    assert (more.cells, more.missing) == (4, 3)
    with pytest.raises(CheckpointError, match=r"another comparison: its protocol is 'representation', not 'cost'"):
        compare.plan("cost", str(moves), ("random",), **given)
    given["overrides"]["finetune.epochs"] = 3
    with pytest.raises(CheckpointError, match=r"another comparison: its recipe is"):
        compare.plan("representation", str(moves), ("random",), **given)


def test_comparisons_share_encoders(moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "STEPS", 5)
    shared = ["--dataset", moves, "--method", "csshar", *SET, "--encoders", tmp_path / "encoders", "--out"]
    assert call("compare", "representation", *shared, tmp_path / "all").code == 0
    weights = [path.read_bytes() for path in tmp_path.glob("encoders/*/model/weights.safetensors")]
    assert len(weights) == 1
    assert not (tmp_path / "all" / "encoders").exists()
    monkeypatch.setattr(study, "pretrain", lambda *given, **options: pytest.fail("trained again"))
    ended = call("compare", "few-labels", "--k", "1", "--draws", "2", *shared, tmp_path / "few")
    assert ended.code == 0, ended.err
    assert len(plain(tmp_path / "few")) == 2


def test_a_protocol_takes_no_option_that_all_have() -> None:
    @dataclass(frozen=True)
    class Options:
        seeds: int = 3

    mine = ProtocolSpec(
        name="mine", title="Mine", line="a test", section="", units=lambda *_: iter(()), options=Options
    )
    with pytest.raises(ValueError, match="has an option 'seeds' already"):
        command_of(mine)
