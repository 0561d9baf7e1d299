"""`otolith run`: the whole job, what it refuses, and that nothing computed is lost."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from otolith.cli.results import comment
from otolith.recipes import load_recipe
from tests.helpers.commandline import SET, SMALL, Ended, call, make_set, refused, row_of

LONGER = ["--set", "pretrain.epochs=6", "autoencoder.train.epochs=3"]
STAGES = ("autoencoder", "pretrain", "finetune")


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes longest and changes no figure."""

    def page(folders: list[Path], out: Path, sections: object) -> Path:
        out.write_text("a report")
        return out

    monkeypatch.setattr("otolith.report.write", page)
    monkeypatch.setattr("otolith.jobs.run._keep_arrays", lambda *_: None)


def same_result(one: Path, other: Path) -> None:
    first, second = row_of(one), row_of(other)
    assert first.key == second.key
    assert first.result == second.result


def strip_times(line: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(line).items() if name != "seconds"}


@contextmanager
def stopped_after(epochs: int, error: BaseException) -> Iterator[None]:
    """Raise `error` when a run has recorded so many epochs."""
    from otolith.jobs.run import _Curves

    add = _Curves.add

    def record(self: _Curves, entry: dict[str, Any]) -> None:
        add(self, entry)
        if len(self.records) == epochs:
            raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Curves, "add", record)
        yield


def test_leaves_a_folder_with_everything_in_it(finished: tuple[Path, Ended]) -> None:
    folder, _ = finished
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names >= {
        "run.json",
        "recipe.toml",
        "environment.json",
        "rows.jsonl",
        "curves.jsonl",
        "report.html",
        "model/card.json",
        "model/weights.safetensors",
        "arrays/tsne_after.npy",
        "arrays/teacher.json",
    }
    assert not (folder / "checkpoints").exists()
    stages = {json.loads(line)["stage"] for line in (folder / "curves.jsonl").read_text().splitlines()}
    assert stages == set(STAGES)


def test_prints_the_scores_and_where_the_report_is(finished: tuple[Path, Ended]) -> None:
    folder, ended = finished
    result = row_of(folder).result
    printed = dict(line.strip().split(maxsplit=1) for line in ended.out.splitlines()[1:] if line.strip())
    assert printed["accuracy"] == f"{100 * result['accuracy']:.1f} %"
    assert printed["validation"].startswith(f"{100 * result['val_macro_f1']:.1f} %")
    assert f"{100 * result['macro_f1']:.1f} %" in ended.out
    assert result["interval_note"] in ended.out
    for subject, score in result["per_subject"].items():
        assert f"{subject} {100 * score:.1f}" in ended.out
    assert printed["model"] == str(folder / "model")
    assert ended.out.splitlines()[-1].strip() == f"report       {folder / 'report.html'}"


def test_begins_with_its_plan(finished: tuple[Path, Ended], moves: Path) -> None:
    folder, ended = finished
    row = row_of(folder)
    plan = ended.err[: ended.err.index("autoencoder: started")]
    for part in ("train", "val", "test"):
        counts = row.meta["split"][part]
        noun = "subject" if counts["subjects"] == 1 else "subjects"
        assert f"{counts['windows']} windows of {counts['subjects']} {noun}" in plan
    assert row.key["recipe"] in plan
    assert "Dynamic temperature" in plan
    assert "memory" in plan
    assert "pretrain" in plan[plan.index("  time ") :]
    assert str(folder) in plan
    for stage in STAGES:
        assert f"{stage}: done" in ended.err[len(plan) :]


def test_dry_run_prints_a_recipe_with_the_estimate_and_writes_nothing(
    moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call("run", moves, *SET, "--dry-run")
    assert ended.code == 0
    assert list(tmp_path.iterdir()) == []
    comments = [line for line in ended.out.splitlines() if line.startswith("#")]
    assert any("time" in line and "pretrain" in line for line in comments)
    assert any("memory" in line for line in comments)
    recipe = tmp_path / "printed.toml"
    recipe.write_text(ended.out, "utf-8")
    assert load_recipe(recipe, "moves").hash == load_recipe("compact", "moves", SMALL).hash


def test_no_text_of_a_data_set_gets_out_of_the_comments() -> None:
    text = comment("dynamic on mine", [("data", "mine\n[windows]\r\nrate_hz = 1"), ("seed", "0")])
    assert tomllib.loads(text) == {}
    assert len(text.splitlines()) == 3


def test_default_folder(moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_pictures: None) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("compact", "moves", SMALL)
    (tmp_path / "mine.toml").write_text(recipe.to_toml())
    assert call("run", moves, "--recipe", "mine.toml", "--method", "random", "--seed", 3).code == 0
    assert (tmp_path / "runs" / "moves-random-mine-seed3" / "report.html").is_file()
    assert call("run", moves, *SET, "--method", "random").code == 0
    changed = tmp_path / "runs" / f"moves-random-compact-{recipe.hash[:6]}-seed0"
    assert row_of(changed).meta["recipe_name"] != "compact"


def test_a_finished_run_is_neither_overwritten_nor_repeated(finished: tuple[Path, Ended], moves: Path) -> None:
    folder, before = finished
    message = refused("run", moves, *SET, "--out", folder)
    assert str(folder) in message
    assert "--resume" in message
    again = call("run", moves, *SET, "--out", folder, "--resume")
    assert again.code == 0
    assert again.out == before.out
    assert "pretrain: started" not in again.err
    row_of(folder)


@pytest.mark.parametrize("options", [["--seed", "1"], ["--method", "csshar"], ["--set", "pretrain.epochs=2"]])
def test_another_run_does_not_touch_the_folder(finished: tuple[Path, Ended], moves: Path, options: list[str]) -> None:
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for resume in ([], ["--resume"]):
        message = refused("run", moves, *SET, *options, "--out", folder, *resume)
        assert "holds another run" in message
        assert options[0].removeprefix("--").replace("set", "recipe") in message
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_twice_the_same(finished: tuple[Path, Ended], moves: Path, tmp_path: Path, no_pictures: None) -> None:
    assert call("run", moves, *SET, "--out", tmp_path / "again").code == 0
    same_result(finished[0], tmp_path / "again")


def test_interrupted_and_resumed_is_the_same(moves: Path, tmp_path: Path, no_pictures: None) -> None:
    begun = ["run", str(moves), *SET, *LONGER, "--out"]
    assert call(*begun, tmp_path / "whole").code == 0
    epochs = len((tmp_path / "whole" / "curves.jsonl").read_text().splitlines())
    tokens = [*begun, str(tmp_path / "in pieces")]
    for stop in (2, 7, epochs):  # in the autoencoder, in pre-training, at the very end of fine-tuning
        with stopped_after(stop, KeyboardInterrupt()):
            ended = call(*tokens)
        assert ended.code == 130
        assert ended.out == ""
        resume = ended.err.splitlines()[-1].strip()
        assert resume == shlex.join(["otolith", *begun, str(tmp_path / "in pieces"), "--resume"])
        tokens = shlex.split(resume)[1:]
    ended = call(*tokens)
    assert ended.code == 0
    assert "resumed" in ended.err
    same_result(tmp_path / "whole", tmp_path / "in pieces")
    whole, pieces = ((tmp_path / name / "curves.jsonl").read_text().splitlines() for name in ("whole", "in pieces"))
    assert [strip_times(line) for line in whole] == [strip_times(line) for line in pieces]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_and_resumed_is_the_same(moves: Path, tmp_path: Path, no_pictures: None) -> None:
    tokens = ["run", str(moves), *SET, "--set", "pretrain.epochs=30", "--method", "angular", "--out"]
    assert call(*tokens, tmp_path / "whole").code == 0
    threads = {"OMP_NUM_THREADS": "1"}  # as `call` has it: sums depend on their number
    command = [sys.executable, "-m", "otolith", *tokens, str(tmp_path / "killed")]
    with subprocess.Popen(command, env=os.environ | threads, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not list((tmp_path / "killed" / "checkpoints").glob("pretrain/epoch-*")):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "rows.jsonl").exists()
    message = refused(*tokens, tmp_path / "killed")
    assert "unfinished" in message
    assert "--resume" in message
    assert call(*tokens, tmp_path / "killed", "--resume").code == 0
    same_result(tmp_path / "whole", tmp_path / "killed")


def test_an_error_in_training_keeps_what_was_done(moves: Path, tmp_path: Path, no_pictures: None) -> None:
    tokens = ["run", moves, *SET, "--set", "pretrain.lr=1e30", "--out", tmp_path / "run"]
    message = refused(*tokens)
    assert "no longer finite" in message
    assert list((tmp_path / "run" / "checkpoints" / "autoencoder").glob("epoch-*"))
    assert "autoencoder" in (tmp_path / "run" / "curves.jsonl").read_text()
    # The cure that the message names needs another folder, and says so.
    assert "--out" in refused("run", moves, *SET, "--set", "pretrain.lr=1e-3", "--out", tmp_path / "run", "--resume")


def test_a_run_that_failed_before_its_first_epoch_blocks_nothing(
    moves: Path, tmp_path: Path, no_pictures: None
) -> None:
    tokens = ["run", moves, *SET, "--method", "csshar", "--out", tmp_path / "run"]
    assert "no longer finite" in refused(*tokens, "--set", "pretrain.lr=1e30")
    assert call(*tokens).code == 0


def test_checkpoints_of_another_version_are_refused(moves: Path, tmp_path: Path, no_pictures: None) -> None:
    tokens = ["run", moves, *SET, "--out", tmp_path / "run"]
    with stopped_after(1, KeyboardInterrupt()):
        assert call(*tokens).code == 130
    (card,) = (tmp_path / "run" / "checkpoints").glob("*/*/state.json")
    card.write_text(re.sub(r'"format": \d+', '"format": 99', card.read_text()))
    message = refused(*tokens, "--resume")
    assert "format 99" in message
    assert str(card.parent) in message
    assert card.is_file()


def test_a_damaged_checkpoint_gives_way_to_the_one_before(moves: Path, tmp_path: Path, no_pictures: None) -> None:
    tokens = ["run", moves, *SET, *LONGER, "--out"]
    assert call(*tokens, tmp_path / "whole").code == 0
    with stopped_after(6, KeyboardInterrupt()):
        assert call(*tokens, tmp_path / "damaged").code == 130
    newest = max((tmp_path / "damaged" / "checkpoints" / "pretrain").glob("epoch-*/tensors.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-100])
    ended = call(*tokens, tmp_path / "damaged", "--resume")
    assert ended.code == 0
    assert newest.parent.name in ended.err
    same_result(tmp_path / "whole", tmp_path / "damaged")


def test_unlabelled_recordings_join_pretraining(moves: Path, tmp_path: Path, no_pictures: None) -> None:
    more = make_set(tmp_path / "more moves", n_subjects=2, activities=())
    ended = call("run", moves, *SET, "--unlabelled", more, "--out", tmp_path / "run")
    assert ended.code == 0
    row = row_of(tmp_path / "run")
    assert row.key["unlabelled"] == ["more moves"]
    assert "windows of more moves join pre-training" in ended.err
    records = [json.loads(line) for line in (tmp_path / "run" / "curves.jsonl").read_text().splitlines()]
    seen = max(record["windows"] for record in records if record["stage"] == "pretrain")
    assert seen > row.meta["split"]["train"]["windows"]


def test_unlabelled_recordings_of_other_channels_are_refused(moves: Path, tmp_path: Path) -> None:
    more = make_set(tmp_path / "acc only", n_subjects=2, activities=(), channels=("acc_x", "acc_y", "acc_z"))
    message = refused("run", moves, *SET, "--unlabelled", more, "--out", tmp_path / "run")
    assert "acc_z" in message
    assert not (tmp_path / "run" / "rows.jsonl").exists()
    assert message.endswith(" Use what both have: --set windows.sensors=acc.\n")
    cured = [*SET, "windows.sensors=acc", "--unlabelled", more, "--dry-run"]
    assert call("run", moves, *cured).code == 0


@pytest.mark.parametrize("activities", [("swing",), ()])
def test_one_activity_is_refused_before_training(tmp_path: Path, activities: tuple[str, ...]) -> None:
    folder = make_set(tmp_path / "one", activities=activities)
    message = refused("run", folder, *SET, "--out", tmp_path / "run")
    assert "label" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--recipe", "compac"], "did you mean 'compact'"),
        (["--recipe", "missing.toml"], "missing.toml"),
        (["--method", "dynamc"], "did you mean 'dynamic'"),
        (["--set", "pretrain.epoch=1"], "did you mean 'epochs'"),
        (["--set", "pretrian.epochs=1"], "did you mean 'pretrain'"),
        (["--set", "augment.0.sigm=1"], "sigm"),
        (["--set", "augment.7.sigma=1"], "augment.7.sigma"),
        (["--set", "method.dynamic.temprature=0.1"], "temperature"),
        (["--set", "method.dynamc.temperature=0.1"], "did you mean 'dynamic'"),
        (["--set", "pretrain.epochs=many"], "many"),
        (["--set", "pretrain.batch_size=1"], "batch_size"),
        (["--set", "autoencoder.train.batch_size=1"], "batch_size"),
        (["--recipe", "compact", "--set", "encoder.heads=3"], "heads"),
        (["--set", "pretrain.epochs"], "key=value"),
        (["--set", "=1"], "key=value"),
        (["--set", "pretrain.epochs=1", "watch"], "name it before --set"),
        (["--device", "abacus"], "abacus"),
        (["--data", "/"], "Leave it out"),
        (["--unlabelled", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(moves: Path, tmp_path: Path, options: list[str], named: str) -> None:
    message = refused("run", moves, "--out", tmp_path / "run", *options)
    assert named in message
    assert not (tmp_path / "run").exists()


def test_recipe_files_are_read_strictly(moves: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    text = load_recipe("compact", "moves").to_toml()
    recipe.write_text(text.replace("batch_size", "batchsize"))
    assert "did you mean 'batch_size'" in refused("run", moves, "--recipe", recipe)
    recipe.write_text(text[: len(text) // 2])
    assert str(recipe) in refused("run", moves, "--recipe", recipe)
    recipe.write_bytes(b"\xff\xfe\x00")
    assert str(recipe) in refused("run", moves, "--recipe", recipe)


@pytest.mark.parametrize("dataset", ["uci-hra", "nowhere/at/all"])
def test_unknown_data_are_refused(dataset: str) -> None:
    message = refused("run", dataset)
    assert dataset in message
    assert "uci-har" in message


def test_missing_folder_is_named(tmp_path: Path) -> None:
    message = refused("run", "uci-har", "--data", tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in message
    assert "--fetch" in message


def test_a_truncated_recording_is_named(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "set")
    file = folder / "signals" / "000001-0.parquet"
    file.write_bytes(file.read_bytes()[:500])
    assert str(file) in refused("run", folder, *SET, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_out_must_be_a_folder_that_can_be_written(moves: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for out, cure in (("file", "--out"), ("file/below", "choose another folder"), ("full", "--out")):
        message = refused("run", moves, *SET, "--method", "random", "--out", tmp_path / out)
        assert str(tmp_path / out) in message
        assert cure in message
    assert (tmp_path / "file").read_text() == (tmp_path / "full" / "mine.txt").read_text() == "mine"
