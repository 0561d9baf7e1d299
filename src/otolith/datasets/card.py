"""The layout of `card.json`, the description of a data set folder: how it is written, read and checked.

A reader refuses what it does not know; each message names the card, the entry and what was expected.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from otolith.datasets.base import DatasetInfo
from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.recording import CHANNELS, unit_of
from otolith.system.strict import json_value
from otolith.windows.subjects import FixedSubjects, Holdout

CARD = "card.json"
FORMAT = "otolith data set"
VERSION = 1
TEXTS = ("name", "title", "licence", "terms", "citation", "homepage", "how_to_get")
GRAVITY = ("included", "removed")
CURE = "Import the recordings again, or restore the folder from its original."


def check_info(info: DatasetInfo, where: str) -> None:
    """Raise DataError, naming `where`, unless channels, activities and name can stand in a card."""
    unknown = [channel for channel in info.channels if channel not in CHANNELS]
    if unknown or not info.channels or len(set(info.channels)) < len(info.channels):
        raise DataError(
            f"{where}: channels {', '.join(info.channels)}, expected some of {', '.join(CHANNELS)}, each once."
        )
    if len(set(info.activities)) < len(info.activities) or not all(info.activities):
        raise DataError(
            f"{where}: activities {', '.join(map(repr, info.activities))}, expected different, non-empty names."
        )
    if info.gravity not in GRAVITY:
        raise DataError(f"{where}: gravity is {info.gravity!r}, expected {' or '.join(GRAVITY)}.")
    if not info.name.strip() or not info.name.isprintable() or "/" in info.name or "\\" in info.name:
        raise DataError(f"{where}: the data set is called {info.name!r}. Give it a name without slashes.")


def to_json(
    info: DatasetInfo, entries: list[dict[str, Any]], provenance: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Text of a card in pieces: the description, where it is from if that is known, one entry for each recording."""
    card = {
        "format": FORMAT,
        "version": VERSION,
        **{text: getattr(info, text) for text in TEXTS},
        "rate_hz": float(info.rate_hz),
        "channels": list(info.channels),
        "units": {channel: unit_of(channel) for channel in info.channels},
        "activities": list(info.activities),
        "gravity": info.gravity,
        "default_split": asdict(info.default_split),
        **({"provenance": dict(provenance)} if provenance is not None else {}),
        "recordings": entries,
    }
    return json.JSONEncoder(ensure_ascii=False, indent=1).iterencode(card)


def read_card(path: Path) -> dict[str, Any]:
    """Content of a card in which every entry has the type that the layout asks for.

    Raises:
        DataError: there is no card, it is no JSON of this format and version, or an entry is wrong.
    """
    if not path.is_file():
        raise DataError(f"{path.parent}: holds no {CARD}, so it is no data set folder. Import the recordings first.")
    try:
        card = json_value(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON ({error}). {CURE}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise DataError(f"{path}: its format is not {FORMAT!r}. Name the folder of a data set.")
    if card.get("version") != VERSION:
        raise DataError(
            f"{path}: version {card.get('version')!r}, this otolith reads version {VERSION}. Use the otolith "
            "that wrote it."
        )
    problem = _first_problem(card)
    if problem:
        raise DataError(f"{path}: {problem}. {CURE}")
    return card


def _first_problem(card: dict[str, Any]) -> str | None:
    """What breaks the layout of a card, or None."""
    for text in TEXTS:
        if not isinstance(card.get(text), str):
            return f"{text!r} is {card.get(text)!r}, expected text"
    if not _is_number(card.get("rate_hz")) or card["rate_hz"] <= 0:
        return f"'rate_hz' is {card.get('rate_hz')!r}, expected a number above 0"
    for texts in ("channels", "activities"):
        if not _is_texts(card.get(texts)):
            return f"{texts!r} is {card.get(texts)!r}, expected a list of names"
    units = {channel: unit_of(channel) for channel in card["channels"]}
    if card.get("units") != units:
        return f"'units' is {card.get('units')!r}, expected {units!r}"
    # cards written before gravity was recorded are of data sets that include it
    if card.get("gravity", "included") not in GRAVITY:
        return f"'gravity' is {card['gravity']!r}, expected {' or '.join(GRAVITY)}"
    if not isinstance(card.get("provenance", {}), dict):
        return "'provenance' is no object"
    split = card.get("default_split")
    if not _is_split(split):
        return f"'default_split' is {split!r}, expected a seed, or the subjects of val and test"
    entries = card.get("recordings")
    if not isinstance(entries, list) or not entries:
        return "'recordings' is not a list with at least one entry"
    names = set()
    for number, entry in enumerate(entries):
        problem = _entry_problem(entry)
        if problem:
            return f"recording {number}: {problem}"
        if entry["name"] in names:
            return f"two recordings are called {entry['name']!r}"
        names.add(entry["name"])
    return None


def _entry_problem(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not _is_subject(entry.get("subject")):
        return "expected a name and a subject (text or whole number)"
    streams, segments = entry.get("streams"), entry.get("segments")
    if not isinstance(streams, list) or not streams or not isinstance(segments, list):
        return "expected a list of streams and a list of segments"
    for stream in streams:
        if not isinstance(stream, dict) or not _is_file(stream.get("file")) or not _is_texts(stream.get("channels")):
            return f"stream {stream!r}, expected a file inside the folder and a list of channels"
        if not _is_number(stream.get("rate_hz")) or not _is_number(stream.get("start_s")):
            return f"stream {stream['file']!r}: expected the numbers rate_hz and start_s"
        if type(stream.get("samples")) is not int or type(stream.get("timed")) is not bool:
            return f"stream {stream['file']!r}: expected the whole number samples and timed, true or false"
    if not isinstance(entry.get("notes", {}), dict):
        return "its notes are no object"
    for segment in segments:
        if not (
            isinstance(segment, list)
            and len(segment) == 3
            and _is_number(segment[0])
            and (segment[1] is None or _is_number(segment[1]))
            and isinstance(segment[2], str)
        ):
            return f"segment {segment!r}, expected [start_s, stop_s or null, activity]"
    return None


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63


def _is_subject(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _is_split(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if set(value) == {"seed"}:
        return type(value["seed"]) is int
    return (
        set(value) == {"val", "test", "train", "is_last_fold"}
        and _is_subjects(value["val"])
        and _is_subjects(value["test"])
        and (value["train"] is None or _is_subjects(value["train"]))
        and type(value["is_last_fold"]) is bool
    )


def _split_of(value: dict[str, Any]) -> FixedSubjects | Holdout:
    if "seed" in value:
        return Holdout(value["seed"])
    train = None if value["train"] is None else tuple(value["train"])
    return FixedSubjects(tuple(value["val"]), tuple(value["test"]), train, value["is_last_fold"])


def _is_subjects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_subject, value))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _is_file(value: Any) -> bool:
    """Whether it is a relative path that stays inside the folder."""
    if not isinstance(value, str) or not value or "\\" in value or ":" in value or "\0" in value:
        return False
    path = PurePosixPath(value)
    return not path.is_absolute() and ".." not in path.parts


def info_of(card: dict[str, Any], path: Path) -> DatasetInfo:
    """Description of the data set of a card from `read_card`, its recordings and subjects counted."""
    info = DatasetInfo(
        **{text: card[text] for text in TEXTS},
        rate_hz=float(card["rate_hz"]),
        activities=tuple(card["activities"]),
        channels=tuple(card["channels"]),
        n_subjects=len({(type(entry["subject"]), entry["subject"]) for entry in card["recordings"]}),
        n_recordings=len(card["recordings"]),
        default_split=_split_of(card["default_split"]),
        own=True,
        gravity=card.get("gravity", "included"),
    )
    check_info(info, str(path))
    return info
