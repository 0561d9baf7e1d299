"""Pictures on the page of an import."""

from __future__ import annotations

import numpy as np

from otolith.importing.quality.pictures import intervals
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
