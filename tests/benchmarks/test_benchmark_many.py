"""The benchmark of many recordings: the files that it writes, and that it fails where two ways differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks import many


def test_an_hour_is_a_file(tmp_path: Path) -> None:
    study = many.write(tmp_path, 25, 50)
    files = sorted(study.iterdir())
    assert [files[0].name, files[-1].name] == ["person-000-hour-00.parquet", "person-001-hour-00.parquet"]
    first, second = (pl.read_parquet(path) for path in files[:2])
    assert len(first) == len(second) == 180_000
    assert second[0, 0] - first[0, 0] == 3_600_000
    assert list(tmp_path.iterdir()) == [study]


@pytest.mark.parametrize(("killed", "word", "passes"), [(1, "a", True), (1, "b", False), (0, "a", False)])
def test_tables_are_compared_and_a_worker_has_to_be_killed(
    killed: int, word: str, passes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def predicted(model: Path, study: Path, out: Path, workers: int, *, ray: bool, kill_after_s: float) -> Any:
        out.mkdir()
        for table in many.TABLES:
            (out / f"{table}.csv").write_text(word if ray else "a")
        return {"seconds": 1.0, "own": 1e6, "child": 2e6, "killed": killed if ray else 0}

    monkeypatch.setattr(many, "write", lambda folder, hours, rate_hz: folder)
    monkeypatch.setattr(many, "predict", predicted)
    arguments = ["--hours", "3", "--model", "phone"]
    if passes:
        many.main(arguments)
    else:
        with pytest.raises(SystemExit):
            many.main(arguments)
    assert f"All tables are {'the same' if word == 'a' else 'NOT the same'}." in capsys.readouterr().out
