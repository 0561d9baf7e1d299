"""Metrics of what is done already: from rows, from kept predictions, and by the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import otolith
from otolith import report
from otolith.cli import main
from otolith.errors import CheckpointError
from otolith.jobs.score import score
from otolith.metrics import Metric, Predictions
from otolith.metrics import score as scores
from otolith.rows import Row, append, predictions
from otolith.system import plugins

KEY = {"protocol": "representation", "dataset": "watch", "split": "holdout", "method": "dynamic", "data": "3fa2"}


def answered(seed: int, proba: bool = True) -> Predictions:
    rng = np.random.default_rng(seed)
    given = rng.dirichlet([2, 1], 60)
    more = {"proba": given.astype(np.float16).astype(float)} if proba else {}
    who = np.repeat(["ann", "bob"], 30)
    return Predictions.of(
        rng.integers(0, 2, 60), given.argmax(1), ["still", "walk"], subject=who, recording=who, **more
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two seeds with predictions, and a row from before there were any."""
    for seed in (0, 1):
        found = answered(seed)
        predictions.keep(tmp_path, KEY | {"seed": seed}, found)
        append(tmp_path / "rows.jsonl", Row(KEY | {"seed": seed}, scores(found)))
    append(tmp_path / "rows.jsonl", Row(KEY | {"seed": 2}, {"macro_f1": 0.5}))
    append(tmp_path / "rows.jsonl", Row(KEY | {"seed": 3}, {"seconds": 0.5}))
    return tmp_path


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    for proba in (True, False):
        given = answered(5, proba)
        predictions.keep(tmp_path, {"seed": 0}, given)
        found = predictions.kept(tmp_path, {"seed": 0})
        assert found is not None
        assert scores(found) == scores(given)
        assert (found.proba is None) == (not proba)


def test_a_metric_that_was_written_later_needs_no_training(folder: Path) -> None:
    late = Metric("late", "Late", lambda p: float(p.proba[:, 1].mean()), "mean", percent=False)  # type: ignore[index]
    with plugins.forgotten():
        otolith.register(late)
        found = score([folder], ["late", "kappa", "accuracy"])
    assert [set(each.figures) for each in found] == [{"late", "kappa", "accuracy"}] * 2 + [set()]
    assert found[0].figures["late"] == pytest.approx(answered(0).proba[:, 1].mean())  # type: ignore[index]
    assert found[0].figures["kappa"] == found[0].row.result["metrics"]["kappa"]


def test_a_table_for_a_paper_has_it_too(folder: Path) -> None:
    with plugins.forgotten():
        otolith.register(Metric("late", "Late", lambda p: float(len(p.y_true)), "windows", percent=False))
        found = report.paper_table([folder], "late")
    ((_, (cell,)),) = found.lines
    assert cell is not None
    assert (cell.mean, cell.n) == (60.0, 2)


def test_the_command_prints_means_and_writes_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["score", str(folder), "--metric", "kappa", "--metric", "macro_f1", "--out", str(folder / "m.csv")]) == 0
    )
    out = capsys.readouterr().out
    assert "Dynamic temperature: Watch exercises, random hold-out of subjects" in out
    assert "3 rows" in out
    with (folder / "m.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["seed"] for line in lines] == ["0", "1", "2"]
    assert float(lines[0]["kappa"]) == pytest.approx(scores(answered(0))["metrics"]["kappa"])
    assert lines[2]["kappa"] == ""
    assert main(["score", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1]["figures"].keys() >= {"event_f1", "log_loss"}
    assert main(["score", "--list"]) == 0
    assert "Ward et al. 2011" in capsys.readouterr().out
    assert main(["score", str(folder), "--metric", "kapa"]) == 2
    assert main(["score", str(folder), "--out", str(folder / "m.txt")]) == 2
    assert main(["score"]) == 2


def test_damage_is_named(folder: Path) -> None:
    path = predictions.place_of(folder, KEY | {"seed": 0})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"npz cannot be read: .*Copy it again"):
        predictions.kept(folder, KEY | {"seed": 0})
    with pytest.raises(CheckpointError, match="holds no rows"):
        score([folder / "predictions"])
