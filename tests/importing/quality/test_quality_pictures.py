"""Pictures on the page of an import."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.importing.findings import Findings
from otolith.importing.quality.pictures import intervals, overview
from otolith.recording import Recording, Stream


def test_histograms_of_sensors_do_not_overlap() -> None:
    """Each sensor has a panel and a title of its own, on shared axes; regular sensors have none."""
    times = np.arange(200) * 0.02
    axes = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]
    rows = np.zeros((3, 200), np.float32)
    streams = (Stream(tuple(axes[:3]), rows, 50.0, times), Stream(tuple(axes[3:]), rows, 40.0, times * 1.25))
    panels = intervals(Recording("a", "b", streams)).axes
    assert [each.get_title(loc="left") for each in panels] == ["Accelerometer, 50 Hz", "Gyroscope, 40 Hz"]
    assert [len(each.patches) for each in panels] == [1, 1]
    assert panels[0].get_xlim() == panels[1].get_xlim()
    assert not panels[0].get_position().overlaps(panels[1].get_position())
    only = Recording("a", "b", (streams[0], Stream(tuple(axes[3:]), rows, 40.0)))
    assert len(intervals(only).axes) == 1


@pytest.mark.parametrize(
    ("seconds", "unit", "ticks"),
    [(300, "seconds", ["0", "50", "100"]), (3000, "minutes", ["0", "10", "20"]), (86400, "hours", ["0", "3", "6"])],
)
def test_time_is_told_in_the_unit_that_fits(seconds: int, unit: str, ticks: list[str]) -> None:
    recording = Recording("a", "b", (Stream(("acc_x", "acc_y", "acc_z"), np.zeros((3, seconds), np.float32), 1.0),))
    (panel,) = overview(recording, [], Findings(["made"], "test", None)).axes
    assert panel.get_xlabel() == f"{unit} since the first sample"
    assert [label.get_text() for label in panel.get_xticklabels()][:3] == ticks
    assert 4 <= len(panel.get_xticks()) <= 10
    assert len(panel.lines) + len(panel.collections) < 10, "at 1 Hz there is a gap after each sample"
