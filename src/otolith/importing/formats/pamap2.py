"""PAMAP2: `subject101.dat`, 54 columns between blanks without names: time in s, label, heart rate, and three sensors.

Each sensor (hand, chest, ankle) has 17 columns: temperature, accelerometers of ±16 g and ±6 g, gyroscope, magnetometer,
orientation; as its readme says (Reiss and Stricker, 2012). The accelerometer of ±16 g is taken: the other saturates.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from otolith.importing.formats.known_tables import KnownTable, Site

FINER = 3
"""Columns from an accelerometer of ±16 g to that of ±6 g."""


class Pamap2(KnownTable):
    """Each file is a subject; 0 stands for times between activities."""

    name = "pamap2"
    title = "a file of PAMAP2"
    device = "Colibri, data set PAMAP2"
    decided = "columns and activities"
    asked = "the place"
    width = 54
    time = 1
    rate_hz = 100.0
    label = 2
    sites: ClassVar = {"hand": Site(5, 11), "chest": Site(22, 28), "ankle": Site(39, 45)}
    activities: ClassVar = {
        1: "lying", 2: "sitting", 3: "standing", 4: "walking", 5: "running", 6: "cycling", 7: "Nordic walking",
        9: "watching TV", 10: "computer work", 11: "car driving", 12: "ascending stairs", 13: "descending stairs",
        16: "vacuum cleaning", 17: "ironing", 18: "folding laundry", 19: "house cleaning", 20: "playing soccer",
        24: "rope jumping",
    }  # fmt: skip
    labels = frozenset((0, *activities))

    def fits(self, columns: NDArray[np.float64]) -> bool:
        """Tell if at every place two accelerometers say nearly the same."""
        for site in self.sites.values():
            first, second = (columns[at : at + 3] for at in (site.acc - 1, site.acc - 1 + FINER))
            if not np.nanmedian(np.abs(first - second)) < 1.0:
                return False
        return True


SPEC = Pamap2()
