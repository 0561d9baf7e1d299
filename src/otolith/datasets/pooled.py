"""Several data sets as one, in the activities that data sets share.

`motionsense+sp-sw-har-phone` is the name of two, `usc-had+` that of one in shared activities. What a data set calls its
activities and what they are called here stands in its own file (`DatasetInfo.common`); for a folder of your own the
words of `WORDS` decide. An activity without a shared name is left unlabelled; neighbouring stretches that come to have
one name are one stretch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.errors import DataError
from otolith.recording import Recording, Segment
from otolith.windows.subjects import Holdout

COMMON = ("still", "walking", "stairs up", "stairs down", "running", "stairs")
"""Activities that data sets share, in the order of class indices; `stairs` where a data set does not say up or down."""

IN_SHARED = ", in activities that data sets share"
"""The end of the title of a pooled data set."""

COARSE: Mapping[str, str] = {
    "still": "still",
    "walking": "on foot",
    "stairs up": "on foot",
    "stairs down": "on foot",
    "stairs": "on foot",
    "running": "running",
}
"""The three coarse activities that the shared ones belong to."""

WORDS: Mapping[str, str] = {
    **dict.fromkeys(["still", "sit", "sitting", "seated", "stand", "standing", "lie", "lying", "laying"], "still"),
    **dict.fromkeys(["walk", "walking"], "walking"),
    **dict.fromkeys(["run", "running", "jog", "jogging"], "running"),
    **dict.fromkeys(["upstairs", "stairs up", "walking upstairs", "climbing stairs", "ascending stairs"], "stairs up"),
    **dict.fromkeys(["downstairs", "stairs down", "walking downstairs", "descending stairs"], "stairs down"),
    **dict.fromkeys(["stairs"], "stairs"),
}
"""Shared names of what people call activities in folders of their own."""


def is_pooled(name: str) -> bool:
    """Return whether a name is one of pooled data sets.

    >>> is_pooled("usc-had+"), is_pooled("usc-had")
    (True, False)
    """
    return "+" in name


def shared_names(info: DatasetInfo) -> dict[str, str]:
    """Return the shared name of each activity of a data set that has one.

    >>> from otolith.datasets import info
    >>> shared_names(info("wisdm-watch"))["jogging"]
    'running'
    """
    if info.common:
        return dict(info.common)
    found = {activity: WORDS.get(" ".join(activity.lower().replace("_", " ").split())) for activity in info.activities}
    return {activity: name for activity, name in found.items() if name is not None}


def renamed(segments: Sequence[Segment], names: Mapping[str, str]) -> tuple[Segment, ...]:
    """Return the segments whose activity has a name in `names`, under that name; neighbours of one name are joined.

    >>> both = Segment(0.0, 2.0, "sitting"), Segment(2.0, 5.0, "standing")
    >>> renamed(both, {"sitting": "still", "standing": "still"})
    (Segment(start_s=0.0, stop_s=5.0, activity='still'),)
    """
    found: list[Segment] = []
    for each in segments:
        name = names.get(each.activity)
        if name is None:
            continue
        if found and found[-1].activity == name and found[-1].stop_s == each.start_s:
            found[-1] = replace(found[-1], stop_s=each.stop_s)
        else:
            found.append(replace(each, activity=name))
    return tuple(found)


def of_pool(recording: Recording, info: DatasetInfo) -> Recording:
    """Return a recording of the data set of `info` as one of a pool: its name and subject say which it is of."""
    return replace(
        recording,
        name=f"{info.name}/{recording.name}",
        subject=f"{info.name}/{recording.subject}",
        segments=renamed(recording.segments, shared_names(info)),
    )


@dataclass(frozen=True)
class PooledReader:
    """Reader of one recording of a part, in whichever process it is called."""

    read: Callable[[], Recording]
    info: DatasetInfo

    def __call__(self) -> Recording:
        return of_pool(self.read(), self.info)


class Pooled(Dataset):
    """Recordings of several data sets, one after the other, in shared activities.

    Args:
        parts: at least one data set; all with the same channels and the same state of gravity.

    Raises:
        DataError: a part is there twice, channels or gravity differ, or no activity of a part has a shared name.
    """

    def __init__(self, parts: Sequence[Dataset]) -> None:
        super().__init__(None)
        infos = [part.info for part in parts]
        names = [info.name for info in infos]
        if len(set(names)) < len(names):
            raise DataError(f"{'+'.join(names)} names a data set twice; name each once.")
        first = infos[0]
        for info in infos:
            if info.channels != first.channels or info.gravity != first.gravity:
                raise DataError(
                    f"{first.name} and {info.name} cannot be pooled: {', '.join(first.channels)} with gravity "
                    f"{first.gravity}, and {', '.join(info.channels)} with gravity {info.gravity}. Pool data sets of "
                    "the same channels."
                )
            if not shared_names(info):
                raise DataError(
                    f"{info.name} has none of the activities that data sets share ({', '.join(COMMON)}). Leave it out."
                )
        self.parts = tuple(parts)
        self.info = _info(infos)

    def files(self) -> list[Path]:
        return sorted(chain.from_iterable(part.files() for part in self.parts))

    def length_s(self) -> float | None:
        lengths = [part.length_s() for part in self.parts]
        return None if None in lengths else sum(length for length in lengths if length is not None)

    def cache_key(self) -> str:
        named = (f"{part.cache_key()} {sorted(shared_names(part.info).items())}" for part in self.parts)
        return "pooled 1, " + ", ".join(named)

    def readers(self) -> Sequence[Callable[[], Recording]]:
        found: list[Callable[[], Recording]] = []
        for part in self.parts:
            readers = part.readers()
            if not readers:
                return ()  # those of one part come all in a row
            found += [PooledReader(read, part.info) for read in readers]
        return found

    def recordings(self) -> Iterator[Recording]:
        for part in self.parts:
            for recording in part.recordings():
                yield of_pool(recording, part.info)

    def absences(self) -> list[Problem]:
        return list(chain.from_iterable(part.absences() for part in self.parts))


def _info(infos: Sequence[DatasetInfo]) -> DatasetInfo:
    def joined(field: str, separator: str) -> str:
        return separator.join(dict.fromkeys(getattr(info, field) for info in infos))

    def total(field: str) -> int | None:
        counts = [getattr(info, field) for info in infos]
        return None if None in counts else sum(counts)

    there = {name for info in infos for name in shared_names(info).values()}
    names = [info.name for info in infos]
    return replace(
        infos[0],
        name="+".join(names) if len(names) > 1 else f"{names[0]}+",
        short=" + ".join(info.short or info.name for info in infos),
        title=" and ".join(info.title for info in infos) + IN_SHARED,
        rate_hz=max(info.rate_hz for info in infos),
        activities=tuple(name for name in COMMON if name in there),
        n_subjects=total("n_subjects"),
        n_recordings=total("n_recordings"),
        licence=joined("licence", "; "),
        terms=joined("terms", " "),
        citation=joined("citation", " "),
        homepage=joined("homepage", " "),
        how_to_get=joined("how_to_get", " "),
        default_split=Holdout(),
        download_url=None,
        own=any(info.own for info in infos),
        common={},
        recipes={},
    )
