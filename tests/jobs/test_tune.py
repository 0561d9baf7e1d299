"""A search over recipe values: its ranges, its folds of development people, its history, and going on after a stop."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import otolith
from otolith import rows, splits
from otolith.cli import main
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.jobs import tune
from otolith.jobs.space import Range, propose
from otolith.recipes import load_recipe
from tests.helpers import tiny
from tests.helpers.stops import Stopped

VARY = ("finetune.lr=1e-4..1e-1:log", "finetune.batch_size=[16, 64]")
SIZES = tiny.SIZES | {"windows.rate_hz": 10.0, "choice": []}


def planned(out: Path, trials: int = 2, vary: tuple[str, ...] = VARY, **more: Any) -> tune.Search:
    given: dict[str, Any] = {"recipe": "compact", "method": "random", "folds": 2, "overrides": SIZES, "device": "cpu"}
    return tune.plan("synthetic", vary, out, trials=trials, **(given | more))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=1..9", Range("a.b", 1.0, 9.0, whole=True)),
        ("a.b=0.5..9", Range("a.b", 0.5, 9.0)),
        ("a.b=-2..-1", Range("a.b", -2.0, -1.0, whole=True)),
        ("a.b=1e-4..1e-1:log", Range("a.b", 1e-4, 0.1, log=True)),
        ("a.b=['x', 'y']", Range("a.b", choices=("x", "y"))),
        ("a.b=[[8, 8], [16, 16]]", Range("a.b", choices=([8, 8], [16, 16]))),
    ],
)
def test_ranges_are_read(text: str, expected: Range) -> None:
    assert Range.parse(text) == expected
    for value in expected.ends:
        assert expected.value(expected.drawn(value)) == value


@pytest.mark.parametrize(
    "text", ["a.b", "a.b=3", "a.b=9..1", "a.b=0..1:log", "a.b=[1]", "=1..2", "a.b=x..y", "a=nan..1"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=r"--vary takes KEY=LOW\.\.HIGH"):
        Range.parse(text)


def test_proposals_depend_on_history_and_seed_alone() -> None:
    space = [Range("lr", 1e-4, 1e-1, log=True), Range("width", 8, 64, whole=True), Range("kind", choices=("a", "b"))]
    history: list[tuple[dict[str, Any], float | None]] = []
    for number in range(12):
        found = propose(space, history, seed=3)
        assert found == propose(space, history, seed=3)
        assert 1e-4 <= found["lr"] <= 1e-1
        assert isinstance(found["width"], int)
        history.append((found, None if number == 2 else -abs(np.log10(found["lr"]) + 2)))
    assert found != propose(space, history, seed=4)
    told = [values["lr"] for values, _ in history]
    assert len(set(told)) == 12


def test_a_range_that_the_recipe_does_not_allow_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"pretrain\.epoch: unknown key"):
        planned(tmp_path / "t", vary=("pretrain.epoch=1..3",))
    with pytest.raises(RecipeError, match="encoder"):
        planned(tmp_path / "t", vary=("encoder.dropout=0.1..1.5",))
    with pytest.raises(DataError, match="unknown metric"):
        planned(tmp_path / "t", metric="kapa")
    with pytest.raises(RecipeError, match="name what may vary"):
        planned(tmp_path / "t", vary=())
    assert not (tmp_path / "t").exists()


def test_a_search_sees_development_people_alone_and_goes_on_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = planned(tmp_path / "whole", metric="weighted_f1")
    done = tune.run(search)
    scored = [trial.score for trial in done]
    found = rows.read(tmp_path / "whole" / "rows.jsonl")
    data = otolith.load("synthetic")
    w = data.windows(10.0, 1.0, 0.5)
    tested = set(map(str, np.unique(w.subject[splits.default(w, data.info).test]).tolist()))
    judged = [set(row.result["per_subject"]) for row in found]
    assert len(found) == 4
    assert not tested & set.union(*judged)
    assert len(set.union(*judged)) + len(tested) == data.info.n_subjects
    assert [row.meta["trial"] for row in found] == [0, 0, 1, 1]
    means = [np.mean([row.result["metrics"]["weighted_f1"] for row in found if row.meta["trial"] == t]) for t in (0, 1)]
    assert scored == pytest.approx(means)
    best = tune.best(search, done)
    assert best is not None
    assert best.score == max(means)
    assert load_recipe(tmp_path / "whole" / "best.toml", "synthetic") == best.recipe
    with (tmp_path / "whole" / "trials.csv").open() as file:
        assert [float(line["weighted_f1"]) for line in csv.DictReader(file)] == pytest.approx(means)
    assert (tmp_path / "whole" / "history.svg").read_text("utf-8").startswith("<?xml")

    stopped = planned(tmp_path / "stopped", 1, metric="weighted_f1")
    with monkeypatch.context() as patch:
        patch.setattr(tune, "execute", _stopping(tune.execute))
        with pytest.raises(Stopped):
            tune.run(stopped)
    assert len(rows.read(tmp_path / "stopped" / "rows.jsonl")) == 1
    again = tune.run(stopped)
    assert [(trial.values, trial.score) for trial in again] == [(done[0].values, done[0].score)]
    with pytest.raises(CheckpointError, match="holds another search"):
        tune.run(planned(tmp_path / "stopped", 1, vary=VARY[:1], metric="weighted_f1"))


def _stopping(execute: Any) -> Any:
    def after_one(units: Any, file: Path, progress: Any) -> Any:
        for row in execute(units, file, progress):
            yield row
            raise Stopped

    return after_one


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RecipeError, match=r'otolith tune needs optuna.*"otolith\[tune\]"'):
        propose([Range("lr", 0.1, 0.2)], [], 0)


def test_the_command_says_what_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = [f"{key}={value}" for key, value in SIZES.items() if "supervised" not in key]
    tokens = ["tune", "synthetic", "--method", "random", "--recipe", "compact", "--trials", "1", "--folds", "2"]
    out = ["--out", str(tmp_path / "t")]
    assert main([*tokens, *out, "--vary", "finetune.lr=1e-3..1e-2", "--set", *values]) == 0
    said = capsys.readouterr().out
    assert "mean of 2 folds, trial 0" in said
    assert f"--recipe {tmp_path / 't' / 'best.toml'}" in said
    assert main([*tokens, *out]) == 2
