"""Times whose hour, minute and second stand in columns of their own, with or without a date beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from otolith.importing.naming.words import words_of
from otolith.importing.tables.table import Table

_NAMES = {
    "hour": ("hour", "hours", "hr", "hrs", "h", "hh", "stunde", "heure", "hora", "ora", "uur", "godzina"),
    "minute": ("minute", "minutes", "min", "mins", "m", "mm", "minuto", "minuut", "minuta"),
    "second": ("second", "seconds", "sec", "secs", "s", "ss", "sekunde", "seconde", "segundo", "secondo", "sekunda"),
    "year": ("year", "yyyy", "jahr", "annee", "ano", "anno", "jaar", "rok"),
    "month": ("month", "mon", "monat", "mois", "mes", "mese", "maand", "miesiac"),
    "day": ("day", "dd", "tag", "jour", "dia", "giorno", "dag", "dzien"),
}
ROWS = 200
"""Rows that tell parts of a time from times in several units."""


def parts_of_time(columns: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """Return the columns of the parts of a time, by what they are; none where there are no hour, minute and second.

    Whole hours and minutes tell them from times that are counted in hours, in minutes and in seconds.

    Args:
        rows: cells of the first rows, as far as they are known.

    >>> parts_of_time(["Hour", "Minute", "Second", "x"]), parts_of_time(["hours", "x"])
    ({'hour': 'Hour', 'minute': 'Minute', 'second': 'Second'}, {})
    """
    named = [(what, column) for column in columns for what, names in _NAMES.items() if words_of(column) in names]
    found = dict(named)
    if not {"hour", "minute", "second"} <= found.keys() or len(found) != len(named):
        return {}
    at = {what: list(columns).index(column) for what, column in found.items()}
    known = [row for row in rows if len(row) >= len(columns)]
    cells = [(row[at[what]].strip(), most) for row in known for what, most in (("hour", 24), ("minute", 60))]
    if not all(cell.isascii() and cell.isdigit() and int(cell[:9]) < most for cell, most in cells):
        return {}
    return found


def with_parts(table: Table, time: str) -> tuple[Table, str]:
    """Return a table with a column of the whole time where a column is one of its parts, and that column; the same
    where it is none.

    >>> import polars as pl
    >>> from otolith.importing.tables.table import Table
    >>> cells = {"Year": ["2026"], "Month": ["3"], "Day": ["1"], "Hour": ["9"], "Minute": ["5"], "Second": ["7.25"]}
    >>> joined, column = with_parts(Table("walk.csv", pl.DataFrame(cells)), "Second")
    >>> joined.texts(column)
    ['2026-03-01 09:05:07.25']
    """
    import polars as pl

    if time not in parts_of_time(table.columns).values():
        return table, time
    head = [table.said(column).head(ROWS).to_list() for column in table.columns]
    parts = parts_of_time(table.columns, list(zip(*head, strict=True)))
    if time not in parts.values():
        return table, time
    cells = {what: table.said(column) for what, column in parts.items()}
    seconds = cells["second"].str.replace(",", ".", literal=True)
    padded = pl.select(pl.when(seconds.str.contains(r"^\d(\.|$)")).then("0" + seconds).otherwise(seconds)).to_series()
    text = cells["hour"].str.zfill(2) + ":" + cells["minute"].str.zfill(2) + ":" + padded
    used = ["hour", "minute", "second"]
    if {"year", "month", "day"} <= cells.keys():
        used = ["year", "month", "day", *used]
        text = cells["year"] + "-" + cells["month"].str.zfill(2) + "-" + cells["day"].str.zfill(2) + " " + text
    name = " ".join(parts[what] for what in used)
    return replace(table, frame=table.frame.with_columns(text.alias(name))), name
