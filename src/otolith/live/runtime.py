"""Fetch, verify and keep onnxruntime-web, which runs the recogniser in the page.

It is neither a Python package nor part of this one. npm brings it, from whatever registry it is set up for; where there
is no npm, the package's archive can be given by hand. Either way only the archive of one version is admitted.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from otolith.errors import DataError, StorageError
from otolith.progress import SILENT, Progress
from otolith.system.files import make_place, whole_folder
from otolith.system.home import home
from otolith.system.reading import open_regular, read_bytes

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Checksum of the package's archive, as registries and lock files write it."""
FILES = {"ort.wasm.bundle.min.mjs": "text/javascript", "ort-wasm-simd-threaded.wasm": "application/wasm"}
"""The files that WebAssembly needs, {name in the package's folder `dist`: type}."""
COMMAND = "otolith live-runtime"
MAX_FILE_BYTES = 64 * 2**20
TIMEOUT_S = 900.0


def folder() -> Path:
    """Return the folder that keeps it: `live/runtime-VERSION` in otolith's home."""
    return home() / "live" / f"runtime-{VERSION}"


def installed() -> bool:
    """Return True if it is there. It is put in place as a whole."""
    return all((folder() / name).is_file() for name in FILES)


def load() -> dict[str, tuple[bytes, str]]:
    """Return its files, {name: (content, type)}.

    Raises:
        DataError: it is missing, or cannot be read.
    """
    if not installed():
        raise DataError(f"{PACKAGE} is missing: run `{COMMAND}` once, then start again")
    try:
        return {name: (read_bytes(folder() / name, MAX_FILE_BYTES), kind) for name, kind in FILES.items()}
    except OSError as error:
        raise DataError(f"{folder()} cannot be read ({error.strerror or error}): remove it, run `{COMMAND}`") from None


def fetch(archive: Path | None = None, *, progress: Progress = SILENT) -> Path:
    """Put the runtime in its place unless it is there, and return its folder.

    Args:
        archive: the package's archive as npm packs it; None: npm fetches it.

    Raises:
        DataError: there is no npm or it fails, the archive is not the published one, or a file cannot be written.
    """
    target = folder()
    if archive is None and installed():
        return target
    try:
        make_place(target)
        with tempfile.TemporaryDirectory(prefix=".runtime-", dir=target.parent) as place:
            work = Path(place)
            if archive is not None and not archive.is_file():
                raise DataError(f"{archive} is not a file; give the one that `npm pack {PACKAGE}@{VERSION}` wrote")
            archive = archive or _pack(work, progress)
            with whole_folder(target, replace=True) as files:
                extract(archive, files)
    except StorageError as error:
        raise DataError(f"{error} OTOLITH_HOME names another place.") from None
    except OSError as error:
        raise DataError(
            f"{error.filename or target}: {error.strerror or error}. The runtime belongs in {target}; OTOLITH_HOME "
            "names another place."
        ) from None
    return target


def extract(archive: Path, into: Path) -> None:
    """Write the files that are needed, and no others, to the empty folder `into`. The archive is verified before.

    Raises:
        DataError: the archive is not the published one.
        OSError: it cannot be read, or a file cannot be written.
    """
    with open_regular(archive) as file:
        found = "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
        if found != INTEGRITY:
            raise DataError(
                f"{archive.name} is not {PACKAGE} {VERSION} as it was published (integrity {found}, expected "
                f"{INTEGRITY}). Nothing of it was used; get it again with `npm pack {PACKAGE}@{VERSION}`."
            )
        file.seek(0)  # the same open file: nobody can exchange it in between
        left = set(FILES)
        with tarfile.open(fileobj=file, mode="r:gz") as members:
            for member in members:
                name = member.name.removeprefix("package/dist/")
                if member.name != f"package/dist/{name}" or name not in left:
                    continue
                content = members.extractfile(member) if member.isreg() and member.size <= MAX_FILE_BYTES else None
                if content is None:
                    raise DataError(
                        f"{archive.name}: {member.name} is not a regular file of at most {MAX_FILE_BYTES:,} bytes. "
                        f"Nothing of it was used; get it again with `npm pack {PACKAGE}@{VERSION}`."
                    )
                (into / name).write_bytes(content.read())
                left.remove(name)
        if left:
            raise DataError(
                f"{archive.name} lacks {', '.join(sorted(left))}; get it again with `npm pack {PACKAGE}@{VERSION}`"
            )


def _pack(work: Path, progress: Progress) -> Path:
    """Fetch the archive with npm, from the registry that the user has set up."""
    npm = shutil.which("npm")
    by_hand = f"`{COMMAND} FILE.tgz` with what `npm pack {PACKAGE}@{VERSION}` gives on another machine"
    if npm is None:
        raise DataError(f"fetching {PACKAGE} needs npm, which is not on the path: install Node.js, or run {by_hand}")
    # in an empty folder, so that the settings and packages of a project do not matter
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--prefer-offline", "--loglevel=error"]
    with progress.stage(f"npm fetches {PACKAGE} {VERSION}", 1) as stage:
        try:
            ended = subprocess.run(
                command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            raise DataError(f"npm brought nothing for {TIMEOUT_S:g} s; try again, or run {by_hand}") from None
        stage.advance()
    packed = sorted(work.glob("*.tgz"))
    if ended.returncode or len(packed) != 1:
        said = [line for line in ended.stderr.splitlines() if line.strip()] or [f"exit code {ended.returncode}"]
        raise DataError(
            f"npm could not fetch {PACKAGE} {VERSION}: {'; '.join(said[:3])}. Check the network and npm's registry "
            f"(`npm config get registry`), or run {by_hand}."
        )
    return packed[0]


def n_bytes() -> int:
    """Return the bytes that a page loads."""
    return sum(os.path.getsize(folder() / name) for name in FILES)
