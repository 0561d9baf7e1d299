"""Files of labels that lie among recordings, so that a user is told of `--labels`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from otolith.errors import DataError
from otolith.importing.labels.headed import has_names_of_intervals
from otolith.importing.naming.words import words_of
from otolith.importing.session import Folder, Sheet

_NAMES = frozenset((
    "label", "labels", "labelled", "annotation", "annotations", "annotated", "annot", "events", "markers", "marks",
    "groundtruth", "etiketten", "annotationen", "etiquetas", "etiquettes", "anotaciones", "etichette", "anotacoes",
))  # fmt: skip
_ENDINGS = (".textgrid", ".srt", ".vtt", ".eaf", ".lab", ".labels")
_MOST_TOLD = 3


def may_be_labels(sheet: Sheet) -> bool:
    """Tell if a file without motion may be one of labels, by its name or the names of its columns."""
    if sheet.member.kind == ".parquet" or sheet.is_json or sheet.layout is None:
        return is_called_labels(sheet.where) and not sheet.blank
    rows = any(any(row) for row in sheet.first_rows)
    return rows and (is_called_labels(sheet.where) or has_names_of_intervals(sheet.columns))


def is_called_labels(where: str) -> bool:
    """Tell if a file's name says that it holds labels.

    >>> is_called_labels("exports/walk_labels.csv"), is_called_labels("walk.srt"), is_called_labels("labels/walk.csv")
    (True, True, False)
    """
    path = PurePosixPath(where.replace("\\", "/"))
    return path.suffix.lower() in _ENDINGS or bool(set(words_of(path.stem).split()) & _NAMES)


def refuse_labels(sheet: Sheet) -> None:
    """Refuse a file that the user named as a source, if it may be one of labels.

    Raises:
        DataError: names the option that takes it.
    """
    if sheet.member.named and may_be_labels(sheet):
        path = shlex.quote(str(sheet.member.source))
        raise DataError(f"{sheet.where}: may hold labels, and holds no sensor. Give it as such: --labels {path}")


def note_on_labels(folders: Iterable[Folder], passed: Sequence[str]) -> list[str]:
    """Return a sentence on files that were passed over and may be of labels; none where there is no such file."""
    sheets = {sheet.where: sheet for folder in folders for sheet in folder.sheets}
    found = [
        where
        for where in dict.fromkeys(passed)
        if (may_be_labels(sheets[where]) if where in sheets else is_called_labels(where))
    ]
    if not found:
        return []
    more = f" and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    listed = ", ".join(found[:_MOST_TOLD])
    if len(found) == 1:
        return [f"{listed} may hold labels and was passed over; to take it: --labels {shlex.quote(listed)}"]
    return [
        f"{listed}{more} may hold labels and were passed over; to take them: --labels FILE, as one file in which a "
        "column recording names the recordings"
    ]
