"""The table: what counts as met, what is said of a measurement that cannot be made, and how figures are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otolith.benchmarks import measures, table
from otolith.benchmarks.measures import measure
from otolith.benchmarks.table import Line, cells, markdown, quantity, write
from otolith.benchmarks.tasks import Unavailable, fresh_process, in_turn

FIGURES: dict[str, dict[str, float]] = {
    "step": {"seconds": 1.0, "ours_loss": 5.0, "stock_loss": 5.0, "flop": 7e10, "matrix_rate": 1e11},
    "profile": {"matrix products": 0.7, "element-wise": 0.3},
    "methods_cost": {"csshar": 1.0, "dynamic": 1.0, "features": 0.01, "teacher": 20.0},
    "windows": {"cut": 1.0, "open": 0.01, "read": 0.02, "csv": 4.0, "windows": 100.0},
    "head": {"seconds": 10.0},
    "few_labels": {"seconds": 40.0, "macro_f1": 0.8, "flop": 3e12, "matrix_rate": 1e11},
    "loss": {"seconds": 0.01, "loss": 5.0, "bytes": 1e9},
    "start": {"seconds": 0.2},
    "scale": {"few_seconds": 1e-3, "few_anonymous": 5e8, "many_seconds": 1e-3, "many_anonymous": 5e8},
    "epoch": {"seconds": 0.5, "flop": 1e13},
    "matrix_rate": {"rate": 5e14},
    "packed": {"alone": 4e-5, "together": 1e-5},
}
BASELINES = {"stock": 2.5, "compiled": 2.0, "loader": 1.5, "shuffled": 1.2, "stock-tf32": 6.0, "stock-bfloat16": 5.5}


def made_up(task: str, **arguments: Any) -> dict[str, float]:
    figures = dict(FIGURES[task])
    if "seconds" in figures:
        figures["seconds"] *= BASELINES.get(arguments.get("kind", ""), 1.0)
    return figures


def lines_of(**changes: dict[str, float]) -> dict[str, Line]:
    def run(task: str, **arguments: Any) -> dict[str, float]:
        ours = arguments.get("kind", "ours").startswith("ours")
        return made_up(task, **arguments) | (changes.get(task, {}) if ours else {})

    return {line.what: line for line in measure(rounds=1, run=run)}


def test_good_figures_meet_every_target() -> None:
    lines = lines_of()
    assert all(line.met is not False for line in lines.values())
    assert sum(line.met is True for line in lines.values()) == 20
    assert {line.measure for line in lines.values()} == set(measures.MEASURES)


@pytest.mark.parametrize(
    ("task", "change", "what"),
    [
        ("step", {"seconds": 1.3}, "pre-training step"),
        ("step", {"ours_loss": 5.01}, "pre-training step"),
        ("step", {"flop": 5e10}, "its arithmetic rate"),
        ("methods_cost", {"dynamic": 1.06}, "step of dynamic temperature, compact"),
        ("methods_cost", {"features": 0.06}, "step of dynamic temperature, compact"),
        ("windows", {"cut": 3.1}, "uci-har: raw files"),
        ("windows", {"open": 0.06}, "usc-had: opening"),
        ("windows", {"read": 0.05}, "uci-har: reading"),
        ("head", {"seconds": 11.0}, "50 epochs"),
        ("head", {"seconds": 61.0}, "50 epochs"),
        ("few_labels", {"seconds": 46.0}, "few labels: 70 heads, stop last"),
        ("few_labels", {"seconds": 91.0, "flop": 9e12}, "few labels: 70 heads, stop last"),
        ("few_labels", {"seconds": 181.0}, "few labels: 70 heads, stop paper"),
        ("few_labels", {"macro_f1": 0.806}, "few labels: 70 heads, stop paper"),
        ("loss", {"seconds": 0.027}, "NDT-Xent, 512"),
        ("loss", {"bytes": 2.1e9}, "NDT-Xent, 32,768"),
        ("start", {"seconds": 0.6}, "otolith --help"),
        ("scale", {"many_seconds": 1.2e-3}, "pre-training, a window"),
        ("scale", {"many_anonymous": 6e8}, "its anonymous memory"),
        ("epoch", {"seconds": 0.61}, "GPU: an epoch"),
        ("packed", {"together": 2e-5}, "GPU: 8 compact"),
    ],
)
def test_a_figure_beyond_its_target_is_missed(task: str, change: dict[str, float], what: str) -> None:
    (line,) = (line for name, line in lines_of(**{task: change}).items() if name.startswith(what))
    assert line.met is False
    assert "MISSED" in cells(line)


def test_ours_and_the_baseline_take_turns() -> None:
    asked: list[str] = []

    def run(task: str, kind: str) -> dict[str, float]:
        asked.append(kind)
        return {"seconds": float(len(asked))}

    ours, stock = in_turn(run, 3, ("step", {"kind": "ours"}), ("step", {"kind": "stock"}))
    assert asked == ["ours", "stock"] * 3
    assert (ours["seconds"], stock["seconds"]) == (3.0, 4.0)


def test_what_cannot_be_measured_says_why_and_the_rest_goes_on() -> None:
    def run(task: str, **arguments: Any) -> dict[str, float]:
        if task == "windows" or arguments.get("kind") == "compiled":
            raise Unavailable("no such thing here")
        return made_up(task, **arguments)

    lines = list(measure(("step", "files", "head"), rounds=1, run=run))
    assert [line.note for line in lines if line.measure == "files"] == ["not measured: no such thing here"] * 2
    assert [line.note for line in lines if "compiled" in line.what] == ["not measured: no such thing here"]
    assert lines[-1].measure == "head"


def test_the_reason_of_a_failure_is_its_last_line() -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        fresh_process("windows", dataset="usc-had", root="nowhere")


def test_quantities() -> None:
    assert [quantity(v, "s") for v in (12.345, 0.0123, 4.2e-5)] == ["12.3 s", "12.3 ms", "42 µs"]
    assert [quantity(v, "B") for v in (1.5e9, 2e7, 900.0)] == ["1.5 GB", "20 MB", "0.9 kB"]
    assert quantity(None, "s") == ""


def test_ratios_speak_of_what_the_target_does() -> None:
    faster = Line(measure="x", what="x", ours=1.0, against="y", baseline=2.5)
    dearer = Line(measure="x", what="x", ours=1.02, against="y", baseline=1.0, sense="price")
    assert cells(faster)[3] == "2.5x as fast"
    assert cells(dearer)[3] == "1.02x the price"


def test_what_is_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "matrix_rate", lambda: {"rate": 1e11})
    lines = list(lines_of().values())
    page, figures = write(lines, tmp_path / "bench")
    assert markdown(lines) in page.read_text("utf-8")
    found = json.loads(figures.read_text("utf-8"))
    assert found["machine"]["matrix_rate"] > 0
    assert [line["what"] for line in found["lines"]] == [line.what for line in lines]
    assert found["lines"][0]["ratio"] == pytest.approx(2.5)
