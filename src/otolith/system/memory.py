"""Memory that is left for what comes next."""

from __future__ import annotations

from pathlib import Path

CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Limit and use of a container's memory, of both kinds that Linux has."""


def available_bytes() -> int:
    """Return the bytes that this process may still take without pushing another out, within a container's limit."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in CGROUPS:
        try:
            left = int(Path(limit).read_text()) - int(Path(used).read_text())
        except (OSError, ValueError):  # none there, or "max"
            continue
        free = min(free, left + _reclaimable(Path(limit).parent))
    return max(free, 0)


def _reclaimable(group: Path) -> int:
    """Bytes of files that the container's use counts and that give way to whatever needs the room."""
    try:
        figures = dict(line.split()[:2] for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return sum(int(figures.get(name, 0)) for name in ("inactive_file", "active_file"))
