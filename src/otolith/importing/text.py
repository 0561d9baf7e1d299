"""CSV as phones and spreadsheets write it: any of comma, semicolon and tab, decimal point or comma, quoted or not.

Reads all of a file or says which line is at fault. Two things are repaired, and reported: a last line that breaks off
(a recording that was cut), and text that is Windows-1252 rather than UTF-8.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.table import Table

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = ",;\t"
MAX_LINE = 1 << 16
"""Characters in a line; sensors write a few hundred."""
MAX_COLUMNS = 2000
HEAD_BYTES = 1 << 16
_NUMBER = re.compile(r"\s*[+\-−]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")


def read_table(where: str, content: bytes) -> Table:
    """The table in the bytes of a CSV file.

    A first line of nothing but numbers is no header; the columns are then called "column 1", "column 2", ...

    Raises:
        DataError: not text, no header, no or ragged rows, an over-long line, quotes that do not close, columns of one
            name; names file and line.
    """
    text, repairs = _decode(where, content)
    lines = text.split("\n")
    first, comments = _preamble(lines)
    if first == len(lines):
        raise DataError(f"{where}: is empty. Record or export it again.")
    separator = _separator(where, lines, first)
    header = next(_fields(where, [lines[first]], separator, first + 1), (0, [""]))[1]
    if len(header) > MAX_COLUMNS:
        raise DataError(f"{where}, line {first + 1}: {len(header):,} columns, over the limit of {MAX_COLUMNS:,}.")
    start = first + 1
    if all(_NUMBER.fullmatch(name) for name in header if name.strip()) and any(name.strip() for name in header):
        header, start = [f"column {number}" for number in range(1, len(header) + 1)], first
    names = _names(where, header, first + 1)
    frame, numbers, more = _body(where, lines, start, separator, names)
    if not frame.height:
        raise DataError(f"{where}: has a header and no complete row. Record or export it again.")
    return Table(where, frame, numbers, comments, repairs + more, "line")


def header_of(content: bytes) -> tuple[str, ...]:
    """Column names in the first bytes of a CSV file; empty where they cannot be made out."""
    try:
        lines = _head(content[:HEAD_BYTES]).split("\n")
        first, _ = _preamble(lines)
        separator = _separator("", lines, first)
        return tuple(name.strip() for name in next(_fields("", [lines[first]], separator, 1))[1])
    except (DataError, StopIteration, IndexError):
        return ()


def _head(content: bytes) -> str:
    """Text of the first bytes of a file, which may end within a character."""
    name = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(name)().decode(content)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(where: str, content: bytes) -> tuple[str, list[tuple[str, int]]]:
    repairs: list[tuple[str, int]] = []
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if error.encoding.startswith("utf-16"):
            raise DataError(f"{where}: is no UTF-16 text, as it begins ({error.reason}). Export it again.") from error
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise DataError(
                f"{where}, line {line}: is neither UTF-8 nor Windows-1252 text. Export it again."
            ) from error
        repairs.append((f"read as Windows-1252, since line {line} is no UTF-8", 1))
    nul = text.find("\0")
    if nul >= 0:
        raise DataError(f"{where}, line {text.count(chr(10), 0, nul) + 1}: holds a NUL, so it is no text.")
    return text.replace("\r\n", "\n").replace("\r", "\n"), repairs


def _preamble(lines: list[str]) -> tuple[int, tuple[str, ...]]:
    """Index of the header, after blank lines, comments and Excel's `sep=`; and the comments."""
    comments = []
    for index, line in enumerate(lines):
        if line.startswith("#"):
            comments.append(line.lstrip("# ").rstrip())
        elif line.strip() and not re.fullmatch(r'"?sep=.?"?', line.strip(), re.IGNORECASE):
            return index, tuple(comments)
    return len(lines), tuple(comments)


def _separator(where: str, lines: list[str], first: int) -> str:
    """The separator that gives most columns and the same number of them in the first lines."""
    sample = [line for line in lines[first : first + 20] if line.strip()]
    for number, line in enumerate(sample, first + 1):
        if len(line) > MAX_LINE:
            raise DataError(f"{where}, line {number}: {len(line):,} characters, over the limit of {MAX_LINE:,}.")
    best, most = ",", (0.0, 0)
    for separator in SEPARATORS:
        bare = [re.sub(r'"[^"]*"', "", line).count(separator) for line in sample]
        if bare[0]:
            same = Counter(bare).most_common(1)[0][1] / len(bare)
            # a decimal comma makes commas frequent, but the header has none of those
            score = (float(same > 0.5 and abs(Counter(bare).most_common(1)[0][0] - bare[0]) <= 1), bare[0])
            if score > most:
                best, most = separator, score
    return best


def _names(where: str, header: list[str], line: int) -> list[str]:
    names = [name.strip().strip("\ufeff") for name in header]
    while names and not names[-1]:
        names.pop()  # a separator at the line's end
    if not names:
        raise DataError(f"{where}, line {line}: has no column names.")
    names = [name or f"column {number}" for number, name in enumerate(names, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{where}, line {line}: two columns are called {twice[0][:60]!r}. Rename one of them.")
    return names


def _fields(where: str, lines: list[str], separator: str, first_line: int) -> csv.Reader:  # type: ignore[name-defined]
    """(line number, fields) of each row, quotes resolved."""
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, strict=True)
    try:
        for row in reader:
            yield first_line + reader.line_num - 1, row
    except csv.Error as error:
        raise DataError(f"{where}, line {first_line + reader.line_num - 1}: {error}. Repair the line.") from error


def _body(
    where: str, lines: list[str], start: int, separator: str, names: list[str]
) -> tuple[pl.DataFrame, NDArray[np.int64], list[tuple[str, int]]]:
    import polars as pl

    rows = [(number, line) for number, line in enumerate(lines[start:], start + 1) if line.strip()]
    if any(len(line) > MAX_LINE for _, line in rows):
        number, line = next((n, line) for n, line in rows if len(line) > MAX_LINE)
        raise DataError(f"{where}, line {number}: {len(line):,} characters, over the limit of {MAX_LINE:,}.")
    body = [line for _, line in rows]
    if any('"' in line for line in body):
        return _quoted(where, lines[start:], start + 1, separator, names)
    numbers = np.array([number for number, _ in rows], np.int64)
    counts = np.array([line.count(separator) for line in body], np.int64) + 1
    keep, repairs = _checked_counts(where, counts, numbers, [line.endswith(separator) for line in body], len(names))
    body = body[:keep]
    if not body:
        return pl.DataFrame({name: [] for name in names}, schema=dict.fromkeys(names, pl.String)), numbers[:0], repairs
    width = int(counts[:keep].max())
    columns = [f"c{index}" for index in range(width)]
    try:
        frame = pl.read_csv(
            "\n".join(body).encode(),
            separator=separator,
            has_header=False,
            schema=dict.fromkeys(columns, pl.String),
            quote_char=None,
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{where}: is no table ({str(error).splitlines()[0]}). Export it again.") from error
    if frame.height != keep:
        raise DataError(f"{where}: {keep:,} lines gave {frame.height:,} rows. Export it again.")
    frame = frame.select(columns[: len(names)])
    frame.columns = names
    return frame, numbers[:keep], repairs


def _quoted(
    where: str, lines: list[str], first_line: int, separator: str, names: list[str]
) -> tuple[pl.DataFrame, NDArray[np.int64], list[tuple[str, int]]]:
    """The slow way, for tables whose cells are quoted."""
    import polars as pl

    found = [(number, row) for number, row in _fields(where, lines, separator, first_line) if any(map(str.strip, row))]
    numbers = np.array([number for number, _ in found], np.int64)
    counts = np.array([len(row) for _, row in found], np.int64)
    ends = [bool(row) and not row[-1].strip() for _, row in found]
    keep, repairs = _checked_counts(where, counts, numbers, ends, len(names))
    columns = {name: [row[i] if i < len(row) else "" for _, row in found[:keep]] for i, name in enumerate(names)}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)), numbers[:keep], repairs


def _checked_counts(
    where: str, counts: NDArray[np.int64], numbers: NDArray[np.int64], empty_end: list[bool], width: int
) -> tuple[int, list[tuple[str, int]]]:
    """How many rows to keep: all of them, or all but a last one that breaks off.

    Raises:
        DataError: a row with more or fewer cells than the header, but for an empty one at its end.
    """
    fits = (counts == width) | ((counts == width + 1) & np.array(empty_end, bool))
    wrong = np.flatnonzero(~fits)
    if not wrong.size:
        return len(counts), []
    first = int(wrong[0])
    if first == len(counts) - 1 and counts[first] < width:
        return first, [(f"line {int(numbers[first])}, the last, breaks off and was dropped", 1)]
    raise DataError(
        f"{where}, line {int(numbers[first])}: {int(counts[first])} cells, expected {width} as in the header. "
        "Repair the line, or export the file again."
    )
