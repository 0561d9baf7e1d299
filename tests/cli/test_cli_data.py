"""`otolith data`: list, describe, check and fetch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from otolith import datasets
from otolith.datasets.locations import download_folder
from tests.helpers.commandline import call, make_set, refused


def row(listing: str, name: str) -> str:
    """The line of one data set."""
    (line,) = [line for line in listing.splitlines() if line.startswith(f"{name} ")]
    return line


def test_lists_every_data_set_and_whether_it_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTOLITH_DATA", raising=False)
    listing = call("data").out
    for name in datasets.names():
        info = datasets.info(name)
        assert info.title in row(listing, name)
        assert f" {info.rate_hz:g} Hz " in row(listing, name)
        assert f" {len(info.activities)} " in row(listing, name)
    assert "always here" in row(listing, "watch")
    assert "not here" in row(listing, "mobiact")


def test_lists_the_windows_that_are_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path))
    assert " – " in row(call("data").out, "synthetic")
    other = datasets.load("synthetic").windows(rate_hz=10)
    assert " – " in row(call("data").out, "synthetic")
    w = datasets.load("synthetic").windows()
    damaged = tmp_path / "windows" / "damaged"
    damaged.mkdir()
    (damaged / "manifest.json").write_text("{")
    assert f" {len(w):,} " in row(call("data").out, "synthetic")
    assert len(w) == len(other)


@pytest.mark.realdata
def test_says_where_real_data_lie(real_root: Path) -> None:
    listing = call("data", "--data", real_root).out
    for name in ("uci-har", "usc-had", "mobifall", "motionsense", "sp-sw-har", "wisdm-watch"):
        assert str(real_root) in row(listing, name)
        assert call("data", name, "--check", "--data", real_root).code == 0


@pytest.mark.parametrize("name", datasets.names())
def test_describes_a_data_set(name: str) -> None:
    info = datasets.info(name)
    ended = call("data", name)
    assert ended.code == 0
    for text in (info.title, info.terms, info.licence, info.citation, info.how_to_get, ", ".join(info.activities)):
        assert text in ended.out
    assert ("--fetch" in ended.out) == (info.download_url is not None)


def test_describes_a_folder(moves: Path) -> None:
    ended = call("data", moves)
    assert ended.code == 0
    assert "People who move on command" in ended.out
    assert "5 subjects, 5 recordings" in ended.out


def test_check_passes_what_is_whole(moves: Path) -> None:
    for options in (["--check"], ["--check", "--deep"], ["--deep"]):
        ended = call("data", moves, *options)
        assert ended.code == 0
        assert "nothing is missing or damaged" in ended.out


def test_check_names_what_is_missing_or_damaged(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "set")
    damaged = folder / "signals" / "000002-0.parquet"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert call("data", folder, "--check").code == 0
    ended = call("data", folder, "--check", "--deep")
    assert ended.code == 2
    assert damaged.name in ended.out
    damaged.unlink()
    ended = call("data", folder, "--check")
    assert ended.code == 2
    assert damaged.name in ended.out
    shutil.rmtree(folder)
    assert str(folder) in refused("data", folder, "--check")


def test_check_of_what_is_not_here(tmp_path: Path) -> None:
    message = refused("data", "usc-had", "--check", "--data", tmp_path)
    assert str(tmp_path) in message
    assert "--fetch" in message


def test_nothing_to_fetch_or_check_is_named() -> None:
    for option in ("--fetch", "--check", "--deep"):
        assert "name the data set" in refused("data", option)


def test_unknown_name_gets_the_nearest() -> None:
    assert "did you mean 'uci-har'" in refused("data", "uci-hra")
    assert "did you mean 'uci-har'" in refused("data", "uci-hra", "--fetch")


def test_fetch_of_what_must_be_requested_says_how() -> None:
    assert datasets.info("mobiact").how_to_get in refused("data", "mobiact", "--fetch")


def test_fetch_without_a_network_gives_the_manual_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    def unreachable(*args: object, **options: object) -> None:
        raise requests.exceptions.ConnectionError("no network")

    monkeypatch.setattr(requests, "get", unreachable)
    assert datasets.info("uci-har").how_to_get in refused("data", "uci-har", "--fetch")
    assert not (download_folder() / "uci-har").exists()


def test_fetch_says_where_the_data_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fetch(name: str, folder: Path | None = None, *, progress: object) -> Path:
        return (folder or Path("downloads")) / name

    monkeypatch.setattr("otolith.datasets.download.fetch", fetch)
    ended = call("data", "usc-had", "--fetch", "--data", tmp_path)
    assert ended.code == 0
    assert str(tmp_path / "usc-had") in ended.out
    assert f"otolith run usc-had --data {tmp_path}" in ended.out
