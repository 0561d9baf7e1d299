"""`distill`: what it prints, what it leaves, and that others take its student."""

from __future__ import annotations

from pathlib import Path

from otolith.model import bundle
from tests.helpers.commandline import Ended, call, refused

SMALL = ("--set", "method.distilled.epochs=1", "encoder.width=8", "--device", "cpu")


def test_a_student_is_made_and_taken_by_the_others(finished: tuple[Path, Ended], moves: Path, tmp_path: Path) -> None:
    run, out = finished[0], tmp_path / "small"
    ended = call("distill", run, moves, "--out", out, *SMALL)
    assert ended.code == 0, ended.err
    assert "of people whom its split tests are left out" in ended.err + ended.out
    assert "get the model's activity" in ended.out
    assert "of whom it learnt nothing" in ended.out
    assert "8 maps, about " in ended.out
    student = bundle.load_model(out, "cpu")
    assert student.distilled is not None
    assert student.distilled.teacher == bundle.read_card(run)["method"]
    assert bundle.read_card(out)["data"]["terms"] == bundle.read_card(run)["data"]["terms"]
    assert not list(tmp_path.glob("*checkpoints*"))
    assert call("evaluate", out, moves).code == 0
    predicted = call("predict", out, moves, "--out", tmp_path / "p")
    assert predicted.code == 0, predicted.err
    written = call("export", out, "--c", tmp_path / "small.h", moves)
    assert written.code == 0, written.err
    assert "kB of constants" in written.out
    assert "points" in written.out
    text = (tmp_path / "small.h").read_text("utf-8")
    assert call("export", out, tmp_path / "again.h", moves).code == 0
    assert (tmp_path / "again.h").read_text("utf-8") == text
    assert "choose another" in refused("distill", run, moves, "--out", out, *SMALL)


def test_what_cannot_be_is_refused(finished: tuple[Path, Ended], moves: Path, tmp_path: Path) -> None:
    assert "name a data set" in refused("distill", finished[0], "--out", tmp_path / "s")
    assert "too few for a student" in refused(
        "distill", finished[0], moves, "--out", tmp_path / "s", "--kilobytes", "2"
    )
    assert "encoder without a head" not in refused("distill", tmp_path / "none", moves, "--out", tmp_path / "s")
    assert not (tmp_path / "s").exists()
    assert "Distil a student first" in refused("export", finished[0], "--c", tmp_path / "m.h")
    assert "or, for C, .h" in refused("export", finished[0], tmp_path / "m.c")
    assert "leave one out" in refused("export", finished[0], tmp_path / "m.h", moves, "--c", tmp_path / "n.h")
