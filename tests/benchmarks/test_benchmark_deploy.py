"""The tables of docs/deploy.md come out of one command, and hold what the model's own functions say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
from benchmarks import deploy
from otolith import datasets, splits
from otolith.datasets.uci_har import UciHar
from otolith.model import bundle
from tests.helpers.commandline import SET, call, make_set


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A calibrated model and its data."""
    folder = tmp_path_factory.mktemp("tables")
    moves = make_set(folder / "moves")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otolith.report.write", lambda folders, out, sections: out)
        ended = call("run", moves, *SET, "--out", folder / "run")
    assert ended.code == 0, ended.err
    return folder / "run" / "model", moves


def cells(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_both_tables(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, moves = trained
    monkeypatch.setattr(deploy, "REPEATS", 3)
    assert deploy.main([str(model), str(moves)]) == 0
    unknown, forms = capsys.readouterr().out.split("\n\n", 1)
    loaded, found = bundle.load_model(model, "cpu"), datasets.load(moves)
    w = found.windows(loaded.meta.rate_hz, loaded.meta.seconds, loaded.meta.overlap)
    test = splits.default(w, found.info).test
    header, _, _, row = cells(unknown)
    said = loaded.assess(w.x[test])
    assert len(header) == len(row) == 5  # no transitions here
    assert row[:2] == ["test", str(len(test))]
    assert row[4] == deploy.percent(said.unknown.mean())
    header, _, *rows = cells(forms)
    assert [row[0].partition(",")[0] for row in rows] == ["PyTorch", "streaming", "streaming", "ONNX", "ONNX", "ONNX"]
    assert {len(row) for row in rows} == {len(header)}
    exact = [row for row in rows if "int8" not in row[0] and row[2]]
    assert len(exact) == 3
    for row in exact:
        assert float(row[2]) < 1e-5
        assert row[3] == "100.0 %"


def test_an_unknown_recording_is_refused(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    model, moves = trained
    assert deploy.main([str(model), str(moves), "--recording", "nobody"]) == 2
    assert "no recording 'nobody' of a test subject" in capsys.readouterr().err


def test_transitions_are_the_labels_that_nobody_trains_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for sensor in ("acc", "gyro"):
        np.savetxt(tmp_path / f"{sensor}_exp01_user01.txt", rng.standard_normal((500, 3)))
    (tmp_path / "labels.txt").write_text("1 1 5 1 100\n1 1 7 101 250\n1 1 1 251 400\n1 1 12 401 500\n")
    data = UciHar(tmp_path)
    w = data.windows(50.0, 1.0, 0.5)
    moves = deploy.transitions(data, w)
    assert moves is not None
    assert [deploy.TRANSITIONS[label] for label in moves.y] == ["stand to sit"] * 5 + ["lie to stand"] * 3
    np.testing.assert_allclose(moves.start, [2.0, 2.5, 3.0, 3.5, 4.0, 8.0, 8.5, 9.0])
