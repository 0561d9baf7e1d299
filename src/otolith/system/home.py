"""Folder for what otolith can make or fetch again: caches and downloads."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the base of all that otolith keeps between runs: $OTOLITH_HOME, else the user's cache folder."""
    named = os.environ.get("OTOLITH_HOME")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_path("otolith"))
