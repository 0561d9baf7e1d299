"""Every promise of docs/faults.md and SECURITY.md names a test, and the tests that they name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/.-]+\.py)`")
PAGES = {"docs/faults.md": "| what happens |", "SECURITY.md": "| from outside |"}
"""Pages, and how the head of their table of promises begins."""


def table(page: str) -> list[str]:
    lines = (HOME / page).read_text("utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(PAGES[page]))
    rows = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_promises_names_its_test(page: str) -> None:
    rows = table(page)
    assert len(rows) >= 7
    assert [row for row in rows if not NAMED.search(row.split("|")[-2])] == []


def test_every_way_in_which_it_is_done_names_its_test() -> None:
    text = (HOME / "docs" / "faults.md").read_text("utf-8").partition("## How\n")[2].partition("\nNot covered")[0]
    ways = text.split("\n- ")[1:]
    assert len(ways) >= 7
    assert [way for way in ways if not NAMED.search(way)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    found = NAMED.findall((HOME / page).read_text("utf-8"))
    assert found
    for name in found:
        assert "def test_" in (HOME / name).read_text("utf-8"), name
