"""Columns of activities in tables."""

from __future__ import annotations

import itertools
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.importing.questions import Undecided

if TYPE_CHECKING:
    from otolith.importing.findings import Findings
    from otolith.importing.tables.table import Table

COUNTED = "(N)"
"""Ending of SensorLog's numbered columns; its label is 0 until a person sets another."""

SPARSE = 20
"""Rows for each label from which on labels that stand in single rows are none of those rows alone."""
SEVERAL = 10
"""Labels from which on they are none of single rows, however far apart."""
_FRACTION = re.compile(r"-?\d{1,9}\.0+|-?\d\.\d{1,20}[eE][+-]?0\d")
"""Whole numbers as tables with empty cells and NumPy write them."""
_BRACKETS = re.compile(r"""(?:b|\[)?(['"])(.*)\1\]?""")


def labels_of(
    rows: Table, column: str | None, findings: Findings, values: NDArray[np.float64] | None = None
) -> list[str] | None:
    """Return the activity of each row, "" where there is none; None without a column.

    Args:
        values: of the sensor, (3, n); rows in which it holds none may hold another sensor's, and no activity.

    Raises:
        Undecided: activities stand in single rows apart from each other, so that nothing says where each ends.
    """
    if column is None:
        return None
    texts = _plain(rows.texts(column))
    there = texts if values is None else list(itertools.compress(texts, np.isfinite(values[0]).tolist()))
    said = sum(map(bool, there))
    apart = not any(one and other for one, other in pairwise(there))
    if apart and (0 < SPARSE * said <= len(there) or SEVERAL <= said < len(there)):
        raise Undecided(
            f"{rows.where}: column {column!r} names an activity in {said:,} of {len(there):,} rows, never in two that "
            "follow each other, so that nothing says where each ends. Fill the rows between, give the times with "
            "--labels FILE, or leave the column out: --label none."
        )
    if column.endswith(COUNTED) and "0" in texts:
        findings.decide("labels", "0 is none", f"column {column!r} of SensorLog is 0 until a person sets a label")
        return ["" if text == "0" else text for text in texts]
    return texts


def _plain(texts: list[str]) -> list[str]:
    """Return activities without what programs put around them: `b'walk'`, `['walk']`, or a fraction that is zero."""
    kinds = set(texts)
    plain = {text: _without_brackets(text) for text in kinds}
    if all(plain[text] != text for text in kinds if text):
        texts = [plain[text] for text in texts]
        kinds = set(texts)
    whole = {text: f"{float(text):.0f}" for text in kinds if _FRACTION.fullmatch(text) and float(text).is_integer()}
    return [whole.get(text, text) for text in texts] if whole else texts


def _without_brackets(text: str) -> str:
    match = _BRACKETS.fullmatch(text)
    return text if match is None else match[2]
