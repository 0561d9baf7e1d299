"""Tables in JSON whose names and rows are apart, as Edge Impulse keeps samples.

`{"interval_ms": 10, "sensors": [{"name": "accX", "units": "m/s2"}, ...], "values": [[0.1, 0.2, 9.8], ...]}` may be an
object within others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

DEPTH = 4
INTERVALS = {"interval_ms": 1.0, "interval_s": 1000.0, "interval_us": 0.001}
"""Names of the step from row to row, and that step in ms."""


def matrix_of(said: dict[str, Any], depth: int = DEPTH) -> Iterator[dict[str, Any]] | None:
    """Return the rows of names and numbers that stand apart in an object, with a time where a step is named.

    None: there is no such pair in it.

    >>> payload = {"interval_ms": "20", "sensors": [{"name": "ax", "units": "g"}], "values": [["1"], ["2"]]}
    >>> list(matrix_of({"payload": payload}) or ())
    [{'time (ms)': '0', 'ax (g)': '1'}, {'time (ms)': '20', 'ax (g)': '2'}]
    """
    lists = [value for value in said.values() if isinstance(value, list) and value]
    for rows in (each for each in lists if len(each) > 1 and all(isinstance(row, list) for row in each)):
        widths = {len(row) for row in rows}
        named = [names for each in lists if (names := _names(each)) and widths == {len(names)}]
        if len(named) == 1 and len(set(named[0])) == len(named[0]):
            return _rows(named[0], rows, _step(said))
    inner = [each for each in said.values() if isinstance(each, dict)] if depth else []
    return next((found for each in inner if (found := matrix_of(each, depth - 1)) is not None), None)


def _names(values: list[Any]) -> list[str]:
    """Return names of columns, with their units where these are said; none where values are something else."""
    out = []
    for value in values:
        name, unit = (value.get("name"), value.get("units", "")) if isinstance(value, dict) else (value, "")
        if not isinstance(name, str) or not isinstance(unit, str):
            return []
        out.append(f"{name} ({unit})" if unit and unit.upper() not in ("N/A", "NONE") else name)
    return out


def _step(said: dict[str, Any]) -> float | None:
    """Return the step from row to row in ms."""
    for name, scale in INTERVALS.items():
        try:
            step = float(said.get(name, "nan")) * scale
        except (TypeError, ValueError):
            continue
        if 0 < step < 1e9:
            return step
    return None


def _rows(names: list[str], rows: list[Any], step: float | None) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows):
        texts = [json.dumps(cell) if isinstance(cell, dict | list) else cell for cell in row]
        cells = dict(zip(names, texts, strict=True))
        yield cells if step is None else {"time (ms)": f"{number * step:.10g}", **cells}
