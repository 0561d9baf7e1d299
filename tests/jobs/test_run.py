"""The whole job: the contents of a run folder, and how a stopped run goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from otolith import datasets, metrics, report, rows, splits
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.jobs import run
from otolith.jobs.prepared import Prepared, prepare
from otolith.jobs.score import score
from otolith.model import bundle
from otolith.rows import predictions
from otolith.windows import Windows
from tests.helpers import tiny
from tests.helpers.stops import StopIn, Stopped


def prepared(method: str = "dynamic", seed: int = 0, w: Windows | None = None, **recipe: Any) -> Prepared:
    w = tiny.windows(n_unlabelled=1) if w is None else w
    return Prepared(
        SimpleNamespace(info=datasets.load("synthetic").info),  # type: ignore[arg-type]
        w,
        splits.automatic(w, 0),
        tiny.recipe(pretrain__epochs=2, **recipe),
        method,
        seed,
        "tiny",
    )


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of a toy run's time, and have tests of their own."""

    def write(folders: list[Path], out: Path, sections: object) -> Path:
        out.write_text("<html>")
        return out

    monkeypatch.setattr(report, "write", write)


def plain(folder: Path) -> list[dict[str, Any]]:
    """The curves without their times."""
    lines = (folder / "curves.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> run.Finished:
    return run.run(prepared(), tmp_path_factory.mktemp("job") / "run")


def test_a_run_folder_holds_everything(finished: run.Finished) -> None:
    folder = finished.folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "arrays",
        "curves.jsonl",
        "environment.json",
        "model",
        "predictions",
        "recipe.json",
        "recipe.toml",
        "report.html",
        "rows.jsonl",
        "run.json",
    ]
    assert sorted(path.name for path in (folder / "arrays").iterdir()) == [
        "teacher.json",
        "tsne_after.npy",
        "tsne_before.npy",
        "tsne_subject.npy",
        "tsne_y.npy",
    ]
    given = prepared()
    assert json.loads((folder / "recipe.json").read_text()) == given.recipe.as_dict()
    assert json.loads((folder / "run.json").read_text()) == given.key
    assert finished.report == folder / "report.html"
    assert "<html" in finished.report.read_text()


def test_metrics_are_computed_again_from_the_predictions_beside_the_row(finished: run.Finished) -> None:
    given, found = prepared(), predictions.kept(finished.folder, finished.row.key)
    assert found is not None
    assert found.y_true.tolist() == given.w.y[given.split.test].tolist()
    assert found.start.tolist() == given.w.start[given.split.test].tolist()
    assert metrics.further(found) == finished.row.result["metrics"]
    (again,) = score([finished.folder], ["log_loss", "macro_f1"])
    assert again.figures == {
        "log_loss": finished.row.result["metrics"]["log_loss"],
        "macro_f1": finished.row.result["macro_f1"],
    }


def test_the_row_names_all_that_the_figure_depends_on(finished: run.Finished) -> None:
    (row,) = rows.read(finished.folder / "rows.jsonl")
    assert row == finished.row
    assert row.key == {
        "protocol": "representation",
        "dataset": "own",
        "data": prepared().w.content,
        "split": "holdout",
        "split_seed": 0,
        "fold": None,
        "recipe": prepared().recipe.hash,
        "method": "dynamic",
        "seed": 0,
        "k": None,
        "unlabelled": [],
    }
    assert 0 <= row.result["macro_f1"] <= 1
    assert row.result["n_windows"] == len(prepared().split.test)
    assert row.meta["split"]["test"] == {"windows": len(prepared().split.test), "subjects": 1}
    assert row.meta["recipe_name"] == "tiny"
    assert set(row.meta["seconds"]) == {"autoencoder", "pretrain", "finetune", "evaluate"}
    assert set(row.meta["seconds_per_epoch"]) == {"autoencoder", "pretrain", "finetune"}
    assert "processor" in row.meta["environment"]


def test_rows_name_no_machine_and_no_place(finished: run.Finished) -> None:
    import getpass
    import platform

    text = (finished.folder / "rows.jsonl").read_text() + (finished.folder / "environment.json").read_text()
    assert str(finished.folder.parent) not in text
    for private in (str(Path.home()), platform.node(), getpass.getuser()):
        if len(private) > 5:  # shorter ones are words of their own in any text
            assert private not in text


def test_the_curves_hold_every_epoch_once(finished: run.Finished) -> None:
    assert [(r["stage"], r["epoch"]) for r in plain(finished.folder)] == [
        ("autoencoder", 1),
        ("pretrain", 1),
        ("pretrain", 2),
        ("finetune", 1),
        ("finetune", 2),
    ]


def test_the_arrays_fit_each_other(finished: run.Finished) -> None:
    arrays = {path.stem: np.load(path) for path in (finished.folder / "arrays").glob("*.npy")}
    n = len(prepared().split.test)
    assert arrays["tsne_before"].shape == arrays["tsne_after"].shape == (n, 2)
    assert arrays["tsne_y"].shape == arrays["tsne_subject"].shape == (n,)
    assert not np.array_equal(arrays["tsne_before"], arrays["tsne_after"])
    w = prepared().w
    np.testing.assert_array_equal(np.sort(arrays["tsne_y"]), np.sort(w.y[prepared().split.test]))
    teacher = json.loads((finished.folder / "arrays" / "teacher.json").read_text())
    assert 0 <= teacher["auc"] <= 1
    assert teacher["n_windows"] == len(prepared().split.val)


def test_the_model_in_the_folder_is_the_one_that_was_scored(finished: run.Finished) -> None:
    model = bundle.load_model(finished.folder / "model")
    w, split = prepared().w, prepared().split
    right = model.predict(w.x[split.test]) == w.y[split.test]
    assert right.mean() == pytest.approx(finished.row.result["accuracy"])
    assert bundle.read_card(finished.folder / "model")["data"]["licence"]


@pytest.mark.usefixtures("no_report")
def test_the_same_run_twice_gives_equal_rows(finished: run.Finished, tmp_path: Path) -> None:
    again = run.run(prepared(), tmp_path / "run")
    assert again.row.key == finished.row.key
    assert again.row.result == finished.row.result
    assert plain(again.folder) == plain(finished.folder)
    for name in ("tsne_before", "tsne_after"):
        np.testing.assert_array_equal(
            np.load(again.folder / "arrays" / f"{name}.npy"), np.load(finished.folder / "arrays" / f"{name}.npy")
        )
    other = run.run(prepared(seed=1), tmp_path / "other")
    assert other.row.result != finished.row.result


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize(
    ("title", "at"), [("autoencoder", 1), ("pretrain", 1), ("pretrain", 2), ("finetune", 2), ("t-SNE", 1)]
)
def test_stopped_and_resumed_ends_alike(title: str, at: int, finished: run.Finished, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Stopped):
        run.run(prepared(), out, progress=StopIn(title, at))
    assert not (out / "rows.jsonl").exists()
    resumed = run.run(prepared(), out, resume=True)
    assert resumed.row.key == finished.row.key
    assert resumed.row.result == finished.row.result
    assert plain(out) == plain(finished.folder)
    assert len(rows.read(out / "rows.jsonl")) == 1
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in finished.folder.iterdir())


@pytest.mark.usefixtures("no_report")
def test_resuming_a_finished_run_shows_it_again_and_trains_nothing(finished: run.Finished, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished.folder, out)
    (out / "report.html").unlink()
    (out / "checkpoints" / "pretrain" / "epoch-00002").mkdir(parents=True)  # killed after the row, while removing them
    watch = StopIn()
    again = run.run(prepared(), out, resume=True, progress=watch)
    assert watch.stages == ["report"]
    assert again.row == finished.row
    assert (out / "report.html").is_file()
    assert len(rows.read(out / "rows.jsonl")) == 1
    assert not (out / "checkpoints").exists()


def test_a_finished_run_is_not_run_over(finished: run.Finished) -> None:
    before = (finished.folder / "rows.jsonl").read_bytes()
    with pytest.raises(CheckpointError, match=r"already holds this run, finished.*--resume"):
        run.run(prepared(), finished.folder)
    assert (finished.folder / "rows.jsonl").read_bytes() == before


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    ("other", "named"),
    [({"seed": 3}, "its seed is 0, not 3"), ({"method": "csshar"}, "its method is 'dynamic', not 'csshar'")],
)
def test_another_run_s_folder_is_refused_by_what_differs(
    other: dict[str, Any], named: str, resume: bool, finished: run.Finished
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in finished.folder.iterdir()}
    with pytest.raises(CheckpointError, match=named):
        run.run(prepared(**other), finished.folder, resume=resume)
    with pytest.raises(CheckpointError, match="its recipe is"):
        run.run(prepared(finetune__epochs=3), finished.folder, resume=resume)
    assert {path.name: path.stat().st_mtime_ns for path in finished.folder.iterdir()} == before


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CheckpointError, match="holds no run"):
        run.run(prepared(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("text", ["{", "[1, 2]", "3"])
def test_a_damaged_run_file_is_named(text: str, finished: run.Finished, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished.folder, out)
    (out / "run.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"run\.json is damaged"):
        run.run(prepared(), out, resume=True)


def test_too_few_test_windows_for_a_picture_are_no_reason_to_fail(tmp_path: Path) -> None:
    w = tiny.windows(n_subjects=5, per_activity=8)
    split = splits.holdout(w, 0)
    few = replace(prepared("csshar", w=w), split=replace(split, test=split.test[[0, 1, 9, 10, 20, 21]]))
    done = run.run(few, tmp_path / "run")
    assert done.row.result["n_windows"] == 6
    assert list((tmp_path / "run" / "arrays").iterdir()) == []
    assert done.report.is_file()


@pytest.mark.usefixtures("no_report")
def test_a_teacher_that_cannot_be_judged_is_left_out_and_said(tmp_path: Path) -> None:
    """Validation windows of one activity allow no pairs of two; the score does not need any."""
    w = tiny.windows()
    split = splits.holdout(w, 0)
    narrow = replace(prepared(w=w), split=replace(split, val=split.val[w.y[split.val] == 0]))
    watch = StopIn()
    done = run.run(narrow, tmp_path / "run", progress=watch)
    assert not (tmp_path / "run" / "arrays" / "teacher.json").exists()
    assert any("too few activities to judge the teacher" in line for line in watch.lines)
    assert done.report.is_file()


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("method", ["supervised", "random", "autoencoder"])
def test_methods_without_a_teacher_leave_no_diagnosis(method: str, tmp_path: Path) -> None:
    done = run.run(prepared(method), tmp_path / "run")
    names = {path.name for path in (done.folder / "arrays").iterdir()}
    assert names == {"tsne_before.npy", "tsne_after.npy", "tsne_y.npy", "tsne_subject.npy"}
    same = np.array_equal(*(np.load(done.folder / "arrays" / f"tsne_{when}.npy") for when in ("before", "after")))
    assert same == (method == "random")


def test_one_activity_is_refused_before_any_training(tmp_path: Path) -> None:
    w = tiny.windows()
    only = replace(w, y=np.zeros_like(w.y))
    watch = StopIn()
    with pytest.raises(DataError, match="labels of 1 activities"):
        run.run(prepared(w=only), tmp_path / "run", progress=watch)
    assert watch.stages == []
    assert not (tmp_path / "run").exists()


def test_a_split_with_a_warning_carries_it_into_the_row(tmp_path: Path) -> None:
    w = tiny.windows(n_subjects=1, per_activity=40)
    given = prepared("random", w=w)
    assert given.split.name == "time"
    done = run.run(given, tmp_path / "run")
    assert "says nothing about other people" in done.row.meta["warning"]
    assert "says nothing about other people" in done.report.read_text()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_preparing_finds_cuts_and_splits(home: Path) -> None:
    given = prepare("synthetic", method="csshar", seed=4, overrides={"windows.rate_hz": 10.0})
    assert given.w.meta.rate_hz == 10
    assert given.w.x.shape[1:] == (6, 10)
    assert (given.method, given.seed, given.split.name, given.split.seed) == ("csshar", 4, "holdout", 0)
    assert given.recipe.windows.rate_hz == 10
    assert any(home.rglob("manifest.json"))
    assert run.default_folder(given).parts[0] == "runs"
    assert run.default_folder(given).name.startswith("synthetic-csshar-best")
    assert run.default_folder(given).name.endswith("-seed4")
    plain_name = run.default_folder(replace(given, recipe_name="best")).name
    assert plain_name == "synthetic-csshar-best-seed4"
    assert run.default_folder(given).name != plain_name  # values were replaced: not what `best` promises


def test_unlabelled_stretches_and_folders_join_when_asked(home: Path) -> None:
    overrides = {"windows.rate_hz": 10.0, "windows.unlabelled": True}
    given = prepare("synthetic", overrides=overrides)
    assert (given.w.y == -1).any()
    train = given.w.y[given.split.train]
    assert (train == -1).any()
    assert (given.w.y[given.split.test] >= 0).all()
    given = prepare("synthetic", unlabelled="synthetic", overrides={"windows.rate_hz": 10.0})
    assert not (given.w.y == -1).any()
    assert (given.unlabelled[0].y == -1).any()
    assert given.key["unlabelled"] == ["synthetic"]


def test_wrong_names_are_refused_before_any_data_is_read(home: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'dynamic'"):
        prepare("synthetic", method="dynamik")
    with pytest.raises(RecipeError, match="did you mean 'pretrain'"):
        prepare("synthetic", overrides={"pretain.epochs": 1})
    with pytest.raises(DataError, match="synthetic"):
        prepare("synthetik")
    assert not home.exists()
