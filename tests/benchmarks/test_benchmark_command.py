"""`python -m benchmarks` as people call it; its figures are made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import measures, table
from benchmarks.tasks import Task


def test_lines_are_shown_and_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*asked: Task) -> list[dict[str, float]]:
        return [{"seconds": 30.0 if arguments["kind"] == "ours" else 20.0} for _, arguments in asked]

    monkeypatch.setattr(table, "matrix_rate", lambda: {"rate": 1e11})
    monkeypatch.setitem(measures.measure.__kwdefaults__, "run", run)
    assert command.main(["head", "--rounds", "1", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "| 50 epochs of head training, 18,015 windows | 30 s |" in out
    assert "0.667x as fast" in out
    assert "MISSED" in out
    assert out.strip() in (tmp_path / "bench.md").read_text("utf-8")
    assert (tmp_path / "bench.json").is_file()


def test_what_cannot_be_measured_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["heads"]) == 2
    assert "'head'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        command.main(["--rounds", "0"])
