"""Files, folders and archives: what is opened, and what is refused before it can do harm."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import read_recordings, sources
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


@pytest.mark.parametrize("inner", ["more.zip", "more.tar.gz", "more.7z"])
def test_archives_in_archives(tmp_path: Path, inner: str) -> None:
    with pytest.raises(DataError, match="an archive inside an archive"):
        read_recordings(archive(tmp_path / "w.zip", ("walk.csv", TABLE), (inner, b"PK")))


def test_a_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = archive(tmp_path / "w.zip", ("walk.csv", b"0" * (30 << 20)))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="claim to expand to 31,457,280"):
        read_recordings(path)


def test_many_small_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_TOTAL_BYTES", 1 << 20)
    files = [(f"{number}.csv", b"0" * (300 << 10)) for number in range(4)]
    with pytest.raises(DataError, match="expands beyond 1,048,576 bytes"):
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
