"""Names of activities as people write them: words for no activity, spellings of one, and the user's own map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.importing.labels.no_label import PLAIN, WORDS, folded_word
from otolith.importing.study import ACTIVITIES
from otolith.importing.tables.table import Table
from otolith.importing.tables.text import read_table
from otolith.recording import Recording, Segment
from otolith.system.strict import toml_value


def is_label(text: str, kept: Collection[str] = ()) -> bool:
    """Tell if a text names an activity rather than saying that there is none.

    Args:
        kept: words for no label that name an activity nevertheless, see `kept_words`.

    >>> is_label("Walk"), is_label("NA"), is_label(" Unlabelled "), is_label("null_class"), is_label("None", {"none"})
    (True, False, False, False, True)
    """
    word = folded_word(text)
    return word not in WORDS or word in kept


def kept_words(path: Path | None) -> frozenset[str]:
    """Return the words for no label that a map of activities takes for one, such as by a line `none,null class`.

    Raises:
        DataError: see `read_map`.
    """
    if path is None:
        return frozenset()
    found = ((folded_word(name), meant) for name, meant in read_map(path).items())
    return frozenset(name for name, meant in found if name in WORDS and _is_meant(meant))


def _is_meant(name: str) -> bool:
    """Tell if a name that a map gives is one of an activity; `null class` is, since somebody wrote it on purpose."""
    return folded_word(name) not in PLAIN


def read_map(path: Path, names: Collection[str] = ()) -> dict[str, str]:
    """Read a map of activities: a table of two columns, as written and as meant, or TOML such as `"stairs up" = "up"`.

    Names count without regard to case and blanks; an empty name or a word for no label takes the activity away.

    Args:
        names: of the activities that there are; a table whose first line has one of them has no header.

    Raises:
        DataError: it cannot be read, has another form, or maps one name to two.
    """
    content = read_bytes(path)
    if path.suffix.lower() == ".toml":
        try:
            tree = toml_value(content.decode("utf-8"))
            table = tree[ACTIVITIES] if isinstance(tree.get(ACTIVITIES), dict) else tree
            pairs = [(name, str(meant)) for name, meant in table.items()]
        except (ValueError, AttributeError) as error:
            raise DataError(
                f'{path}: is not TOML with names of activities ({error}). Write lines such as:\n"stairs up" = "up"'
            ) from None
    else:
        if content.strip().count(b"\n") == 0:  # a pair alone, which has no names above it
            between = next((each for each in (b"\t", b";", b",") if each in content), b",")
            content = b"written" + between + b"meant\n" + content
        cells: Table = read_table(str(path), content)
        if len(cells.columns) != 2:
            raise DataError(
                f"{path}: has {len(cells.columns)} columns; expected two, as written and as meant. Write lines such "
                "as:\nactivity,meant\nstairs up,up"
            )
        pairs = list(zip(*map(cells.texts, cells.columns), strict=True))
        if folded(cells.columns[0]) in map(folded, names) or folded_word(cells.columns[0]) in WORDS - {""}:
            pairs.insert(0, (cells.columns[0], cells.columns[1]))
    found: dict[str, str] = {}
    for name, meant in pairs:
        if found.setdefault(folded(name), meant.strip()) != meant.strip():
            raise DataError(
                f"{path}: maps {name!r} to {found[folded(name)]!r} and to {meant.strip()!r}. Keep one of the lines."
            )
    return found


def folded(name: str) -> str:
    """Return a name without regard to case and blanks.

    >>> folded(" Stairs  UP ")
    'stairs up'
    """
    return " ".join(name.casefold().split())


def tidied(
    recordings: Sequence[Recording], mapping: Mapping[str, str] | None = None, keep_case: bool = False
) -> tuple[list[Recording], list[str]]:
    """Return the recordings with one name for each activity, and what was done, in sentences.

    Names that differ only in case or blanks become the one that most of the time is written so; where that is even, the
    first in the alphabet.

    Args:
        mapping: of `read_map`.
        keep_case: leave names as they are written, but for blanks around them.
    """
    notes: list[str] = []
    lasting: dict[str, float] = defaultdict(float)
    for each in recordings:
        for segment in each.segments:
            lasting[segment.activity] += (segment.stop_s or segment.start_s) - segment.start_s
    names = {name: name.strip() for name in lasting}
    if mapping is not None:
        unused = set(mapping) - {folded(name) for name in lasting}
        if unused:
            notes.append(f"--label-map names {', '.join(map(repr, sorted(unused)))}, which no recording has")
        names = {name: mapping.get(folded(name), kept) for name, kept in names.items()}
    if not keep_case:
        spelled: dict[str, list[str]] = {}
        for name in sorted(lasting):
            spelled.setdefault(folded(names[name]), []).append(name)
        for several in spelled.values():
            total: dict[str, float] = defaultdict(float)
            for name in several:
                total[names[name]] += lasting[name]
            kept = max(total, key=lambda name: total[name])
            others = ", ".join(repr(names[name]) for name in several if names[name] != kept)
            if mapping is None:
                others = ", ".join(repr(name) for name in several if name != kept)
            if len(several) > 1 and others:
                names |= dict.fromkeys(several, kept)
                notes.append(
                    f"{others} differ(s) from {kept!r} only in case or blanks and is taken for it (--keep-case)"
                )
    if all(name == kept for name, kept in names.items()):
        return list(recordings), notes
    return [replace(each, segments=_renamed(each.segments, names)) for each in recordings], notes


def _renamed(segments: Sequence[Segment], names: Mapping[str, str]) -> tuple[Segment, ...]:
    """Return the segments under their new names; neighbours of one name become one."""
    out = [replace(each, activity=names[each.activity]) for each in segments if _is_meant(names[each.activity])]
    joined: list[Segment] = out[:1]
    for before, after in pairwise(out):
        if after.activity == before.activity and before.stop_s == after.start_s:
            joined[-1] = replace(joined[-1], stop_s=after.stop_s)
        else:
            joined.append(after)
    return tuple(joined)
