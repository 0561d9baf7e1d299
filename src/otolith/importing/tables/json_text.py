"""Tables in JSON: an array of objects, an object on each line, or columns as arrays; numbers may be written as text.

Cells stay the text that they are, as those of CSV do, so that 19 digits keep their worth. What is nested is laid out in
columns: `{"acc": {"x": 1}}` and `{"acc": [1, 2, 3]}` give `acc.x`. An object that holds the several samples of a radio
packet, `{"t": 5, "acc": [{"x": 1, ...}, {"x": 2, ...}]}`, becomes a row of each. Several arrays of objects in one file
become one table with a column `sensor`, which holds the array's name. Names and rows may stand apart (`json_matrix`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from otolith.errors import DataError
from otolith.importing.tables.encodings import unicode_of
from otolith.importing.tables.json_matrix import matrix_of
from otolith.importing.tables.table import Table

if TYPE_CHECKING:
    import polars as pl

MAX_COLUMNS = 2000
MAX_CELLS = 100_000_000
BATCH = 50_000
"""Objects that are held as such at a time."""
MOST_TAIL = 1 << 16
"""Characters that an object at the end may have which breaks off."""
AXES = {2: "xy", 3: "xyz", 4: "wxyz"}
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)
_BEGIN = re.compile(rb'\s*(\[\s*)?\{\s*"')
_BETWEEN = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")
Row = dict[str, str | None]


class NoTable(ValueError):
    """A sound text in JSON that holds no table."""


def is_json(head: bytes) -> bool:
    """Tell if the first bytes of a file are of JSON with objects.

    >>> is_json(b'[{"time": 1}'), is_json(b'time,"x"')
    (True, False)
    """
    return bool(_BEGIN.match(head.removeprefix(b"\xef\xbb\xbf")))


def json_columns(head: bytes) -> tuple[str, ...]:
    """Return the columns in the first objects of a file; none where they cannot be made out."""
    return tuple(dict.fromkeys(name for row in json_rows(head) for name in row))


def json_rows(head: bytes) -> list[Row]:
    """Return the first objects of a file, as far as they can be made out of its first bytes."""
    rows: list[Row] = []
    try:
        for row in _rows(head.decode(unicode_of(head), "replace")):
            rows.append(row)
    except (ValueError, RecursionError):
        pass
    return rows


def read_json(where: str, content: bytes) -> Table:
    """Read the table in the bytes of a JSON file.

    Raises:
        DataError: it is damaged, holds no table, or one of more than `MAX_CELLS` cells.
    """
    import polars as pl

    try:
        text = content.decode(unicode_of(content))
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: is not UTF-8 text, as JSON is ({error.reason}). Export it again.") from error
    repairs: list[tuple[str, int]] = []
    frames: list[pl.DataFrame] = []
    batch: list[Row] = []
    count, at = 0, 0
    names: dict[str, None] = {}
    try:
        for row in _rows(text):
            batch.append(row)
            count += 1
            if len(batch) == BATCH:
                frames.append(_frame(batch, names))
                _check(where, count, len(names))
                batch = []
    except NoTable as error:
        raise DataError(
            f"{where}: {error}. Name a file with an array of objects, or one object on each line."
        ) from None
    except json.JSONDecodeError as error:
        at = error.pos
        if not (count or batch) or len(text) - _begin_of(text, at) > MOST_TAIL or text.rstrip().endswith(("}", "]")):
            raise DataError(
                f"{where}, line {error.lineno}, character {error.colno}: is no JSON ({error.msg}). Export it again."
            ) from None
        repairs.append((f"object {count + 1}, the last, breaks off and was dropped", 1))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: cannot be read as JSON ({error}). Export it again.") from None
    frames.append(_frame(batch, names))
    _check(where, count, len(names))
    frame = pl.concat(frames, how="diagonal")
    if not frame.height or not frame.width:
        raise DataError(f"{where}: holds no object with a value. Record or export it again.")
    return Table(where, frame, None, (), repairs, "object")


def _begin_of(text: str, at: int) -> int:
    """Return where the object begins that breaks off, as far as its last line or brace tells."""
    return max(text.rfind("\n", 0, at), text.rfind("{", 0, at), 0)


def _check(where: str, rows: int, columns: int) -> None:
    if columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise DataError(
            f"{where}: {rows:,} objects with {columns:,} different names, over the limit of {MAX_COLUMNS:,} names and "
            f"{MAX_CELLS:,} cells. Split it, or leave out what is no sensor."
        )


def _frame(batch: list[Row], names: dict[str, None]) -> pl.DataFrame:
    import polars as pl

    for row in batch:
        names.update(dict.fromkeys(row))
    if len(names) > MAX_COLUMNS:
        return pl.DataFrame()
    return pl.DataFrame(
        {name: [row.get(name) for row in batch] for name in names}, schema=dict.fromkeys(names, pl.String)
    )


def _rows(text: str) -> Iterator[Row]:
    """Yield the rows of a table in any of the forms.

    Raises:
        JSONDecodeError: it is damaged.
        NoTable: it holds none.
    """
    at = _end(_SPACE, text, 0)
    if text[at : at + 1] == "[":
        at = _end(_SPACE, text, at + 1)
        while text[at : at + 1] not in ("]", ""):
            each, at = _DECODER.raw_decode(text, at)
            yield from _samples(each)
            at = _end(_BETWEEN, text, at)
        if at >= len(text):
            raise json.JSONDecodeError("the array does not end", text, len(text))
        return
    first, end = _DECODER.raw_decode(text, at)
    if not isinstance(first, dict):
        raise NoTable("holds neither an array nor an object")
    more = _end(_BETWEEN, text, end)
    if more < len(text):
        yield from _samples(first)
        while more < len(text):
            each, end = _DECODER.raw_decode(text, more)
            yield from _samples(each)
            more = _end(_BETWEEN, text, end)
        return
    yield from _of_object(first)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    assert match is not None
    return match.end()


def _of_object(said: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of a file that is one object: of the arrays of objects in it, or of columns."""
    matrix = matrix_of(said)
    if matrix is not None:
        yield from map(_flat, matrix)
        return
    arrays = {name: value for name, value in _arrays(said, 3) if value}
    if len(arrays) == 1:
        for each in next(iter(arrays.values())):
            yield from _samples(each)
    elif arrays:
        for name, value in arrays.items():
            for each in value:
                yield from ({"sensor": _sound(name), **row} for row in _samples(each))
    else:
        columns = {name: list(value.values()) if isinstance(value, dict) else value for name, value in said.items()}
        columns = {name: value for name, value in columns.items() if isinstance(value, list)}
        lengths = {len(value) for value in columns.values()}
        if len(columns) < 2 or len(lengths) != 1:
            raise NoTable("holds no array of objects, and no columns of one length")
        for cells in zip(*columns.values(), strict=True):
            yield _flat(dict(zip(columns, cells, strict=True)))


def _arrays(said: dict[str, Any], depth: int) -> Iterator[tuple[str, list[Any]]]:
    for name, value in said.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value[:10]):
            yield name, value
        elif isinstance(value, dict) and depth:
            yield from _arrays(value, depth - 1)


def _samples(said: Any) -> Iterator[Row]:
    """Yield the rows of an object: one, or of a packet those of its samples, with what is said of the whole in each."""
    packet = dict(_packed(said, ())) if isinstance(said, dict) else {}
    lengths = {len(samples) for samples in packet.values()}
    if len(lengths) != 1:
        yield _flat(said)
        return
    whole = _flat(said, frozenset(packet))
    for at in range(lengths.pop()):
        row = dict(whole)
        for path, samples in packet.items():
            row |= _flat({".".join(path): samples[at]})
        yield row


def _packed(said: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield the path and the samples of each array of several samples with x, y and z in an object."""
    for name, value in said.items():
        path = (*above, name)
        if isinstance(value, dict) and len(path) < 4:
            yield from _packed(value, path)
        elif isinstance(value, list) and len(value) > 1 and all(map(_is_sample, value)):
            yield path, value


def _is_sample(value: Any) -> bool:
    if isinstance(value, dict):
        return {"x", "y", "z"} <= {name.lower() for name in value}
    return isinstance(value, list) and len(value) == 3 and not any(isinstance(each, dict | list) for each in value)


def _flat(said: Any, without: frozenset[tuple[str, ...]] = frozenset(), above: tuple[str, ...] = ()) -> Row:
    if not isinstance(said, dict):
        raise NoTable(f"holds {json.dumps(said)[:40]} where an object was expected")
    row: Row = {}
    for name, value in said.items():
        path = (*above, name)
        if path in without:
            continue
        if isinstance(value, dict):
            row |= {f"{_sound(name)}.{inner}": cell for inner, cell in _flat(value, without, path).items()}
        elif (
            isinstance(value, list) and len(value) in AXES and not any(isinstance(each, dict | list) for each in value)
        ):
            row |= {f"{_sound(name)}.{axis}": _cell(cell) for axis, cell in zip(AXES[len(value)], value, strict=True)}
        else:
            row[_sound(name)] = _cell(value)
    return row


def _cell(value: Any) -> str | None:
    if isinstance(value, str):
        return value if value.isascii() else _sound(value)
    if value is None:
        return None
    return json.dumps(value)[:1000] if not isinstance(value, float) else str(value)  # NaN and Infinity stay numbers


def _sound(text: str) -> str:
    """Return a text without halves of characters, which JSON can name."""
    return text.encode("utf-8", "replace").decode()
