"""MHEALTH: `mHealth_subject1.log`, 24 columns between tabs without names or time, at 50 Hz.

Chest (accelerometer, two leads of an ECG), left ankle and right lower arm (accelerometer, gyroscope, magnetometer
each), label; as its README.txt says (Banos et al., 2014). The unit of the gyroscopes is left to the data.
"""

from __future__ import annotations

from typing import ClassVar

from otolith.importing.formats.known_tables import KnownTable, Site


class MHealth(KnownTable):
    """Each file is a subject; 0 is no activity."""

    name = "mhealth"
    title = "a log of MHEALTH"
    device = "Shimmer2, data set MHEALTH"
    decided = "columns, rate and activities"
    asked = "the place"
    width = 24
    rate_hz = 50.0
    label = 24
    sites: ClassVar = {"left ankle": Site(6, 9), "right lower arm": Site(15, 18), "chest": Site(1)}
    activities: ClassVar = {
        1: "standing still", 2: "sitting and relaxing", 3: "lying down", 4: "walking", 5: "climbing stairs",
        6: "waist bends forward", 7: "frontal elevation of arms", 8: "knees bending", 9: "cycling", 10: "jogging",
        11: "running", 12: "jump front and back",
    }  # fmt: skip
    labels = frozenset(range(13))


SPEC = MHealth()
