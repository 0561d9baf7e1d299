"""Fixtures that every test room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_root() -> Path:
    """Folder that holds the real recordings (HAPT, USC-HAD, MobiFall)."""
    folder = os.environ.get("OTOLITH_DATA")
    if not folder:
        pytest.skip("OTOLITH_DATA does not name the folder of the real recordings")
    return Path(folder)
