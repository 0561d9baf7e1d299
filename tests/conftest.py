"""Fixtures that every test room shares."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browser import Browser, Page, chromium

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # each process has a core: its libraries and children read this
os.environ.setdefault("RAY_worker_niceness", "0")  # else workers of a cluster wait while other tests have all cores
os.environ.setdefault("RAY_COLOR_PREFIX", "0")  # what it says in the process of a test is held to have no colours

LONG = [
    "faults/test_faults",
    "cli/test_cli_fanout",
    "docs/test_notebooks",
    "prediction/test_batch",
    "training/test_ranks",
    "docs/test_deploy_page",
    "results/test_queue",
    "prediction/test_phones_real",
    "labelling/test_label_page",
    "cli/test_cli_compare",
    "pipeline/test_voting",
    "live/test_live_in_page_real",
    "cli/test_cli_torchrun",
    "export/test_export",
    "live/test_live_page",
    "contracts/test_classical",
    "pipeline/test_joined",
    "docs/test_docs_own_recordings",
    "live/test_live_in_page",
]
"""Files of tests that take ten seconds and more, which begin first: two processes then end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {f"tests/{name}.py": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.nodeid.split("::")[0], len(LONG)))


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


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests of a process."""
    pytest.importorskip("websockets")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium on the path")
    with chromium(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of its own."""
    with browser.tab() as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    """What lives before a file's tests, libraries above all, is not looked through by their garbage collections."""
    gc.collect()
    gc.freeze()
    if "otolith.export.graph" in sys.modules:
        _keep_translations()


@functools.cache
def _keep_translations() -> None:
    """Let PyTorch's exporter make its table of operators once, and not again for every graph."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        made_once = functools.cache(ONNXRegistry.from_torchlib)
    except (ImportError, AttributeError):  # another version of PyTorch
        return
    ONNXRegistry.from_torchlib = staticmethod(made_once)  # type: ignore[method-assign]
