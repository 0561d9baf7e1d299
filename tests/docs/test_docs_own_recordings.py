"""docs/own-recordings.md, executed: its commands run, in its order, on exports that this test writes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.helpers.commandline import SET, call
from tests.helpers.exports import lines, phyphox, physics_toolbox, sensor_logger, signal

PAGE = (Path(__file__).parents[2] / "docs" / "own-recordings.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the page speaks of."""
    folder = tmp_path_factory.mktemp("docs")
    sensor_logger(folder / "walk.zip", signal(10))
    sensor_logger(folder / "exports" / "ada" / "monday.zip", signal(140, seed=1, gyro_hz=100, jitter=0.2))
    phyphox(folder / "exports" / "bob" / "walk", signal(60, seed=2))
    physics_toolbox(folder / "exports" / "eve" / "walk.csv", signal(60, seed=3))
    (intervals,) = re.findall(r"```\n(recording,start.*?)```", PAGE, re.DOTALL)
    (folder / "labels.csv").write_text(intervals + "eve/walk,5,50,stairs up\neve/walk,50,55,walking\n")
    s = signal(10)
    rows = ([*(repr(float(v)) for v in row), "walking"] for row in zip(s.acc_times, *s.acc, *s.gyro, strict=True))
    (folder / "table.csv").write_text(lines("timestamp,ax,ay,az,gx,gy,gz,activity", rows))
    return folder


def test_commands_run_in_order(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) == 5
    for command in commands:
        assert command.startswith("otolith ")
        more = [*SET, "--out", "run"] if command.startswith("otolith run") else []
        ended = call(*shlex.split(command)[1:], *more)
        assert ended.code == 0, f"{command}\n{ended.err}"
    for name in ("my-walks", "all-walks", "table-set"):
        assert (place / name / "quality.html").is_file()
    assert (place / "run" / "report.html").is_file()


def test_python_runs(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import otolith

    monkeypatch.chdir(place)
    (block,) = blocks("python")
    exec(compile(block, "own-recordings.md", "exec"), {"otolith": otolith})
    assert capsys.readouterr().out.startswith("walk ('acc_x', ")
