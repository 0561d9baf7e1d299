"""Fetching from a server on this machine: good archives, damaged ones, hostile ones, and none at all."""

from __future__ import annotations

import io
import json
import re
import socket
import stat
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from otolith.datasets import checking, download, load
from otolith.datasets.download import fetch, unpack
from otolith.errors import DataError
from otolith.importing import read_recordings
from otolith.progress import Progress, Stage

Serve = Callable[..., str]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, content, announced, delay_s = self.server.answer  # type: ignore[attr-defined]
        time.sleep(delay_s)
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(announced if announced is not None else len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            return  # the client gave up, as some tests want it to

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    def start(content: bytes, status: int = 200, announced: int | None = None, delay_s: float = 0.0) -> str:
        server.answer = (status, content, announced, delay_s)  # type: ignore[attr-defined]
        return f"http://127.0.0.1:{server.server_port}/archive.zip"

    yield start
    server.shutdown()
    server.server_close()
    thread.join()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def raw(uci_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """A small UCI-HAR that the manifest takes for the published one; its files by name."""
    listed = checking.manifest(load("uci-har", uci_folder))
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "uci-har.json").write_text(json.dumps(listed))
    monkeypatch.setattr(checking, "FOLDER", tmp_path / "manifests")
    return {path.name: path.read_bytes() for path in uci_folder.iterdir()}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OTOLITH_DATA", raising=False)
    return tmp_path / "home" / "data"


def in_raw_data(raw: dict[str, bytes]) -> dict[str, bytes]:
    return {f"RawData/{name}": content for name, content in raw.items()}


@pytest.mark.parametrize("nested", [False, True])
def test_fetched_set_is_found_by_name(serve: Serve, raw: dict[str, bytes], cache: Path, nested: bool) -> None:
    content = zipped({"README.txt": b"terms", **in_raw_data(raw)})
    if nested:  # the publisher's archive wraps the authors' archive
        content = zipped({"HAPT Data Set.zip": content, "names.txt": b"x"})
    assert fetch("uci-har", url=serve(content)) == cache / "uci-har"
    dataset = load("uci-har")
    assert dataset.root == cache / "uci-har"
    assert dataset.check(deep=True) == []
    assert len(list(dataset.recordings())) == 2
    assert [path.name for path in cache.iterdir()] == ["uci-har"]


def test_good_copy_is_not_fetched_again(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    fetch("uci-har", url=serve(zipped(in_raw_data(raw))))
    assert fetch("uci-har", url=serve(b"", 404)) == cache / "uci-har"
    with pytest.raises(DataError, match="404"):
        fetch("uci-har", url=serve(b"", 404), force=True)
    assert load("uci-har").check(deep=True) == []


def test_damaged_copy_is_replaced(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    url = serve(zipped(in_raw_data(raw)))
    fetch("uci-har", url=url)
    (cache / "uci-har" / "labels.txt").write_text("1 1 5 3 41\n")
    assert fetch("uci-har", url=url) == cache / "uci-har"
    assert load("uci-har").check(deep=True) == []
    assert [path.name for path in cache.iterdir()] == ["uci-har"]


class Recorder(Progress):
    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []

    @contextmanager
    def stage(self, title: str, total: int | None = None, unit: str = "") -> Iterator[Stage]:
        recorder = self

        class Counting(Stage):
            done = 0

            def advance(self, steps: int = 1, **figures: float) -> None:
                self.done += steps

        counting = Counting()
        yield counting
        recorder.stages.append((title, counting.done))


def test_progress_is_told(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    content = zipped(in_raw_data(raw))
    recorder = Recorder()
    fetch("uci-har", url=serve(content), progress=recorder)
    (title, n_bytes), (second, n_files) = recorder.stages
    assert (title, second, n_files) == ("downloading uci-har", "unpacking uci-har", 5)
    assert n_bytes == len(content)


def refused(message: str, url: str, cache: Path, timeout_s: float = 30.0) -> None:
    """`fetch` fails with this message and the manual steps, and leaves nothing behind."""
    with pytest.raises(DataError, match=message) as caught:
        fetch("uci-har", url=url, timeout_s=timeout_s)
    assert "https://archive.ics.uci.edu/dataset/341" in str(caught.value)
    assert list(cache.iterdir()) == []


def test_wrong_checksum(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    name = "acc_exp01_user01.txt"
    other = raw | {name: raw[name].replace(b"1", b"2", 1)}
    message = f"1 files are not the published ones; the first: {name}: differs"
    refused(message, serve(zipped(in_raw_data(other))), cache)


def test_file_missing_from_the_archive(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    raw.pop("gyro_exp02_user01.txt")
    refused(r"gyro_exp02_user01\.txt: is missing", serve(zipped(in_raw_data(raw))), cache)


def test_archive_of_something_else(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    refused("the archive holds no RawData", serve(zipped({"cat.jpg": b"meow"})), cache)


def test_damaged_archive(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    content = bytearray(zipped(in_raw_data(raw)))
    refused("is not a whole zip file", serve(bytes(content[: len(content) // 2])), cache)
    refused("is not a whole zip file", serve(b"<html>Please sign in</html>"), cache)
    for place in range(200, 260):
        content[place] ^= 0xFF
    refused("is not a whole zip file", serve(bytes(content)), cache)


def test_connection_lost_halfway(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    content = zipped(in_raw_data(raw))
    refused("no network or no answer", serve(content[:1000], announced=len(content)), cache)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_server_refuses(serve: Serve, raw: dict[str, bytes], cache: Path, status: int) -> None:
    refused(f"the server answers {status}", serve(b"no", status), cache)


def test_server_is_silent(serve: Serve, raw: dict[str, bytes], cache: Path) -> None:
    refused("no network or no answer", serve(b"late", delay_s=0.6), cache, timeout_s=0.15)


def test_no_server(raw: dict[str, bytes], cache: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused(r"no network or no answer \(ConnectionError\)", f"http://127.0.0.1:{port}/x.zip", cache)


def test_download_that_never_ends(
    serve: Serve, raw: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_ARCHIVE_BYTES", 1000)
    with pytest.raises(DataError, match="sends more than 1000 bytes"):
        fetch("uci-har", url=serve(b"x" * 5000))
    assert list(cache.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        fetch("uci-har", tmp_path / "file" / "below", url="http://127.0.0.1:9/")


@pytest.mark.parametrize("name", ["mobiact", "mobifall", "motionsense", "watch", "synthetic"])
def test_sets_that_are_not_offered(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{name} cannot be downloaded by otolith") as caught:
        fetch(name, tmp_path)
    assert load("watch").info.how_to_get in str(caught.value) or name != "watch"
    assert list(tmp_path.iterdir()) == []


def archive_of(tmp_path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "..\\outside", "C:outside"])
def test_members_that_lead_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="leads outside"):
        unpack(archive_of(tmp_path, (name, b"x")), tmp_path / "in" / "here")
    assert not list(tmp_path.rglob("outside"))


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        unpack(archive_of(tmp_path, (zipfile.ZipInfo(""), b"x")), tmp_path / "here")


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match="leads outside"):
        unpack(archive_of(tmp_path, (link, b"/etc")), tmp_path / "in")


def test_bombs_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_UNPACKED_BYTES", 100_000)
    bomb = archive_of(tmp_path, ("a", b"\0" * 60_000), ("b", b"\0" * 60_000))
    assert bomb.stat().st_size < 1000
    with pytest.raises(DataError, match="unpacks to more than 100000 bytes"):
        unpack(bomb, tmp_path / "in")
    monkeypatch.setattr(download, "MAX_MEMBERS", 3)
    many = archive_of(tmp_path, *((str(i), b"") for i in range(4)))
    with pytest.raises(DataError, match="has more than 3 members"):
        unpack(many, tmp_path / "many")


def test_a_member_that_asks_for_all_memory_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an LZMA member does whose header claims a dictionary of gigabytes."""

    def greedy(*_: object) -> bytes:
        raise MemoryError

    path = archive_of(tmp_path, ("walk.csv", b"t,acc_x,acc_y,acc_z\n" + b"0,1,2,3\n" * 100))
    monkeypatch.setattr(zipfile.ZipExtFile, "_read1", greedy)
    with pytest.raises(DataError, match="asks for more memory than there is"):
        unpack(path, tmp_path / "in")
    with pytest.raises(DataError, match=r"walk\.csv: cannot be unpacked \(it asks for more memory"):
        read_recordings(path)


def test_archives_in_archives_in_archives(tmp_path: Path) -> None:
    inner = zipped({"x.zip": zipped({"y.zip": zipped({"z": b"z"})})})
    with pytest.raises(DataError, match="more than 2 deep"):
        unpack(archive_of(tmp_path, ("w.zip", inner)), tmp_path / "in")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = archive_of(tmp_path, ("a", b"secret"))
    content = bytearray(path.read_bytes())
    for place in re.finditer(rb"PK\x03\x04|PK\x01\x02", bytes(content)):
        content[place.start() + (6 if place.group().endswith(b"\x04") else 8)] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="is encrypted"):
        unpack(path, tmp_path / "in")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_repeated_members_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="comes twice"):
        unpack(archive_of(tmp_path, ("a", b"1"), ("a", b"2")), tmp_path / "in")
