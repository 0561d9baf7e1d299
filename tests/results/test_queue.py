"""The queue: what its list asks for, what rows say of it, its loop, and that a kill changes no row."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch

from otolith import rows
from otolith.errors import DataError, InUseError, OtolithError
from otolith.rows import Row
from otolith.system import claims
from results.queueing import cells, loop, seconds, status, wheel
from results.queueing.cells import Cell
from results.queueing.loop import Queue
from results.queueing.work import work
from tests.results.queuekills import LIST, ROOT, Killed, checkout, outcome

PLAIN = {"protocol": "representation", "datasets": ["uci-har", "usc-had"], "methods": ["random", "dynamic"], "seeds": 2}
FEW = {"protocol": "few-labels", "datasets": ["uci-har"], "methods": ["random"], "k": [1, 5], "draws": 3}
MOVED = {"protocol": "transfer", "datasets": ["uci-har"], "methods": ["random"], "source": "mobifall"}


def queue(folder: Path, *tables: dict[str, Any], **more: Any) -> Queue:
    (folder / "list.toml").write_text(tomli_w.dumps({"cells": list(tables)}))
    (folder / "results").mkdir(exist_ok=True)
    return Queue(folder / "list.toml", folder / "results", folder / "work", **more)


def rows_of(cell: Cell, **changes: Any) -> list[Row]:
    """The rows that the cell asks for, as protocols write them."""
    key = {"protocol": cell.spec.in_rows, "dataset": cell.dataset, "split": "fixed", "recipe": cell.resolved.hash}
    key |= {"method": cell.method, "seed": cell.seed, "stop": "last", "source": cell.source} | changes
    key = {name: value for name, value in key.items() if cell.protocol == "few-labels" or name != "stop"}
    return [Row(key | {"fold": fold, "k": k, "draw": draw}, {"macro_f1": 0.5}) for fold, k, draw in cell.places]


def store(asked: Queue, cell: Cell, found: list[Row]) -> Path:
    path = asked.results / cell.folder / "rows.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    for row in found:
        rows.append(path, row)
    return path


def test_a_table_is_worked_by_seed_then_data_set_then_method(tmp_path: Path) -> None:
    found = queue(tmp_path, PLAIN).cells()
    assert [(c.seed, c.dataset, c.method) for c in found] == [
        (seed, dataset, method) for seed in (0, 1) for dataset in PLAIN["datasets"] for method in PLAIN["methods"]
    ]
    assert found == queue(tmp_path, PLAIN, PLAIN).cells(), "a cell that is listed twice is one cell"
    assert [c.seed for c in queue(tmp_path, PLAIN | {"seeds": [2]}).cells()] == [2] * 4
    assert {c.dataset for c in queue(tmp_path, PLAIN, only=("usc-had",)).cells()} == {"usc-had"}
    assert Cell.from_json(found[3].as_json()) == found[3]


def test_folders_are_those_of_tables(tmp_path: Path) -> None:
    changed = {"set": {"windows.seconds": 2.0}}
    found = queue(tmp_path, FEW, MOVED, FEW | changed).cells()
    assert [c.folder for c in found[:2]] == ["uci-har-few-labels-compact", "uci-har-transfer-from-mobifall-compact"]
    assert found[2].folder == f"uci-har-few-labels-compact-{found[2].resolved.hash[:6]}"
    assert found[1].resolved.hash != found[0].resolved.hash, "the recipe is for the data set that encoders come from"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (PLAIN | {"methods": ["dynamik"]}, "dynamik"),
        (PLAIN | {"protocol": "transfr"}, "transfr"),
        (FEW | {"drws": 3}, "table 1: unknown option of few-labels.*drws"),
        (MOVED | {"source": None}, "--source NAME"),
        (PLAIN | {"datasets": ["uci-hrr"]}, "uci-hrr"),
        (PLAIN | {"recipe": "compct"}, "compct"),
        ({"protocol": "representation"}, "table 1, has no 'datasets'"),
    ],
)
def test_a_list_that_cannot_be_worked_is_refused(tmp_path: Path, table: dict[str, Any], words: str) -> None:
    table = {name: value for name, value in table.items() if value is not None}
    with pytest.raises(OtolithError, match=words):
        cells.check(queue(tmp_path, table).cells())


def test_rows_that_exist_are_not_missing(tmp_path: Path) -> None:
    folds = PLAIN | {"protocol": "cross-validation", "datasets": ["uci-har"], "methods": ["random"], "seeds": 1}
    few, moved, folded = queue(tmp_path, FEW, MOVED, folds).cells()
    assert [cell.missing([]) for cell in (few, moved, folded)] == [6, 1, 5]
    for cell in (few, moved, folded):
        assert cell.missing(rows_of(cell)) == 0
        assert cell.missing(rows_of(cell)[:-1]) == 1
        for other in ({"recipe": "0" * 12}, {"seed": 1}, {"method": "dynamic"}, {"dataset": "usc-had"}):
            assert cell.missing(rows_of(cell, **other)) == len(cell.places), other
    assert few.missing(rows_of(few, stop="paper")) == 6
    assert moved.missing(rows_of(moved, source="usc-had")) == 1


def test_rows_of_another_version_of_the_recipe_are_pruned(tmp_path: Path) -> None:
    asked = queue(tmp_path, FEW)
    (cell,) = asked.cells()
    path = store(asked, cell, rows_of(cell))
    kept = path.read_bytes()
    store(asked, cell, rows_of(cell, recipe="0" * 12) + rows_of(cell, method="dynamic"))
    elsewhere = asked.results / "uci-har-cost-compact" / "rows.jsonl"
    elsewhere.parent.mkdir()
    rows.append(elsewhere, Row({"protocol": "cost"}, {}))
    path.write_bytes(path.read_bytes() + b"{torn")
    assert cells.prune(asked.results, asked.cells()) == {cell.folder: 13}
    assert path.read_bytes() == kept
    assert elsewhere.exists(), "no folder of the list"
    assert cells.prune(asked.results, asked.cells()) == {}


def test_forgotten_rows_are_made_again(tmp_path: Path) -> None:
    asked = queue(tmp_path, PLAIN | {"seeds": 1})
    for cell in asked.cells():
        store(asked, cell, rows_of(cell))
    chosen = dataclasses.replace(asked, only=("usc-had, compact, random",)).cells()
    for number, (recipe, seed) in enumerate(
        [(chosen[0].resolved.hash, 0), (chosen[0].resolved.hash, 1), ("0" * 12, 0)]
    ):
        card = {"method": "random", "seed": seed, "recipe_hash": recipe, "data": {"dataset": "usc-had"}}
        (tmp_path / "encoders" / str(number) / "model").mkdir(parents=True)
        (tmp_path / "encoders" / str(number) / "model" / "card.json").write_text(json.dumps(card))
    assert cells.forget(asked.results, chosen, tmp_path / "encoders") == {"usc-had-representation-compact": 1}
    assert sorted(path.name for path in (tmp_path / "encoders").iterdir()) == ["1", "2"]
    done = cells.done(asked.results)
    assert [cell.method for cell in asked.cells() if cell.missing(done.get(cell.folder, []))] == ["random"]


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No training step is timed: an encoder takes 100 s, a row 10 s."""
    monkeypatch.setattr(seconds, "_measure", lambda cell, home: (100.0, 10.0))


@pytest.fixture
def worker(tmp_path: Path) -> Callable[[Cell], list[str]]:
    """The command of a cell that writes its rows, and fails where the file `fail` holds its method."""
    program = tmp_path / "worker.py"
    program.write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        "path, method, lines = sys.argv[1:]\n"
        f"marked = Path({str(tmp_path / 'fail')!r})\n"
        "if marked.exists() and marked.read_text() == method: sys.exit('Error: as the test wants')\n"
        f"with open({str(tmp_path / 'worked')!r}, 'a') as file: file.write(method + '\\n')\n"
        "Path(path).parent.mkdir(exist_ok=True)\n"
        "Path(path).write_text(lines)\n"
    )

    def command(cell: Cell) -> list[str]:
        there = tmp_path / "staged" / cell.folder / "rows.jsonl"
        shown = tmp_path / "results" / cell.folder / "rows.jsonl"
        there.parent.mkdir(parents=True, exist_ok=True)
        there.unlink(missing_ok=True)
        for row in [*rows.read(shown), *rows_of(cell)]:
            rows.append(there, row)
        return [sys.executable, "-S", str(program), str(shown), cell.method, there.read_text()]

    return command


def nothing() -> None:
    pass


def test_a_failure_is_told_and_tried_again_on_the_next_start(tmp_path: Path, worker: Any) -> None:
    asked = queue(tmp_path, PLAIN | {"datasets": ["uci-har"], "seeds": 1})
    (tmp_path / "fail").write_text("random")
    assert loop.run(asked, worker, "a" * 12, nothing) == 1
    assert (tmp_path / "worked").read_text().split() == ["dynamic"], "it goes on with the next"
    said = status.text(asked)
    assert "1/2 " in said
    assert "1 of 2 cells are done" in said
    assert "failed: representation of uci-har, compact, random, seed 0: Error: as the test wants" in said
    assert "no queue is at work" in said
    (tmp_path / "fail").unlink()
    assert loop.run(asked, worker, "a" * 12, nothing) == 0
    assert (tmp_path / "worked").read_text().split() == ["dynamic", "random"]
    assert "failed" not in status.text(asked)
    assert loop.run(asked, worker, "a" * 12, nothing) == 0
    assert len((tmp_path / "worked").read_text().split()) == 2, "what is done is not done again"


def test_the_status_of_a_new_machine_is_told(tmp_path: Path) -> None:
    asked = dataclasses.replace(queue(tmp_path, PLAIN), work=tmp_path / "cache" / "queue")
    assert "no queue is at work" in status.text(asked)


def test_a_cell_that_ends_without_its_rows_is_not_begun_again_and_again(tmp_path: Path) -> None:
    asked = queue(tmp_path, PLAIN | {"datasets": ["uci-har"], "seeds": 1})
    assert loop.run(asked, lambda cell: [sys.executable, "-S", "-c", ""], "a" * 12, nothing) == 2
    assert "random, seed 0: its process ended well, and 1 of its 1 rows are missing" in status.text(asked)


def test_a_recipe_that_the_commit_does_not_have_holds_up_nothing(tmp_path: Path, worker: Any) -> None:
    asked = queue(tmp_path, PLAIN | {"recipe": "later"}, PLAIN | {"datasets": ["uci-har"], "seeds": 1})
    assert loop.run(asked, worker, "a" * 12, nothing) == 8
    assert (tmp_path / "worked").read_text().split() == ["random", "dynamic"]
    said = status.text(asked)
    assert "2 of 10 cells are done" in said
    assert "later, random, seed 1: unknown recipe 'later'" in said


def test_time_left_counts_an_encoder_once(tmp_path: Path) -> None:
    few, plain = {**FEW}, PLAIN | {"datasets": ["uci-har"], "methods": ["random"], "seeds": 1}
    folded = plain | {"protocol": "cross-validation"}
    known = seconds.Seconds(tmp_path / "kept.json", [])
    left = [known.of(cell, len(cell.places)) for cell in queue(tmp_path, few, plain, folded).cells()]
    assert left == [100.0 + 6 * 10.0, 10.0, 5 * 110.0]


def test_time_left_follows_the_rows_of_this_machine(tmp_path: Path) -> None:
    (cell, other) = queue(tmp_path, PLAIN | {"methods": ["random"], "seeds": 1}).cells()

    def spent(processor: str, windows: int, **stages: float) -> dict[str, Any]:
        meta: dict[str, Any] = {"environment": {"processor": processor}, "seconds": stages, "recipe_name": "compact"}
        return meta | {"split": {"train": {"windows": windows}}}

    mine = spent(rows.processor(), 100, pretrain=40.0, finetune=5.0, evaluate=1.0)
    found = [Row(row.key | {"seed": 7}, {}, mine) for row in rows_of(cell)]
    found.append(Row({"dataset": "usc-had", "method": "dynamic"}, {}, spent(rows.processor(), 300)))
    kept = tmp_path / "kept.json"
    assert seconds.Seconds(kept, found).of(cell, 1) == 46.0
    assert seconds.Seconds(kept, found).of(other, 1) == 40.0 + 3 * 6.0, "of another data set, by the windows"
    foreign = [Row(row.key, {}, spent("another", 100, finetune=5.0)) for row in rows_of(cell)]
    assert seconds.Seconds(kept, foreign).of(cell, 1) == 110.0, "measured here instead"


def test_one_queue_at_a_time(tmp_path: Path, worker: Any) -> None:
    asked = queue(tmp_path, PLAIN)
    for folder in (asked.work, asked.results):
        with claims.hold(folder), pytest.raises(InUseError):
            loop.run(asked, worker, "a" * 12, nothing)
    with claims.hold(asked.work):
        assert "running at commit" in status.text(asked)


def test_it_stops_after_the_row_or_checkpoint_that_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "POLL_S", 0.02)
    asked = queue(tmp_path, PLAIN)
    saved = asked.work / "encoders" / "a" / "checkpoints" / "epoch-1"
    program = (
        "import os, time; from pathlib import Path\n"
        f"Path({str(asked.work / loop.STOP)!r}).touch(); time.sleep(0.3)\n"
        f"os.makedirs({str(saved)!r}); time.sleep(600)"
    )
    begun: list[Cell] = []

    def command(cell: Cell) -> list[str]:
        begun.append(cell)
        return [sys.executable, "-S", "-c", program]

    assert loop.run(asked, command, "a" * 12, nothing) == 0
    assert len(begun) == 1
    assert saved.is_dir(), "not before"
    assert loop.state(asked.work)["failed"] == {}


def test_a_cell_that_hangs_is_ended_and_the_next_one_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, span in (("POLL_S", 0.02), ("LOOK_S", 0.02), ("HUNG_S", 2.0)):
        monkeypatch.setattr(loop, name, span)
    asked = queue(tmp_path, PLAIN | {"datasets": ["uci-har"], "seeds": 1})
    first, second = asked.cells()

    def command(cell: Cell) -> list[str]:
        if cell == second:
            store(asked, cell, rows_of(cell))
        return [sys.executable, "-S", "-c", f"import time; time.sleep({600 if cell == first else 0})"]

    assert loop.run(asked, command, "a" * 12, nothing) == 1
    assert loop.state(asked.work)["failed"].keys() == {first.title}
    assert "it hung" in loop.state(asked.work)["failed"][first.title]
    assert len(cells.done(asked.results)[second.folder]) == 1


def test_it_ends_when_its_time_is_over(tmp_path: Path, worker: Any) -> None:
    asked = queue(tmp_path, PLAIN, limit_s=0.0)
    assert loop.run(asked, worker, "a" * 12, nothing) == 0
    assert not (tmp_path / "worked").exists()


def test_environments_of_other_commits_are_removed(tmp_path: Path) -> None:
    for name in ("env-a", "env-b", "old-env-c", "encoders"):
        (tmp_path / name / "inside").mkdir(parents=True)
    wheel.remove_others(tmp_path, tmp_path / "env-b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encoders", "env-b"]


def test_a_commit_without_a_queue_is_refused(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    with pytest.raises(DataError, match=r"git rev-parse failed.*--commit"):
        wheel.commit_of(tmp_path, "HEAD")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "a"], check=True)
    commit = wheel.commit_of(tmp_path, "HEAD")
    assert len(commit) == 12
    with pytest.raises(DataError, match=r"holds no results/queue\.py"):
        wheel.environment(tmp_path, commit, tmp_path / "work")
    assert not list((tmp_path / "work").glob("env-*"))


def test_the_program_does_not_hide_the_standard_library_s_queue() -> None:
    for program in ("queue.py", "tables.py"):
        code = f"import runpy, sys; sys.path[0] = {str(ROOT / 'results')!r}\n"
        code += f"runpy.run_path({str(ROOT / 'results' / program)!r}, run_name='x'); import queue; queue.SimpleQueue"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_killed_queue_ends_with_the_rows_of_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once, between two checkpoints; `python -m tests.results` does it at ten moments."""
    pytest.importorskip("resource", reason="process groups are killed on Unix alone")
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    source = checkout(tmp_path / "checkout")
    killed = Killed(tmp_path / "killed", source, LIST)
    assert killed.run(lambda spent_s: killed.training) is None
    assert not killed.outcome()
    killed.run()
    whole, threads = queue(tmp_path, *LIST["cells"]), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for cell in whole.cells():
            work(cell, whole.results, whole.work, "cpu")
    finally:
        torch.set_num_threads(threads)
    assert killed.outcome() == outcome(whole.results)
    assert len(killed.outcome()) == 5
    made = [row.meta["environment"]["commit"] for path in killed.results.glob("*/*.jsonl") for row in rows.read(path)]
    assert {f"env-{commit}" for commit in made} == {path.name for path in (killed.folder / "work").glob("env-*")}


def test_the_list_of_the_repository_can_be_worked() -> None:
    listed = cells.read(ROOT / "results" / "queue.toml")
    cells.check(listed)
    assert {cell.dataset for cell in listed} == {"uci-har", "usc-had", "mobifall", "motionsense"}
    assert len({cell.title for cell in listed}) == len(listed), "a title names one cell"
