"""The quick form of the fault harness: a few kills and spoilt files in a job of seconds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="limits on files are a Unix thing, and so is SIGKILL")

from tests.faults.faultcommands import COMMANDS
from tests.faults.faultharness import Harness
from tests.faults.faultjobs import jobs
from tests.faults.faultpredict import torment
from tests.faults.faultsteps import Fault, Tormentor
from tests.faults.faultstrike import AFTER, FLIPPED, FULL, WITHIN
from tests.faults.faulttable import read, table

FAULTS = {
    "SIGKILL": 1,
    "SIGKILL within a write": 1,
    "write fails in the middle": 1,
    "newest checkpoint truncated": 1,
    "second process in the folder": 1,
}


def test_a_killed_and_spoilt_pretraining_ends_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH"):
        monkeypatch.setenv(name, "")  # the harness sets them: put back afterwards
    monkeypatch.setenv("PYTHONPATH", str(Path(sys.modules["otolith"].__path__[0]).parent))
    (tmp_path / "work").mkdir()
    harness = Harness(tmp_path / "work", 0, lambda text: None)
    job = jobs("synthetic", ("csshar",), {"autoencoder.train.epochs": "1", "pretrain.epochs": "4"})["pretrain"]
    harness.torment(job, FAULTS, harness.undisturbed(job))
    assert harness.table.wrong == []
    assert {name for name, _ in harness.table.lines} >= FAULTS.keys() - {"newest checkpoint truncated"}
    assert all(line.survived == line.injected for line in harness.table.lines.values())


READ_ONLY = {"data", "evaluate", "live", "live-runtime", "label", "models", "demo", "push"}
"""Commands that write no result here: they print, serve, keep what can be fetched again, add lines to a journal or a
recording (tests/live/test_live_record.py), or are `predict` on what comes with otolith."""


def test_every_command_that_writes_is_struck() -> None:
    from otolith.cli.options import options

    assert set(COMMANDS) == options().keys() - READ_ONLY


def test_a_step_that_fails_a_write_that_is_cut_or_a_bit_that_is_flipped_leaves_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH", "OTOLITH_HOME"):
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(sys.modules["otolith"].__path__[0]).parent))
    tormentor = Tormentor(tmp_path, 0, ("import",))
    faults = [Fault(AFTER, 0.0), Fault(AFTER, 0.99), Fault(FULL, 0.4), Fault(WITHIN, 0.5), Fault(FLIPPED, 0.5)]
    rows = [tormentor.inject("import", fault) for fault in faults]
    assert [row["lost"] for row in rows] == [[]] * len(rows)
    assert [row["struck"] for row in rows] == [True] * len(rows)
    assert [row["ended"] for row in rows] == ["killed", "killed", "refused", "killed", "refused"]


def test_the_table_of_the_page_is_that_of_its_rows() -> None:
    rows = read(Path(__file__).parent / "rows.jsonl")
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
    assert table(rows) in page
    assert f"{len(rows)} faults" in page
    assert [row for row in rows if row["lost"]] == []
    assert sum(row["struck"] for row in rows) >= 500


def test_a_killed_prediction_leaves_the_whole_folder_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH"):
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setenv("PYTHONPATH", str(Path(sys.modules["otolith"].__path__[0]).parent))
    ends, wrong = torment(tmp_path, 2, 0, lambda text: None)
    assert ends.total() == 2
    assert wrong == []
