"""One's own recordings of which few or none have labels: the others join training, and can be learnt from alone."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

import otolith
from otolith.datasets.folder import write_folder
from otolith.labelling.journal import Journal
from otolith.model import bundle
from otolith.recording import Segment
from tests.helpers import tiny
from tests.helpers.commandline import SET, call, make_set, refused, row_of

SAID = "of few have no label and join training; --set windows.unlabelled=false leaves them out"


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of eight people: four with a second of each activity, and four without labels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("otolith.report.write", lambda folders, out, sections: out)
    data = otolith.load(make_set(tmp_path / "all", n_subjects=8))
    kept = []
    for recording in data.recordings():
        first = (replace(each, stop_s=each.start_s + 1.1) for each in recording.segments)
        kept.append(replace(recording, segments=tuple(first) if int(recording.subject) <= 4 else ()))
    return write_folder(tmp_path / "few", replace(data.info, name="few", own=True), kept)


def test_stretches_without_labels_join_training_and_that_is_said(few: Path) -> None:
    ended = call("run", few, *SET, "--method", "random", "--out", "run")
    assert ended.code == 0, ended.err
    assert SAID in " ".join(ended.err.split())
    parts = row_of(Path("run")).meta["split"]
    assert parts["train"]["subjects"] == 6  # two of four with labels, and four without
    w = otolith.load(few).windows(12.0, 1.0, 0.5)
    assert parts["train"]["windows"] > 2 * len(w)
    assert bundle.load_model("run/model", "cpu").encoder.recipe.windows.unlabelled
    scored = call("evaluate", "run", few)
    assert scored.code == 0, scored.err
    assert "warning" not in scored.out


def test_very_many_windows_are_seen_in_fewer_epochs(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otolith.jobs.cutting.MOST_IN_ALL_EPOCHS", 2000)
    recipe = ["--recipe", "compact", "--set", "windows.rate_hz=12"]
    ended = call("run", few, *recipe, "--dry-run")
    said = "of few have no label and join training, pre-training for 3 epochs since they are many; "
    assert said in " ".join(ended.err.split())
    epochs = [line for line in ended.out.splitlines() if line.startswith("epochs")]
    assert epochs[:2] == ["epochs = 3", "epochs = 3"]
    own = call("run", few, *recipe, "pretrain.epochs=7", "--dry-run")
    assert "since they are many" not in own.err
    assert "epochs = 7" in own.out.splitlines()
    (few.parent / "mine.toml").write_text(call("run", "all", *recipe, "--dry-run").out, encoding="utf-8")
    assert "since they are many" not in call("run", few, "--recipe", "mine.toml", "--dry-run").err


def test_searches_and_comparisons_learn_from_the_same_windows(few: Path) -> None:
    varied = ["--vary", "finetune.penalty=1..2", "--trials", "1", "--folds", "3", "--method", "random"]
    for command in (
        ["tune", few, *SET, *varied, "--out", "search"],
        ["compare", "representation", "--dataset", few, *SET, "--method", "random", "--out", "compared"],
    ):
        ended = call(*command)
        assert ended.code == 0, ended.err
        assert SAID in " ".join((ended.out + ended.err).split())


def test_they_are_left_out_where_somebody_says_so(few: Path) -> None:
    (few.parent / "mine.toml").write_text(call("run", few, *SET, "--dry-run").out, encoding="utf-8")
    left_out = [*SET, "windows.unlabelled=false", "--dry-run"]
    text = Path("mine.toml").read_text("utf-8").replace("unlabelled = true", "unlabelled = false")
    assert "unlabelled = false" in text
    Path("mine.toml").write_text(text, encoding="utf-8")
    for options in (left_out, ["--recipe", "mine.toml", "--dry-run"]):
        ended = call("run", few, *options)
        assert ended.code == 0, ended.err
        assert "join training" not in ended.out + ended.err
        assert "2 subjects" in ended.out


def test_an_encoder_from_elsewhere_sees_them_too(few: Path) -> None:
    assert call("pretrain", "all", *SET, "--method", "random", "--out", "encoder").code == 0
    ended = call("run", few, "--encoder", "encoder", "--set", "finetune.penalty=1", "--dry-run")
    assert SAID in " ".join(ended.err.split())
    assert "6 subjects" in ended.out
    tuned = call("finetune", "encoder", few, "--out", "model")
    assert tuned.code == 0, tuned.err
    assert SAID.partition(";")[0] in tuned.err


def test_most_labels_make_no_difference(few: Path) -> None:
    ended = call("run", "all", *SET, "--dry-run")
    assert "join training" not in ended.err
    assert "unlabelled = true" not in ended.out


def test_recordings_without_labels_are_pretrained_on(few: Path) -> None:
    data = otolith.load("all")
    bare = [replace(recording, segments=()) for recording in data.recordings()]
    write_folder(Path("bare"), replace(data.info, name="bare", own=True, activities=()), bare)
    made = call("pretrain", "bare", *SET, "--out", "encoder")
    assert made.code == 0, made.err
    assert "all recordings, to pre-train on" in made.err
    assert "otolith finetune encoder LABELLED_DATASET --out MODEL_DIR" in made.out
    w = otolith.load("bare").windows(12.0, 1.0, 0.5, unlabelled=True)
    curves = bundle.load_encoder("encoder", "cpu")
    assert curves.split == {"name": "unlabelled"}
    assert len(curves.seen) == 12 * len(set(w.subject))
    assert call("finetune", "encoder", few, "--out", "model").code == 0
    assert call("evaluate", "model", few).code == 0
    for command in (["run", "bare"], ["finetune", "encoder", "bare", "--out", "other"], ["evaluate", "model", "bare"]):
        message = refused(*command)
        assert "No recording of bare has a label" in message
        assert f"otolith label {Path('bare').resolve()}" in message or "otolith label bare" in message


def test_labels_that_lie_beside_are_named_with_the_way_to_use_them(few: Path) -> None:
    journal = Journal(few / "labels" / "ann.jsonl")
    first = otolith.load(few).example()
    journal.add("label", recording=first.name, start=0.0, stop=2.0, activity="still")
    said = " ".join(call("run", few, *SET, "--dry-run").err.split())
    told = f"otolith label {few} --by ann --export {few}-labelled"
    assert said.count(told) == 1
    assert call("pretrain", "all", *SET, "--method", "random", "--out", "encoder").code == 0
    for command in (["finetune", "encoder", few, "--out", "model"], ["evaluate", "model", few]):
        assert told in " ".join(call(*command).err.split())
    assert call(*shlex.split(told)[1:]).code == 0
    planned = call("run", f"{few}-labelled", *SET, "--dry-run")
    assert planned.code == 0, planned.err
    assert "otolith label" not in planned.err


def test_too_few_labels_to_split_by_are_no_hindrance_to_pre_training(few: Path) -> None:
    data = otolith.load("all")
    short = [Segment(0.5, 1.6, "still")]
    one = [replace(each, segments=tuple(short) if each.subject == 1 else ()) for each in data.recordings()]
    write_folder(Path("one"), replace(data.info, name="one", own=True), one)
    assert "label" in refused("run", "one", *SET)
    made = call("pretrain", "one", *SET, "--method", "random", "--out", "encoder")
    assert made.code == 0, made.err
    assert json.loads(Path("encoder/card.json").read_text("utf-8"))["split"] == {"name": "unlabelled"}


def test_whoever_was_pretrained_on_and_tests_is_named(few: Path) -> None:
    w = otolith.load(few).windows(12.0, 1.0, 0.5, unlabelled=True)
    recipe = tiny.recipe(windows__rate_hz=12.0)
    bundle.save(otolith.pretrain(w, otolith.splits.unlabelled(w), recipe, "random", device="cpu"), Path("encoder"))
    ended = call("finetune", "encoder", few, "--out", "model")
    assert ended.code == 0, ended.err
    assert "has learnt from recordings of people who test here" in " ".join(ended.err.split())
