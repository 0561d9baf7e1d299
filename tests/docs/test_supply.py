"""What otolith needs is listed with licences, a bill of materials names its hashes, and a wheel is the same twice."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.version import Version

from tests.docs.test_requirements import pinned

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def supply() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply", ROOT / "requirements" / "supply.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_package_that_is_needed_stands_in_the_list_with_its_version_and_licence(supply: ModuleType) -> None:
    lines = (ROOT / "requirements" / "licences.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in lines if line.startswith("| ")][1:]
    listed = {name: version for name, version, _ in rows}
    needed = {name: str(version) for name, (version, _) in pinned("run").items()}
    assert {name: version for name, version in listed.items() if name != "torch"} == needed
    assert "torch" in listed
    assert [row for row in rows if row[2] in ("", "not named", "UNKNOWN")] == []
    assert supply.licence("numpy").startswith("BSD-3-Clause")


def test_the_bill_of_materials_names_all_of_them_with_their_hashes(supply: ModuleType) -> None:
    found = json.loads(supply.sbom())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    by_name = {part["name"]: part for part in found["components"]}
    needed = pinned("run")
    assert by_name.keys() == needed.keys() | {"torch"}
    for name, (version, hashes) in needed.items():
        assert by_name[name]["purl"] == f"pkg:pypi/{name}@{version}"
        assert len(by_name[name]["externalReferences"]) == hashes
    assert supply.sbom() == supply.sbom()


def test_no_version_that_is_pinned_has_a_weakness_of_the_dated_list() -> None:
    text = (ROOT / "requirements" / "advisories.md").read_text("utf-8")
    assert re.search(r"As known on 20\d\d-\d\d-\d\d,", text)
    rows = re.findall(r"^\| ([\w.-]+) \| (CVE-\d+-\d+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 20
    pins = {name: version for name, (version, _) in pinned("dev").items()}
    torch = re.search(r"^torch==([^\s;]+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert torch is not None
    pins["torch"] = Version(torch[1])
    assert [name for name, _, _ in rows if name not in pins] == []
    assert [row for row in rows if pins[row[0]] < Version(row[2])] == []


@pytest.mark.skipif(not hasattr(os, "umask"), reason="modes are a Unix thing")
def test_a_wheel_is_the_same_to_the_bit_whenever_and_by_whomever_it_is_built(tmp_path: Path) -> None:
    built = []
    for number, mask in enumerate((0o022, 0o077)):
        source = tmp_path / f"{number}"
        source.mkdir()
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copyfile(ROOT / name, source / name)
        shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for path in source.rglob("*.py"):
            os.utime(path, (10**9 + number, 10**9 + number))
            path.chmod(0o666 & ~mask)
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
        environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        subprocess.run(command, cwd=source, check=True, capture_output=True, env=environment, umask=mask)
        (wheel,) = tmp_path.glob("*.whl")
        built.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
        wheel.unlink()
    assert built[0] == built[1]
