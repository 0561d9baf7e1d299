"""`otolith import`: from exports to a data set that the other commands take."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from otolith.cli.terminal import Terminal, terminal
from otolith.progress.display import LiveProgress
from tests.helpers.commandline import SET, call, refused
from tests.helpers.exports import lines, phyphox, sensor_logger, signal

S = signal(6)


def plain(path: Path) -> Path:
    path.write_text(
        lines("time,ax,ay,az", ([repr(float(v)) for v in r] for r in zip(S.acc_times, *S.acc, strict=True)))
    )
    return path


def test_imports_and_tells_what_it_decided(tmp_path: Path) -> None:
    source = sensor_logger(tmp_path / "walk.zip", S, total=False, gravity=False)
    ended = call("import", source, "--out", tmp_path / "set")
    assert ended.code == 0, ended.err
    for text in (
        "gravity removed",
        "Sensor Logger documents it",
        "quality.html",
        "one person made several",
        f"otolith pretrain {tmp_path / 'set'} --out ENCODER_DIR",
        "otolith label",
    ):
        assert text in ended.out
    told = call("data", tmp_path / "set")
    assert "1 subjects, 1 recordings" in told.out
    assert call("data", tmp_path / "set", "--check", "--deep").code == 0


def test_tells_repairs_gaps_and_what_it_passed_over(tmp_path: Path) -> None:
    source = phyphox(tmp_path / "walk.zip", S, pause=(3.0, 5.0))
    ended = call("import", source, "--out", tmp_path / "set", "--subject", "ada")
    assert ended.code == 0, ended.err
    for text in ("hold no value of the accelerometer", "2, the longest 5.02 s", "pauses: 1, 5.0 s in all"):
        assert text in ended.out
    assert "warning" not in ended.out


def test_refusals_name_the_option(tmp_path: Path) -> None:
    source = plain(tmp_path / "t.csv")
    assert "--time time --acc ax,ay,az" in refused("import", source, "--out", tmp_path / "set")
    assert "--acc is 'ax'" in refused("import", source, "--out", tmp_path / "set", "--acc", "ax")
    assert not (tmp_path / "set").exists()
    assert call("import", source, "--out", tmp_path / "set", "--time", "time", "--acc", "ax,ay,az").code == 0
    assert "exists already" in refused("import", source, "--out", tmp_path / "set", "--yes")


def test_run_takes_an_imported_folder(tmp_path: Path) -> None:
    """From exports of three people to a scored model."""
    rows = []
    for number in range(5):
        sensor_logger(tmp_path / "in" / f"p{number}" / "walk.zip", signal(40, seed=number, jitter=0.2))
        rows += [f"p{number}/walk,{10 * k},{10 * k + 10},{'up' if k % 2 else 'down'}" for k in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(["recording,start,end,activity", *rows]))
    options = ("--labels", tmp_path / "labels.csv", "--subject-folder", "--title", "Test walks", "--terms", "None.")
    assert call("import", tmp_path / "in", "--out", tmp_path / "set", *options).code == 0
    ended = call("run", tmp_path / "set", *SET, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert "Test walks" in ended.err + ended.out
    assert (tmp_path / "run" / "report.html").is_file()


def test_data_without_gravity_join_no_data_with_it(tmp_path: Path, moves: Path) -> None:
    source = sensor_logger(tmp_path / "walk.zip", S, total=False, gravity=False)
    assert call("import", source, "--out", tmp_path / "set").code == 0
    told = refused("run", moves, "--unlabelled", tmp_path / "set", *SET, "--out", tmp_path / "run")
    assert "Gravity is included in moves, removed in" in told


def answered(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Terminal:
    left = list(answers)

    def read(prompt: str = "") -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    monkeypatch.setattr("builtins.input", read)
    return Terminal(LiveProgress(Console(file=io.StringIO(), width=100)))


def shown(person: Terminal) -> str:
    file = person.progress.console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    person = answered(monkeypatch, "kg", "g", "unknown", "y", "n")
    choices = [("g", "1 g is 1"), ("m/s^2", "1 g is 9.8")]
    assert person.choose("Which unit?", choices) == "g"
    assert person.choose("Which unit?", choices) is None
    assert person.confirm("Columns of [red]t.csv", [("time", "[bold]t", "0.1")])
    assert not person.confirm("Columns", [])
    assert person.choose("Which unit?", choices) is None
    assert not person.confirm("Columns", [])
    for text in ("Which unit?", "1 g is 9.8", "[red]t.csv", "[bold]t"):
        assert text in shown(person)


def test_nobody_is_asked_without_a_terminal() -> None:
    assert terminal(LiveProgress(Console(file=io.StringIO()))) is None
