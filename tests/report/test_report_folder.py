"""A report takes what is whole in a run folder and names what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith.errors import CheckpointError
from otolith.report import folder
from otolith.rows import Row, append


def test_reads_everything_that_a_run_leaves(run_folder: Path) -> None:
    run = folder.load(run_folder)
    assert run.problems == []
    assert run.name == "uci-har-dynamic-0"
    assert [len(run.curves[stage]) for stage in ("autoencoder", "pretrain", "finetune")] == [20, 30, 50]
    assert run.recipe is not None
    assert run.recipe["dynamic"] == {"temperature": 0.1}
    assert run.recipe_text is not None
    assert run.tsne is not None
    assert run.tsne.before is not None
    assert run.tsne.after.shape == run.tsne.before.shape == (len(run.tsne.y), 2)
    assert run.teacher is not None
    assert run.card is not None
    assert run.environment is not None
    assert run.activities[0] == "walking"
    assert len(run.rows) == 1


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds none of its files"):
        folder.load(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        folder.load(tmp_path / "none")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"a": NaN}', b"[" * 100_000])
@pytest.mark.parametrize("name", ["recipe.json", "environment.json", "model/card.json", "arrays/teacher.json"])
def test_damaged_json_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    (problem,) = folder.load(tmp_path).problems
    assert problem.startswith(Path(name).name)


def test_an_edge_beyond_any_float_is_named(tmp_path: Path) -> None:
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    (tmp_path / "rows.jsonl").touch()
    (arrays / "teacher.json").write_text(
        '{"histogram": {"edges": [0, 1' + "0" * 400 + '], "same": [1], "different": [1]}}'
    )
    (problem,) = folder.load(tmp_path).problems
    assert problem.startswith("teacher.json")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("tsne_after", np.zeros((5, 2), np.float32)),
        ("tsne_after", np.full((6, 2), np.nan, np.float32)),
        ("tsne_after", np.full((6, 2), 1e30, np.float32)),
        ("tsne_before", np.zeros((6, 2), int)),
        ("tsne_y", np.zeros(6)),
        ("tsne_y", np.array(3)),
        ("tsne_y", np.full(6, 10**9)),
        ("tsne_y", np.full(6, -1)),
        ("tsne_subject", np.zeros(2)),
        ("tsne_subject", np.full(6, np.nan)),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path: Path, name: str, array: np.ndarray) -> None:
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    points = np.ones((6, 2), np.float32)
    good = {"tsne_before": points, "tsne_after": points, "tsne_y": np.arange(6), "tsne_subject": np.arange(6)}
    for each, value in (good | {name: array}).items():
        np.save(arrays / f"{each}.npy", value)
    run = folder.load(tmp_path)
    assert run.tsne is None
    assert "t-SNE arrays cannot be shown" in run.problems[0]


def test_a_header_that_is_no_python_is_damage(tmp_path: Path) -> None:
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    for name in ("tsne_after", "tsne_y"):
        np.save(arrays / f"{name}.npy", np.arange(10))
        content = (arrays / f"{name}.npy").read_bytes()
        (arrays / f"{name}.npy").write_bytes(
            content.replace(b"{'descr'", b"{ descr " if name == "tsne_y" else b"(\0descr'")
        )
    assert [problem.split()[0] for problem in folder.load(tmp_path).problems] == ["tsne_after.npy", "tsne_y.npy"]


def test_pickles_and_truncated_arrays_are_not_opened(tmp_path: Path) -> None:
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    np.save(arrays / "tsne_after.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(arrays / "tsne_y.npy", np.arange(1000))
    whole = (arrays / "tsne_y.npy").read_bytes()
    (arrays / "tsne_y.npy").write_bytes(whole[:500])
    problems = folder.load(tmp_path).problems
    assert [problem.split()[0] for problem in problems] == ["tsne_after.npy", "tsne_y.npy"]


def test_damaged_epochs_are_named_and_repeated_ones_replaced(tmp_path: Path) -> None:
    lines: list[Any] = [
        {"stage": "pretrain", "epoch": 2, "loss": 1.0},
        {"stage": "pretrain", "epoch": 1, "loss": 2.0},
        {"stage": "pretrain", "epoch": 2, "loss": 0.5},
        {"stage": "pretrain", "loss": 0.5},
        {"stage": "pretrain", "epoch": 3, "loss": "low"},
        {"stage": "finetune", "epoch": 1, "loss": 1, "val_macro_f1": 93},
        [1],
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "pretr'
    (tmp_path / "curves.jsonl").write_text(text, encoding="utf-8")
    run = folder.load(tmp_path)
    assert run.curves == {"pretrain": [lines[1], lines[2]]}
    assert [problem.split(",")[1].strip() for problem in run.problems] == [f"line {n}" for n in (4, 5, 6, 7, 8)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"macro_f1": 93.0}, "macro_f1 is 93.0"),
        ({"macro_f1": None}, "macro_f1 is None"),
        ({"accuracy": True}, "accuracy"),
        ({"per_subject": {"1": "good"}}, "per_subject"),
        ({"per_class_f1": [0.5]}, "per_class_f1"),
        ({"support": {"a": 1.5}}, "support"),
        ({"n_windows": "many"}, "n_windows"),
        ({"interval": {"low": 0.1}}, "interval"),
        ({"confusion": [[1]], "activities": ["a", "b"]}, "over activities"),
        ({"confusion": [[1, 2], [3]], "activities": ["a", "b"]}, "square"),
        ({"confusion": [[1, 2], [3, -4]], "activities": ["a", "b"]}, "counts"),
        ({"confusion": [[0, 0], [0, 0]], "activities": ["a", "b"]}, "no window"),
    ],
)
def test_unusable_scores_are_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    append(tmp_path / "rows.jsonl", Row({"seed": 0}, {"macro_f1": 0.5}))
    append(tmp_path / "rows.jsonl", Row({"seed": 1}, {"macro_f1": 0.5} | change))
    run = folder.load(tmp_path)
    assert [row.key["seed"] for row in run.rows] == [0]
    (problem,) = run.problems
    assert words in problem


def test_damaged_rows_are_named_and_other_protocols_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append(path, Row({"seed": 0}, {"macro_f1": 0.4}))
    append(path, Row({"seed": 0}, {"macro_f1": 0.5}))
    append(path, Row({"protocol": "cost"}, {"seconds": 3.0}))
    path.write_bytes(path.read_bytes() + b"garbage\n" + b'{"schema": 1')
    run = folder.load(tmp_path)
    assert [row.result["macro_f1"] for row in run.rows] == [0.5]
    assert ["line 4" in run.problems[0], "line 5" in run.problems[1], len(run.problems)] == [True, True, 2]
