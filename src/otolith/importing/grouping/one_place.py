"""Recordings of several devices that one person wore at once, in files whose names differ in the place alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otolith.importing.questions import Questions, Undecided
from otolith.importing.sensors.places import ALL, is_all, require_place

if TYPE_CHECKING:
    from otolith.importing.grouping.left_out import LeftOut
    from otolith.importing.signals.assemble import Prepared


def of_one_place(
    prepared: list[Prepared], twins: dict[str, tuple[str, str]], questions: Questions, left_out: LeftOut
) -> list[Prepared]:
    """Return the recordings at the place that is meant, where files differ in it alone; of all, as one person's.

    Recordings of which a column says the place, one for all rows, are asked about where they say several.
    """
    prepared = _of_one_said(prepared, questions, left_out)
    at = [next((twins[where] for where in each.session.findings.sources if where in twins), None) for each in prepared]
    there = {where: said for each in prepared for where in each.session.findings.sources if (said := twins.get(where))}
    if len({place for place, _ in there.values()}) < 2:
        return prepared
    chosen = _chosen(there, questions, left_out)
    if chosen is None:
        return prepared
    for each, said in zip(prepared, at, strict=True):
        if said is not None and each.session.subject is None and not questions.options.subject_folder:
            each.session.subject = said[1]
    if is_all(questions) or chosen == ALL:
        return prepared
    return [each for each, said in zip(prepared, at, strict=True) if said is None or said[0] == chosen]


def _of_one_said(prepared: list[Prepared], questions: Questions, left_out: LeftOut) -> list[Prepared]:
    """Return the recordings at the place that is meant, of those whose columns say one for all of their rows."""
    there = {each.session.findings.sources[0]: (place, "") for each in prepared if (place := each.session.place)}
    if questions.options.place is not None or len({place for place, _ in there.values()}) < 2:
        return prepared
    chosen = _chosen(there, questions, left_out)
    if chosen is None:
        return prepared
    return [each for each in prepared if chosen == ALL or each.session.place in ("", chosen)]


def _chosen(there: dict[str, tuple[str, str]], questions: Questions, left_out: LeftOut) -> str | None:
    """Return the place that is meant; None where nothing decides it, which is told with all that is left out."""
    try:
        return require_place(there, questions)
    except Undecided as error:
        left_out.add(error)
        return None
