"""Choice among sensors at several places on the body, or of several devices, in one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from string import ascii_lowercase
from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.importing.naming.words import LONG_WORDS, PLACES, words_of
from otolith.importing.questions import Undecided
from otolith.importing.sensors.place_columns import MOST_PLACES, PLACE_NAMES

if TYPE_CHECKING:
    import polars as pl

    from otolith.importing.questions import Questions
    from otolith.importing.sensors.columns import Mapping
    from otolith.importing.session import Folder, Sheet
    from otolith.importing.tables.table import Table

ALL = "all"
"""Given for a place, it makes each of them a recording of its own."""
WORN = PLACES - {
    "l", "r", "t", "la", "ra", "ll", "rl", "lf", "rf", "lh", "rh", "lw", "rw", "upper", "lower", "front", "rear", "tag",
    "ring", "bag", "band", "back", "feet", "heel", "toe", "ear", "dominant", "nondominant",
}  # fmt: skip
"""Words that in the name of a file mean a place, or a device, and hardly anything else."""
_SIDES = frozenset(side + limb for side in "lr" for limb in ("", "w", "a", "l", "f", "h"))
"""Words that mean the left or right of a limb, and much else."""
_SENSORS = LONG_WORDS["acc"] | LONG_WORDS["gyro"] | {"gravity", "mag", "magnetometer", "linear"}
UNNAMED = "unnamed"
"""Name of the place of which columns say none."""


def at_places(where: str, path: str, mapping: Mapping, questions: Questions) -> list[tuple[str, Mapping]]:
    """Return (place, mapping) for each place that is to be read; the place is "" in a table that has one.

    Args:
        path: of the file below its source.

    Raises:
        DataError: there are several and nobody says which, or none of the name that was given.
    """
    if not mapping.places:
        place = questions.options.place
        if place is not None and not is_all(questions) and mapping.place_column is None and not says(path, place):
            raise Undecided(
                f"{where}: neither its columns nor its name say that it is of --place {place!r}. Leave the file out, "
                "or the option."
            )
        return [("", mapping)]
    named = {place.name or UNNAMED: place for place in mapping.places}
    meanings = [
        (name, f"{place.acc[0]} ..., " + ("and a gyroscope" if place.gyro else "no gyroscope"))
        for name, place in named.items()
    ]
    chosen = chosen_places(where, meanings, questions)
    return [(name, mapping.at(named[name])) for name in chosen]


def rows_at_places(table: Table, path: str, mapping: Mapping, questions: Questions) -> list[tuple[str, Table]]:
    """Return (place, rows) for each place that is to be read of those that a column names; "" where it names one.

    Args:
        path: of the file below its source.

    Raises:
        DataError: there are several and nobody says which, or none of the name that was given.
    """
    if mapping.place_column is None:
        return [("", table)]
    cells = table.text(mapping.place_column).fill_null("")
    names = [str(each) for each in cells.unique(maintain_order=True)]
    if len(names) == 1 and questions.options.place is not None and not says(path, questions.options.place):
        chosen_places(table.where, [(names[0] or UNNAMED, "")], questions)
    if not 1 < len(names) <= MOST_PLACES:  # more are no places, such as distances
        return [("", table)]
    if words_of(mapping.place_column) not in PLACE_NAMES and not _at_once(table, mapping.column("time"), cells):
        return [("", table)]
    counts = dict(zip(*(each.to_list() for each in cells.value_counts().get_columns()), strict=True))
    meanings = [(name or UNNAMED, f"{counts[name]:,} rows, column {mapping.place_column!r}") for name in names]
    by_name = {name or UNNAMED: name for name in names}
    chosen = chosen_places(table.where, meanings, questions)
    return [(name, table.only((cells == by_name[name]).to_numpy())) for name in chosen]


def only_place(table: Table, mapping: Mapping) -> str:
    """Return the place on the body that a column names in all rows, "" where none does.

    Raises:
        DataError: the column is not there.
    """
    if mapping.place_column is None or words_of(mapping.place_column) not in PLACE_NAMES:
        return ""
    names = table.text(mapping.place_column).unique()
    name = str(names[0]) if len(names) == 1 else ""
    return name if set(words_of(name).split()) & WORN else ""


def _at_once(table: Table, time: str | None, cells: pl.Series) -> bool:
    """Tell if rows of two names were recorded in turns: their times overlap, or names change row by row."""
    import polars as pl

    if time is None:
        return 4 * int((cells != cells.shift()).sum()) >= table.height
    at = pl.Series(table.numbers(time), nan_to_null=True) if table.is_number(time) else table.said(time)
    spans = (
        pl.DataFrame({"name": cells, "at": at})
        .group_by("name")
        .agg(pl.col("at").min().alias("first"), pl.col("at").max().alias("last"))
        .drop_nulls()
        .sort("first")
    )
    return bool((spans["first"].shift(-1) < spans["last"]).fill_null(False).any())


def chosen_places(where: str, meanings: Sequence[tuple[str, str]], questions: Questions) -> list[str]:
    """Return the places that the user takes, of those in a file.

    Args:
        meanings: (place, words for what is there).

    Raises:
        DataError: nobody says which, or there is none of the name that was given.
    """
    names = [name for name, _ in meanings]
    given = questions.options.place
    if given is None:
        question = (
            f"It has sensors at {len(names)} places: {', '.join(names)}. Which are meant? (Or name the columns: "
            "--acc X,Y,Z --gyro X,Y,Z.)"
        )
        choices = [*meanings, (ALL, "each as a recording of its own")]
        given = questions.choose(("place", tuple(names)), where, question, choices, "--place")
    if given.strip().lower() == ALL:
        return names
    wanted = _folded(given)
    found = [name for name in names if _folded(name) == wanted] or [name for name in names if wanted in _folded(name)]
    if len(found) != 1:
        several = f"is more than one of its places ({', '.join(found)})" if found else "is none of its places"
        raise DataError(f"{where}: {given!r} {several}. Give --place one of: {', '.join(names)}, {ALL}.")
    return found


def chosen_for_all(what: str, meanings: Sequence[tuple[str, str]], questions: Questions) -> list[str]:
    """Return the places that the user takes of those of a data set, whose files are asked about once.

    Args:
        what: name of the data set.
        meanings: (place, words for what is there).

    Raises:
        DataError: see `chosen_places`.
    """
    try:
        return chosen_places(what, meanings, questions)
    except Undecided as error:
        error.whole = True
        raise


def of_place(
    folders: list[Folder], place: str | None, tells_places: Callable[[Folder], bool]
) -> tuple[list[Folder], list[str]]:
    """Return the files whose folder or name says the place, where some do, and the names of the others.

    So `phone/walk.csv` and `watch/walk.csv` are told apart. Where no file says it, tables may.

    Args:
        place: as it was given; None, or "all", keeps every file.
        tells_places: says that a format tells apart the places in a folder; all its files are kept.
    """
    if place is None or place.strip().lower() == ALL:
        return folders, []
    told = [tells_places(folder) for folder in folders]
    sheets = [sheet for folder, whole in zip(folders, told, strict=True) if not whole for sheet in folder.sheets]
    others = {sheet.where for sheet in sheets if not says(str(sheet.member.place), place)}
    if len(others) == len(sheets):
        return folders, []
    kept = [replace(each, sheets=tuple(one for one in each.sheets if one.where not in others)) for each in folders]
    return [each for each in kept if each.sheets], [sheet.where for sheet in sheets if sheet.where in others]


def twins_of(folders: Sequence[Folder]) -> dict[str, tuple[str, str]]:
    """Return place and common name of files whose paths differ in a place on the body alone, by the files' names.

    Such are `ada/walk_chest.csv` and `ada/walk_thigh.csv`, or `phone/walk.csv` and `watch/walk.csv`: devices that one
    person wore at once. `L` and `R`, `LW` and `RW` are sides where nothing else differs.
    """
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    paths = {sheet.where: _words_of_path(sheet) for folder in folders for sheet in folder.sheets}
    all_paths = set(paths.values())
    for folder in folders:
        for sheet in folder.sheets:
            words = paths[sheet.where]
            said = {word for at, word in enumerate(words) if word in WORN or _is_side(words, at, all_paths)}
            place = " ".join(word for word in words if word in said)
            rest = (folder.source, *(word for word in words if word not in said and word not in _SENSORS))
            found.setdefault(rest, {}).setdefault(place, []).append(sheet.where)
    return {
        where: (place, " ".join(key[1:]) or key[0])
        for key, by_place in found.items()
        if len(by_place.keys() - {""}) > 1
        for place, several in by_place.items()
        if place
        for where in several
    }


def _words_of_path(sheet: Sheet) -> tuple[str, ...]:
    return tuple(word for part in sheet.member.place.with_suffix("").parts for word in words_of(part).split())


def _is_side(words: tuple[str, ...], at: int, all_words: Collection[tuple[str, ...]]) -> bool:
    """Tell if a word is L or R, of a limb or by itself, and another path differs in the side alone."""
    word = words[at]
    if word not in _SIDES:
        return False
    before, after = words[:at], words[at + 1 :]
    return {letter for letter in ascii_lowercase if (*before, letter + word[1:], *after) in all_words} == {"l", "r"}


def require_place(twins: dict[str, tuple[str, str]], questions: Questions) -> str:
    """Return the place that is meant of files that differ in it alone, or whose columns say different ones.

    Args:
        twins: place and common name of each file; "" where it is a column that says the place.

    Raises:
        DataError: nobody says which.
    """
    given = questions.options.place
    if given is not None:
        return given
    where, (_, name) = next(iter(twins.items()))
    counts = Counter(place for place, _ in twins.values())
    named = ", ".join(counts)
    question = (
        f"Its name differs from that of other files in the place alone ({named}), so {name!r} seems to be one person "
        "with several devices. Which are meant?"
        if name
        else f"A column of it says where it was worn, and other files say another place ({named}). Which are meant?"
    )
    choices = [(place, f"{count:,} file(s)") for place, count in counts.items()]
    choices.append((ALL, "each as a recording of its own"))
    return questions.choose(("place", tuple(counts)), where, question, choices, "--place")


def says(path: str, place: str) -> bool:
    """Tell if the words of a place stand in a path.

    >>> says("ada/left_wrist_acc.csv", "Left Wrist"), says("cleft.csv", "left")
    (True, False)
    """
    words = set(words_of(place).split())
    return bool(words) and words <= {word for part in path.split("/") for word in words_of(part).split()}


def is_all(questions: Questions) -> bool:
    """Tell if every place becomes a recording."""
    return questions.options.place is not None and questions.options.place.strip().lower() == ALL


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
