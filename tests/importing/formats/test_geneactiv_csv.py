"""Raw CSV files as GENEActiv's PC software writes them: a hundred lines, no names, a colon before the thousandths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from tests.helpers.exports import G, signal

S = signal(12, acc_hz=50)
WILD = 0.6 * S.acc + 9 * np.sin(np.arange(len(S.acc_times)) * np.array([[0.9], [1.1], [1.3]]))
"""An arm that moves so much that the numbers do not show gravity."""
ABOVE = [
    "Device Type,GENEActiv           ", "Device Model,1.1", "Device Unique Serial Code,40007", *4 * [""],
    "Measurement Frequency,50 Hz", "Start Time,2024-03-05 09:00:00:000", "Device Location Code,left wrist",
    "Time Zone,GMT +01", *5 * [""], "Subject Code,P07", "Sex,", "Height,180", *30 * [""],
    "Sensor type,MEMS accelerometer x-axis", "Range,-8 to 8", "Resolution,0.0039", "Units,g",
    "Sensor type,Lux Photodiode 400nm - 1100nm ", "Units,lux", *20 * [""],
]  # fmt: skip


def write(path: Path, above: list[str] = ABOVE, more: str = "") -> Path:
    rows = [
        f"2024-03-05 09:00:{t:06.3f}".replace(".", ":") + f",{x:.4f},{y:.4f},{z:.4f},48,0,24.5{more}"
        for t, (x, y, z) in zip(np.arange(len(S.acc_times)) / 50, WILD.T / G, strict=True)
    ]
    path.write_text("\r\n".join([*above, *rows, ""]))
    return path


def test_what_stands_above_the_table_is_read(tmp_path: Path) -> None:
    found = read_recordings(write(tmp_path / "P07_left.csv"))
    (recording,) = found.recordings
    findings = found.findings[recording.name]
    assert (findings.format, findings.started) == ("geneactiv_csv", "2024-03-05T09:00:00.000000")
    assert (recording.subject, found.rate_hz, found.gravity) == ("P07", 50, "included")
    np.testing.assert_allclose(recording.streams[0].values, WILD, atol=0.01)
    assert findings.about == {
        "device": "GENEActiv", "serial": "40007", "subject": "P07", "worn at": "left wrist", "time zone": "GMT +01",
    }  # fmt: skip
    assert "local time, GMT +01" in [each.value for each in findings.decisions]
    others = read_recordings(tmp_path, ImportOptions(subject_folder=True))
    assert others.recordings[0].subject != "P07"


def test_summaries_and_other_tables_are_not_taken_for_it(tmp_path: Path) -> None:
    for name, above, more in (("epochs", ABOVE, ",0.1,0.2,0.3"), ("other", ABOVE[1:], "")):
        path = write(tmp_path / f"{name}.csv", above, more)
        with pytest.raises(DataError, match="cannot tell which columns are the accelerometer"):
            read_recordings(path, ImportOptions(accept_guess=True))
