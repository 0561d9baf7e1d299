"""The queue of `results/queue.py`, killed with all its processes, and what it leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w

from otolith import rows
from tests.faults.faultjobs import SIZES

ROOT = Path(__file__).parents[2]
TINY = {name: json.loads(value) for name, value in SIZES.items()} | {"pretrain.epochs": 4}
CSSHAR: dict[str, Any] = {"datasets": ["synthetic"], "methods": ["csshar"], "set": TINY}
LIST: dict[str, Any] = {
    "cells": [
        CSSHAR | {"protocol": "few-labels", "k": [1, 5], "draws": 2},
        CSSHAR | {"protocol": "representation"},
    ]
}
MORE = CSSHAR | {"protocol": "cross-validation", "methods": ["dynamic"], "folds": 2}
LIMIT_S = 600.0


def checkout(folder: Path) -> Path:
    """Make a repository of the files that a wheel and its queue are made of, as they are now, with one commit."""
    for part in ("src/otolith", "results/queueing"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "commit.txt"))
    for part in ("results/queue.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, folder / part)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    for tokens in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *tokens], check=True)
    return folder


class Killed:
    """A queue in a folder of its own, started as often as it is killed."""

    def __init__(self, folder: Path, source: Path, listed: dict[str, Any]) -> None:
        self.folder, self.results = folder, folder / "results"
        self.results.mkdir(parents=True)
        (folder / "list.toml").write_text(tomli_w.dumps(listed))
        places = ["--list", folder / "list.toml", "--results", self.results, "--work", folder / "work"]
        self.env = os.environ | {"PYTHONPATH": str(source / "src"), "OTOLITH_HOME": str(folder.parent / "home")}
        self.command = [sys.executable, str(source / "results" / "queue.py"), *map(str, places), "--device", "cpu"]

    def run(self, kill: Callable[[float], bool] = lambda spent_s: spent_s > LIMIT_S) -> float | None:
        """Start it; returns its seconds if it came to its end, or None where it was killed: when `kill` says so.

        Raises:
            AssertionError: it ended with an error.
        """
        began = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True, env=self.env)
        while process.poll() is None:
            if kill(time.monotonic() - began):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return None
            time.sleep(0.02)
        assert process.returncode == 0, (self.folder / "log").read_text()
        return time.monotonic() - began

    @property
    def training(self) -> bool:
        """Whether an encoder is between two checkpoints."""
        return any((self.folder / "work" / "encoders").glob("*/checkpoints/**/epoch-*"))

    def outcome(self) -> dict[str, Any]:
        """Return what the rows say, see `outcome`."""
        return outcome(self.results)


def outcome(results: Path) -> dict[str, Any]:
    """Return {name of a key: its key and result}; a row that was written twice is an error."""
    found = [row for path in results.glob("*/rows.jsonl") for row in rows.scan(path).rows]
    named = {rows.key_hash(row.key): (row.key, row.result) for row in found}
    assert len(named) == len(found), "a row was made twice"
    return named
