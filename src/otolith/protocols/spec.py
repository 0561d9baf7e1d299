"""The description of a protocol; neither this file nor a protocol's own imports PyTorch before a cell runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otolith.protocols.cells.study import Study
    from otolith.protocols.cells.unit import Unit
    from otolith.report.sections import Section
    from otolith.rows import Row


@dataclass(frozen=True)
class NoOptions:
    """A protocol without options of its own."""


def scores(rows: Iterable[Row], *, only_details: bool = False) -> Sequence[Section]:
    """Return tables and pictures of scores, methods beside each other: the section of most protocols."""
    from otolith.report.sections import scores

    return scores(rows, only_details=only_details)


def mean_scores(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Return each method with its mean score, spread and conditions: what the command prints at its end."""
    from otolith.report.groups import group
    from otolith.report.names import percent

    lines = []
    for each in group(rows):
        for line in each.lines:
            stats = line.spread
            spread = f" ({percent(stats['min'])} to {percent(stats['max'])})" if stats["n"] > 1 else ""
            about = f", {each.conditions}" if each.conditions else ""
            lines.append((line.method, f"macro F1 {percent(stats['mean'])} %{spread}, {line.seeds}{about}"))
    return lines


@dataclass(frozen=True)
class ProtocolSpec:
    """A way to compare methods: which cells there are, what their rows say, and how a report shows them.

    Attributes:
        name: as commands and folders have it, such as `few-labels`.
        title: as tables and pages have it.
        line: one line for the help.
        section: where the paper describes it; empty if it does not.
        units: (study, methods, seeds, options) -> the units of work, in their order. `study` is of the data set that is
            scored; methods are names; seeds are counted from 0.
        options: a frozen dataclass with a default for each field and an `Attributes` section in its docstring. The
            command line is made of it: a field `draws` becomes `--draws`.
        row_name: the name in the rows' keys, if another.
        fields: what the rows' keys have besides those of every protocol (docs/rows.md).
        identity: options that a folder may hold only one value of; rows of all others may stand together.
        source: options -> the data set that encoders are pre-trained on, where it is not the scored one. The recipe is
            then the source's.
        sections: rows -> what a report shows of them.
        summary: rows -> labelled lines for the terminal.

    >>> no_cells = lambda study, methods, seeds, options: iter(())
    >>> ProtocolSpec("twice", "Twice", "each split twice", "", no_cells).in_rows
    'twice'
    """

    name: str
    title: str
    line: str
    section: str
    units: Callable[[Study, Sequence[str], int, Any], Iterator[Unit]]
    options: type[Any] = NoOptions
    row_name: str = ""
    fields: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    source: Callable[[Any], str | None] = lambda options: None
    sections: Callable[[Sequence[Row]], Sequence[Section]] = scores
    summary: Callable[[Sequence[Row]], Sequence[tuple[str, str]]] = mean_scores

    @property
    def in_rows(self) -> str:
        """The protocol's name in the keys of rows."""
        return self.row_name or self.name
