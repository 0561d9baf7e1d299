"""Two minutes that come with otolith: stretches of one person of MotionSense, one after the other."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "demo_walk"
"""A data set folder with one recording (`otolith.datasets.folder`), and its licence."""

SUBJECT = 24
"""The person, on whom no model that comes with otolith was trained."""

PARTS = (
    ("wlk_7", 10.0, 24.0, "walking"),
    ("ups_3", 3.0, 22.0, "stairs up"),
    ("wlk_8", 10.0, 16.0, "walking"),
    ("dws_1", 5.0, 24.0, "stairs down"),
    ("std_6", 20.0, 14.0, "still"),
    ("jog_9", 10.0, 20.0, "running"),
)
"""Trial of MotionSense, its first second and its seconds here, and what it is of."""
