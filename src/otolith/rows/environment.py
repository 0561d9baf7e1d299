"""Versions and hardware, on which a result may depend; nothing that names a host or a user."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

VERSIONED = ("otolith", "torch", "numpy", "scipy", "scikit-learn")
"""Distributions whose versions `environment` records, beside Python's."""
COMMIT = "commit.txt"
"""File within the package that names the commit a wheel was built at; a checkout has none."""


def processor() -> str:
    """Return the model name of the processor as the system gives it, or its architecture where it gives none.

    >>> isinstance(processor(), str)
    True
    """
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # no such file outside Linux
    return platform.processor() or platform.machine()


@functools.cache
def commit() -> str | None:
    """Return the commit of the source that runs here, as 12 hexadecimal digits, or None where it is not known.

    A wheel with the file `commit.txt` in it knows it, as `results/queue.py` builds them; so does a git checkout, where
    files below `src` that differ from the commit add "+changed". It is that of the first call.

    >>> commit() is None or len(commit().removesuffix("+changed")) == 12
    True
    """
    package = Path(__file__).parents[1]
    told, checkout = package / COMMIT, package.parents[1]
    if told.is_file():
        return told.read_text(encoding="utf-8").strip()
    if package.parent.name != "src" or not (checkout / ".git").exists():
        return None
    git = ["git", "-C", str(checkout), "--no-optional-locks"]
    try:
        head, changes = (
            subprocess.run([*git, *tokens], capture_output=True, text=True, check=True, timeout=20).stdout.strip()
            for tokens in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--", "src"])
        )
    except (OSError, subprocess.SubprocessError):  # no git, or no commit yet
        return None
    return head[:12] + ("+changed" if changes else "")


def environment() -> dict[str, Any]:
    """Return the versions and hardware that a result may depend on, for `meta` and `environment.json`.

    Keys: `python`, one for each installed distribution of VERSIONED, `commit` (where it is known), `system`, `machine`,
    `processor`, `cores` (that this process may use), and, once torch is imported, `threads` and `gpu` (name, or None).
    No host, user or path.

    >>> {"python", "system", "processor", "cores"} <= set(environment())
    True
    """
    found: dict[str, Any] = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    source = commit()
    found |= {} if source is None else {"commit": source}
    affinity = getattr(os, "sched_getaffinity", None)
    found |= {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": len(affinity(0)) if affinity is not None else os.cpu_count(),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["threads"] = torch.get_num_threads()
        found["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return found
