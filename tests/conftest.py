"""Fixtures that every test room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # each process has a core: its libraries and children read this


@pytest.fixture(scope="session")
def real_root() -> Path:
    """Folder that holds the real recordings (HAPT, USC-HAD, MobiFall, MotionSense); in CI a test fails without."""
    folder = os.environ.get("OTOLITH_DATA")
    if not folder:
        reason = "OTOLITH_DATA does not name the folder of the real recordings"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither read nor write the caches and downloads of whoever runs them."""
    os.environ["OTOLITH_HOME"] = str(tmp_path_factory.mktemp("otolith-home"))
