"""The quick form of the fuzz harness, and that the harness notices what it is there to notice."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="limits on memory are a Unix thing")
pytest.importorskip("starlette", reason="the extra `live` is not installed")

from otolith.importing.formats import FORMATS
from otolith.training import state
from tests.fuzz import fuzzchild, fuzzharness
from tests.fuzz.fuzzreader import Files, Reader, readers

QUICK = ("table", "model-bundle", "rows", "live-message", "archive")


@pytest.fixture(autouse=True)
def _processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        monkeypatch.setenv(name, "")  # the harness sets them: put back afterwards
    monkeypatch.setattr(state, "EVERY_S", state.EVERY_S)  # a reader sets it
    monkeypatch.setenv("PYTHONPATH", str(Path(sys.modules["otolith"].__path__[0]).parent))
    fuzzharness.prepare_processes()


@pytest.mark.parametrize("name", QUICK)
def test_hostile_input_is_read_or_refused(tmp_path: Path, name: str) -> None:
    found = fuzzharness.run(name, tmp_path / name, 1, 60)
    assert found.found == []
    assert found.tried == 60
    assert found.counts["read"] or found.counts["refused"]


def test_every_format_of_exports_has_a_reader() -> None:
    assert {each.name for each in FORMATS} <= readers().keys()


@pytest.mark.parametrize("name", list(readers()))
def test_what_is_sound_is_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a run of all readers ends there, hours after its start."""
    reader, box = readers()[name](), tmp_path / "box"
    box.mkdir()
    monkeypatch.chdir(box)
    reader.prepare()
    for files in reader.valid():
        fuzzchild._put(box, files)
        reader.read(box, files)


class Planted(Reader):
    """Reads anything, but for three examples."""

    name, weight = "planted", 1.0

    def valid(self) -> list[Files]:
        self.read_so_far = -1
        return [{"x": b"0"}]

    def mutate(self, rng: object, files: Files) -> Files:
        self.read_so_far += 1
        return {"x": str(self.read_so_far).encode()}

    def read(self, box: Path, files: Files) -> None:
        number = int(files["x"])
        if number == 2:
            raise IndexError("planted")
        if number == 4:
            (box.parent / "outside.txt").write_text("planted")
        if number == 6:
            while True:
                time.sleep(0)
        if number == 3:
            bytearray(1 << 40)


def planted(name: str, folder: str, seed: int, numbers: tuple[int, int]) -> None:
    """A child whose one reader has the faults; after a restart it goes on where it was."""
    if numbers[0]:
        Planted.mutate = lambda self, rng, files: {"x": b"100"}  # type: ignore[method-assign]
    fuzzchild.readers = lambda: {"planted": Planted}
    fuzzchild.work(name, folder, seed, numbers)


def test_a_planted_crash_hang_and_escape_are_noticed(tmp_path: Path) -> None:
    found = fuzzharness.run("planted", tmp_path / "planted", 0, 10, hang_s=0.5, child=planted)
    assert found.counts == {"read": 6, "refused": 0, "CRASH": 2, "HANG": 1, "ESCAPED": 1}
    assert {(each["verdict"], each["number"]) for each in found.found} == {
        ("CRASH", 2),
        ("CRASH", 3),
        ("ESCAPED", 4),
        ("HANG", 6),
    }
    assert not os.path.exists(tmp_path / "planted" / "outside.txt")
