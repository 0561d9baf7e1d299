"""`otolith compare --executor ray`: the rows of a local comparison, also when a worker dies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from otolith import rows
from otolith.errors import TrainingError
from otolith.progress import SILENT
from otolith.protocols.cells import fanout
from otolith.protocols.cells.unit import Task, Unit
from tests.helpers.commandline import SET, call
from tests.helpers.processes import killed_worker

WORKER = "ray::_rows"
"""What a worker calls its process while it runs a unit."""


METHODS = ("--method", "csshar", "--method", "random")


def compare(moves: Path, out: Path, *more: str) -> None:
    ended = call("compare", "representation", "--dataset", moves, *METHODS, *SET, "--out", out, *more)
    assert ended.code == 0, ended.err


def plain(path: Path) -> dict[str, Any]:
    return {rows.key_hash(row.key): row.result for row in rows.read(path / "rows.jsonl")}


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds workers by /proc")
def test_rows_are_those_of_a_local_comparison_though_a_worker_dies(
    moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr("otolith.report.write", lambda folders, out, sections: out)  # takes long and changes no row
    compare(moves, tmp_path / "here")
    with killed_worker(WORKER) as killed:
        compare(moves, tmp_path / "there", "--executor", "ray")
    assert killed
    whole, after = plain(tmp_path / "here"), plain(tmp_path / "there")
    assert len(whole) == 2
    assert whole == after
    assert len(rows.read(tmp_path / "there" / "rows.jsonl")) == 2


class Refused(Exception):
    pass


class FakeRay:
    """A cluster whose workers cannot be had, or whose units fail."""

    class exceptions:
        RayError = Refused

    def __init__(self, answer: Any, reached: bool = True) -> None:
        self.answer, self.reached, self.ended = answer, reached, False

    def init(self, address: str | None, **_: Any) -> None:
        if not self.reached:
            raise ConnectionError("nobody listens")

    def remote(self, **_: Any) -> Any:
        class Remote:
            @staticmethod
            def remote(*_: Any) -> object:
                return object()

            @staticmethod
            def options(**_: Any) -> type[Remote]:
                return Remote

        return lambda function: Remote

    def wait(self, waiting: Sequence[object], num_returns: int) -> tuple[list[object], list[object]]:
        return list(waiting[:1]), list(waiting[1:])

    def get(self, done: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def shutdown(self) -> None:
        self.ended = True


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (FakeRay(([], "loss is not finite")), "random, seed 0: loss is not finite"),
        (FakeRay(Refused("trace\nworker crashed")), r"its worker failed 4 times \(worker crashed\)"),
        (FakeRay(None, reached=False), "no Ray cluster answers at far:1"),
    ],
)
def test_what_goes_wrong_is_said(cluster: FakeRay, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otolith.system.cluster.need", lambda *_: cluster)
    task = Task(0, Unit("random, seed 0", (), lambda missing, progress: iter(())), ())
    with pytest.raises(TrainingError, match=words):
        list(fanout.Ray(lambda arguments: (), {}, "far:1")([task], SILENT))
    assert cluster.ended == cluster.reached
