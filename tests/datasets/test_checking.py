"""Checksums of the published files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from otolith.datasets import checking, load
from otolith.datasets.__main__ import main
from otolith.datasets.checking import manifest, published
from otolith.errors import DataError


def test_published_manifests_are_complete() -> None:
    uci, usc = published("uci-har"), published("usc-had")
    assert len(uci) == 2 * 61 + 1
    assert len(usc) == 840
    assert sum(int(entry["samples"]) for entry in usc.values()) == 2_811_490
    for entry in [*uci.values(), *usc.values()]:
        assert len(str(entry["sha256"])) == 64
    assert published("watch") == {}


def test_computed_manifest_describes_the_copy(
    uci_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["uci-har", str(uci_folder.parent)]) == 0
    written = capsys.readouterr().out
    assert json.loads(written) == manifest(load("uci-har", uci_folder))
    monkeypatch.setattr(checking, "FOLDER", tmp_path)
    (tmp_path / "uci-har.json").write_text(written)
    dataset = load("uci-har", uci_folder)
    assert dataset.check(deep=True) == []

    path = uci_folder / "gyro_exp01_user01.txt"
    path.write_bytes(path.read_bytes().replace(b"0", b"9", 1))
    assert dataset.check() == []  # same size
    (problem,) = dataset.check(deep=True)
    assert problem.where == str(path)
    assert "differs from the published file" in problem.what


def test_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "otolith.datasets"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_set_without_files() -> None:
    with pytest.raises(DataError, match="watch has no files"):
        manifest(load("watch"))
