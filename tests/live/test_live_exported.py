"""The exported model is kept: found again by what it depends on, made anew where it is damaged, shared by servers."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from otolith.live import exported, in_page, runtime
from otolith.model import Model, bundle
from otolith.progress import Progress

CHECKSUM = "1" * 64
GRAPH = b"a graph" * 1000


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))


class Exports:
    """In place of the export: a file that is different each time."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, model: object, path: Path, **_: object) -> None:
        self.n += 1
        path.write_bytes(b"graph %d" % self.n)


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> Exports:
    pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")
    made = Exports()
    monkeypatch.setattr("otolith.export.export_onnx", made)
    monkeypatch.setattr(runtime, "load", lambda: {"some.mjs": (b"export {}", "text/javascript")})
    return made


def handed(model: Model, checksum: str, terms: tuple[str, ...] = (), progress: Progress | None = None) -> bytes:
    found = in_page.prepare(model, terms, (), progress or Progress(), checksum=checksum)
    assert found.why_not == ""
    return found.files[in_page.GRAPH][0]


def entries() -> list[Path]:
    return sorted(exported.folder().iterdir())


def test_a_second_start_exports_nothing(model: Model, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    assert handed(model, CHECKSUM) == b"graph 1"
    for name in ("onnx", "onnxscript", "onnxruntime"):  # nor does it wait for what would export
        monkeypatch.setitem(sys.modules, name, None)
    assert handed(model, CHECKSUM) == b"graph 1"
    assert exports.n == len(entries()) == 1


def test_without_a_checksum_nothing_is_kept(model: Model, exports: Exports) -> None:
    assert (handed(model, ""), handed(model, "")) == (b"graph 1", b"graph 2")
    assert not exported.folder().exists()


@pytest.mark.parametrize("changed", ["model", "terms", "otolith", "format", *exported.PACKAGES])
def test_whatever_it_depends_on_exports_again_when_it_changes(
    model: Model, exports: Exports, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = handed(model, CHECKSUM), metadata.version
    with monkeypatch.context() as patch:
        if changed in exported.PACKAGES:
            patch.setattr(metadata, "version", lambda name: "99" if name == changed else version(name))
        elif changed in ("otolith", "format"):
            patch.setattr(exported, {"otolith": "__version__", "format": "FORMAT"}[changed], 99)
        other = {"model": ("2" * 64, ()), "terms": (CHECKSUM, ("For tests.",))}.get(changed, (CHECKSUM, ()))
        assert handed(model, *other) == b"graph 2"
    assert handed(model, CHECKSUM) == before  # the first is still there


def test_a_bundle_s_checksum_is_that_of_both_its_files(model: Model, tmp_path: Path) -> None:
    folder = bundle.save(model, tmp_path / "model")
    found = {exported.checksum(folder)}
    assert exported.checksum(bundle.save(model, tmp_path / "copy")) in found
    for name in (bundle.CARD, bundle.WEIGHTS):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b" ")
        found.add(exported.checksum(folder))
        (folder / name).write_bytes(content)
    assert len(found) == 3
    (folder / bundle.WEIGHTS).unlink()
    assert exported.checksum(folder) == ""


@pytest.mark.parametrize("how", ["cut", "turned", "emptied"])
def test_a_damaged_file_is_noticed_and_made_anew(model: Model, exports: Exports, how: str) -> None:
    handed(model, CHECKSUM)
    (path,) = entries()
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes({"cut": content[:-1], "turned": content, "emptied": b""}[how])
    assert handed(model, CHECKSUM) == handed(model, CHECKSUM) == b"graph 2"
    assert exports.n == 2


def test_what_cannot_be_kept_is_handed_over_all_the_same(model: Model, exports: Exports, tmp_path: Path) -> None:
    said: list[str] = []

    class Telling(Progress):
        def say(self, text: str) -> None:
            said.append(text)

    (tmp_path / "home").write_text("in the way")
    assert handed(model, CHECKSUM, progress=Telling()) == b"graph 1"
    assert "the next start will export it again; OTOLITH_HOME names another place" in said[0]


def test_only_the_files_that_were_used_last_stay(tmp_path: Path) -> None:
    keys = [exported.key(CHECKSUM, [str(i)]) for i in range(exported.KEPT + 1)]
    for age, name in enumerate(reversed(keys[:-1])):
        exported.keep(name, GRAPH)
        (path,) = exported.folder().glob(f"{name}-*")
        os.utime(path, (1e9 - age, 1e9 - age))
    assert exported.find(keys[0]) == GRAPH  # which makes it the newest
    for name, seconds in (("old", 1e9), ("new", None)):
        partial = exported.folder() / f".{name}.onnx.1.part"
        partial.write_bytes(b"half")
        if seconds is not None:
            os.utime(partial, (seconds, seconds))
    exported.keep(keys[-1], GRAPH)
    assert {path.name.partition("-")[0] for path in exported.folder().glob("*.onnx")} == {keys[0], *keys[2:]}
    assert [path.name for path in entries() if path.suffix == ".part"] == [".new.onnx.1.part"]


BUSY = """
import random, sys
from otolith.live import exported
random.seed(int(sys.argv[1]))
for _ in range(60):
    if random.random() < 0.5:  # something damages what is there
        for path in exported.folder().glob("*.onnx"):
            path.write_bytes(b"half")
    found = exported.find("key")
    assert found is None or found == 1000 * found[:4], found[:20]
    if found is None:
        exported.keep("key", 1000 * (b"%4d" % random.randrange(3)))
"""


def test_servers_do_not_harm_each_other() -> None:
    """Each finds a whole file or none, while others write, damage and remove the same."""
    several = [subprocess.Popen([sys.executable, "-c", BUSY, str(i)], stderr=subprocess.PIPE) for i in range(2)]
    for one in several:
        assert one.communicate(timeout=60)[1] == b""
        assert one.returncode == 0
