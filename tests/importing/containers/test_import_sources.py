"""Files, folders and archives: what is opened, and what is refused before it can do harm."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.containers import archives, members, sources
from otolith.importing.formats import TAKEN
from tests.helpers.exports import physics_toolbox, sensor_logger, signal

S = signal(4)
TABLE = "time,gFx,gFy,gFz\n0,0,0,1\n"


def archive(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for entry, content in entries:
            file.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    "name", ["../walk.csv", "/etc/walk.csv", "a/../../walk.csv", "..\\walk.csv", "C:\\walk.csv", "\\\\host\\walk.csv"]
)
def test_names_that_lead_out_of_an_archive(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"w\.zip: names a file .* outside the archive"):
        read_recordings(archive(tmp_path / "w.zip", (name, TABLE)))
    assert [path.name for path in tmp_path.iterdir()] == ["w.zip"]


def test_links_in_an_archive(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("walk.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match="is a link"):
        read_recordings(archive(tmp_path / "w.zip", (link, "/etc/passwd")))


def zipped(*entries: tuple[zipfile.ZipInfo | str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for entry, content in entries:
            file.writestr(entry, content)
    return out.getvalue()


def tarred(*entries: tuple[str, bytes], link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if link:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, link, 0
            file.addfile(info, io.BytesIO(content))
    return out.getvalue()


def walk(tmp_path: Path) -> bytes:
    return physics_toolbox(tmp_path / "made" / "walk.csv", S).read_bytes()


@pytest.mark.parametrize(
    "pack",
    [
        lambda table: ("walk.csv.gz", gzip.compress(table)),
        lambda table: ("walk.gz", gzip.compress(table)),
        lambda table: ("study.zip", zipped(("walk.csv.gz", gzip.compress(table)))),
        lambda table: ("study.zip", zipped(("day/walk.csv.zip", zipped(("walk.csv", table))))),
        lambda table: ("study.zip", zipped(("a.zip", zipped(("b.zip", zipped(("walk.csv", table))))))),
        lambda table: ("study.tar", tarred(("day/walk.csv", table))),
        lambda table: ("study.tgz", gzip.compress(tarred(("walk.csv", table)))),
        lambda table: ("study.tar.gz", gzip.compress(tarred(("walk.zip", zipped(("walk.csv", table)))))),
        lambda table: ("walk.dat", table),
        lambda table: ("walk", table),
    ],
)
def test_wherever_a_table_is_packed_it_is_read(tmp_path: Path, pack: Callable[[bytes], tuple[str, bytes]]) -> None:
    plain = read_recordings(tmp_path / "made" if walk(tmp_path) else "").recordings[0]
    name, content = pack(walk(tmp_path))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / name).write_bytes(content)
    for source in (folder / name, folder):
        (found,) = read_recordings(source).recordings
        assert found.name.endswith("walk")
        assert all(np.array_equal(a.values, b.values) for a, b in zip(found.streams, plain.streams, strict=True))
    assert [path.name for path in folder.iterdir()] == [name]


def test_archives_in_too_many_archives(tmp_path: Path) -> None:
    content = zipped(("walk.csv", TABLE))
    for name in "abc":
        content = zipped((f"{name}.zip", content))
    (tmp_path / "w.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"w\.zip: c\.zip: b\.zip: a\.zip: lies in 3 archives"):
        read_recordings(tmp_path / "w.zip")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("w.zip", zipped(("in.zip", zipped(("../walk.csv", TABLE)))), "would lie outside the archive"),
        ("w.tar", tarred(("/etc/walk.csv", b"x")), "would lie outside the archive"),
        ("w.tar", tarred(("walk.csv", b""), link="/etc/passwd"), "is a link"),
        ("w.tar", b"nothing", "cannot be read as a tar archive"),
        ("w.tgz", b"nothing", "cannot be unpacked"),
        ("w.zip", zipped(("in.zip", b"PK nothing")), r"w\.zip: in\.zip: cannot be read as a zip archive"),
        ("w.csv.gz", gzip.compress(TABLE.encode() * 999)[:-9], "cannot be unpacked"),
        ("w.csv.gz", gzip.compress(bytes(30 << 20)), "claim to expand to"),
        ("w.zip", zipped(("w.csv.gz", gzip.compress(TABLE.encode() + b"0,0,0,0\n" * (3 << 20)))), "claim to expand to"),
        ("w.tgz", gzip.compress(bytes(30 << 20)), "claim to expand to"),
        ("w.zip", zipped(("in.zip", zipped(("walk.csv", b"0" * (30 << 20))))), "claim to expand to 31,457,280"),
    ],
)
def test_hostile_and_damaged_containers(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=why):
        read_recordings(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_gzip_holds_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_TOTAL_BYTES", 400 << 10)
    for number in range(2):
        table = walk(tmp_path) + b"\n" * (300 << 10)
        (tmp_path / f"{number}.csv.gz").write_bytes(gzip.compress(table))
    shutil.rmtree(tmp_path / "made")
    with pytest.raises(DataError, match=r"1\.csv\.gz: with it the sources expand beyond"):
        read_recordings(tmp_path)


def test_many_files_in_archives_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 5)
    inner = zipped(*((f"{number}.csv", TABLE) for number in range(3)))
    (tmp_path / "w.zip").write_bytes(zipped(("a.zip", inner), ("b.zip", inner)))
    with pytest.raises(DataError, match="there are 8 files in archives, over the limit of 5"):
        read_recordings(tmp_path / "w.zip")


def test_archives_of_two_sensors_are_one_folder(tmp_path: Path) -> None:
    """An archive for each sensor, a file for each place of the body, much as RealWorld HAR lays them out."""
    at = [f"{1_436_000_000_000 + 1000 * t:.0f}" for t in S.acc_times]
    for sensor, values in (("acc", S.acc), ("gyr", S.gyro), ("mag", 30 * S.gyro)):
        rows = [f"{t},{x:.5f},{y:.5f},{z:.5f}" for t, (x, y, z) in zip(at, values.T, strict=True)]
        table = "\n".join(["attr_time,attr_x,attr_y,attr_z", *rows])
        names = [f"{sensor}_stroll_{place}.csv" for place in ("chest", "head")]
        packed = zipped(*((name, table) for name in names), ("readMe", "Some words."))
        (tmp_path / f"{sensor}_stroll_csv.zip").write_bytes(packed)
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True, gyro_unit="rad/s", place="all"))
    assert sorted(each.name for each in found.recordings) == ["stroll csv/stroll chest", "stroll csv/stroll head"]
    assert len(found.channels) == 6


def test_side_files_are_passed_over_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("walk.csv", "a/walk.csv"):
        physics_toolbox(folder / name, S)
    side = {
        "tags.csv": b"",
        "HR.csv": b"1543329423.0\n1.0\n82.0\n81.5\n",
        "notes.txt": b"He walked.\n",
        "README.md": b"# x\n1. y",
        ".DS_Store": b"\0\0\0\1Bud1",
        "plan.pdf": b"%PDF-1.4\n\0\1",
        "photo.jpg": b"\xff\xd8\xff\0",
        "raw.bin": bytes(900),
        "old.7z": b"7z",
        "a/Thumbs.db": b"\0",
        "settings.json": b"{}",
        "~$walk.xlsx": b"\6me",
        "walk.csv~": (folder / "walk.csv").read_bytes(),
        "walk.csv.bak": (folder / "walk.csv").read_bytes(),
        "empty": b"",
    }
    for name, content in side.items():
        (folder / name).write_bytes(content)
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._walk.csv").write_bytes(b"\0\1")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/etc/passwd")
    found = read_recordings(folder)
    told = {Path(where).relative_to(folder).as_posix() for where in found.passed_over}
    assert len(found.recordings) == 2
    assert told == {*side, "__MACOSX", "pipe", "link"}
    packed = archive(tmp_path / "w.zip", *((name, path.read_bytes()) for name, path in _files(folder)))
    found = read_recordings(packed)
    assert len(found.recordings) == 2
    assert {where.split(": ")[1] for where in found.passed_over} == {*side, "__MACOSX/._walk.csv"}


def test_files_in_archives_are_read_by_other_processes(tmp_path: Path) -> None:
    """And after the archives were closed."""
    table = walk(tmp_path)
    entries = ("in.tar", tarred(("walk.csv", table))), ("walk.csv.gz", gzip.compress(table))
    (tmp_path / "w.zip").write_bytes(zipped(*entries))
    with sources.gather([tmp_path / "w.zip"], TAKEN) as gathered:
        first = gathered.members[0].read()
        again = pickle.loads(pickle.dumps(gathered.members))
        assert [member.read() for member in again] == [table, table]
    assert [member.read() for member in gathered.members] == [first, first]


def _files(folder: Path) -> list[tuple[str, Path]]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [(path.relative_to(folder).as_posix(), path) for path in paths]


def test_a_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = archive(tmp_path / "w.zip", ("walk.csv", b"0" * (30 << 20)))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="claim to expand to 31,457,280"):
        read_recordings(path)


def test_a_text_that_has_to_be_read_whole_is_refused_where_memory_does_not_suffice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "walk.csv").write_text("0,0,0\n" * 1000)
    monkeypatch.setattr(members, "WHOLE_FROM_BYTES", 1000)
    with sources.gather([tmp_path / "walk.csv"], TAKEN) as gathered:
        (found,) = gathered.members
        monkeypatch.setattr(members, "available_bytes", lambda: members.WHOLE_TIMES * 6000)
        assert len(found.read()) == 6000
        monkeypatch.setattr(members, "available_bytes", lambda: members.WHOLE_TIMES * 6000 - 1)
        with pytest.raises(
            DataError,
            match=r"csv: 6,000 bytes have to be read as a whole .* and 0.0 GB are free",
        ):
            found.read()


def test_a_text_that_has_grown_much_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "WHOLE_FROM_BYTES", 50_000)
    path = archive(tmp_path / "w.zip", ("walk.csv", b"0,0,0\n" * 10_000), ("small.csv", b"0,0,0\n" * 8_000))
    with sources.gather([path], TAKEN) as gathered:
        by_name = {member.place.name: member for member in gathered.members}
        assert len(by_name["small.csv"].read()) == 48_000
        with pytest.raises(DataError, match=r"walk.csv: \d+ bytes expand to 60,000, more than 60 times.* unpack it"):
            by_name["walk.csv"].read()


def test_many_small_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_TOTAL_BYTES", 1 << 20)
    files = [(f"{number}.csv", b"0" * (300 << 10)) for number in range(4)]
    with pytest.raises(DataError, match="expand beyond 1,048,576 bytes"):
        read_recordings(archive(tmp_path / "w.zip", *files))


def test_an_archive_that_lies_about_sizes(tmp_path: Path) -> None:
    path = archive(tmp_path / "w.zip", ("walk.csv", TABLE * 1000))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"walk\.csv: (11 bytes, expected 10|cannot be unpacked)"):
        read_recordings(path)


def test_encrypted_archives(tmp_path: Path) -> None:
    path = archive(tmp_path / "w.zip", ("walk.csv", TABLE))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="is encrypted"):
        read_recordings(path)


def test_the_same_name_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(tmp_path / "w.zip", ("walk.csv", TABLE), ("walk.csv", TABLE))
    with pytest.raises(DataError, match="is in the archive twice"):
        read_recordings(path)


def test_no_archive_and_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "w.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="cannot be read as a zip archive"):
        read_recordings(tmp_path / "w.zip")
    path = sensor_logger(tmp_path / "v.zip", S)
    content = bytearray(path.read_bytes())
    content[200:260] = b"\xff" * 60
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_recordings(path)


def test_a_damaged_member_that_lzma_packed(tmp_path: Path) -> None:
    path = tmp_path / "w.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as made:
        made.writestr("walk.csv", TABLE)
    content = bytearray(path.read_bytes())
    at = 30 + len("walk.csv") + 9  # behind the local header and the header of LZMA
    content[at : at + 20] = b"\xff" * 20
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_recordings(path)


def test_links_in_folders_are_not_followed(tmp_path: Path) -> None:
    secret = physics_toolbox(tmp_path / "secret.csv", S)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "walk.csv").symlink_to(secret)
    with pytest.raises(DataError, match="is a link, which is not followed"):
        read_recordings(folder)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(DataError, match="is a link"):
        read_recordings(tmp_path / "link")


def test_a_folder_that_contains_itself_ends(tmp_path: Path) -> None:
    physics_toolbox(tmp_path / "in" / "walk.csv", S)
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    assert len(read_recordings(tmp_path / "in").recordings) == 1


@pytest.mark.parametrize("name", ["missing.csv", "notes.pdf", "walk.tar.gz"])
def test_what_is_no_source(tmp_path: Path, name: str) -> None:
    if name != "missing.csv":
        (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=name):
        read_recordings(tmp_path / name)


def test_what_is_neither_file_nor_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        read_recordings(tmp_path / "pipe.csv")


def test_an_empty_folder_and_no_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no table"):
        read_recordings(tmp_path)
    with pytest.raises(DataError, match="No source"):
        read_recordings([])


def test_what_systems_add_is_left_alone(tmp_path: Path) -> None:
    folder = sensor_logger(tmp_path / "walk", S)
    (folder / "._Gyroscope.csv").write_bytes(b"\0\1")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "Gyroscope.csv").write_bytes(b"\0\1")
    assert len(read_recordings(folder).recordings) == 1
