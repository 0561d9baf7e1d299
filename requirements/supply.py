"""Write what otolith needs, from run.txt and the packages that are installed.

    python requirements/supply.py                                 licences.md beside this file
    python requirements/supply.py dist/otolith-0.1.0.cdx.json     a software bill of materials (CycloneDX 1.5)

Both name every package that otolith brings with it, PyTorch included, and its licence; the second has the hashes of
run.txt, too. Nothing is asked of a network, and the same packages give the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LICENCES = HERE / "licences.md"
KNOWN = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""Short names of licences that packages name by classifiers."""


def pinned(text: str) -> dict[str, tuple[str, list[str]]]:
    """Return the version and the SHA-256 hashes of each package in a file of requirements."""
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.strip().startswith("#"):
            name, version = line.split()[0].split("==")
            found[name] = (version, sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)))
    return found


def packages() -> dict[str, tuple[str, list[str]]]:
    """Return what run.txt pins, and PyTorch as constraints.txt does."""
    found = pinned((HERE / "run.txt").read_text("utf-8"))
    text = (HERE.parent / "constraints.txt").read_text("utf-8")
    (version,) = re.findall(r"^torch==([^\s;]+)", text, re.MULTILINE)
    return dict(sorted((found | {"torch": (version, [])}).items()))


def licence(name: str) -> str:
    """Return the licence that an installed package names, in a line."""
    about = metadata.metadata(name)
    expression = about.get("License-Expression")
    if expression:
        return str(expression)
    named = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier") or [] if each.startswith("License ::")]
    named = [KNOWN.get(each, each) for each in named if each != "OSI Approved"]
    text = (about.get("License") or "").strip()
    return " AND ".join(named) or (text.splitlines()[0] if text else _by_text(name))


def _by_text(name: str) -> str:
    """Return the licence of a package that only brings its text."""
    for file in metadata.files(name) or ():
        if file.match("*.dist-info/licenses/*") and "Permission is hereby granted, free of charge" in file.read_text():
            return "MIT"
    return "not named"


def table() -> str:
    """Return licences.md."""
    lines = ["# Licences of what otolith needs", "", "Made by `python requirements/supply.py`.", ""]
    lines += ["| package | version | licence |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {v} | {licence(name)} |" for name, (v, _) in packages().items())]) + "\n"


def sbom() -> str:
    """Return the bill of materials."""
    components: list[dict[str, Any]] = []
    for name, (version, hashes) in packages().items():
        part: dict[str, Any] = {"type": "library", "name": name, "version": version}
        part |= {"purl": f"pkg:pypi/{name}@{version}", "licenses": [{"license": {"name": licence(name)}}]}
        # one of several files is installed; all that may be are named
        part["externalReferences"] = [
            {
                "type": "distribution",
                "url": f"pkg:pypi/{name}@{version}",
                "hashes": [{"alg": "SHA-256", "content": each}],
            }
            for each in hashes
        ]
        components.append(part)
    own = re.search(r'^version = "(.+)"', (HERE.parent / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert own is not None
    about = {
        "component": {"type": "library", "name": "otolith", "version": own[1], "purl": f"pkg:pypi/otolith@{own[1]}"}
    }
    whole = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": about, "components": components}
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(sbom(), "utf-8")
    else:
        LICENCES.write_text(table(), "utf-8")
