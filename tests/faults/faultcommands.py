"""Every command that writes, on small inputs: what it is given, where it writes, and what has to be there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from otolith import rows
from tests.helpers.commandline import SET, call, make_set

MODEL, ENCODER, RUN, MOVES, WALKS, TABLE = "model", "encoder", "finished", "moves", "walks", "walk.zip"
"""What `prepare` leaves."""
HOME, ROWS = "home", "rows.jsonl"
CACHE = (f"{HOME}/windows/*/*.npy", f"{HOME}/windows/*/manifest.json")
"""Patterns of the windows that are kept between runs."""


def _none(place: Path) -> list[Path]:
    return []


@dataclass(frozen=True)
class Command:
    """A command of `otolith`.

    Attributes:
        given: its tokens in a folder that `prepare` has filled; OUT and names of that folder are replaced by paths.
        where: its output in that folder.
        whole: its output is there as a whole, or not at all; else it grows, and goes on when it is given again.
        once: it refuses to do again what is done.
        resume: it takes --resume.
        replaces: what its output is before, by a name of that folder; it is copied there.
        read: files that it is given and that have a checksum.
        kept: patterns of files with a checksum that it leaves when it is killed, and goes on from.
        leaves_out: of rows that are damaged it names the file, and goes on with the others.
    """

    name: str
    given: tuple[str, ...]
    where: str = "out"
    whole: bool = True
    once: bool = False
    resume: bool = False
    replaces: str | None = None
    read: Callable[[Path], list[Path]] = _none
    kept: tuple[str, ...] = ()
    leaves_out: bool = False

    def out(self, place: Path) -> Path:
        """Return its output."""
        return place / self.where

    def ready(self, place: Path) -> None:
        """Put there what its output replaces."""
        if self.replaces is not None:
            source = place / self.replaces
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, self.out(place))

    def tokens(self, place: Path, again: bool = False) -> list[str]:
        """Return the command line; `again` where it was begun before."""
        named = (MODEL, ENCODER, RUN, MOVES, WALKS, TABLE)
        paths = {each: str(place / each) for each in named} | {"OUT": str(self.out(place))}
        return [*(paths.get(each, each) for each in self.given), *(["--resume"] if self.resume and again else [])]


def _in(*names: str) -> Callable[[Path], list[Path]]:
    return lambda place: [path for name in names for path in (place / name).rglob("*.safetensors")]


SIZES = tuple(str(token) for token in SET)
CPU = ("--device", "cpu")
METHODS = ("--method", "random", "--method", "csshar")
COMMANDS = {
    command.name: command
    for command in (
        Command(
            "import",
            ("import", TABLE, "--yes", "--subject", "ada", "--out", "OUT"),
            once=True,
            read=lambda place: [place / TABLE],
        ),
        Command("predict", ("predict", MODEL, WALKS, *CPU, "--out", "OUT"), once=True, read=_in(MODEL)),
        Command(
            "calibrate", ("calibrate", "OUT", MOVES, *CPU, "--false-unknowns", "0.1"), replaces=MODEL, read=_in("out")
        ),
        Command("export", ("export", MODEL, "OUT", MOVES), where="model.onnx", read=_in(MODEL)),
        Command("features", ("features", MODEL, MOVES, *CPU, "--out", "OUT"), where="features.csv", read=_in(MODEL)),
        Command(
            "score",
            ("score", RUN, "--out", "OUT"),
            where="figures.csv",
            read=lambda place: [place / RUN / ROWS],
            leaves_out=True,
        ),
        Command(
            "tune",
            (
                *("tune", MOVES, *SIZES, *CPU, "--method", "random", "--trials", "2", "--folds", "2"),
                *("--vary", "finetune.lr=1e-3..1e-1:log", "--out", "OUT"),
            ),
            whole=False,
            kept=CACHE,
        ),
        Command("report", ("report", RUN, "--out", "OUT"), where="page.html", read=lambda place: [place / RUN / ROWS]),
        Command(
            "run",
            ("run", MOVES, *SIZES, *CPU, "--method", "csshar", "--out", "OUT"),
            whole=False,
            resume=True,
            kept=("out/checkpoints/**/*.*", *CACHE),
        ),
        Command(
            "compare",
            ("compare", "representation", "--dataset", MOVES, *METHODS, *SIZES, *CPU, "--out", "OUT"),
            whole=False,
            kept=(f"out/{ROWS}", "out/encoders/**/*.safetensors", *CACHE),
        ),
        Command(
            "pretrain",
            ("pretrain", MOVES, *SIZES, *CPU, "--method", "csshar", "--out", "OUT"),
            resume=True,
            kept=("out-checkpoints/**/*.*", *CACHE),
        ),
        Command(
            "finetune",
            ("finetune", ENCODER, MOVES, *CPU, "--out", "OUT"),
            once=True,
            resume=True,
            read=_in(ENCODER),
            kept=("out-checkpoints/**/*.*", *CACHE),
        ),
        Command(
            "distill",
            ("distill", MODEL, MOVES, *CPU, "--set", "method.distilled.epochs=2", "encoder.width=8", "--out", "OUT"),
            once=True,
            resume=True,
            read=_in(MODEL),
            kept=("out-checkpoints/**/*.*", *CACHE),
        ),
    )
}
"""By name."""


def prepare(place: Path, names: tuple[str, ...] = tuple(COMMANDS)) -> Path:
    """Fill a folder with an archive, data sets and, unless `names` is import alone, a run, its model and an encoder."""
    place.mkdir(parents=True)
    os.environ.setdefault("OTOLITH_HOME", str(place.parent / "home"))
    make_set(place / MOVES)
    make_set(place / WALKS, 2)
    for tokens in (
        ()
        if names == ("import",)
        else (
            ("run", place / MOVES, *SIZES, *CPU, "--method", "csshar", "--out", place / RUN),
            ("pretrain", place / MOVES, *SIZES, *CPU, "--method", "csshar", "--out", place / ENCODER),
        )
    ):
        ended = call(*tokens)
        assert ended.code == 0, ended.err
    if names != ("import",):
        shutil.copytree(place / RUN / "model", place / MODEL)
    signals = np.random.default_rng(0).normal(size=(1000, 3)) + np.array([0, 0, 9.81])
    lines = [f"{number / 50:.2f},{x:.3f},{y:.3f},{z:.3f}" for number, (x, y, z) in enumerate(signals)]
    text = "\n".join(["time (s),acc_x (m/s2),acc_y (m/s2),acc_z (m/s2)", *lines])
    with ZipFile(place / TABLE, "w", ZIP_DEFLATED) as archive:
        archive.writestr("walk.csv", text)
    return place


def outcome(out: Path, spoilt: bool = False) -> dict[str, Any]:
    """Return all that must not depend on what happened on the way: names of files, and what in them names no moment.

    Args:
        spoilt: a row was altered on purpose: its line is not counted, and it may stand in another order.
    """
    paths = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): _content(path, spoilt) for path in paths if path.name != ".lock"}


def _content(path: Path, spoilt: bool) -> Any:
    if path.suffix in (".safetensors", ".csv", ".parquet", ".npy", ".onnx"):
        return sorted(path.read_bytes().splitlines()) if spoilt and path.suffix == ".csv" else path.read_bytes()
    if path.name == ROWS:
        found = rows.scan(path)
        known = [(row.key, row.result) for row in rows.latest(found.rows)]
        return (sorted(known, key=str), 0) if spoilt else (known, len(found.damage))
    if path.name == "card.json":
        card = json.loads(path.read_text("utf-8"))
        for each in card.get("recordings", ()):
            each.pop("notes", None)  # the path of what was imported
        return {name: value for name, value in card.items() if name not in ("versions", "provenance")}
    if path.suffix in (".json", ".jsonl", ".toml"):
        return "whole" if path.read_bytes() else "empty"
    return path.read_bytes()[-8:] if path.suffix in (".html", ".svg") else "there"
