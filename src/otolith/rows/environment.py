"""Versions and hardware, on which a result may depend; nothing that names a host or a user."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

VERSIONED = ("otolith", "torch", "numpy", "scipy", "scikit-learn")
"""Distributions whose versions `environment` records, beside Python's."""


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


def environment() -> dict[str, Any]:
    """Return the versions and hardware that a result may depend on, for `meta` and `environment.json`.

    Keys: `python`, one for each installed distribution of VERSIONED, `system`, `machine`, `processor`,
    `cores` (that this process may use), and, once torch is imported, `threads` and `gpu` (name, or None).
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
