"""Recordings to which the intervals of a file belong, by the names that it gives them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Sequence

from otolith.errors import DataError, unknown
from otolith.importing.labels.intervals import Interval

_ENDING = re.compile(r"\.(csv|tsv|txt|zip|parquet|json|jsonl|gt3x|cwa|bin|gz|xlsx|mp4|mov|avi|wav|mp3)$", re.IGNORECASE)


def recordings_of(intervals: Sequence[Interval], names: Collection[str]) -> list[str]:
    """Return the recording of each interval.

    Raises:
        DataError: an interval names none, or one that there is not; or two names with different folders are of one.
    """
    known: dict[str | None, str] = {}
    told: dict[str, tuple[Interval, str]] = {}
    out = []
    for each in intervals:
        if each.recording not in known:
            name = _recording_of(each, names)
            plain = _plain(each.recording or name)
            first, before = told.setdefault(name, (each, plain))
            if not (_ends(before, plain) or _ends(plain, before)):
                raise DataError(
                    f"{each.where}: names {each.recording!r} and {first.where} {first.recording!r}, and both may be "
                    f"{name!r}. Import both recordings with the folder above them as the source, or keep one."
                )
            known[each.recording] = name
        out.append(known[each.recording])
    return out


def those_of(intervals: Sequence[Interval], names: Collection[str]) -> list[Interval]:
    """Return the intervals of these recordings, without those of others."""
    out = []
    for each in intervals:
        with contextlib.suppress(DataError):
            _recording_of(each, names)
            out.append(each)
    return out


def _recording_of(interval: Interval, names: Collection[str]) -> str:
    if interval.recording is None:
        if len(names) == 1:
            return next(iter(names))
        raise DataError(
            f"{interval.where}: does not say of which recording; there are {len(names)}. Add a column called recording."
        )
    if interval.recording in names:
        return interval.recording
    plain = _plain(interval.recording)
    for fits in (
        [name for name in names if name == plain],
        [name for name in names if _ends(name, plain)],
        [name for name in names if _ends(plain, name)],
        [name for name in names if _ends(name.casefold(), plain.casefold())],
        [name for name in names if _ends(plain.casefold(), name.casefold())],
    ):
        if len(fits) == 1:
            return fits[0]
    raise DataError(f"{interval.where}: {unknown('recording', interval.recording, names)}")


def _plain(name: str) -> str:
    """Return a recording's name or the path of its file, without the ending and in one notation.

    >>> _plain("C:\\\\data\\\\walk.CSV")
    'C:/data/walk'
    """
    return _ENDING.sub("", name.replace("\\", "/"))


def _ends(path: str, name: str) -> bool:
    """Tell if the last parts of a path are a name."""
    return path == name or path.endswith(f"/{name}")
