"""The table: what counts as met, what is said of a measurement that cannot be made, and how figures are written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measures, table, tasks
from benchmarks.measures import measure
from benchmarks.table import Line, cells, markdown, quantity, write
from benchmarks.tasks import Task, Unavailable, fresh_processes, in_turn

ROOT = Path(__file__).parents[2]
FIGURES: dict[str, dict[str, float]] = {
    "step": {"seconds": 1.0, "ours_loss": 5.0, "stock_loss": 5.0, "flop": 7e10, "matrix_rate": 1e11},
    "profile": {"matrix products": 0.7, "element-wise": 0.3},
    "methods_cost": {"csshar": 1.0, "dynamic": 1.0, "features": 0.01, "teacher": 20.0},
    "windows": {"cut": 1.0, "open": 0.01, "read": 0.02, "csv": 4.0, "windows": 100.0},
    "head": {"seconds": 10.0},
    "few_labels": {"seconds": 40.0, "macro_f1": 0.8, "flop": 3e12, "matrix_rate": 1e11},
    "loss": {"seconds": 0.01, "loss": 5.0, "bytes": 1e9},
    "start": {"seconds": 0.2},
    "scale": {"seconds": 1e-3, "anonymous": 5e8, "windows": 100.0},
    "epoch": {"seconds": 0.5, "flop": 1e13},
    "matrix_rate": {"rate": 5e14},
    "packed": {"alone": 4e-5, "together": 1e-5},
}
BASELINES = {"stock": 2.5, "compiled": 2.0, "loader": 1.5, "shuffled": 1.2, "stock-tf32": 6.0, "stock-bfloat16": 5.5}


def made_up(task: str, arguments: dict[str, Any]) -> dict[str, float]:
    figures = dict(FIGURES[task])
    if "seconds" in figures:
        figures["seconds"] *= BASELINES.get(arguments.get("kind", ""), 1.0)
    return figures


def lines_of(**changes: dict[str, float]) -> dict[str, Line]:
    def run(*asked: Task) -> list[dict[str, float]]:
        return [one(*task) for task in asked]

    def one(task: str, arguments: dict[str, Any]) -> dict[str, float]:
        ours = arguments.get("kind", "ours").startswith("ours") and arguments.get("n") != 10_000
        return made_up(task, arguments) | (changes.get(task, {}) if ours else {})

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
        ("scale", {"seconds": 1.2e-3}, "pre-training, a window"),
        ("scale", {"anonymous": 6e8}, "its anonymous memory"),
        ("epoch", {"seconds": 0.61}, "GPU: an epoch"),
        ("packed", {"together": 2e-5}, "GPU: 8 compact"),
    ],
)
def test_a_figure_beyond_its_target_is_missed(task: str, change: dict[str, float], what: str) -> None:
    (line,) = (line for name, line in lines_of(**{task: change}).items() if name.startswith(what))
    assert line.met is False
    assert "MISSED" in cells(line)


def test_rounds_begin_anew_and_their_medians_count() -> None:
    rounds = iter([(1.0, 4.0), (9.0, 3.0), (2.0, 2.0)])
    kinds = (("step", {"kind": "ours"}), ("step", {"kind": "stock"}))
    ours, stock = in_turn(lambda *_: [{"seconds": seconds} for seconds in next(rounds)], 3, *kinds)
    assert (ours["seconds"], stock["seconds"]) == (2.0, 3.0)


PIECES = """
import json, sys, time
from benchmarks import tasks
tasks.TURN_S = 0.0
name, given = sys.argv[1], json.loads(sys.argv[2])
print("a word on the way")
for number in range(given["pieces"]):
    tasks.turn()
    for what in ("begins", "ends"):
        with open(given["log"], "a") as log:
            log.write(f"{name} {what}\\n")
        time.sleep(0.01)
print(json.dumps({"pieces": given["pieces"]}))
"""


def test_processes_take_turns_and_never_work_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, log = tmp_path / "pieces.py", tmp_path / "log"
    script.write_text(PIECES)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(tasks, "COMMAND", [sys.executable, str(script)])
    found = fresh_processes(("a", {"pieces": 3, "log": str(log)}), ("b", {"pieces": 2, "log": str(log)}))
    assert found == [{"pieces": 3}, {"pieces": 2}]
    assert log.read_text().splitlines() == [f"{name} {what}" for name in "ababa" for what in ("begins", "ends")]


def test_what_cannot_be_measured_says_why_and_the_rest_goes_on() -> None:
    def run(*asked: Task) -> list[dict[str, float]]:
        if any(task == "windows" or arguments.get("kind") == "compiled" for task, arguments in asked):
            raise Unavailable("no such thing here")
        return [made_up(*task) for task in asked]

    lines = list(measure(("step", "files", "head"), rounds=1, run=run))
    assert [line.note for line in lines if line.measure == "files"] == ["not measured: no such thing here"] * 2
    assert [line.note for line in lines if "compiled" in line.what] == ["not measured: no such thing here"]
    assert lines[-1].measure == "head"


def test_the_reason_of_a_failure_is_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, log = tmp_path / "pieces.py", tmp_path / "log"
    script.write_text(PIECES + 'sys.exit("first line\\nnowhere" if name == "b" else 0)\n')
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(tasks, "COMMAND", [sys.executable, str(script)])
    with pytest.raises(Unavailable, match=r"^nowhere$"):
        fresh_processes(("a", {"pieces": 9, "log": str(log)}), ("b", {"pieces": 1, "log": str(log)}))
    assert log.read_text().count("a ends") < 9, "it went on though there was nothing to compare with"


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
