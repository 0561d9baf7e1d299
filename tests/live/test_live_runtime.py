"""The runtime of the page: npm's answer and archives given by hand, verified, and no more taken than is needed."""

from __future__ import annotations

import base64
import hashlib
import io
import stat
import tarfile
from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.live import runtime

CONTENTS = {name: f"content of {name}".encode() for name in runtime.FILES}
WHOLE = {f"package/dist/{name}": content for name, content in CONTENTS.items()}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))


def archive(path: Path, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.type = kind
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            member.linkname = "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return path


def accept(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this archive be the published one."""
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(runtime, "INTEGRITY", f"sha512-{digest}")
    return path


def everything(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """A program of that name alone on the path."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_only_the_needed_files_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"package/dist/../../../outside": b"x", "/tmp/abs": b"x", "package/dist/other.mjs": b"x"}
    others |= {f"package/lib/{name}": b"wrong" for name in runtime.FILES}
    given = accept(archive(tmp_path / "given.tgz", others | WHOLE), monkeypatch)
    place = runtime.fetch(given)
    assert place == tmp_path / "home" / "live" / f"runtime-{runtime.VERSION}"
    assert everything(tmp_path / "home") == sorted(f"live/{place.name}/{name}" for name in runtime.FILES)
    assert everything(tmp_path) == sorted(["given.tgz", *(f"home/{each}" for each in everything(tmp_path / "home"))])
    assert {name: content for name, (content, _) in runtime.load().items()} == CONTENTS


def test_a_tampered_archive_is_refused_and_nothing_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = accept(archive(tmp_path / "given.tgz", WHOLE), monkeypatch)
    content = bytearray(given.read_bytes())
    content[4] ^= 1  # a date of the gzip header: every member unpacks as before
    given.write_bytes(content)
    with pytest.raises(DataError, match=r"is not onnxruntime-web .* as it was published"):
        runtime.fetch(given)
    assert everything(tmp_path / "home") == []
    assert not runtime.installed()
    with pytest.raises(DataError, match=f"run `{runtime.COMMAND}`"):
        runtime.load()


@pytest.mark.parametrize(
    ("members", "kind", "named"),
    [
        (dict(list(WHOLE.items())[:1]), tarfile.REGTYPE, "lacks ort-wasm-simd-threaded.wasm"),
        (WHOLE, tarfile.SYMTYPE, "is not a regular file"),
        (WHOLE, tarfile.LNKTYPE, "is not a regular file"),
    ],
)
def test_archives_of_another_make_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], kind: bytes, named: str
) -> None:
    given = accept(archive(tmp_path / "given.tgz", members, kind), monkeypatch)
    with pytest.raises(DataError, match=named):
        runtime.fetch(given)
    assert everything(tmp_path / "home") == []


def test_a_damaged_place_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = accept(archive(tmp_path / "given.tgz", WHOLE), monkeypatch)
    place = runtime.fetch(given)
    (place / next(iter(runtime.FILES))).unlink()
    assert not runtime.installed()
    runtime.fetch(given)
    assert runtime.installed()


def test_npm_is_asked_for_one_version_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = accept(archive(tmp_path / "given.tgz", WHOLE), monkeypatch)
    npm(tmp_path, monkeypatch, f'ls > {tmp_path}/seen; echo "$@" > {tmp_path}/asked; cp {given} here.tgz')
    runtime.fetch()
    assert (tmp_path / "seen").read_text() == ""
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:2] == ["pack", f"onnxruntime-web@{runtime.VERSION}"]
    assert "--ignore-scripts" in asked
    (tmp_path / "asked").unlink()
    runtime.fetch()  # it is there
    assert not (tmp_path / "asked").exists()


def test_what_npm_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, monkeypatch, "echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(DataError, match=r"ENOTFOUND.*npm config get registry"):
        runtime.fetch()
    assert everything(tmp_path / "home") == []


def test_without_npm_the_archive_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers.commandline import call, refused

    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs npm, which is not on the path" in refused("live-runtime")
    assert "absent.tgz is not a file" in refused("live-runtime", tmp_path / "absent.tgz")
    given = accept(archive(tmp_path / "given.tgz", WHOLE), monkeypatch)
    ended = call("live-runtime", given)
    assert ended.code == 0, ended.err
    assert runtime.installed()
