"""A model predicts what it was trained on, whatever its rate; windows never have more samples than the recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith import datasets
from otolith.datasets import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.errors import DataError
from otolith.jobs.cutting import at_rate_of
from otolith.recording import CHANNELS, Recording, Segment, Stream
from tests.helpers import tiny
from tests.helpers.commandline import call, refused

SMALL = ["--recipe", "compact", "--set", *(f"{name}={json.dumps(value)}" for name, value in tiny.SIZES.items())]
INFO = DatasetInfo(
    name="walks", title="Walks", rate_hz=50.0, activities=("still", "swing"), n_subjects=None, n_recordings=None,
    licence="none", terms="For tests.", citation="", homepage="", how_to_get="", channels=CHANNELS, own=True,
)  # fmt: skip


def write(folder: Path, *rates: float) -> Path:
    """Recordings of five people, at these rates by turns."""
    recordings = []
    for number in range(5):
        rate = rates[number % len(rates)]
        rng = np.random.default_rng(number)
        time = np.arange(round(24 * rate)) / rate
        values = 0.2 * rng.standard_normal((6, len(time))) + np.array([0, 0, 9.81, 0, 0, 0])[:, None]
        values[:, time >= 12] += np.sin(2 * np.pi * 1.5 * time[time >= 12])
        segments = (Segment(0.0, 12.0, "still"), Segment(12.0, None, "swing"))
        recordings.append(Recording(f"walk {number}", number, (Stream(CHANNELS, values, rate),), segments))
    return write_folder(folder, replace(INFO, name=folder.name, rate_hz=max(rates)), recordings)


@pytest.mark.parametrize("rate", [12.5, 15.0, 20.0, 25.0, 31.25, 50.0, 64.0, 100.0, 200.0])
def test_what_was_trained_on_is_predicted(rate: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if rate not in (12.5, 200.0):  # at the others, pictures are made but stay empty
        monkeypatch.setattr("otolith.report.style.svg", lambda *_, **__: '<svg xmlns="http://www.w3.org/2000/svg"/>')
    walks = write(tmp_path / "walks", rate)
    ended = call("run", walks, *SMALL, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "run" / "model" / "card.json").read_text())["input"]["rate_hz"] == min(rate, 30.0)
    assert (f"recorded at {rate:g} Hz" in ended.err) == (rate < 30)
    ended = call("predict", tmp_path / "run" / "model", walks, "--only", "walk 4", "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "Left out" not in (tmp_path / "out" / "about.json").read_text("utf-8")


def test_the_default_recipe_takes_slow_recordings(tmp_path: Path) -> None:
    short = ["pretrain.epochs=1", "choice=[]", "finetune.epochs=2"]
    ended = call("run", write(tmp_path / "walks", 12.5), "--set", *short, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert call("predict", tmp_path / "run" / "model", tmp_path / "walks", "--out", tmp_path / "out").code == 0


def test_a_rate_that_is_given_stays() -> None:
    assert at_rate_of([replace(INFO, rate_hz=20.0)], "compact", {"windows.rate_hz": 25.0}) == {"windows.rate_hz": 25.0}


def test_the_slowest_of_the_data_sets_decides() -> None:
    infos = [INFO, replace(INFO, name="slow", rate_hz=20)]
    said: list[str] = []
    told = type("Told", (), {"say": staticmethod(said.append)})()
    assert at_rate_of(infos, "compact", {"pretrain.epochs": 3}, told) == {"pretrain.epochs": 3, "windows.rate_hz": 20.0}
    assert at_rate_of([INFO], "compact", None) is None
    (line,) = said
    assert line.startswith("slow was recorded at 20 Hz")


def test_a_slow_recording_among_fast_ones_is_refused_with_the_cure(tmp_path: Path) -> None:
    walks = write(tmp_path / "walks", 50.0, 12.5)
    error = " ".join(refused("run", walks, *SMALL, "--out", tmp_path / "run").split())
    assert "Recording 'walk 1', acc_x" in error
    assert "--set windows.rate_hz=12.5" in error
    assert not (tmp_path / "run").exists()
    with pytest.raises(DataError, match=r"12\.5 Hz, and the windows have 30 Hz"):
        datasets.load(walks).windows()
    assert datasets.load(walks).windows(rate_hz=12.5).x.shape[1:] == (6, 12)
