"""`otolith bench` as people call it; its figures are made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import measures, table
from benchmarks.tasks import Task
from tests.helpers.commandline import call, refused


def test_lines_are_shown_and_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(*asked: Task) -> list[dict[str, float]]:
        return [{"seconds": 30.0 if arguments["kind"] == "ours" else 20.0} for _, arguments in asked]

    monkeypatch.setattr(table, "matrix_rate", lambda: {"rate": 1e11})
    monkeypatch.setitem(measures.measure.__kwdefaults__, "run", run)
    ended = call("bench", "head", "--rounds", "1", "--out", tmp_path)
    assert ended.code == 0
    assert "| 50 epochs of head training, 18,015 windows | 30 s |" in ended.out
    assert "0.667x as fast" in ended.out
    assert "MISSED" in ended.out
    assert ended.out.split("Written")[0].strip() in (tmp_path / "bench.md").read_text("utf-8")
    assert (tmp_path / "bench.json").is_file()


def test_an_unknown_measure_is_refused() -> None:
    assert "'head'" in refused("bench", "heads")
