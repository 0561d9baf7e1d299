"""Finding data sets by name and their files by place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otolith.datasets import Dataset, DatasetInfo, info, kind_of, load, locations, names, register, registry
from otolith.errors import DataError
from otolith.recording import Recording

BUILT_IN = [
    *("mobiact", "mobifall", "motionsense", "sp-sw-har", "sp-sw-har-phone", "sp-sw-har-watch"),
    *("synthetic", "uci-har", "usc-had", "watch", "wisdm-watch"),
]


def test_names() -> None:
    assert names() == BUILT_IN


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match="unknown data set 'ucihar'; did you mean 'uci-har'"):
        load("ucihar")
    with pytest.raises(DataError, match="did you mean 'watch'"):
        info("wach")
    with pytest.raises(DataError, match="did you mean 'usc-had'"):
        kind_of("uschad")


@pytest.fixture
def preserved() -> Iterator[None]:
    with registry.REGISTRY.preserved():
        yield


@pytest.mark.usefixtures("preserved")
def test_a_new_data_set_registers_itself() -> None:
    def make(name: str) -> type[Dataset]:
        class Own(Dataset):
            info = DatasetInfo(name, "t", 50.0, ("a",), 1, 1, "l", "t", "c", "h", "g")

            def recordings(self) -> Iterator[Recording]:
                return iter(())

            def files(self) -> list[Path]:
                return []

        return Own

    own = register(make("own"))
    assert isinstance(load("own"), own)
    assert names() == sorted([*BUILT_IN, "own"])
    with pytest.raises(ValueError, match="two data sets are named 'watch'"):
        register(make("watch"))


def test_import_is_cheap() -> None:
    heavy = "torch,polars,scipy,requests,platformdirs,pydantic,sklearn,seglearn"
    code = f"import sys, otolith.datasets as d; d.names(); print([m for m in '{heavy}'.split(',') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("OTOLITH_DATA", raising=False)
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    return tmp_path


def test_root_is_the_folder_or_its_parent(uci_folder: Path, no_environment: Path) -> None:
    for root in (uci_folder, uci_folder.parent, uci_folder.parent.parent):
        assert load("uci-har", root).root == uci_folder
        assert load("uci-har", str(root)).root == uci_folder


def test_environment_then_download_folder(
    uci_folder: Path, no_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = locations.download_folder() / "uci-har"
    fetched.mkdir(parents=True)
    (fetched / "labels.txt").write_text("")
    assert load("uci-har").root == fetched
    monkeypatch.setenv("OTOLITH_DATA", str(uci_folder.parent.parent))
    assert load("uci-har").root == uci_folder
    monkeypatch.setenv("OTOLITH_DATA", str(no_environment / "elsewhere"))
    assert load("uci-har").root == fetched


def test_missing_data_names_the_places_and_the_cure(no_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="OTOLITH_DATA is not set") as caught:
        load("uci-har")
    message = str(caught.value)
    assert f"{locations.download_folder()} (no such folder)" in message
    assert "`otolith data uci-har --fetch`" in message
    assert "https://archive.ics.uci.edu/dataset/341" in message

    monkeypatch.setenv("OTOLITH_DATA", str(no_environment))
    with pytest.raises(DataError) as caught:
        load("usc-had")
    assert f"{no_environment} (no such files in it); {locations.download_folder()} (no such folder)" in str(
        caught.value
    )

    with pytest.raises(DataError) as caught:
        load("usc-had", no_environment / "absent")
    assert f"Looked in: {no_environment / 'absent'} (no such folder). Fetch it" in str(caught.value)


def test_empty_folder_of_the_right_name_is_named(no_environment: Path) -> None:
    (no_environment / "USC-HAD").mkdir()
    with pytest.raises(DataError, match=r"USC-HAD \(no such files in it\)"):
        load("usc-had", no_environment)


def test_root_for_a_set_that_needs_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="synthetic needs no folder"):
        load("synthetic", tmp_path)
    with pytest.raises(DataError, match="has no meaning"):
        load(tmp_path, tmp_path)


def test_name_wins_over_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "watch").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("watch").info.name == "watch"
    with pytest.raises(DataError, match=r"holds no card\.json"):
        load("./watch")


@pytest.mark.parametrize("path", ["./absent", "a/b/c", "~/absent-otolith-folder"])
def test_path_that_is_no_folder(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"is not a data set folder, which holds a card\.json"):
        load(path)


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path))
    assert locations.home() == tmp_path
    monkeypatch.delenv("OTOLITH_HOME")
    assert "otolith" in str(locations.home())
