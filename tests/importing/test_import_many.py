"""Collections: the result and the messages are those of an import that holds everything, and little is held.

`golden_collection.json` was written by the importer that kept every recording in memory until the end.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith import __version__
from otolith.datasets.folder import FolderDataset
from otolith.errors import DataError
from otolith.importing import ImportOptions, disk_buffer, import_recordings, read_recordings
from otolith.importing.quality import page as quality
from otolith.importing.session import Sheet
from otolith.importing.tables.table import Table
from otolith.importing.write import write_imported
from otolith.progress import Progress, Stage
from tests.helpers.exports import Signal, phyphox, sensor_logger, signal

GOLDEN = Path(__file__).with_name("golden_collection.json")
HEADER = "time,ax,ay,az,gx,gy,gz"


def rows(s: Signal, factor: float = 1.0, turn: float = 1.0, start_s: float = 0.0, **more: str) -> list[str]:
    """Lines of a plain table; `more` are cells that follow."""
    return [
        ",".join([f"{start_s + t:.4f}", *(f"{v:.6f}" for v in (*(a * factor), *(w * turn))), *more.values()])
        for t, a, w in zip(s.acc_times, s.acc.T, s.gyro.T, strict=True)
    ]


def collection(folder: Path) -> Path:
    """Exports of several kinds, with labels, parts, repairs, and units that only other files decide."""
    folder.mkdir()
    sensor_logger(folder / "ada" / "walk.zip", signal(12, gyro_hz=104, jitter=0.2, seed=1))
    phyphox(folder / "bob" / "walk", signal(12, seed=2), pause=(6.0, 9.0))
    s = signal(12, seed=3)
    # too short for its units to be seen; the file after it has the same columns
    (folder / "a-short.csv").write_text("\n".join([HEADER, *rows(s, 1 / 9.80665, 57.29578)[:20]]) + "\n")
    full = rows(s, 1 / 9.80665, 57.29578)
    full[100:103] = [full[101], full[100], full[102], full[102]]
    (folder / "b-full.csv").write_text("\n".join([HEADER, *full]) + "\n0.5,0.1")
    pair = folder / "pair"
    pair.mkdir()
    for name, values in (("one_acc", s.acc), ("one_gyro", s.gyro)):
        lines = [f"{1000 * t:.1f},{x:.5f},{y:.5f},{z:.5f}" for t, (x, y, z) in zip(s.acc_times, values.T, strict=True)]
        (pair / f"{name}.csv").write_text("\n".join(["time (ms),x,y,z", *lines]) + "\n")
    table = ["time,ax,ay,az,gx (rad/s),gy (rad/s),gz (rad/s),activity,subject,recording"]
    for subject, first in (("p1", "walk"), ("p2", "sit")):
        for recording in (f"{subject}-am", f"{subject}-pm"):
            both = [
                *rows(signal(5, seed=4), start_s=8.0, activity=first, subject=subject, recording=recording),
                *rows(signal(5, seed=5), activity="", subject=subject, recording=recording),
            ]
            both[40:90] = [re.sub(",(walk|sit),", ",stand,", line) for line in both[40:90]]
            table += both
    (folder / "table.csv").write_text("\n".join(table) + "\n")
    (folder / "notes.csv").write_text("what,when\nnothing,never\n")
    return folder


def numbers_of(values: np.ndarray) -> list[float]:
    """Sums that differ where a value or its place does."""
    flat = np.asarray(values, np.float64).ravel()
    return [float(flat.sum()), float(np.abs(flat).sum()), float((flat * np.cos(np.arange(flat.size))).sum())]


def result(out: Path) -> dict[str, Any]:
    """All that a data set folder holds, but for pictures and the version of otolith."""
    page = (out / "quality.html").read_text("utf-8").replace(__version__, "VERSION")
    card = json.loads((out / "card.json").read_text("utf-8").replace(__version__, "VERSION"))
    streams = [
        [each.name, [[str(s.values.dtype), *map(numbers_of, (s.values, np.array([]) if s.times is None else s.times))]
                     for s in each.streams]]
        for each in FolderDataset(out).recordings()
    ]  # fmt: skip
    body = re.sub(r'"data:image[^"]*"', '""', page[page.index("<body") :])
    body = re.sub(r"<footer.*", "", body, flags=re.DOTALL)
    return {"card": card, "streams": streams, "page": body.splitlines()}


def same(found: Any, wanted: Any, where: str = "") -> None:
    """Equal, numbers to nine digits: other processors round the last ones otherwise."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted), where
        for key in wanted:
            same(found[key], wanted[key], f"{where}.{key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), where
        for index, each in enumerate(wanted):
            same(found[index], each, f"{where}[{index}]")
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9), where
    else:
        assert found == wanted, where


def _two_damaged(folder: Path) -> None:
    """The first has one complete sample, the second a ragged line: what cannot be read comes first."""
    (folder / "a.csv").write_text(f"{HEADER}\n0,0,0,1,0,0,0\n0.02,,,,0,0,0\n")
    (folder / "b.csv").write_text(f"{HEADER}\n0,0,0\n0.02,0,0,1,0,0,0\n")


def _too_short(folder: Path) -> None:
    (folder / "a.csv").write_text("\n".join([HEADER, *rows(signal(2))]))
    (folder / "b.csv").write_text(f"{HEADER}\n0,0,0,1,0,0,0\n0.02,,,,0,0,0\n")


def _one_name(folder: Path) -> None:
    for place in ("x", "y"):
        (folder / place).mkdir()
        (folder / place / "a.csv").write_text("\n".join([HEADER, *rows(signal(4))]))
    (folder / "x" / "a.tsv").write_text("\n".join([HEADER, *rows(signal(4, jitter=0.2))]).replace(",", "\t"))


def _no_gyroscope(folder: Path) -> None:
    for name, header in (("a", HEADER), ("b", "time,ax,ay,az,p,q,r")):
        (folder / f"{name}.csv").write_text("\n".join([header, *rows(signal(4))]))


def _gravity(folder: Path) -> None:
    s = signal(8)
    (folder / "a.csv").write_text("\n".join([HEADER, *rows(s)]))
    bare = Signal(s.acc_times, s.acc - s.gravity, s.gravity, s.gyro_times, s.gyro)
    (folder / "b.csv").write_text("\n".join(["time,lin_x [m/s^2],lin_y [m/s^2],lin_z [m/s^2],gx,gy,gz", *rows(bare)]))


def _unit(folder: Path) -> None:
    (folder / "a.csv").write_text("\n".join([HEADER, *rows(signal(4), factor=3.0)]))


def _nothing(folder: Path) -> None:
    for name in "abc":
        (folder / f"{name}.csv").write_text("what,when\nnothing,never\n")


REFUSED: dict[str, Callable[[Path], None]] = {
    each.__name__: each for each in (_two_damaged, _too_short, _one_name, _no_gyroscope, _gravity, _unit, _nothing)
}


def message(name: str, here: Path) -> str:
    """What an import into `here` says of a collection that it refuses."""
    folder = here / "raw"
    folder.mkdir()
    REFUSED[name](folder)
    with pytest.raises(DataError) as error:
        import_recordings("raw", "out", ImportOptions(accept_guess=True, gyro_unit="rad/s"))
    return str(error.value)


class Person:
    """Answers as the first person asked would, and keeps the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def choose(self, question: str, choices: Sequence[tuple[str, str]]) -> str | None:
        self.asked.append(question)
        return choices[0][0]

    def confirm(self, title: str, rows: Sequence[tuple[str, str, str]]) -> bool:
        self.asked.append(title)
        return True


def asked(here: Path) -> list[str]:
    """The questions that a collection leaves open, in order."""
    folder = here / "raw"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.csv").write_text("\n".join([HEADER, *rows(signal(4), factor=3.0)]))
    (folder / "c.csv").write_text("\n".join([HEADER.replace("a", "acc_"), *rows(signal(4), factor=5.0)]))
    person = Person()
    import_recordings("raw", "out", ask=person)
    return person.asked


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, so that messages name files in the same way everywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(quality, "MOST_PICTURED", 0)
    return tmp_path


@pytest.mark.parametrize("name", REFUSED)
def test_messages_are_as_before(here: Path, name: str) -> None:
    assert message(name, here) == json.loads(GOLDEN.read_text("utf-8"))["messages"][name]
    assert {path.name for path in here.iterdir()} == {"raw"}


def test_questions_are_as_before(here: Path) -> None:
    assert asked(here) == json.loads(GOLDEN.read_text("utf-8"))["asked"]


class Watched(Progress):
    """Stages and their steps; `look` is called at each."""

    def __init__(self, look: Callable[[str], None] = lambda title: None) -> None:
        self.steps: dict[str, tuple[int | None, int]] = {}
        self.look = look

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        watched = self

        class Counted(Stage):
            def advance(self, steps: int = 1, **figures: float) -> None:
                watched.steps[title] = (total, watched.steps.get(title, (total, 0))[1] + steps)
                watched.look(title)

        yield Counted()


def on_disk(array: np.ndarray) -> bool:
    """Whether an array's memory is that of a mapped file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


def test_the_result_is_as_before(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MOST_PICTURED", 1)
    collection(here / "raw")
    options = ImportOptions(accept_guess=True)
    progress = Watched()
    buffered = import_recordings("raw", "out", options, progress=progress)
    same(result(here / "out"), json.loads(GOLDEN.read_text("utf-8"))["result"])

    held = read_recordings("raw", options)
    terms = FolderDataset(Path("out")).info.terms
    (here / "held").mkdir(exist_ok=True)
    write_imported(held, here / "held" / "out", title="", licence="not stated", terms=terms)
    files = {path.relative_to("out") for path in Path("out").rglob("*") if path.is_file()}
    assert len(files) > 10
    assert files == {path.relative_to("held/out") for path in Path("held/out").rglob("*") if path.is_file()}
    assert [f for f in files if Path("out", f).read_bytes() != Path("held/out", f).read_bytes()] == []
    streams = [stream for each in buffered.recordings for stream in each.streams]
    assert all(on_disk(s.values) and (s.times is None or on_disk(s.times)) for s in streams)
    assert not any(on_disk(stream.values) for each in held.recordings for stream in each.streams)
    sheets = len([*here.joinpath("raw").rglob("*.csv")]) + 7  # those in the archive
    assert progress.steps == {
        "read recordings": (sheets, sheets),
        "convert recordings": (9, 9),
        "draw quality page": (1, 1),
        "write data set": (len(held.recordings), len(held.recordings)),
    }


def test_tables_are_let_go_of(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = here / "raw"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number:02d}.csv").write_text("\n".join([HEADER, *rows(signal(4, seed=number))]))
    alive: list[weakref.ref[Table]] = []
    most = []
    read = Sheet.table

    def table(self: Sheet) -> Table:
        found = read(self)
        alive.append(weakref.ref(found))
        most.append(sum(each() is not None for each in alive))
        return found

    monkeypatch.setattr(Sheet, "table", table)
    read_recordings("raw", ImportOptions(accept_guess=True, gyro_unit="rad/s"))
    assert len(most) == 8
    assert max(most) <= 3


@pytest.mark.parametrize("where", ["read recordings", "convert recordings", "write data set"])
def test_an_interrupted_import_leaves_nothing(here: Path, where: str) -> None:
    folder = here / "raw"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.csv").write_text("\n".join([HEADER, *rows(signal(4))]))
    steps = 0

    def look(title: str) -> None:
        nonlocal steps
        if os.name == "posix" and title != "write data set":  # what a killed process would leave
            assert os.listdir() == ["raw"]
        steps += title == where
        if steps == 2:
            raise KeyboardInterrupt

    options = ImportOptions(accept_guess=True, gyro_unit="rad/s")
    with pytest.raises(KeyboardInterrupt):
        import_recordings("raw", "sets/out", options, progress=Watched(look))
    assert [path for path in here.rglob("*") if path.is_file() and path.parent != folder] == []
    import_recordings("raw", "sets/out", options)
    assert FolderDataset(here / "sets" / "out").check(deep=True) == []


def test_a_full_disk_is_told_and_nothing_is_left(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Any, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (here / "a.csv").write_text("\n".join([HEADER, *rows(signal(4))]))
    monkeypatch.setattr(disk_buffer, "_reserve", full)
    with pytest.raises(DataError, match=r"No space left on device\)\. Make room there"):
        import_recordings("a.csv", "out", ImportOptions(accept_guess=True, gyro_unit="rad/s"))
    assert os.listdir() == ["a.csv"]
