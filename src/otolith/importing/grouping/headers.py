"""Names of columns that only the first file of a series has, as of loggers that begin a new file now and then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from otolith.importing.tables.layout import is_number

if TYPE_CHECKING:
    from otolith.importing.session import Folder, Sheet


def with_headers(folders: Sequence[Folder]) -> list[Folder]:
    """Return folders in which a file without names has those of the files beside it whose names differ in digits alone.

    All of these agree in names, and hold numbers and words in the same columns.
    """
    return [replace(folder, sheets=tuple(_with_headers(folder.sheets))) for folder in folders]


def _with_headers(sheets: Sequence[Sheet]) -> list[Sheet]:
    series: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        series.setdefault(re.sub(r"\d+", "#", sheet.member.place.name), []).append(sheet)
    named: dict[str, Sheet] = {}
    for key, several in series.items():
        texts = [each for each in several if each.layout is not None] if len(several) > 1 and "#" in key else []
        with_names = [each for each in texts if each.layout is not None and each.layout.names]
        if len(with_names) < len(texts) and len({each.columns for each in with_names}) == 1:
            named[key] = with_names[0]
    out = []
    for sheet in sheets:
        first = named.get(re.sub(r"\d+", "#", sheet.member.place.name))
        out.append(sheet if first is None or not _continues(sheet, first) else replace(sheet, named_by=first))
    return out


def _continues(sheet: Sheet, first: Sheet) -> bool:
    """Tell if a file has no names, and the columns of another one."""
    if sheet.layout is None or first.layout is None or sheet.layout.names:
        return False
    if (sheet.layout.separator, len(sheet.columns)) != (first.layout.separator, len(first.columns)):
        return False
    return _kinds(sheet) == _kinds(first)


def _kinds(sheet: Sheet) -> list[bool]:
    """Return for each column whether its first cell is a number."""
    return [is_number(cell.strip()) for cell in next(iter(sheet.first_rows), [])]
