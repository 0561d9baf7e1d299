"""The window cache: keyed by content and settings, built once, whole or not at all."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets import DatasetInfo
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.splits import FixedSubjects
from otolith.system import files
from otolith.windows import Windows, blocks, cache, fingerprint
from otolith.windows.cache import ARRAYS, open_entry, windows_for
from tests.helpers.progress import Told

INFO = DatasetInfo(
    name="toy",
    title="Toy",
    rate_hz=50.0,
    activities=("walk", "sit"),
    n_subjects=3,
    n_recordings=3,
    licence="none",
    terms="for tests",
    citation="-",
    homepage="-",
    how_to_get="-",
    default_split=FixedSubjects(val=(1,), test=(2,)),
)


@dataclass
class Toy:
    """A data set of three files that hold samples as raw bytes; counts how often they are parsed."""

    root: Path
    info: DatasetInfo = INFO
    version: str = "1"
    built: int = 0
    before_reading: Callable[[], None] = lambda: None

    def files(self) -> list[Path]:
        return sorted(self.root.glob("*.bin"))

    def cache_key(self) -> str:
        return self.version

    def recordings(self) -> Iterator[Recording]:
        self.built += 1
        self.before_reading()
        for subject, file in enumerate(self.files()):
            values = np.frombuffer(file.read_bytes()).reshape(6, -1)
            segments = (Segment(0, 2, "walk"), Segment(2, 2.5, "sit"))
            yield Recording(file.stem, subject, (Stream(CHANNELS, values, 50.0),), segments)


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    root = tmp_path / "raw"
    root.mkdir()
    rng = np.random.default_rng(0)
    for name in "abc":
        (root / f"{name}.bin").write_bytes(rng.normal(size=(6, 200)).tobytes())
        os.utime(root / f"{name}.bin", ns=(10**18, 10**18))
    return Toy(root)


def same(a: Windows, b: Windows) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS) and a.meta == b.meta


def entries(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.name != "index")


def test_the_second_call_parses_nothing_and_gives_the_same(toy: Toy, tmp_path: Path) -> None:
    first = windows_for(toy, folder=tmp_path / "c")
    second = windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 1
    assert same(first, second)
    assert first.meta.n_short == 3
    assert first.meta.fixed == INFO.default_split
    assert len(entries(tmp_path / "c")) == 1


def test_opening_reads_no_raw_file(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows_for(toy, folder=tmp_path / "c")

    def fail(files: object) -> str:
        raise AssertionError("raw files were digested again")

    monkeypatch.setattr(fingerprint, "_digest", fail)
    windows_for(toy, folder=tmp_path / "c")


def test_arrays_are_memory_mapped_and_read_only(toy: Toy, tmp_path: Path) -> None:
    w = windows_for(toy, folder=tmp_path / "c")
    for name in ARRAYS:
        array = getattr(w, name)
        assert type(array) is np.ndarray
        assert not array.flags.writeable
        base = array
        while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
            base = base.base
        assert isinstance(base, np.memmap), name


def test_manifest_describes_every_array(toy: Toy, tmp_path: Path) -> None:
    windows_for(toy, folder=tmp_path / "c")
    (entry,) = entries(tmp_path / "c")
    manifest = json.loads((entry / "manifest.json").read_text())
    assert set(manifest["arrays"]) == set(ARRAYS)
    for name, facts in manifest["arrays"].items():
        array = np.load(entry / f"{name}.npy", allow_pickle=False)
        assert (list(array.shape), array.dtype.str) == (facts["shape"], facts["dtype"])
        assert cache._sha256(entry / f"{name}.npy") == facts["sha256"]
    assert str(tmp_path) not in (entry / "manifest.json").read_text()


@pytest.mark.parametrize(
    "settings",
    [{"rate_hz": 20.0}, {"seconds": 0.5}, {"overlap": 0.0}, {"unlabelled": True}],
)
def test_every_setting_has_an_entry_of_its_own(toy: Toy, tmp_path: Path, settings: dict[str, float]) -> None:
    plain = windows_for(toy, folder=tmp_path / "c")
    other = windows_for(toy, **settings, folder=tmp_path / "c")  # type: ignore[arg-type]
    assert toy.built == 2
    assert not same(plain, other)
    assert len(entries(tmp_path / "c")) == 2


def test_whole_and_real_numbers_share_an_entry(toy: Toy, tmp_path: Path) -> None:
    windows_for(toy, rate_hz=30, seconds=1, folder=tmp_path / "c")
    windows_for(toy, rate_hz=30.0, seconds=1.0, folder=tmp_path / "c")
    assert toy.built == 1


def test_a_new_reader_or_other_activities_build_anew(toy: Toy, tmp_path: Path) -> None:
    windows_for(toy, folder=tmp_path / "c")
    toy.version = "2"
    windows_for(toy, folder=tmp_path / "c")
    toy.info = replace(INFO, activities=("sit", "walk"))
    assert windows_for(toy, folder=tmp_path / "c").y[0] == 1
    assert toy.built == 3


def change_bytes(root: Path) -> None:
    data = bytearray((root / "b.bin").read_bytes())
    data[6] ^= 64  # of a float64's exponent: float32 windows see it
    (root / "b.bin").write_bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        change_bytes,
        lambda root: (root / "b.bin").rename(root / "d.bin"),
        lambda root: (root / "b.bin").unlink(),
        lambda root: (root / "d.bin").write_bytes((root / "a.bin").read_bytes()),
    ],
    ids=["bytes", "name", "fewer", "more"],
)
def test_changed_files_are_cut_again(toy: Toy, tmp_path: Path, change: Callable[[Path], None]) -> None:
    before = windows_for(toy, folder=tmp_path / "c")
    change(toy.root)
    after = windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 2
    assert not same(before, after)


def test_a_change_within_the_clocks_resolution_is_seen(toy: Toy, tmp_path: Path) -> None:
    """Files written a moment ago are not trusted to have another time stamp once they change."""
    now = time.time_ns()
    os.utime(toy.root / "b.bin", ns=(now, now))
    windows_for(toy, folder=tmp_path / "c")
    change_bytes(toy.root)
    os.utime(toy.root / "b.bin", ns=(now, now))
    windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 2


def test_touched_or_moved_files_with_the_same_bytes_are_not_cut_again(toy: Toy, tmp_path: Path) -> None:
    windows_for(toy, folder=tmp_path / "c")
    os.utime(toy.root / "b.bin", ns=(10**18 + 1, 10**18 + 1))
    windows_for(toy, folder=tmp_path / "c")
    toy.root = toy.root.rename(tmp_path / "elsewhere")
    windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 1


def test_a_damaged_index_is_ignored(toy: Toy, tmp_path: Path) -> None:
    windows_for(toy, folder=tmp_path / "c")
    for note in (tmp_path / "c" / "index").iterdir():
        note.write_bytes(b"\xff\x00")
    windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 1


def rewrite(manifest: Path, change: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    facts = json.loads(manifest.read_text())
    change(facts)
    manifest.write_text(json.dumps(facts))


def truncate(path: Path, n: int = 16) -> None:
    os.truncate(path, path.stat().st_size - n)


def spoil_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[20:40] = b"#" * 20
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "x truncated": lambda e: truncate(e / "x.npy"),
    "start truncated": lambda e: truncate(e / "start.npy", 1),
    "x grown": lambda e: (e / "x.npy").write_bytes((e / "x.npy").read_bytes() + b"0"),
    "y empty": lambda e: (e / "y.npy").write_bytes(b""),
    "y missing": lambda e: (e / "y.npy").unlink(),
    "header": lambda e: spoil_header(e / "recording.npy"),
    "manifest missing": lambda e: (e / "manifest.json").unlink(),
    "manifest torn": lambda e: truncate(e / "manifest.json"),
    "manifest binary": lambda e: (e / "manifest.json").write_bytes(b"\xff\xfe\x00"),
    "manifest a list": lambda e: (e / "manifest.json").write_text("[]"),
    "manifest of another format": lambda e: rewrite(e / "manifest.json", lambda m: m.update(format=-1)),
    "shape": lambda e: rewrite(e / "manifest.json", lambda m: m["arrays"]["x"].update(shape=[1, 2])),
    "shape of text": lambda e: rewrite(e / "manifest.json", lambda m: m["arrays"]["x"].update(shape="ab")),
    "type": lambda e: rewrite(e / "manifest.json", lambda m: m["arrays"]["y"].update(dtype="<f8")),
    "object type": lambda e: rewrite(e / "manifest.json", lambda m: m["arrays"]["y"].update(dtype="|O")),
    "no type": lambda e: rewrite(e / "manifest.json", lambda m: m["arrays"]["y"].update(dtype="?!")),
    "counts": lambda e: rewrite(e / "manifest.json", lambda m: m["counts"].update(n_short=float("inf"))),
    "array unknown": lambda e: rewrite(e / "manifest.json", lambda m: m["arrays"].pop("x")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_built_again(toy: Toy, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    whole = windows_for(toy, folder=tmp_path / "c")
    whole = whole.take(np.arange(len(whole)))  # a copy: the mapped file is about to be damaged
    (entry,) = entries(tmp_path / "c")
    damage(entry)
    again = windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 2
    assert same(whole, again)
    assert entries(tmp_path / "c") == [entry]
    windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 2


def test_a_file_in_the_entrys_place_is_replaced(toy: Toy, tmp_path: Path) -> None:
    windows_for(toy, folder=tmp_path / "c")
    (entry,) = entries(tmp_path / "c")
    entry.rename(tmp_path / "away")
    entry.write_text("not a folder")
    windows_for(toy, folder=tmp_path / "c")
    assert entry.is_dir()


@pytest.mark.parametrize("name", [*(f"{name}.npy" for name in ARRAYS), "manifest.json"])
def test_a_single_flipped_bit_anywhere_is_seen_and_the_windows_are_cut_again(
    name: str, toy: Toy, tmp_path: Path
) -> None:
    whole = windows_for(toy, folder=tmp_path / "c")
    expected = np.array(whole.x)  # of which the entry's file is not the memory
    (entry,) = entries(tmp_path / "c")
    before = (entry / name).read_bytes()
    for place in (len(before) - 5, len(before) // 2):
        data = bytearray(before)
        data[place] ^= 1
        (entry / name).write_bytes(data)
        assert open_entry(entry, whole.meta) is None
    again = windows_for(toy, folder=tmp_path / "c")
    assert toy.built == 2
    assert (entry / name).read_bytes() == before
    assert np.array_equal(again.x, expected)


def test_bytes_are_compared_once_in_a_process(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = windows_for(toy, folder=tmp_path / "c")
    (entry,) = entries(tmp_path / "c")
    read: list[str] = []
    monkeypatch.setattr(cache, "_sha256", lambda path: read.append(path.name) or "")
    windows_for(toy, folder=tmp_path / "c")
    assert read == []
    os.utime(entry / "y.npy", (1, 1))
    assert open_entry(entry, whole.meta) is None
    assert read == ["y.npy"]


def test_a_failed_build_leaves_nothing_behind(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(blocks.shutil, "copyfileobj", full)
    with pytest.raises(DataError, match=r"No space left on device.*OTOLITH_HOME"):
        windows_for(toy, folder=tmp_path / "c")
    assert entries(tmp_path / "c") == []


def test_errors_of_the_recordings_come_through(toy: Toy, tmp_path: Path) -> None:
    (toy.root / "b.bin").write_bytes(np.full((6, 200), np.nan).tobytes())
    with pytest.raises(DataError, match="'b': channel acc_x is nan at sample 0"):
        windows_for(toy, folder=tmp_path / "c")


def test_a_folder_that_cannot_be_made_is_an_error_with_a_cure(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        windows_for(toy, folder=tmp_path / "file" / "c")


def test_a_raw_file_that_vanishes_is_an_error_with_a_cure(toy: Toy, tmp_path: Path) -> None:
    files = toy.files()
    toy.files = lambda: [*files, toy.root / "gone.bin"]  # type: ignore[method-assign]
    with pytest.raises(DataError, match=r"gone.bin cannot be read \(No such file"):
        windows_for(toy, folder=tmp_path / "c")


def test_what_a_killed_build_left_is_swept_by_the_next_build_of_anything(toy: Toy, tmp_path: Path) -> None:
    old, living = tmp_path / "c" / ".old-1.partial-x", tmp_path / "c" / "living-2"
    old.mkdir(parents=True)
    for name in (files.LOCK, "x.npy"):
        (old / name).write_bytes(b"half")
    with files.whole_folder(living) as building:
        (building / "x.npy").write_bytes(b"half")
        windows_for(toy, folder=tmp_path / "c")
        assert not old.exists()
    assert (living / "x.npy").exists()


def test_who_finds_an_entry_sweeps_what_its_killed_writer_left(toy: Toy, tmp_path: Path) -> None:
    windows_for(toy, folder=tmp_path / "c")
    (entry,) = (path for path in (tmp_path / "c").iterdir() if path.name != "index")
    left = entry.with_name(f".{entry.name}.partial-77-1f2e3d4c")
    left.mkdir()
    (left / files.LOCK).write_text("")
    windows_for(toy, folder=tmp_path / "c")
    assert not left.exists()


def test_a_data_sets_name_cannot_lead_out_of_the_cache(toy: Toy, tmp_path: Path) -> None:
    toy.info = replace(INFO, name="../../evil/..\\name")
    w = windows_for(toy, folder=tmp_path / "c")
    (entry,) = entries(tmp_path / "c")
    assert entry.parent == tmp_path / "c"
    assert w.meta.dataset == "../../evil/..\\name"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "raw"]


def test_progress_is_told_only_while_cutting(toy: Toy, tmp_path: Path) -> None:
    told = Told()
    for _ in range(2):
        windows_for(toy, folder=tmp_path / "c", progress=told)
    assert told.done == [1, 2, 3]


def test_the_default_folder_follows_the_environment(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    windows_for(toy)
    assert len(entries(tmp_path / "home" / "windows")) == 1


def test_who_comes_second_uses_the_first_ones_entry(toy: Toy, tmp_path: Path) -> None:
    """Another process finishes while this one is still cutting."""
    other = Toy(toy.root)
    toy.before_reading = lambda: windows_for(other, folder=tmp_path / "c") and None
    w = windows_for(toy, folder=tmp_path / "c")
    assert (toy.built, other.built) == (1, 1)
    (entry,) = entries(tmp_path / "c")
    assert open_entry(entry, w.meta) is not None


def test_who_comes_second_replaces_an_entry_that_was_damaged_meanwhile(toy: Toy, tmp_path: Path) -> None:
    def meddle() -> None:
        windows_for(Toy(toy.root), folder=tmp_path / "c")
        (entry,) = (path for path in entries(tmp_path / "c") if not path.name.startswith("."))
        truncate(entry / "x.npy")

    toy.before_reading = meddle
    w = windows_for(toy, folder=tmp_path / "c")
    (entry,) = entries(tmp_path / "c")
    assert open_entry(entry, w.meta) is not None


def build_in_process(root: Path, folder: Path, rendezvous: Path, results: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    def meet() -> None:
        (rendezvous / str(os.getpid())).touch()
        deadline = time.monotonic() + 30
        while len(list(rendezvous.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)

    toy = Toy(root, before_reading=meet)
    w = windows_for(toy, folder=folder)
    results.put((toy.built, float(w.x.sum()), len(w)))


def test_two_processes_that_build_at_once_agree(toy: Toy, tmp_path: Path) -> None:
    """Each waits, inside its build, until the other is building too."""
    context = multiprocessing.get_context("spawn")
    rendezvous = tmp_path / "meet"
    rendezvous.mkdir()
    results = context.Queue()
    jobs = [
        context.Process(target=build_in_process, args=(toy.root, tmp_path / "c", rendezvous, results)) for _ in range(2)
    ]
    for job in jobs:
        job.start()
    first, second = results.get(timeout=60), results.get(timeout=60)
    for job in jobs:
        job.join(timeout=60)
        assert job.exitcode == 0
    assert first == second
    assert first[0] == 1
    assert len(entries(tmp_path / "c")) == 1
