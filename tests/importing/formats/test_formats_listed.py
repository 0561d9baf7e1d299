"""The table of formats in the docs and on the command line is that of the registry."""

from __future__ import annotations

import itertools
from pathlib import Path

from otolith.importing.formats import about_formats
from tests.helpers.commandline import call, refused

HOME = Path(__file__).parents[3]


def table() -> list[str]:
    """The table of docs/own-recordings.md, made from the formats."""
    lines = [
        "| `--format` | devices and apps | decided by the files | asked, or said by options |",
        "|---|---|---|---|",
    ]
    for name, device, decided, asked in about_formats():
        lines.append(f"| `{name}` | {device} | {decided} | {asked or '–'} |")
    return lines


def test_the_docs_table_is_that_of_the_registry() -> None:
    text = (HOME / "docs/own-recordings.md").read_text("utf-8").splitlines()
    first = next(number for number, line in enumerate(text) if line.startswith("| `--format`"))
    found = list(itertools.takewhile(lambda line: line.startswith("|"), text[first:]))
    assert found == table(), "\n" + "\n".join(table())


def test_every_format_says_what_it_is_for() -> None:
    for name, device, decided, _ in about_formats():
        assert device, name
        assert decided, name


def test_the_command_lists_them() -> None:
    ended = call("import", "--formats")
    assert ended.code == 0, ended.err
    printed = " ".join(ended.out.split())
    for name, device, decided, asked in about_formats():
        for words in (name, device, decided, asked):
            assert words in printed


def test_the_command_needs_sources_and_a_folder_otherwise(tmp_path: Path) -> None:
    for given in ([], [str(tmp_path)], ["--out", "x"]):
        assert "otolith import SOURCE --out DIR" in " ".join(refused("import", *given).split())
