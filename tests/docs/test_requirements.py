"""requirements/ holds a version and hashes for everything that pyproject.toml asks for, but for PyTorch."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LIBRARY = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
ASKED = {"run": LIBRARY, "dev": [*LIBRARY, *PROJECT["project"]["optional-dependencies"]["dev"]]}


def pinned(name: str) -> dict[str, tuple[Version, int]]:
    """{package: its version and how many hashes it has}."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    found = {}
    for line in lines:
        package, version = line.split()[0].split("==")
        found[canonicalize_name(package)] = (Version(version), len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line)))
    return found


@pytest.mark.parametrize("name", ["run", "dev"])
def test_each_dependency_has_a_version_that_suits_and_its_hashes(name: str) -> None:
    found = pinned(name)
    assert all(hashes for _, hashes in found.values())
    for each in map(Requirement, ASKED[name]):
        if each.name != "torch":
            assert canonicalize_name(each.name) in found, f"make requirements/{name}.txt anew: {each.name} came"
            assert found[canonicalize_name(each.name)][0] in each.specifier
    assert "torch" not in found


def test_the_library_alone_takes_the_versions_of_development() -> None:
    run, dev = pinned("run"), pinned("dev")
    assert run.keys() < dev.keys()
    assert {name: dev[name] for name in run} == run
