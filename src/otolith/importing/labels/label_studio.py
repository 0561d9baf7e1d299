"""JSON of Label Studio: regions of time series or audio that a person labelled, in its full and its short form.

Its CSV has the short form in a cell of each row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from otolith.errors import DataError
from otolith.importing.labels.rows import Row
from otolith.importing.tables.table import Table

_PREFIX = re.compile(r"^[0-9a-f]{8}-")
"""Put before names of files that are uploaded."""


def rows_of(where: str, content: bytes) -> list[Row]:
    """Return a row for each region.

    Raises:
        DataError: it is not JSON, or not of Label Studio; a task was annotated by several people, or in frames.
    """
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is no JSON ({str(error)[:80]}). Export the annotations again.") from None
    return _rows(where, value if isinstance(value, list) else [value])


def is_of_label_studio(content: bytes) -> bool:
    """Tell if JSON may be of Label Studio; objects with a start and an end each are a table."""
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    first = value[0] if isinstance(value, list) and value else value
    return not isinstance(first, dict) or any(isinstance(each, list | dict) for each in first.values())


def rows_of_cells(table: Table) -> list[Row]:
    """Return a row for each region in a table in whose cells JSON stands.

    Raises:
        DataError: see `rows_of`.
    """
    tasks: list[Any] = []
    cells = {column: table.texts(column) for column in table.columns}
    for row in range(table.height):
        task: dict[str, Any] = {}
        for column, texts in cells.items():
            task[column] = texts[row]
            if texts[row].startswith("[{"):
                try:
                    task[column] = json.loads(texts[row])
                except (ValueError, RecursionError):
                    raise DataError(f"{table.at(row)}: {column} is no JSON. Export the annotations again.") from None
        tasks.append(task)
    return _rows(table.where, tasks)


def _rows(where: str, tasks: list[Any]) -> list[Row]:
    out: list[Row] = []
    told: dict[str, int] = {}
    for number, task in enumerate(tasks, 1):
        if not isinstance(task, dict):
            raise DataError(f"{where}: item {number} is no task of Label Studio. Export the annotations as JSON.")
        key = f"{task.get('id', f'number {number}')} {_recording(task)}"
        if key in told:
            raise DataError(
                f"{where}: items {told[key]} and {number} are annotations of one task. Keep the one that counts, and "
                "export again."
            )
        told[key] = number
        name = _recording(task) if len(tasks) > 1 else ""
        for region in _regions(f"{where}, task {number}", task):
            out.append(_row(f"{where}, task {number}", name, region))
    if not out:
        raise DataError(f"{where}: holds no labelled region of Label Studio. Export the annotations as JSON.")
    return out


def _regions(where: str, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what each region says of its time and labels."""
    done = task.get("annotations", task.get("completions"))
    if isinstance(done, list):
        kept = [each for each in done if isinstance(each, dict) and not each.get("was_cancelled")]
        kept = [each for each in kept if each.get("result")]
        if len(kept) > 1:
            raise DataError(f"{where}: has {len(kept)} annotations. Keep the one that counts, and export again.")
        for each in kept:
            for result in each["result"] if isinstance(each["result"], list) else ():
                value = result.get("value") if isinstance(result, dict) else None
                if isinstance(value, dict) and _labels(value):
                    yield value
        return
    for each in task.values():
        if isinstance(each, list):
            yield from (value for value in each if isinstance(value, dict) and _labels(value))


def _labels(value: dict[str, Any]) -> list[str]:
    return [
        str(label) for key, each in value.items() if key.endswith("labels") and isinstance(each, list) for label in each
    ]


def _row(where: str, name: str, value: dict[str, Any]) -> Row:
    labels = _labels(value)
    if len(labels) > 1:
        raise DataError(f"{where}: a region has {len(labels)} labels ({', '.join(labels)}). Give it one.")
    if "ranges" in value or not {"start", "end"} <= value.keys():
        raise DataError(f"{where}: a region {labels[0]!r} has no start and end in time. Label the time series.")
    return Row(where, name, str(value["start"]), str(value["end"]), labels[0])


def _recording(task: dict[str, Any]) -> str:
    """Return the name of the file that a task is about, without the ending and what an upload puts before it."""
    data = task.get("data", task)
    texts = [
        each
        for each in (task.get("file_upload"), *(data.values() if isinstance(data, dict) else ()))
        if isinstance(each, str)
    ]
    named = next((text for text in texts if re.search(r"\.\w{2,7}$", text)), "")
    return _PREFIX.sub("", PurePosixPath(re.split(r"[=?]", named)[-1]).stem)
