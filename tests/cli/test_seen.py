"""No score of a model is of people whom it has seen, and where that cannot be known it is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import otolith
from otolith.datasets.folder import write_folder
from otolith.jobs.seen import refuse_seen
from otolith.model import bundle
from otolith.model.seen import KEPT, digests_of, known_again, seen
from tests.helpers import tiny
from tests.helpers.commandline import call


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otolith.report.write", lambda folders, out, sections: out)


def replace_name(w: otolith.Windows, name: str) -> otolith.Windows:
    return replace(w, meta=replace(w.meta, dataset=name))


def walks_of(people: Iterable[int], folder: Path) -> None:
    """Write some people of the synthetic data set as somebody's study, in place of what is there."""
    if folder.exists():
        shutil.rmtree(folder)
    data = otolith.load("synthetic")
    kept = [recording for recording in data.recordings() if int(recording.subject) in set(people)]
    write_folder(folder, replace(data.info, name="walks", own=True), kept)


def test_another_split_than_that_of_the_encoder_is_refused(tmp_path: Path) -> None:
    data = otolith.load("synthetic")
    w = data.windows(30.0, 1.0, 0.5)
    encoder = otolith.pretrain(w, otolith.splits.default(w, data.info), tiny.recipe(), "random", device="cpu")
    again = ["run", "synthetic", "--encoder", str(bundle.save(encoder, tmp_path / "first")), "--dry-run"]
    refused = call(*again, "--split-seed", "5")
    assert "and this would be the split 'holdout' (seed 5): people that it has seen" in " ".join(refused.err.split())
    assert call(*again).code == 0


def test_people_whom_an_encoder_has_seen_score_nothing() -> None:
    """A data set that was one of those pooled in its training is refused, under each of its names."""

    for name in ("phone", "encoder"):
        encoder = bundle.load_encoder(name, "cpu")
        parts = encoder.meta.dataset.split("+")
        for dataset in (*parts, "sp-sw-har", f"uci-har+{parts[0]}"):
            with pytest.raises(otolith.errors.DataError, match=f"{name} was trained on .* that it has seen"):
                refuse_seen(encoder, name, dataset)
        for dataset in (
            "uci-har",
            "usc-had+mobifall",
            "my-walks-phone",
            encoder.meta.dataset,
        ):  # of it the split decides
            refuse_seen(encoder, name, dataset)
    assert bundle.read_card("encoder")["split"] != {"name": "holdout", "seed": 0}


@pytest.mark.realdata
@pytest.mark.parametrize(
    "command", [("run", "motionsense", "--encoder", "encoder", "--dry-run"), ("evaluate", "phone", "motionsense")]
)
def test_commands_refuse_to_score_on_people_whom_the_encoder_has_seen(
    command: tuple[str, ...], real_root: Path
) -> None:
    ended = call(*command, "--data", str(real_root))
    assert ended.code == 2
    assert "which has people of motionsense" in " ".join(ended.err.split())


@pytest.fixture(scope="module")
def pretrained() -> otolith.PretrainedEncoder:
    w = otolith.load("synthetic").windows(30.0, 1.0, 0.5)
    others = np.random.default_rng(0).normal(size=w.x.shape).astype(np.float32)
    w = replace_name(replace(w, x=others), "others")
    return otolith.pretrain(w, otolith.splits.holdout(w, 3), tiny.recipe(), "random", device="cpu")


@pytest.fixture
def study(pretrained: otolith.PretrainedEncoder, tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with `walks`, a study of five people, and an encoder of another data set and another split."""
    monkeypatch.chdir(tmp_path)
    walks_of(range(1, 6), tmp_path / "walks")
    bundle.save(pretrained, tmp_path / "encoder")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("finetune", "encoder", "walks", "--out", "model"),
        ("run", "walks", "--encoder", "encoder", "--out", "model", "--set", "finetune.penalty=1"),
    ],
    ids=["finetune", "run"],
)
def test_a_model_on_another_encoder_has_the_split_of_its_own_training(command: tuple[str, ...], study: Path) -> None:
    made = call(*command)
    assert made.code == 0, made.err
    assert "warning" not in made.out + made.err
    scored = call("evaluate", "model")  # as the command proposes
    assert scored.code == 0, scored.err
    assert "warning" not in scored.out
    refused = call("evaluate", "model", "walks", "--split-seed", "5")
    assert "would be the split 'holdout' (seed 5)" in " ".join(refused.err.split())


@pytest.mark.parametrize("name", ["walks", "walks again"])
def test_people_of_a_study_that_has_grown_are_named_where_they_test(name: str, study: Path) -> None:
    assert call("finetune", "encoder", "walks", "--out", "model").code == 0
    five = otolith.load("walks").windows(30.0, 1.0, 0.5)
    shutil.rmtree(study / "walks")
    walks_of(range(1, 11), study / name)  # imported anew, under its name or another
    w = otolith.load(study / name).windows(30.0, 1.0, 0.5)
    learnt = bundle.load_model("model", "cpu").encoder.seen
    known = known_again(learnt, w, np.arange(len(w)))
    new = sorted({str(who) for who in w.subject} - set(known))
    test = {str(who) for who in five.subject[otolith.splits.holdout(five, 0).test]}
    assert set(known) == {str(who) for who in five.subject} - test
    parts = {"train": [*known[:2], *new[:3]], "val": [new[3]], "test": [*known[2:], new[4]]}
    (study / "parts.json").write_text(json.dumps(parts), encoding="utf-8")
    told = f"model has learnt from recordings of people who test here ({', '.join(known[2:])})"
    for command in (
        ["evaluate", "model", name],
        ["evaluate", "model", name, "--json"],
        ["finetune", "model", name, "--out", "again"],
        ["run", name, "--encoder", "model", "--dry-run"],
    ):
        ended = call(*command, "--split", "parts.json")
        assert ended.code == 0, ended.err
        assert told in " ".join((ended.out + ended.err).split()), command
    parts = {"train": known, "val": new[:2], "test": new[2:]}
    (study / "parts.json").write_text(json.dumps(parts), encoding="utf-8")
    assert "learnt from" not in call("evaluate", "model", name, "--split", "parts.json").out


def test_people_of_unlabelled_windows_are_among_those_learnt_from() -> None:
    w = replace_name(tiny.windows(), "walks")
    extra = replace_name(tiny.windows(), "runs")
    split = otolith.splits.holdout(w, 0)
    encoder = otolith.pretrain(w, split, tiny.recipe(), "random", unlabelled=[extra], device="cpu")
    assert encoder.seen == seen((w, split.train), (extra, None))


def test_people_are_known_again_by_some_of_their_windows_and_never_by_those_of_others() -> None:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(400, 3, 30)).astype(np.float32)
    x[::40] = x[0, :, :1]  # nothing moves in them: they may be anybody's
    who = np.repeat([f"person {i}" for i in range(20)], 20)
    w = otolith.Windows.from_arrays(x, np.arange(400) % 2, who, channels=("acc_x", "acc_y", "acc_z"))
    learnt = seen((w, np.arange(200)))
    assert len(learnt) == 10 * KEPT
    assert known_again(learnt, w, np.arange(200, 400)) == []
    assert known_again(learnt, w, np.arange(400)) == sorted({str(name) for name in who[:200]})
    renamed = replace(w, subject=np.char.add(w.subject.astype(str), " again"))
    half = np.arange(0, 400, 2)  # half of the windows are labelled now
    assert known_again(learnt, renamed, half) == sorted({f"{name} again" for name in who[:200]})
    assert digests_of(w, [0]) == {"person 0": frozenset()}
    assert known_again(learnt, w, [0]) == []
