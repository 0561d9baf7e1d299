"""Files from strangers: none but regular ones of bounded size are read, and a clear error says so at once."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import otolith
from otolith import datasets, pipeline, recipes, rows, splits
from otolith.errors import OtolithError
from otolith.importing.containers import sources
from otolith.importing.formats import TAKEN
from otolith.live import exported, runtime
from otolith.model import bundle
from otolith.recording import CHANNELS, Recording, Stream
from otolith.serving import certificate
from otolith.system import claims, reading
from otolith.training.checkpoint import Checkpoint, CheckpointFolder
from otolith.windows.cache import windows_for
from tests.helpers import tiny

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes and devices are a Unix thing")

HERE = Path(otolith.__path__[0])
BYTES = 200 << 30
"""Of a sparse file that fills no disk and no memory may hold."""


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(BYTES)


def folder(path: Path) -> None:
    path.mkdir()


def listening(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


SHAPES = {shape.__name__: shape for shape in (pipe, endless, huge, folder, listening)}


@pytest.fixture(autouse=True)
def hurry() -> Iterator[None]:
    """A reader that waits, or reads without end, is stopped."""

    def stop(*_: object) -> None:
        raise TimeoutError("the reader did not come to an end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("shape", SHAPES)
def test_only_a_regular_file_of_a_bounded_size_is_read(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    SHAPES[shape](path)
    for read in (reading.read_bytes, reading.read_text, reading.open_regular, reading.check_regular):
        with pytest.raises(OSError, match=r"where a regular|bytes, more|such device"):
            read(path)


def test_what_is_regular_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"four")
    (tmp_path / "link").symlink_to(path)
    for each in (path, tmp_path / "link"):
        assert reading.read_bytes(each, 4) == b"four"
        assert reading.read_text(each) == "four"
    with pytest.raises(OSError, match="it holds 4 bytes, more than the 3 that are read"):
        reading.read_bytes(path, 3)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of everything that otolith reads from a folder that somebody else may have made."""
    place = tmp_path_factory.mktemp("sound")
    torch.set_num_threads(1)
    w = tiny.windows()
    split = splits.holdout(w, 0)
    model = pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(), "random"), w, split)
    bundle.save(model, place / "model")
    info = datasets.base.DatasetInfo(
        name="walks", title="Walks", rate_hz=25.0, activities=(), n_subjects=None, n_recordings=None, licence="none",
        terms="None.", citation="", homepage="", how_to_get="", channels=CHANNELS, own=True,
    )  # fmt: skip
    x = np.random.default_rng(0).normal(0, 1, (6, 200))
    datasets.folder.write_folder(place / "walks", info, [Recording("walk", 1, (Stream(CHANNELS, x, 25.0),))])
    for number in (1, 2):
        CheckpointFolder(place / "checkpoints", {}).save(
            Checkpoint(number, {"w": torch.ones(2)}, {"records": [{}] * number})
        )
    (place / "run" / "arrays").mkdir(parents=True)
    rows.append(place / "run" / "rows.jsonl", rows.Row({"dataset": "walks"}, {"macro_f1": 0.5}))
    for name in ("environment.json", "comparison.json"):
        (place / "run" / name).write_text("{}")
    (place / "recipe.toml").write_text(recipes.load_recipe("compact", "synthetic").to_toml())
    (place / "tables").mkdir()
    (place / "tables" / "walk.csv").write_text("time,ax,ay,az\n0,1,2,3\n")
    with zipfile.ZipFile(place / "tables" / "more.zip", "w") as archive:
        archive.write(place / "tables" / "walk.csv", "more.csv")
    (place / "run" / "curves.jsonl").write_text("")
    windows_for(datasets.load(str(place / "walks")), 12.0, folder=place / "cache", unlabelled=True)
    (entry,) = (place / "cache").glob("walks-*")
    entry.rename(place / "cache" / "entry")
    return place


def latest(place: Path) -> object:
    """Damage is passed over, with a line that says so."""
    _, damaged = CheckpointFolder(place / "checkpoints", {}).latest()
    if damaged:
        raise OtolithError(damaged[0])
    return None


def cached(place: Path) -> object:
    """A damaged entry is built again."""
    from otolith.windows.cache import open_entry

    found = datasets.load(str(place / "walks"))
    meta = otolith.windows.WindowMeta.of(found.info, 12.0, 1.0, 0.5, None)
    if open_entry(place / "cache" / "entry", meta) is None:
        raise OtolithError("it is no entry: it is built again")
    return None


def members(place: Path) -> object:
    with sources.gather([place / "tables"], TAKEN) as gathered:
        return [member.read() for member in gathered.members]


def shown(place: Path) -> object:
    """A damaged file is left out, with a line that says so."""
    from otolith.report.folder import load

    problems = load(place / "run").problems
    if problems:
        raise OtolithError(" ".join(problems))
    return None


def held(place: Path) -> object:
    from otolith.jobs.folder import refuse_other

    return refuse_other(place / "run", "comparison.json", {}, "comparison")


READERS: dict[str, Callable[[Path], object]] = {
    "model/card.json": lambda place: bundle.load_model(place / "model"),
    "model/weights.safetensors": lambda place: bundle.load_model(place / "model"),
    "walks/card.json": lambda place: datasets.load(str(place / "walks")),
    "walks/signals/000000-0.parquet": lambda place: list(datasets.load(str(place / "walks")).recordings()),
    "checkpoints/epoch-00002/state.json": latest,
    "checkpoints/epoch-00002/tensors.safetensors": latest,
    "run/rows.jsonl": lambda place: rows.read(place / "run" / "rows.jsonl"),
    "run/environment.json": shown,
    "run/curves.jsonl": shown,
    "run/comparison.json": held,
    "recipe.toml": lambda place: recipes.load_recipe(place / "recipe.toml", "synthetic"),
    "tables/walk.csv": members,
    "tables/more.zip": members,
    "cache/entry/manifest.json": cached,
    "cache/entry/x.npy": cached,
}


CASES = [(name, shape) for name in READERS for shape in SHAPES if (name[:6], shape) != ("tables", "folder")]
"""A folder among recordings is looked through."""


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_a_reader_of_a_stranger_s_file_refuses_what_is_no_file(
    name: str, shape: str, sound: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    shutil.copytree(sound, place)
    READERS[name](place)
    (place / name).unlink()
    SHAPES[shape](place / name)
    with pytest.raises(OtolithError) as caught:
        READERS[name](place)
    assert len(str(caught.value)) > 20


def test_a_claim_whose_file_is_a_pipe_is_still_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / claims.LOCK)
    claims.refuse_if_held(tmp_path)
    with claims.hold(tmp_path):
        pass


def test_what_live_keeps_is_read_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path))
    os.mkfifo(tmp_path / "card.json")
    assert exported.checksum(tmp_path) == ""
    for name in runtime.FILES:
        runtime.folder().mkdir(parents=True, exist_ok=True)
        os.mkfifo(runtime.folder() / name)
    with pytest.raises(OtolithError, match="is missing"):
        runtime.load()
    pytest.importorskip("cryptography")
    os.mkfifo(tmp_path / "certificate.pem")
    with pytest.raises(OtolithError, match="named pipe"):
        certificate.certificate(["127.0.0.1"], tmp_path)


ALLOWED = {
    "system/reading.py": "the one that opens them",
    "system/memory.py": "files of the kernel",
    "rows/environment.py": "a file of the kernel",
    "rows/predictions.py": "archives whose bytes `reading` has read",
    "recipes/loading.py": "shipped recipes, by importlib.resources",
    "datasets/checking.py": "shipped manifests",
    "methods/spec.py": "the sources of the package",
    "serving/pages.py": "pages of the package",
    "live/in_page.py": "a file that this process has just written to a temporary folder",
    "windows/blocks.py": "parts that this process's workers have just written to a folder of its own",
    "finetuning/features.py": "a file that this process has just written",
    "export/quantise.py": "a graph that this process has just written",
    "datasets/download.py": "an archive that has just been written; its members are bounded as they are unpacked",
    "importing/spool.py": "a file of its own, which it has just written",
    "report/style.py": "a picture that this process has just drawn",
    "importing/devices/pieces.py": "archives that `reading` has opened",
    "importing/containers/workbooks.py": "workbooks whose bytes `reading` has read",
    "importing/containers/archives.py": "archives that `reading` has opened, and files just written",
    "export/c.py": "templates of the package",
    "live/packaging.py": "modules of the package, and a graph that this process has just written",
    "live/runtime.py": "members of an archive whose bytes are verified",
}
"""Modules that open files for reading themselves, and why they may."""
OPENERS = {"loadmat", "memmap", "fromfile", "safe_open", "ZipFile"}


def opens(tree: ast.AST) -> Iterator[str]:
    """Calls that open a file for reading by its name, without `otolith.system.reading`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        text = ast.unparse(node)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [*node.args, *(k.value for k in node.keywords)]
        texts = [str(each.value) for each in given if isinstance(each, ast.Constant)]
        writes = any(set(each) <= set("wxab+t") and set(each) & set("wxa") for each in texts)
        of_path = isinstance(node.func, ast.Attribute) and len(texts) == len(given)  # reading's take a path
        if called in ("read_bytes", "read_text"):
            found = of_path
        elif called == "open":
            found = not writes and not text.startswith(("os.open", "webbrowser.open", "archive.open"))
        else:
            found = called in OPENERS or text.startswith("np.load(")
            found = found and "check_regular" not in text
        if found:
            yield text


def test_no_other_module_opens_files_by_itself() -> None:
    found = {
        f"{name}: {call}"
        for path in HERE.rglob("*.py")
        if (name := path.relative_to(HERE).as_posix()) not in ALLOWED
        for call in opens(ast.parse(path.read_text("utf-8")))
    }
    assert found == set()


def test_every_allowed_place_is_there_and_needs_it() -> None:
    for name in ALLOWED.keys() - {"system/reading.py", "export/quantise.py"}:
        assert list(opens(ast.parse((HERE / name).read_text("utf-8")))), name


@pytest.mark.parametrize(
    "text",
    [
        "path.read_bytes()",
        "Path(p).read_text('utf-8')",
        "open(p)",
        "open(p, 'rb')",
        "p.open('rb')",
        "np.load(p)",
        "safe_open(p, 'pt')",
        "zipfile.ZipFile(p)",
        "np.memmap(p, dtype, 'r')",
    ],
)
def test_an_opener_is_seen(text: str) -> None:
    assert list(opens(ast.parse(text))) == [text]
