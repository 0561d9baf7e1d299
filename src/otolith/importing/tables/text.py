"""CSV as phones and spreadsheets write it: any of comma, semicolon and tab, decimal point or comma, quoted or not.

All of a file is read, or refused with the line that is at fault. Three things are repaired, and reported: a last line
that breaks off (a recording that was cut), a few torn lines, and text that is Windows-1252 rather than UTF-8.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.naming.triads import axis_of
from otolith.importing.naming.words import LABEL_WORDS, SUBJECT_WORDS, TIME_WORDS, words_of
from otolith.importing.tables.encodings import CONTROLS, decode, encoding_of, unicode_of
from otolith.importing.tables.layout import Layout, find_layout
from otolith.importing.tables.ragged import sound_rows
from otolith.importing.tables.table import Table
from otolith.system.reading import csv_rows

if TYPE_CHECKING:
    import polars as pl

MAX_LINE = 1 << 16
"""Characters in a line; sensors write a few hundred."""
MAX_COLUMNS = 2000
HEAD_BYTES = 1 << 16
NAMES_WITHIN = 4000
"""Characters among which names of columns may go over several lines."""
_FOLDED = re.compile(r'(?m)(?:^|(?<=[,;\t|]))"[^"\n]{0,200}\n[^"]{0,200}"(?=[,;\t|\n]|$)')
_NUMBER_LINE = re.compile(r'(?m)^"?[-+.]?\d')
SAMPLE = 20 * (MAX_LINE + 1)


def read_table(where: str, content: bytes) -> Table:
    """Read the table in the bytes of a CSV file.

    `layout.find_layout` says where it begins; columns without names are called "column 1", "column 2", ...

    Raises:
        DataError: not text, no header, no or ragged rows, an over-long line, quotes that do not close, columns of one
            name; names file and line.
    """
    text, repairs = decode(where, content)
    text, joined = _names_joined(text)
    layout = find_layout(text[:SAMPLE])
    if layout is None:
        raise DataError(f"{where}: the file is empty. Record or export it again.")
    for number, line in enumerate(text[:SAMPLE].split("\n", 20)[:20], 1):
        _check_length(where, number, len(line))
    if layout.width > MAX_COLUMNS:
        raise DataError(
            f"{where}, line {layout.line - bool(layout.names)}: {layout.width:,} columns, over the limit of "
            f"{MAX_COLUMNS:,}. Leave out those that hold no sensor."
        )
    number, separator = layout.line, layout.separator
    rest, again = _without_headers(text[layout.begin :], text[: layout.begin])
    if separator == " ":
        rest, separator = re.sub(r"(?m)^\t|\t$", "", re.sub(r"[ \t]+", "\t", rest)), "\t"
    names = _names(where, _header(layout), number - 1)
    body = _quoted if '"' in rest else _plain
    frame, numbers, more = body(where, rest, number + joined, separator, names)
    if not frame.height:
        raise DataError(f"{where}: has a header and no complete row. Record or export it again.")
    units = dict(zip(names, layout.units, strict=False))
    return Table(where, frame, numbers, layout.preamble, repairs + again + more, "line", units)


def _without_headers(rest: str, above: str) -> tuple[str, list[tuple[str, int]]]:
    """Return a table's rows without lines that stand above it, too, as where files were joined, and that repair.

    Such lines are left blank, so that lines keep their numbers.
    """
    lines = [line for line in above.split("\n") if any(map(str.isalpha, line))]
    if not any(line in rest for line in lines):
        return rest, []
    pattern = re.compile("(?m)^(?:" + "|".join(re.escape(line) for line in dict.fromkeys(lines)) + ")[ \t]*$")
    if pattern.search(rest) is None:
        return rest, []
    rest, count = pattern.subn("", rest)
    return rest, [(f"{count} line(s) of names within the table, as where files were joined, were left out", count)]


def header_of(content: bytes) -> tuple[str, ...]:
    """Return the column names in the first bytes of a CSV file; none where they cannot be made out."""
    return names_in(layout_of(content))


def names_in(layout: Layout | None) -> tuple[str, ...]:
    """Return the column names of a layout; none where there is none."""
    return () if layout is None else tuple(_called(_header(layout)))


def layout_of(content: bytes) -> Layout | None:
    """Return the layout of the table in the first bytes of a file; None where there is none."""
    return find_layout(_head(content[:HEAD_BYTES]))


def lines_above(content: bytes) -> int:
    """Return the number of lines above the first row."""
    layout = layout_of(content)
    return 0 if layout is None else layout.line - 1 + _names_joined(content[:HEAD_BYTES].decode("latin-1"))[1]


def first_rows(content: bytes) -> list[list[str]]:
    """Return the cells of the first rows of a CSV file, those whose lines end within its first bytes."""
    text = _head(content[:HEAD_BYTES])
    layout = find_layout(text)
    if layout is None:
        return []
    lines = [line for line in text[layout.begin :].split("\n")[:-1] if line.strip()]
    if layout.separator == " ":
        return [line.split() for line in lines]
    return [row for line in lines for row in csv.reader([line], delimiter=layout.separator)]


def is_binary(content: bytes) -> bool:
    """Tell if the first bytes of a file are of no text; one that a lost power supply has ended with NULs is a text.

    >>> is_binary(b"PK\\3\\4\\0"), is_binary("lauf".encode("utf-16")), is_binary(b"0,1,2\\n\\0\\0\\0\\0")
    (True, False, False)
    """
    return b"\0" in content and not is_text(content.rstrip(b"\0"))


def is_text(content: bytes) -> bool:
    """Tell if the first bytes of a file are of a text, in any encoding that is read.

    >>> is_text(b"walk\\t1,5\\n"), is_text("lauf".encode("utf-16")), is_text(b"MZ\\0\\1"), is_text(b"")
    (True, True, False, False)
    """
    if unicode_of(content).startswith("utf-16"):
        return True
    return bool(content) and not CONTROLS.search(content)


def _head(content: bytes) -> str:
    """Decode the first bytes of a file, which may end within a character."""
    try:
        text = codecs.getincrementaldecoder(unicode_of(content))().decode(content)
    except UnicodeDecodeError:
        text = content.decode(encoding_of(content), errors="replace")
    return _names_joined(text.replace("\r\n", "\n").replace("\r", "\n"))[0]


def _names_joined(text: str) -> tuple[str, int]:
    """Return a text without line feeds in the quoted cells above its first number, and how many there were."""
    first = _NUMBER_LINE.search(text, 0, NAMES_WITHIN)
    end = min(len(text), NAMES_WITHIN) if first is None else first.start()
    head = _FOLDED.sub(lambda match: match[0].replace("\n", " "), text[:end])
    return head + text[end:], text.count("\n", 0, end) - head.count("\n")


def _check_length(where: str, number: int, length: int) -> None:
    if length > MAX_LINE:
        raise DataError(
            f"{where}, line {number}: {length:,} characters, over the limit of {MAX_LINE:,}. Is this a table of "
            "samples?"
        )


def _header(layout: Layout) -> Sequence[str]:
    return layout.names or [f"column {column}" for column in range(1, layout.width + 1)]


def _names(where: str, header: Sequence[str], line: int) -> list[str]:
    """Return the names of the columns of a file, all different."""
    names = _called(header)
    if not names:
        raise DataError(f"{where}, line {line}: has no column names. Add a header.")
    twice = _twice(names)
    if twice:
        raise DataError(f"{where}, line {line}: two columns are called {twice[0][:60]!r}. Rename one of them.")
    return names


def _called(header: Sequence[str]) -> list[str]:
    """Return the names of columns, numbered where they say nothing: those without a name, and those such as `Not Used`
    that several have."""
    names = [name.strip().strip("\ufeff") for name in header]
    while names and not names[-1]:
        names.pop()  # a separator at the line's end
    names = [name or f"column {number}" for number, name in enumerate(names, 1)]
    twice = _twice(names)
    if any(map(_has_meaning, twice)):
        return names
    return [f"{name} ({names[:at].count(name) + 1})" if name in twice else name for at, name in enumerate(names)]


def _twice(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _has_meaning(name: str) -> bool:
    """Tell if a column's name may be of a sensor, a time, an activity or a person."""
    words = words_of(name)
    known = words in LABEL_WORDS or words in SUBJECT_WORDS or bool(set(words.split()) & TIME_WORDS)
    return known or axis_of(name) is not None or len(words) < 4 or any(part in words for part in ("time", "date"))


def _fields(where: str, text: str, separator: str, first_line: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of each row, quotes resolved."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        for row in reader:
            yield first_line + reader.line_num - 1, row
    except csv.Error as error:
        raise DataError(f"{where}, line {first_line + reader.line_num - 1}: {error}. Repair the line.") from error


Body = tuple["pl.DataFrame", NDArray[np.int64], list[tuple[str, int]]]
"""Cells as text, the line of each row, and repairs."""


def _plain(where: str, text: str, first_line: int, separator: str, names: list[str]) -> Body:
    """Read a body without quotes, which is measured as an array of bytes before polars reads it."""
    import polars as pl

    raw = text.encode()
    if not raw.endswith(b"\n"):
        raw += b"\n"
    data = np.frombuffer(raw, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    if lengths.size and lengths.max() > MAX_LINE:
        row = int(np.argmax(lengths > MAX_LINE))
        _check_length(where, first_line + row, int(lengths[row]))
    separators = np.flatnonzero(data == ord(separator))
    counts = np.searchsorted(separators, ends) - np.searchsorted(separators, starts) + 1
    numbers = first_line + np.arange(len(ends))
    blank = lengths == 0
    for row in np.flatnonzero((counts == 1) & (lengths < 100) & ~blank).tolist():
        blank[row] = not raw[starts[row] : ends[row]].strip()
    width = len(names)
    open_end = data[np.maximum(ends - 1, 0)] == ord(separator)
    for row in np.flatnonzero((counts > width + 1) & ~blank).tolist():
        surplus = int(separators[np.searchsorted(separators, starts[row]) + width - 1])
        open_end[row] = not raw[surplus : ends[row]].strip(separator.encode() + b" \t\r")
    keep, repairs = sound_rows(where, counts[~blank], numbers[~blank], open_end[~blank], width)
    full = np.flatnonzero(~blank)[keep]
    if not len(full):
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String)), numbers[:0], repairs
    counts, numbers = counts[full], numbers[full]
    uneven = int(counts.max()) > int(counts.min())
    if uneven:  # polars takes as many cells of each row as the first has
        at = np.searchsorted(separators, starts[full]) + width - 1
        ends[full] = np.where(counts > width, separators[np.minimum(at, len(separators) - 1)], ends[full])
        counts = np.full(len(full), width)
    if uneven or len(full) < len(ends):
        raw = b"\n".join([*(raw[starts[row] : ends[row]] for row in full.tolist()), b""])
    columns = [f"c{index}" for index in range(int(counts.max()))]
    try:
        frame = csv_rows(raw, separator=separator, schema=dict.fromkeys(columns, pl.String), quote_char=None)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{where}: cannot be read as a table ({str(error).splitlines()[0]}). Export it again."
        ) from error
    if frame.height != len(full):
        raise DataError(f"{where}: {len(full):,} lines gave {frame.height:,} rows. Export it again.")
    frame = frame.select(columns[: len(names)])
    frame.columns = names
    return frame, numbers, repairs


def _quoted(where: str, text: str, first_line: int, separator: str, names: list[str]) -> Body:
    """Read a body with quoted cells, slowly."""
    import polars as pl

    found = []
    for number, row in _fields(where, text, separator, first_line):
        if any(map(str.strip, row)):
            _check_length(where, number, sum(map(len, row)))
            found.append((number, row))
    numbers = np.array([number for number, _ in found], np.int64)
    counts = np.array([len(row) for _, row in found], np.int64)
    width = len(names)
    open_end = np.array([not any(map(str.strip, row[width:])) for _, row in found], bool)
    keep, repairs = sound_rows(where, counts, numbers, open_end, width)
    kept = [row for (_, row), sound in zip(found, keep, strict=True) if sound]
    columns = {name: [row[i] for row in kept] for i, name in enumerate(names)}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)), numbers[keep], repairs
