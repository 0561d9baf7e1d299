"""axe-core, which finds what keeps people from using a page, and its verdict on the page that a browser shows."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tests.helpers.browser import Page

VERSION = "4.14.1"
INTEGRITY = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""Checksum of the package's archive, as registries and lock files write it."""
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")

COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that look at colours."""


def source(kept: Path) -> str:
    """Return axe-core's script, which npm fetches once into the folder `kept`.

    Raises:
        FileNotFoundError: there is no npm.
        RuntimeError: npm brings nothing, or another archive than the published one.
    """
    archive = kept / f"axe-core-{VERSION}.tgz"
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError("axe-core needs npm, which is not on the path")
        with tempfile.TemporaryDirectory(dir=kept) as work:
            command = [npm, "pack", f"axe-core@{VERSION}", "--ignore-scripts", "--prefer-offline", "--loglevel=error"]
            ended = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            packed = list(Path(work).glob("*.tgz"))
            if ended.returncode or len(packed) != 1:
                raise RuntimeError(f"npm could not fetch axe-core {VERSION}: {ended.stderr.strip()}")
            os.replace(packed[0], archive)
    content = archive.read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != INTEGRITY:
        archive.unlink()
        raise RuntimeError(f"{archive.name} is not axe-core {VERSION} as it was published: {found}")
    with tarfile.open(archive) as members:
        script = members.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode("utf-8")


def violations(page: Page, script: str, *, colours_only: bool = False) -> list[str]:
    """Return what breaks a rule of WCAG 2.2 A and AA or of best practice: the rule, where, and what is asked for."""
    if not page.run("typeof axe === 'object'"):
        page.run(f"{script}; 0")
    options = {"runOnly": list(COLOURS if colours_only else TAGS), "resultTypes": ["violations"], "preload": False}
    found: list[dict[str, Any]] = page.run(f"axe.run(document, {json.dumps(options)}).then((all) => all.violations)")
    return [
        f"{each['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for each in found
        for node in each["nodes"]
    ]
