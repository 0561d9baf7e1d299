"""Labels on disk: one file of JSON lines for each labeller, to which lines are only ever appended.

A line is on the disk before its label is confirmed. Taking one back appends a line, too, so that the file tells all
that happened. A process that is killed while it writes leaves half a line at most, which the next one
closes and counts.

    {"id": 3, "at": "2026-11-29T16:20:01Z", "do": "label", "recording": "ada/walk", "start": 8.0, "stop": 12.0,
     "activity": "walking"}
    {"id": 4, "at": ..., "do": "undo", "of": 3}

Others are `skip` (not to be proposed again), `keep` (right although the model contradicts), both of a stretch;
`activity` (a name), `offset` (video, recording, seconds) and `agreement` (labels, value).
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.system.storage import cannot_write, make_place
from otolith.system.strict import json_value

ENDING = ".jsonl"
_STRETCH = {"recording": str, "start": float, "stop": float}
KINDS: dict[str, dict[str, type]] = {
    "label": _STRETCH | {"activity": str},
    "skip": _STRETCH,
    "keep": _STRETCH,
    "undo": {"of": int},
    "activity": {"name": str},
    "offset": {"video": str, "recording": str, "seconds": float},
    "agreement": {"labels": int, "value": float},
}
"""Actions of a line, and the values that each has."""
UNDOABLE = ("label", "skip", "keep")


class Journal:
    """The lines of one labeller, read once and then appended to.

    Args:
        path: the file; it and its folder are made by the first line.

    Raises:
        DataError: it cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     journal = Journal(Path(folder) / "ann.jsonl")
    ...     made = journal.add("label", recording="walk", start=0.0, stop=4.0, activity="walking")
    ...     [line["activity"] for line in Journal(journal.path).standing("label")]
    ['walking']
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._adding = threading.Lock()  # labels and what is learnt from them come from two threads
        self.lines: list[dict[str, Any]] = []
        self.damaged = 0
        """Lines that could not be read."""
        content = b""
        if path.exists():
            content = read_bytes(path)
        for line in content.split(b"\n"):
            if not line.strip():
                continue
            found = _read(line)
            if found is None:
                self.damaged += 1
            else:
                self.lines.append(found)
        self._broken_end = bool(content) and not content.endswith(b"\n")
        self._undone = {line["of"] for line in self.lines if line["do"] == "undo"}
        self._next = 1 + max((line["id"] for line in self.lines), default=0)

    def add(self, do: str, **values: Any) -> dict[str, Any]:
        """Append a line, and return it once it is on the disk; threads take turns.

        Raises:
            StorageError: it cannot be written.
        """
        with self._adding:
            return self._add(do, values)

    def _add(self, do: str, values: dict[str, Any]) -> dict[str, Any]:
        line = {"id": self._next, "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "do": do, **values}
        content = ("\n" if self._broken_end else "") + json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
        if not self.lines:
            make_place(self.path)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                left = content.encode()
                while left:
                    self._broken_end = True  # until all of it is there
                    left = left[os.write(descriptor, left) :]
                self._broken_end = False
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.lines.append(line)
        self._next += 1
        if do == "undo":
            self._undone.add(values["of"])
        return line

    def standing(self, *kinds: str) -> Iterator[dict[str, Any]]:
        """Yield the lines of these kinds that nobody has taken back, in their order."""
        return (line for line in list(self.lines) if line["do"] in kinds and line["id"] not in self._undone)

    def last(self) -> dict[str, Any] | None:
        """Return the line that an undo would take back."""
        return next((line for line in reversed(list(self.standing(*UNDOABLE)))), None)


def file_of(folder: Path, labeller: str) -> Path:
    """Return the file of a labeller.

    Raises:
        DataError: the name cannot be one of a file.

    >>> file_of(Path("labels"), "ann").name
    'ann.jsonl'
    """
    if not re.fullmatch(r"[\w][\w .@-]{0,60}", labeller) or labeller != labeller.strip():
        raise DataError(
            f"{labeller!r} names no labeller; expected letters, digits, blanks and . @ - _, beginning with a letter or "
            "digit, such as --by ann"
        )
    return folder / f"{labeller}{ENDING}"


def labellers(folder: Path) -> list[str]:
    """Return the names of those who have labelled, sorted."""
    return sorted(path.name.removesuffix(ENDING) for path in folder.glob(f"*{ENDING}")) if folder.is_dir() else []


def _read(text: bytes) -> dict[str, Any] | None:
    """Return a line; None where it is none of those that are written here."""
    try:
        line = json_value(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or line.get("do") not in KINDS or type(line.get("id")) is not int:
        return None
    for name, kind in KINDS[line["do"]].items():
        value: Any = line.get(name)
        if kind is float and type(value) in (int, float):
            line[name] = float(value)
        elif type(value) is not kind:
            return None
    if "stop" in line and not line["stop"] > line["start"]:
        return None
    return line
