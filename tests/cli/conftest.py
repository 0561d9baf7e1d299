"""A small data set folder, and one run of it, for all tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.commandline import SET, Ended, call, make_set


@pytest.fixture(scope="session")
def moves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of five subjects; read it, do not change it."""
    return make_set(tmp_path_factory.mktemp("sets") / "moves")


@pytest.fixture(scope="session")
def finished(moves: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A run of `moves` to its end, and what it printed; read it, do not change it."""
    folder = tmp_path_factory.mktemp("runs") / "moves run"
    ended = call("run", moves, *SET, "--out", folder)
    assert ended.code == 0, ended.err
    return folder, ended
