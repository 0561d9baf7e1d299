"""A wheel built at a named commit, in an environment of its own that takes everything else from the one at hand."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from otolith.errors import DataError
from otolith.rows.environment import COMMIT
from otolith.system.files import make_place, whole_folder

PROGRAM = "results/queue.py"
PARTS = ("src", PROGRAM, "results/queueing", "pyproject.toml", "README.md", "LICENSE")
"""What of a commit a wheel and its queue are made of."""
ENTRY = Path("source") / PROGRAM
"""The queue's own program of that commit, within the environment."""


def commit_of(checkout: Path, name: str) -> str:
    """Return the 12 hexadecimal digits of a commit.

    Raises:
        DataError: git knows no such commit there.
    """
    return _git(checkout, "rev-parse", "--short=12", f"{name}^{{commit}}").decode().strip()[:12]


def environment(checkout: Path, commit: str, work: Path) -> Path:
    """Return the environment `work/env-COMMIT`, which is made if it is missing, without any network.

    It holds a wheel of that commit alone. All other packages are those of the Python that runs this, whose folders its
    path names.

    Raises:
        DataError: the commit holds no queue, or no wheel can be built of it.
        StorageError: the environment cannot be written.
    """
    place = work / f"env-{commit}"
    if (place / ENTRY).is_file():
        return place
    with whole_folder(make_place(place)) as made:
        source = made / "source"
        _export(checkout, commit, source)
        (source / "src" / "otolith" / COMMIT).write_text(f"{commit}\n", encoding="utf-8")
        _run([sys.executable, "-m", "venv", "--without-pip", str(made)], "no environment can be made")
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(made / "wheel")]
        _run(build, "no wheel can be built (pip install hatchling)", source)
        packages = next(made.glob("lib*/**/site-packages"))
        (wheel,) = (made / "wheel").glob("*.whl")
        with zipfile.ZipFile(wheel) as file:  # a wheel of Python alone is installed by unpacking it
            file.extractall(packages)
        beside = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
        (packages / "beside.pth").write_text("".join(f"{entry}\n" for entry in beside), encoding="utf-8")
        shutil.rmtree(source / "src")
    return place


def python(place: Path) -> list[str]:
    """Return the command of an environment's Python, which no variable and no folder of the caller's changes."""
    folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return [str(place / folder / name), "-I"]


def remove_others(work: Path, kept: Path) -> None:
    """Remove the environments of other commits; one that is half gone has no name by which it would be taken."""
    for other in work.glob("env-*"):
        if other != kept:
            other.rename(other.with_name(f"old-{other.name}"))
    for old in work.glob("old-env-*"):
        shutil.rmtree(old, ignore_errors=True)


def _export(checkout: Path, commit: str, target: Path) -> None:
    there = [part for part in PARTS if _git(checkout, "ls-tree", "--name-only", commit, part)]
    if PROGRAM not in there:
        raise DataError(f"commit {commit} holds no {PROGRAM}; name a later one with --commit")
    archive = _git(checkout, "archive", commit, "--", *there)
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        file.extractall(target, filter="data")


def _git(checkout: Path, *tokens: str) -> bytes:
    try:
        return subprocess.run(["git", "-C", str(checkout), *tokens], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode(errors="replace").strip()
        raise DataError(
            f"git {tokens[0]} failed in {checkout}: {said or error}. Name a commit with --commit."
        ) from None


def _run(command: list[str], otherwise: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    if done.returncode:
        raise DataError(f"{otherwise}: {(done.stderr or done.stdout).strip()[-500:]}")
