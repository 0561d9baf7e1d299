"""The simulated labeller: proposals need fewer labels than chance where one activity is rare."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import labelling
from benchmarks.labelling import People


def people(n: int = 150) -> People:
    """Three activities that lie apart; the third is rare among those to label, and not among those left out."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(n) < 5, 2, np.arange(n) % 2)
    y_held = np.arange(60) % 3
    centres = 3 * np.eye(3, 8)
    x, x_held = (centres[each] + 0.3 * rng.standard_normal((len(each), 8)) for each in (y, y_held))
    return People(x.astype(np.float32), y, x_held.astype(np.float32), y_held, 3)


def test_proposals_find_what_is_rare() -> None:
    found = labelling.measure("own", people(), seeds=3, most=12)
    assert found["full"] > 0.95
    assert found["needed"]["proposed"] <= 6
    assert found["needed"]["random"] is None or found["needed"]["random"] > found["needed"]["proposed"]
    again = labelling.measure("own", people(), 1, 12)
    assert found["curves"]["proposed"][0] == again["curves"]["proposed"][0]


def test_no_stretch_is_labelled_twice() -> None:
    for how in labelling.HOW:
        assert len(set(labelling.labelled(people(), how, 1, 40))) == 40


def test_it_is_drawn(tmp_path: Path) -> None:
    found = labelling.measure("own", people(), seeds=1, most=8)
    labelling.draw([found, found], tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
