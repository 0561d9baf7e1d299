"""Models that come with otolith, on the command line: their names, and what is done without naming one."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import otolith
from otolith.datasets.demo import FOLDER, PARTS
from otolith.datasets.folder import write_folder
from otolith.model import bundle, place
from tests.helpers import tiny
from tests.helpers.commandline import call

MOST_BYTES = 1_000_000
"""Most bytes of a model that comes with otolith."""


def test_all_models_are_listed_and_each_says_what_it_is() -> None:
    listed = call("models").out
    for name in place.names():
        assert name in listed
        said = call("models", name).out
        about = bundle.read_card(name)["about"]
        assert about["title"] in " ".join(said.split())
        assert "any use" in said or "Free to use" in said
    assert call("models", "phnoe").err.startswith("Error: unknown model 'phnoe'; did you mean 'phone'?")


@pytest.mark.parametrize("name", place.names())
def test_a_model_is_small_and_its_card_names_data_whose_terms_allow_it(name: str) -> None:
    folder = place.place_of(name)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES
    card = bundle.read_card(name)
    for part in card["data"]["dataset"].removesuffix("+").split("+"):
        assert otolith.datasets.info(part).models == "any use"
    assert {"title", "people", "commit"} <= set(card["about"])
    for tested in card["about"].get("tested", ()):
        assert tested["dataset"] not in card["data"]["dataset"]


def test_without_a_model_recordings_are_predicted_by_the_one_for_phones(tmp_path: Path) -> None:
    said = call("predict", str(FOLDER), "--out", str(tmp_path / "out")).out
    assert said.startswith("phone on demo")
    assert "no model was named" in said
    assert "sitting from standing" in said
    assert "no model was named" not in call("predict", "phone", str(FOLDER), "--out", str(tmp_path / "named")).out
    with open(tmp_path / "out/totals.csv", encoding="utf-8") as file:
        totals = {row["activity"]: float(row["seconds"]) for row in csv.DictReader(file)}
    recorded: dict[str, float] = {}
    for *_, seconds, activity in PARTS:
        recorded[activity] = recorded.get(activity, 0.0) + seconds
    for activity, seconds in recorded.items():  # of a person whom it has not seen
        assert totals.get(activity, 0.0) == pytest.approx(seconds, abs=8)
    assert json.loads((tmp_path / "out/about.json").read_text("utf-8"))["facts"]["Model"] == "phone"


@pytest.mark.parametrize(
    "tokens",
    [("predict", "walk.zip", "--out", "totals.xlsx"), ("run", "--out", "r.html"), ("demo", "--out", "page.html")],
)
def test_a_folder_is_not_named_like_a_file(tokens: tuple[str, ...], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*tokens)
    assert (done.code, list(tmp_path.iterdir())) == (2, [])
    assert tokens[-1] in done.err
    assert "folder" in done.err


def test_a_model_finds_the_recordings_that_it_was_trained_on(tmp_path: Path, monkeypatch: Any) -> None:
    data = otolith.load("synthetic")
    own = replace(data.info, name="walks", own=True)
    kept = [recording for recording in data.recordings() if int(recording.subject) < 5]
    write_folder(tmp_path / "walks", own, kept)
    w = otolith.load(tmp_path / "walks").windows(10.0, 1.0, 0.5)
    recipe = tiny.recipe(windows__rate_hz=10.0)
    encoder = otolith.pretrain(w, otolith.splits.holdout(w, 0), recipe, "random", device="cpu")
    folder = bundle.save(otolith.finetune(encoder, w, otolith.splits.holdout(w, 0)), tmp_path / "runs/a/model")
    assert call("evaluate", str(folder.parent)).code == 0  # found above the run
    monkeypatch.chdir(tmp_path / "walks")
    write_folder(tmp_path / "walks/walks", own, kept[::-1][:9])
    told = call("evaluate", str(folder)).err
    assert "was trained on other recordings of 'walks'" in told
    shutil.rmtree(tmp_path / "walks")
    (tmp_path / "walks").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "name its folder after that of the model" in call("evaluate", str(folder)).err


def test_a_model_alone_is_told_apart_from_recordings(tmp_path: Path) -> None:
    assert "name recordings behind it" in call("predict", "phone").err
    assert "is not a model folder" in call("predict", "nothing", str(FOLDER)).err


def test_the_demo_shows_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    call("demo", "--out", str(tmp_path / "demo"))
    assert shown == [(tmp_path / "demo/timeline.html").resolve().as_uri()]
    assert (FOLDER / "LICENCE.txt").read_text("utf-8").count("MIT licence") == 1
    call("demo", "--out", str(tmp_path / "again"), "--no-browser")
    assert len(shown) == 1


def test_a_run_starts_from_the_encoder_of_a_model(tmp_path: Path) -> None:
    ended = call("run", "synthetic", "--encoder", "phone", "--recipe", "compact", "--out", str(tmp_path / "run"))
    assert "that of phone" in ended.out + ended.err
    page = " ".join((tmp_path / "run/report.html").read_text("utf-8").split())
    assert "The encoder is that of phone, which had been trained before" in page
    assert "were trained together" not in page
    assert "was pre-trained on" not in page
    assert "phone does not see which way up the device sits" in " ".join(ended.err.split())
    assert "macro F1" in ended.out
    row = json.loads((tmp_path / "run/rows.jsonl").read_text("utf-8"))
    assert row["key"]["encoder"].startswith("phone ")
    curves = [json.loads(line) for line in (tmp_path / "run/curves.jsonl").read_text("utf-8").splitlines()]
    assert not any(record["stage"] == "pretrain" for record in curves)
    refused = call("run", "synthetic", "--encoder", "phone", "--unlabelled", str(FOLDER)).err
    assert "leave one out" in refused


def test_an_encoder_without_activities_learns_others_and_says_that_it_tells_none(tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    ended = call("run", "synthetic", "--encoder", "encoder", "--set", "finetune.penalty=1", "--out", out)
    assert ended.code == 0, ended.err
    assert "which way up" not in ended.err
    card = bundle.read_card(tmp_path / "run")
    assert card["method"] == "dynamic"
    assert card["activities"] == list(otolith.datasets.info("synthetic").activities)
    for command in (["predict", "encoder", str(FOLDER)], ["evaluate", "encoder", "synthetic"]):
        assert (
            "encoder holds an encoder without a head; fine-tune it first: otolith finetune encoder DATASET --out DIR"
            in (" ".join(call(*command).err.split()))
        )


def test_a_model_that_comes_with_otolith_stays_as_it_is() -> None:
    before = bundle.read_card("phone")
    assert "give a folder for yours" in call("calibrate", "phone", str(FOLDER)).err
    assert bundle.read_card("phone") == before
