"""Layout of a table in a text: where it begins, what separates its cells, and what its columns are called.

Devices write lines of their own above a table, several rows of names, a row of units, or no names at all. What is a
table is told from the rows themselves: lines that go on to have the same number of cells, some of them numbers.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from otolith.importing.naming.triads import axis_of
from otolith.importing.naming.unit_words import is_unit_text
from otolith.importing.tables.missing import MISSING, WORDS

SEPARATORS = ("\t", ";", ",", "|", " ")
"""Candidates; blanks come last, since they also stand within cells."""
NAMED = 1.5
"""Factor by which names above a table make it surer."""
LINES = 200
"""Lines at the beginning of a text in which its table has to begin."""
BODY = 12
"""Rows that are looked at beyond the first, to be sure of it."""
CLEARLY = 1.05
"""Factor by which a later separator has to be surer than an earlier one."""
ALIKE = 0.6
"""Least share of the lines from the first row on that are rows; a damaged one among few does not hide the table."""
_NUMBER = re.compile(r"[+\-−]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_SEP_LINE = re.compile(r'"?sep=(.?)"?', re.IGNORECASE)
_TIME = re.compile(r"\d{1,4}([-/.])(\d{1,2}|[a-zA-Z]{3,9})\1\d{1,4}|\d{1,2}:\d\d(:\d\d)?")


@dataclass(frozen=True)
class Layout:
    """Layout of the table in a text.

    Attributes:
        separator: of its cells; a blank stands for any number of blanks.
        names: of its columns; empty where none are written.
        units: beneath the names, one for each column, "" where there is none; empty without such a row.
        preamble: lines above the names, without comment signs; blank ones and `sep=` are left out.
        line: number of the line with the first row, counted from 1.
        begin: place of that line in the text.
        width: cells of a row, without an empty one at its end.
    """

    separator: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    preamble: tuple[str, ...]
    line: int
    begin: int
    width: int


def find_layout(text: str, most: int = LINES) -> Layout | None:
    """Return the layout of the table that begins in the first lines of a text; None where it holds no line.

    Where no lines are samples, the first line that is no comment counts as names.

    Args:
        text: the whole, or its beginning; lines end with a line feed.
        most: lines among which the first row is looked for.

    >>> found = find_layout("device: 7\\n\\nt;x\\ns;g\\n0,1;9,8\\n0,2;9,7\\n")
    >>> found.separator, found.names, found.units, found.preamble, found.line
    (';', ('t', 'x'), ('s', 'g'), ('device: 7',), 5)
    """
    lines = _first_lines(text, most + BODY)
    stated = next((m[1] for line in lines[:3] if (m := _SEP_LINE.fullmatch(line.strip()))), "")
    best: tuple[float, int, int, list[list[str]], str] | None = None
    for separator in (stated,) if stated else SEPARATORS:
        rows = _as_wide_as_names([_cells(line, separator) for line in lines])
        found = _first_row(rows)
        if found is None:
            continue
        first, width, sure = found
        if best is None or sure > CLEARLY * best[0]:
            best = sure, first, width, rows, separator
    if best is None:
        return _of_names(lines, stated)
    _, first, width, rows, separator = best
    top, names, units = _header(rows, lines, first, width)
    preamble = tuple(
        line.strip().lstrip("#").strip()
        for line in lines[:top]
        if line.strip() and not _SEP_LINE.fullmatch(line.strip())
    )
    begin = sum(len(line) + 1 for line in lines[:first])
    return Layout(separator, names, units, preamble, first + 1, begin, width)


def _as_wide_as_names(rows: list[list[str]]) -> list[list[str]]:
    """Return rows without the cells at their ends that are empty in all of them, where a line of names is so narrow."""
    said = max((at + 1 for row in rows for at, cell in enumerate(row) if cell), default=0)
    if said + 1 < max(map(len, rows), default=0) and any(len(row) == said and _is_header(row, said) for row in rows):
        return [row[:said] for row in rows]
    return rows


def _of_names(lines: list[str], stated: str) -> Layout | None:
    """Return the layout of a table without samples; None where there are no lines but comments."""
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith("#") and not _SEP_LINE.fullmatch(line.strip()):
            separator = stated or max(SEPARATORS[:-1], key=lambda each: len(_cells(line, each)))
            names = tuple(_cells(line, separator))
            above = tuple(each.lstrip("#").strip() for each in lines[:number] if each.startswith("#"))
            begin = sum(len(each) + 1 for each in lines[: number + 1])
            return Layout(separator, names, (), above, number + 2, begin, len(names))
    return None


def _first_lines(text: str, most: int) -> list[str]:
    lines = text.split("\n", most)
    if len(lines) > most:
        lines.pop()
    return lines


def _cells(line: str, separator: str) -> list[str]:
    """Split a line, quotes resolved where they close."""
    if separator == " ":
        return line.split()
    if '"' in line:
        try:
            cells = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            cells = line.split(separator)
    else:
        cells = line.split(separator)
    return [cell.strip() for cell in cells]


def is_number(cell: str) -> bool:
    """Tell if a cell is written as a number, with decimal point or comma.

    >>> is_number("-1,5e3"), is_number("12:00")
    (True, False)
    """
    return bool(_NUMBER.fullmatch(cell))


def number_of(cell: str) -> float:
    """Return the number that a cell of `is_number` holds.

    >>> number_of("-1,5e3"), number_of("−2.")
    (-1500.0, -2.0)
    """
    return float(cell.replace(",", ".").replace("−", "-"))


def _is_sample(cells: list[str]) -> bool:
    """Tell if a line may be a row of samples: a third of what it says are numbers, but not those of its columns."""
    if len(cells) > 2 and any(cells[skip:] == [str(n) for n in range(len(cells) - skip)] for skip in (0, not cells[0])):
        return False
    said = [cell for cell in cells if cell.lower() not in MISSING]
    numbers = sum(map(is_number, said))
    return len(cells) > 1 and numbers > 0 and 3 * numbers >= len(said)


def _first_row(rows: list[list[str]]) -> tuple[int, int, float] | None:
    """Return the first row of samples, its cells, and how sure that is; None where lines do not go on alike.

    A line that is no sample between names and the first row of their width does not end a table: it is damaged.
    """
    full = [number for number, row in enumerate(rows) if any(row)]
    samples = {number for number in full if _is_sample(rows[number])}
    best: tuple[int, int, float] | None = None
    for width, _ in Counter(len(rows[number]) for number in full if number in samples).most_common(3):
        fits = {number: abs(len(rows[number]) - width) <= 1 and number in samples for number in full}
        for place, number in enumerate(full):
            after = full[place : place + BODY]
            if len(rows[number]) != width or not fits[number] or sum(fits[each] for each in after) < ALIKE * len(after):
                continue
            top = place
            while top and _is_hollow(rows[full[top - 1]], width):
                top -= 1
            above = [up for up in full[max(0, top - 3) : top] if _is_header(rows[up], width)][-1:]
            remarks = [up for up in full[:top] if rows[up][0].startswith(("#", "%", "//"))]
            named = above[0] if above and all(up <= above[0] for up in remarks) else None
            said = [cell for each in after if fits[each] for cell in rows[each] if cell]
            told = sum(is_number(cell) or bool(_TIME.match(cell)) for cell in said) / max(1, len(said))
            sure = told * min(1.0, 0.5 + width / 8) * (1.0 if named is None else NAMED)
            below = full[full.index(named) + 1 :] if named is not None else [number]
            first = next(each for each in below if each == number or not _names_the_first(rows[each]))
            if best is None or sure > best[2]:
                best = first, width, sure
            break
    return best


def _is_header(cells: list[str], width: int) -> bool:
    """Tell if a line may name the columns: as many cells, none of them a number or a time."""
    return (
        len(cells) == width > 1
        and not _is_hollow(cells, width)
        and not any(map(is_number, cells))
        and 2 * sum(map(bool, cells)) > width
    )


def _names_the_first(cells: list[str]) -> bool:
    """Tell if a line beneath names holds one word, in the first column, as where pandas writes the name of an index."""
    alone = len(cells) > 2 and bool(cells[0]) and not any(cells[1:])
    return alone and cells[0].lower() not in MISSING and not is_number(cells[0]) and not _TIME.match(cells[0])


def _is_hollow(cells: list[str], width: int) -> bool:
    """Tell if a line is a row of the table without a value, as before a sensor's first: a time, or words for none."""
    if abs(len(cells) - width) > 1 or len(cells) < 2 or any(map(is_number, cells)):
        return False
    if any(map(_TIME.match, cells)) or not any(cells):
        return True
    said = list(filter(None, cells))
    return sum(cell.lower() in WORDS for cell in said) > 1 and not any(map(is_unit_text, set(said) - WORDS))


def _header(
    rows: list[list[str]], lines: list[str], first: int, width: int
) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Return the number of the line where the header begins, and names and units of the columns."""
    above: list[list[str]] = []
    top = first
    while top and len(above) < 6:
        line = lines[top - 1]
        cells = rows[top - 1]
        if not above and not any(cells):  # between names and rows
            top -= 1
            continue
        comment = line.lstrip().startswith(("#", "//", "%"))
        if comment:
            cells = [cell.lstrip("#/% ") for cell in cells]
        if abs(len(cells) - width) > 1 or len(cells) < 2 or any(map(is_number, cells)) or _is_hollow(cells, width):
            break
        if comment and above:
            break
        above.insert(0, cells)
        top -= 1
    if not above:
        return first, (), ()
    above = [cells + [""] * (width - len(cells)) for cells in above]
    units: tuple[str, ...] = ()
    for cells in reversed(above[1:]):
        known = sum(is_unit_text(cell) for cell in cells)
        if known and 2 * known >= sum(bool(cell) for cell in cells):
            units = tuple(cells)
            above.remove(cells)
            break
    # of several rows of names, the one that tells most columns apart; the last of equals
    distinct = [len(set(filter(None, cells))) for cells in above]
    names = above[max(range(len(above)), key=lambda row: (distinct[row], row))]
    if max(distinct) < sum(map(bool, names)) or _says_more(above, names):
        names = next((joined for n in (2, 3) if len(set(joined := _joined(above[-n:]))) == len(names)), names)
    return top, tuple(names), units


def _says_more(above: list[list[str]], names: list[str]) -> bool:
    """Tell if a column that has no name, or a unit for one, has one in another row."""
    others = [row for row in above if row is not names]
    return any(
        (not name or is_unit_text(name)) and any(more) for name, *more in zip_longest(names, *others, fillvalue="")
    )


def _joined(rows: list[list[str]]) -> list[str]:
    """Return the names of sensors joined to those of their axes beneath; a sensor's may stand above the first alone.

    >>> _joined([["t", "Accelerometer", "", "Gyroscope", ""], ["", "X", "Y", "X", "Y"]])
    ['t', 'Accelerometer X', 'Accelerometer Y', 'Gyroscope X', 'Gyroscope Y']
    """
    filled = []
    for upper, lower in pairwise(rows):
        several, row = Counter(lower), list(upper)
        for at, name in enumerate(lower[1 : len(row)], 1):
            if name and not row[at] and (several[name] > 1 or axis_of(name) is not None):
                row[at] = row[at - 1]
        filled.append(row)
    return [" ".join(filter(None, cells)) for cells in zip_longest(*filled, rows[-1], fillvalue="")]
