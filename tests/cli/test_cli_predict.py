"""`calibrate`, `predict` and `export`: what they print, what they leave, and what they refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from otolith.model import bundle
from tests.helpers.commandline import ACTIVITIES, SECONDS, SET, Ended, call, make_set, refused


@pytest.fixture(scope="session")
def model(finished: tuple[Path, Ended]) -> Path:
    return finished[0] / "model"


def test_a_run_leaves_a_calibrated_model(model: Path) -> None:
    card = bundle.read_card(model)
    assert card["calibration"]["false_unknowns"] == 0.05
    assert card["calibration"]["dataset"] == "moves"


def test_a_folder_is_predicted(model: Path, moves: Path, tmp_path: Path) -> None:
    ended = call("predict", model, moves, "--windows", "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "For tests." in ended.out
    names = sorted(entry.name for entry in (tmp_path / "out").iterdir())
    tables = [f"{name}.csv" for name in ("intervals", "hours", "days", "recordings", "totals", "windows")]
    tables += ["about.json", "recordings", "timeline.html"]
    assert names == sorted([*tables, *(f"person_{i}.svg" for i in range(1, 6))])
    windows = pl.read_csv(tmp_path / "out" / "windows.csv")
    assert windows["recording"].n_unique() == 5
    known = {*ACTIVITIES, "unknown"}
    assert set(windows["activity"]) <= known
    assert set(windows["label"].drop_nulls()) == set(ACTIVITIES)
    totals = pl.read_csv(tmp_path / "out" / "totals.csv")
    # each recording lasts 6 * SECONDS, in windows of a second
    assert totals["seconds"].sum() == pytest.approx(5 * 6 * SECONDS, abs=5)
    assert "person 3" in (tmp_path / "out" / "timeline.html").read_text("utf-8")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_formats_by_option_and_by_file(suffix: str, model: Path, moves: Path, tmp_path: Path) -> None:
    only = ["--only", "person 2", "--smoothing", "none"]
    assert (
        call(
            "predict", model, moves, *only, "--out", tmp_path / "a", "--format", suffix, "--windows", "--picture", "png"
        ).code
        == 0
    )
    assert (tmp_path / "a" / f"windows.{suffix}").is_file()
    assert (tmp_path / "a" / "person_2.png").read_bytes()[:4] == b"\x89PNG"
    assert call("predict", model, moves, *only, "--out", tmp_path / f"i.{suffix}").code == 0
    assert (tmp_path / f"i.{suffix}").read_bytes() == (tmp_path / "a" / f"intervals.{suffix}").read_bytes()


def test_two_sources_of_one_name_stay_apart(model: Path, moves: Path, tmp_path: Path) -> None:
    again = shutil.copytree(moves, tmp_path / "again")
    card = json.loads((again / "card.json").read_text())
    (again / "card.json").write_text(json.dumps(card | {"name": "again"}))
    assert call("predict", model, moves, again, "--out", tmp_path / "i.csv").code == 0
    names = pl.read_csv(tmp_path / "i.csv")["recording"].unique().sort().to_list()
    assert names == sorted([*(f"person {i}" for i in range(1, 6)), *(f"again/person {i}" for i in range(1, 6))])


def test_what_predict_refuses(model: Path, moves: Path, tmp_path: Path) -> None:
    assert "did you mean 'person 1'" in refused("predict", model, moves, "--only", "persn 1", "--out", tmp_path / "o")
    assert "nor the name of a data set" in refused("predict", model, "nowhere", "--out", tmp_path / "o")
    channels = make_set(tmp_path / "acc", channels=("acc_x", "acc_y", "acc_z"))
    assert "has no gyro_x, gyro_y, gyro_z" in refused("predict", model, channels, "--out", tmp_path / "o")
    assert not (tmp_path / "o").exists()
    assert "duration" in refused("predict", model, moves, "--dwell", "0", "--out", tmp_path / "o")
    assert "is not a model folder" in refused("predict", tmp_path / "nothing", moves, "--out", tmp_path / "o")


@pytest.mark.parametrize("out", ["predictions", "intervals.csv"])
def test_a_second_prediction_replaces_nothing(
    out: str, model: Path, moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    where = [] if out == "predictions" else ["--out", out]
    assert call("predict", model, moves, "--only", "person 2", *where).code == 0

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = content()
    said = refused("predict", model, moves, "--only", "person 3", *where)
    assert " ".join(said.split()) == (
        f"Error: {out} exists already. Choose another place with --out, or remove this one first."
    )
    assert content() == before


def test_an_old_model_is_calibrated_in_place_or_elsewhere(model: Path, moves: Path, tmp_path: Path) -> None:
    old = shutil.copytree(model, tmp_path / "old")
    card = json.loads((old / "card.json").read_text())
    fitted = card.pop("calibration")
    (old / "card.json").write_text(json.dumps(card))
    ended = call("predict", old, moves, "--out", tmp_path / "i.csv")
    assert "unknown" not in set(pl.read_csv(tmp_path / "i.csv")["activity"])
    ended = call("calibrate", old, moves, "--out", tmp_path / "new")
    assert ended.code == 0, ended.err
    assert "expected calibration error" in ended.out
    assert bundle.read_card(old).get("calibration") is None
    new = bundle.read_card(tmp_path / "new")
    assert new["calibration"]["temperature"] == pytest.approx(fitted["temperature"], rel=1e-4)
    assert {k: v for k, v in new.items() if k != "calibration"} == {k: v for k, v in card.items() if k != "calibration"}
    assert str(old) in refused("calibrate", old, moves, "--out", old)
    assert call("calibrate", old, moves, "--score", "energy", "--false-unknowns", "0.1").code == 0
    assert bundle.read_card(old)["calibration"]["false_unknowns"] == 0.1
    assert "false unknowns" in refused("calibrate", old, moves, "--false-unknowns", "2")


def test_export_on_real_windows_and_on_noise(moves: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    # the published head: on a network this small and this little trained, eight bits cost a standardised one too much
    plain = ["finetune.pool=false", "finetune.standardise=false", "finetune.head=mlp", "finetune.solver=adam"]
    ended = call("run", moves, *SET, *plain, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    model = tmp_path / "run" / "model"
    ended = call("export", model, tmp_path / "m.onnx", moves, "--int8")
    assert ended.code == 0, ended.err
    for text in ("test windows of moves", "float32", "int8", "macro F1", "points", str(tmp_path / "m.onnx")):
        assert text in ended.out
    ended = call("export", model, tmp_path / "n.onnx")
    assert ended.code == 0, ended.err
    assert "noise" in ended.out
    assert "name its folder" in ended.out
    assert ".onnx" in refused("export", model, tmp_path / "m.pb")
    for option in (["--int8"], ["--from-rate", "50"], ["--smooth", "causal"]):
        assert option[0] in refused("export", model, tmp_path / "m.mlpackage", *option)
    acc = make_set(tmp_path / "acc", channels=("acc_x", "acc_y", "acc_z"))
    assert "has no gyro_x, gyro_y, gyro_z" in refused("export", model, tmp_path / "o.onnx", acc)
    assert not (tmp_path / "o.onnx").exists()
