"""Run folders for the tests of reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.run_folders import MakeRun, build_run


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    return build_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole run; read it, do not change it."""
    return build_run(tmp_path_factory.mktemp("runs") / "uci-har-dynamic-0")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are made but stay empty on the page: for tests that read its words."""
    monkeypatch.setattr("otolith.report.style.svg", lambda *_, **__: '<svg xmlns="http://www.w3.org/2000/svg"/>')
