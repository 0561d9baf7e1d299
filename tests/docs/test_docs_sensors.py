"""docs/sensors.md, executed: its commands run, in its order, on recordings with gravity; its settings exist."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets.folder import FolderDataset, write_folder
from otolith.recipes.later import LATER
from otolith.recording import CHANNELS, Recording
from tests.helpers.commandline import SMALL, call, make_set

PAGE = (Path(__file__).parents[2] / "docs" / "sensors.md").read_text("utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings of a device that hangs askew, and the same ones without a gyroscope."""
    folder = tmp_path_factory.mktemp("sensors")
    made = FolderDataset(make_set(folder / "raw", n_subjects=4))

    def askew(recording: Recording) -> Recording:
        (stream,) = recording.streams
        values = stream.values + np.array([0, 7.0, 6.9, 0, 0, 0])[:, None]
        return replace(recording, streams=(replace(stream, values=values),))

    recordings = [askew(each) for each in made.recordings()]
    write_folder(folder / "my-walks", replace(made.info, name="my-walks"), recordings)
    acc = CHANNELS[:3]
    bare = [
        replace(each, streams=tuple(replace(s, channels=acc, values=s.values[:3]) for s in each.streams))
        for each in recordings
    ]
    write_folder(folder / "bare", replace(made.info, name="bare", channels=acc), bare)
    return folder


def test_the_commands_run_as_they_stand(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr("otolith.report.write", lambda folders, out, sections: out)
    commands = [c for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for c in block.splitlines()]
    assert len(commands) >= 7
    for command in commands:
        program, *tokens = shlex.split(command)
        assert program == "otolith"
        # what the page sets stays; everything else is made small
        small = [f"{k}={json.dumps(v)}" for k, v in SMALL.items() if f"{k}=" not in command]
        more = ["--set", *small] if tokens[0] == "run" else []
        ended = call(*tokens, *more)
        assert ended.code == 0, f"{command}\n{ended.err}"
    turned, whole = (call("evaluate", "level/model", "my-walks", *more).out for more in (["--turned", "1"], []))
    assert "each recording turned (seed 1)" in turned
    assert "turned" not in whole


def test_a_recording_without_gyroscope_is_predicted_with_a_notice(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    ended = call("predict", "either/model", "bare")
    assert ended.code == 0, ended.err
    assert "4 of 4 recordings have no gyroscope" in " ".join(ended.out.split())
    about = json.loads((place / "predictions" / "about.json").read_text("utf-8"))
    assert any("no gyroscope" in note for note in about["notes"])
    assert "no gyroscope" in (place / "predictions" / "timeline.html").read_text("utf-8")
    assert call("predict", "acc-only/model", "bare", "--out", "alone").code == 0
    assert call("evaluate", "either/model", "bare").code == 0
    refusal = call("predict", "level/model", "bare", "--out", "refused")
    assert refusal.code == 2
    assert "has no gyro_x, gyro_y, gyro_z" in " ".join(refusal.err.split())
    refusal = call("evaluate", "level/model", "my-walks", "--without", "gyro")
    assert refusal.code == 2
    assert "--set robust.may_miss=gyro" in " ".join(refusal.err.split())


def test_the_page_names_every_setting() -> None:
    for section in ("windows", "robust"):
        for key in LATER[f"{section.removesuffix('s').capitalize()}Section"]:
            assert f"{section}.{key}" in PAGE
