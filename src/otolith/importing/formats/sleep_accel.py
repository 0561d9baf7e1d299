"""Sleep-Accel (Walch et al., 2019): `46343_acceleration.txt`, time and g of an Apple Watch between blanks, no names.

Times are seconds since the sleep study began. Beside it lie `46343_labeled_sleep.txt`, a stage of sleep every 30 s, and
heart rate and steps, which are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import DataError
from otolith.importing.formats.base import Claim, Format
from otolith.importing.session import ACC, Sensor, Session, axes
from otolith.importing.times.timing import read_clock

if TYPE_CHECKING:
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

EPOCH_S = 30.0
STAGES = {0: "wake", 1: "N1", 2: "N2", 3: "N3", 4: "N3", 5: "REM"}
"""Stages of sleep by their codes; N4 is counted as N3 today, and -1 is not scored."""
_MOTION = re.compile(r"(\d+)_acceleration")


class SleepAccel(Format):
    """Each file is a night of a person."""

    name = "sleep_accel"
    title = "a night of Sleep-Accel"
    device = "Apple Watch, data set Sleep-Accel"
    decided = "times, g, people and stages of sleep by the files' names"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files of acceleration of four columns without names, and the stages beside them."""
        ours = [sheet for sheet in folder.sheets if _is_motion(sheet)]
        people = {sheet.stem.partition("_")[0] for sheet in ours}
        beside = [each for each in folder.sheets if each not in ours and each.stem.partition("_")[0] in people]
        return Claim((*ours, *beside), 0.9, "its name and its four columns are those of the data set") if ours else None

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        stages = {sheet.stem.partition("_")[0]: sheet for sheet in sheets if sheet.stem.endswith("_labeled_sleep")}
        used = [sheet.where for sheet in (*stages.values(), *filter(_is_motion, sheets))]
        for sheet in filter(_is_motion, sheets):
            table, person = sheet.table(), sheet.stem.partition("_")[0]
            findings = self.findings(table)
            findings.passed_over = [each.where for each in sheets if each.where not in used]
            clock = read_clock(table, "column 1", questions, findings, "s")
            labels = None
            if person in stages:
                findings.sources.append(stages[person].where)
                labels = _labels(stages[person], clock.seconds)
            acc = axes(table, ("column 2", "column 3", "column 4"))
            sensor = Sensor(ACC, table, clock, acc, "g", "the publisher documents it")
            yield Session(
                folder.join(sheet.stem.removesuffix("_acceleration")), [sensor], findings, person, labels, folder.top
            )


def _is_motion(sheet: Sheet) -> bool:
    layout = sheet.layout
    return bool(_MOTION.fullmatch(sheet.stem)) and layout is not None and not layout.names and layout.width == 4


def _labels(sheet: Sheet, seconds: np.ndarray) -> list[str]:
    """Return the stage of each sample; a stage lasts from its time for 30 s.

    Raises:
        DataError: it is not a table of times and stages.
    """
    table = sheet.table()
    if len(table.columns) != 2:
        raise DataError(f"{sheet.where}: {len(table.columns)} column(s), expected the time and the stage of sleep.")
    begins, codes = (table.numbers(column) for column in table.columns)
    order = np.argsort(begins, kind="stable")
    begins, codes = begins[order], codes[order]
    at = np.searchsorted(begins, seconds, "right") - 1
    inside = (at >= 0) & (seconds < begins[np.maximum(at, 0)] + EPOCH_S)
    names = [STAGES.get(int(code), "") if np.isfinite(code) else "" for code in codes.tolist()]
    return [names[i] if held else "" for i, held in zip(at.tolist(), inside.tolist(), strict=True)]


SPEC = SleepAccel()
