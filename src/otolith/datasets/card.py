"""The layout of `card.json`, the description of a data set folder: how it is written, read and checked.

A reader refuses what it does not know; each message names the card, the entry and what was expected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from otolith.datasets.base import DatasetInfo
from otolith.datasets.growing import ENDING
from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.recording import CHANNELS, unit_of
from otolith.system.strict import json_value
from otolith.windows.subjects import FixedSubjects, Holdout

if TYPE_CHECKING:
    from pydantic import TypeAdapter

CARD = "card.json"
FORMAT = "otolith data set"
VERSION = 1
TEXTS = ("name", "title", "licence", "terms", "citation", "homepage", "how_to_get")
GRAVITY = ("included", "removed")
CURE = "Import the recordings again, or restore the folder from its original."


@dataclass(frozen=True)
class StreamEntry:
    """One stream of a recording: its Parquet file, and what stands in it."""

    file: str
    channels: tuple[str, ...]
    rate_hz: float
    start_s: float
    samples: int
    timed: bool

    def __post_init__(self) -> None:
        path = PurePosixPath(self.file)
        if not self.file or any(c in self.file for c in "\\:\0") or path.is_absolute() or ".." in path.parts:
            raise ValueError("expected a file inside the folder")


@dataclass(frozen=True)
class RecordingEntry:
    """One recording: its streams, and its segments as (start_s, stop_s or None, activity)."""

    name: str
    subject: int | str
    streams: tuple[StreamEntry, ...]
    segments: tuple[tuple[float, float | None, str], ...]
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.streams:
            raise ValueError("expected at least one stream")
        if len(self.streams) > 1 and any(stream.file.endswith(ENDING) for stream in self.streams):
            raise ValueError("expected one stream of a recording that is still being made")

    @property
    def growing(self) -> bool:
        """True while the recording is being made."""
        return self.streams[0].file.endswith(ENDING)


@dataclass(frozen=True)
class Card:
    """All of a card. One without `gravity` was written before that was recorded, of data that include it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    format: str
    version: int
    name: str
    title: str
    licence: str
    terms: str
    citation: str
    homepage: str
    how_to_get: str
    rate_hz: float
    channels: tuple[str, ...]
    units: dict[str, str]
    activities: tuple[str, ...]
    default_split: FixedSubjects | Holdout
    recordings: tuple[RecordingEntry, ...]
    gravity: Literal["included", "removed"] = "included"
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        units = {channel: unit_of(channel) for channel in self.channels}
        if self.units != units:
            raise ValueError(f"units: expected {units}, got {self.units}")
        if self.rate_hz <= 0:
            raise ValueError(f"rate_hz: expected a number above 0, got {self.rate_hz}")
        names = [entry.name for entry in self.recordings]
        if not names:
            raise ValueError("recordings: expected at least one")
        if len(set(names)) < len(names):
            raise ValueError(f"two recordings are called {next(name for name in names if names.count(name) > 1)!r}")


@cache
def _adapter() -> TypeAdapter[Card]:
    from pydantic import TypeAdapter

    return TypeAdapter(Card)


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


def read_card(path: Path) -> Card:
    """Return a card in which every entry has the type that the layout asks for.

    Raises:
        DataError: there is no card, it is not JSON of this format and version, or an entry is wrong.
    """
    from pydantic import ValidationError

    if not path.is_file():
        raise DataError(
            f"{path.parent}: holds no {CARD}, so it is not a data set folder. "
            "Make one of raw recordings: otolith import SOURCE --out DIR."
        )
    content = read_bytes(path)
    try:
        card = json_value(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON ({error}). {CURE}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise DataError(f"{path}: its format is not {FORMAT!r}. Name the folder of a data set.")
    if card.get("version") != VERSION:
        raise DataError(
            f"{path}: version {card.get('version')!r}, this otolith reads version {VERSION}. Use the otolith "
            "that wrote it."
        )
    try:
        return _adapter().validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"{part}: " for part in [".".join(map(str, first["loc"]))] if part)
        message = first["msg"].removeprefix("Value error, ")
        raise DataError(f"{path}: {where}{message} (got {repr(first['input'])[:60]}). {CURE}") from error


def info_of(card: Card, path: Path) -> DatasetInfo:
    """Return the description of the data set of a card, its recordings and subjects counted."""
    info = DatasetInfo(
        **{text: getattr(card, text) for text in TEXTS},
        rate_hz=card.rate_hz,
        activities=card.activities,
        channels=card.channels,
        n_subjects=len({(type(entry.subject), entry.subject) for entry in card.recordings}),
        n_recordings=len(card.recordings),
        default_split=card.default_split,
        own=True,
        gravity=card.gravity,
    )
    check_info(info, str(path))
    return info
