"""The HTML that otolith makes, as its source holds it: every file with markup, and those that are whole pages."""

from __future__ import annotations

from pathlib import Path

import otolith

SOURCE = Path(otolith.__file__).parent
MARKUP = sorted([*SOURCE.rglob("*.html"), *SOURCE.rglob("*.j2")])
"""All files with markup, parts of pages included."""
PAGES = {
    path.relative_to(SOURCE).as_posix(): path
    for path in MARKUP
    if path.suffix == ".html" or "{% extends" in path.read_text("utf-8")
}
"""Those that are a page by themselves, by their place in the source."""
