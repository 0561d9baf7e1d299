"""Facts about a data set, and problems of a copy of it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otolith import showing
from otolith.recording import CHANNELS, unit_of
from otolith.windows.subjects import FixedSubjects, Holdout, OwnParts


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a data set that are known without opening a file of it.

    Args:
        name: the name by which it is loaded, lower case.
        title: its name and what it holds, in one line.
        rate_hz: the sensors' highest nominal rate.
        activities: in the order of the class indices; none: all of it is unlabelled.
        n_subjects, n_recordings: of the published whole; None where unknown.
        short: its name in tables and figures; empty: as `name`.
        default_split: the authors' split of subjects, or a random hold-out.
        channels: in the order of its recordings.
        download_url: where its publisher offers it to everybody; None where it must be requested or needs no download.
        own: somebody's own recordings: with too few subjects for a subject split, recordings or time are split instead.
        gravity: "included" in the accelerometer's signals, as sensors measure it, or "removed" from them.
        models: for what its terms let weights of models trained on it be passed on: "any use", "research", or
            "ask" where they do not say.
        common: the name of an activity among those that data sets share (`otolith.datasets.pooled`), by its own name;
            activities without one are left out where data sets are pooled.
        recipes: values in which a shipped recipe differs for this data set, as
            {"paper": {"encoder.blocks": 6}, "compact": {}}.

    >>> from otolith.datasets import info
    >>> info("uci-har").short, info("uci-har").n_subjects, info("uci-har").units[0]
    ('UCI-HAR', 30, 'm/s^2')
    """

    name: str
    title: str
    rate_hz: float
    activities: tuple[str, ...]
    n_subjects: int | None
    n_recordings: int | None
    licence: str
    terms: str
    citation: str
    homepage: str
    how_to_get: str
    short: str = ""
    default_split: FixedSubjects | Holdout | OwnParts = field(default_factory=Holdout)
    channels: tuple[str, ...] = CHANNELS
    download_url: str | None = None
    own: bool = False
    gravity: str = "included"
    models: str = "ask"
    common: Mapping[str, str] = field(default_factory=dict)
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        activities = showing.count(len(self.activities), "activity", "activities")
        return showing.line(
            "DatasetInfo", self.name, [showing.plain(self.title, 80), f"{self.rate_hz:g} Hz", activities]
        )

    @classmethod
    def of_own(cls, name: str, title: str, rate_hz: float, how_to_get: str, **more: Any) -> DatasetInfo:
        """Return the facts about somebody's own recordings, of which nobody has published anything.

        Args:
            name, title, rate_hz, how_to_get: as of any data set.
            more: whichever others are known; a licence and terms that nobody stated are "not stated".

        >>> DatasetInfo.of_own("walks", "My walks", 50.0, "Recorded by me.").licence
        'not stated'
        """
        unknown: dict[str, Any] = {"activities": (), "n_subjects": None, "n_recordings": None, "citation": ""}
        unknown |= {"homepage": "", "licence": "not stated", "terms": "not stated", "own": True}
        return cls(name=name, title=title, rate_hz=rate_hz, how_to_get=how_to_get, **unknown | more)

    @property
    def units(self) -> tuple[str, ...]:
        """SI unit of each channel, in the order of `channels`."""
        return tuple(unit_of(channel) for channel in self.channels)


@dataclass(frozen=True)
class Problem:
    """One thing that is missing or damaged, and what to do about it.

    A problem that is not `serious` leaves a usable copy: something of the published whole is absent, passed over or
    repaired.

    >>> str(Problem("a.txt", "is empty", "Restore it."))
    'a.txt: is empty. Restore it.'
    """

    where: str
    what: str
    cure: str = ""
    serious: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f". {self.cure}" if self.cure else "")
