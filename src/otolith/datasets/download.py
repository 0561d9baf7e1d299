"""Fetches the data sets that their publishers offer to everybody, and admits only what matches the manifest.

The archive is downloaded and unpacked in a hidden folder beside its destination; only when every file has the
published checksum does one rename put it in place, so that no half data set is ever found.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from otolith.datasets.base import Dataset
from otolith.datasets.locations import by_hand, download_folder
from otolith.datasets.registry import kind_of
from otolith.errors import DataError, StorageError
from otolith.progress import SILENT, Progress, Stage
from otolith.system.files import make_folder, put_folder
from otolith.system.reading import reason_of

MAX_ARCHIVE_BYTES = 2 * 2**30
MAX_UNPACKED_BYTES = 4 * 2**30
"""The largest published set unpacks to under 1 GB; whatever asks for more than this is not it."""
MAX_MEMBERS = 20_000
MAX_NESTING = 2
"""UCI's archive wraps the authors' own archive."""
BLOCK = 2**18


def fetch(
    name: str,
    folder: Path | None = None,
    *,
    url: str | None = None,
    force: bool = False,
    progress: Progress = SILENT,
    timeout_s: float = 30.0,
) -> Path:
    """Download, verify and unpack a data set; return the folder in which `otolith.load` finds it.

    Args:
        folder: where data sets are kept, each under its name; None is the folder in which `load` looks.
        url: another address of the same archive; None is the publisher's.
        force: download again even if a good copy is there. A damaged copy is always replaced.
        timeout_s: how long the server may stay silent.

    Raises:
        DataError: the data set is not offered for download, the network or server fails, or what came is not
            the published data. The message has the manual steps; what was there before is untouched.
        StorageError: it cannot be put in its place.
    """
    kind = kind_of(name)
    address = url or kind.info.download_url
    if address is None:
        raise DataError(f"{name} cannot be downloaded by otolith. {kind.info.how_to_get}")
    base = folder if folder is not None else download_folder()
    target = base / name
    present = kind.recognise(target) if target.is_dir() and not force else None
    if present is not None and not any(problem.serious for problem in kind(present).check(deep=True)):
        return target
    with _workplace(base, name) as work:
        archive = work / "archive.zip"
        _download(kind, address, archive, progress, timeout_s)
        unpacked = work / "unpacked"
        with progress.stage(f"unpacking {name}", unit="file") as stage:
            try:
                unpack(archive, unpacked, stage)
            except DataError as error:
                raise DataError(f"{address}: {error} {_by_hand(kind)}") from error
        found = _find(kind, unpacked)
        if found is None:
            raise DataError(f"{address}: the archive holds no {kind.expects}. {_by_hand(kind)}")
        problems = [str(problem) for problem in kind(found).check(deep=True) if problem.serious]
        if problems:
            raise DataError(
                f"{address}: {len(problems)} files are not the published ones; the first: "
                f"{problems[0].removeprefix(str(found))[1:]} {_by_hand(kind)}"
            )
        put_folder(found, target)
    return target


def _by_hand(kind: type[Dataset]) -> str:
    return f"Try again later, or get it by hand: {by_hand(kind.info)}"


@contextmanager
def _workplace(base: Path, name: str) -> Iterator[Path]:
    """A hidden folder on the destination's disk, so that a rename can move out of it; removed in the end."""
    try:
        make_folder(base)
        work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=base))
    except (OSError, StorageError) as error:
        reason = getattr(error.__cause__ or error, "strerror", error)
        raise DataError(f"{base}: cannot be written ({reason}). Name another folder with OTOLITH_HOME.") from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(kind: type[Dataset], address: str, archive: Path, progress: Progress, timeout_s: float) -> None:
    """Bring the archive; its publisher gives no checksum of it, so what is in it is verified file by file."""
    import requests

    try:
        with requests.get(address, stream=True, timeout=timeout_s) as answer, archive.open("wb") as sink:
            answer.raise_for_status()
            announced = answer.headers.get("Content-Length", "")
            total = int(announced) if announced.isdecimal() else None
            n_bytes = 0
            with progress.stage(f"downloading {kind.info.name}", total, "B") as stage:
                for block in answer.iter_content(BLOCK):
                    n_bytes += len(block)
                    if n_bytes > MAX_ARCHIVE_BYTES:
                        raise DataError(
                            f"{address}: sends more than {MAX_ARCHIVE_BYTES} bytes, which is not the data set."
                        )
                    sink.write(block)
                    stage.advance(len(block))
    except requests.exceptions.HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise DataError(f"{address}: the server answers {status}. {_by_hand(kind)}") from error
    except requests.exceptions.RequestException as error:
        raise DataError(
            f"{address}: cannot be downloaded, no network or no answer ({type(error).__name__}). {_by_hand(kind)}"
        ) from error
    except OSError as error:
        raise DataError(f"{archive.parent}: cannot be written ({error.strerror or error}). Make room there.") from error


def unpack(archive: Path, folder: Path, stage: Stage | None = None) -> None:
    """Unpack a zip file, and the zip files in it, into `folder`; an inner archive gives way to its content.

    Raises:
        DataError: it is not a zip file or a damaged one; a member would land outside `folder`, is a link, is
            encrypted or comes twice; or there is more of it than any data set has.
    """
    _Unpacking(folder, stage or Stage()).run(archive, folder, 0)


class _Unpacking:
    def __init__(self, root: Path, stage: Stage) -> None:
        self.root = root
        self.stage = stage
        self.bytes_left = MAX_UNPACKED_BYTES
        self.members_left = MAX_MEMBERS

    def run(self, archive: Path, folder: Path, depth: int) -> None:
        name = archive.name
        try:
            with zipfile.ZipFile(archive) as content:
                for member in content.infolist():
                    self._member(content, member, folder, name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            LZMAError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
            MemoryError,
        ) as error:
            raise DataError(f"{name}: is not a whole zip file ({reason_of(error)}). Download it again.") from error
        except OSError as error:
            raise DataError(f"{folder}: cannot be written ({error.strerror or error}). Make room there.") from error
        for inner in sorted(folder.rglob("*.zip")):
            if depth + 1 >= MAX_NESTING:
                raise DataError(f"{name}: archives in archives, more than {MAX_NESTING} deep. {_NOT_PUBLISHED}")
            into = inner.with_suffix("")
            if into.exists():
                into = inner.with_suffix(".unpacked")
            self.run(inner, into, depth + 1)
            inner.unlink()

    def _member(self, content: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, name: str) -> None:
        path = PurePosixPath(member.filename)
        unsafe = path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename
        if unsafe or not member.filename or "\0" in member.orig_filename or stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{name}: its member {member.filename!r} leads outside, or nowhere. {_NOT_PUBLISHED}")
        if member.flag_bits & 1:
            raise DataError(f"{name}: its member {member.filename!r} is encrypted. {_NOT_PUBLISHED}")
        self.members_left -= 1
        if self.members_left < 0:
            raise DataError(f"{name}: has more than {MAX_MEMBERS} members. {_NOT_PUBLISHED}")
        target = folder / path
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            return
        if target.exists():
            raise DataError(f"{name}: its member {member.filename!r} comes twice. {_NOT_PUBLISHED}")
        target.parent.mkdir(parents=True, exist_ok=True)
        # The sizes that a zip declares may lie, so what comes out is counted.
        with content.open(member) as source, target.open("xb") as sink:
            while block := source.read(BLOCK):
                self.bytes_left -= len(block)
                if self.bytes_left < 0:
                    raise DataError(f"{name}: unpacks to more than {MAX_UNPACKED_BYTES} bytes. {_NOT_PUBLISHED}")
                sink.write(block)
        self.stage.advance()


_NOT_PUBLISHED = "This is not the published archive: get it from its publisher."


def _find(kind: type[Dataset], folder: Path) -> Path | None:
    """The raw files anywhere in what was unpacked."""
    for candidate in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]:
        found = kind.recognise(candidate)
        if found is not None:
            return found
    return None
