"""Samples as Edge Impulse exports them: names and rows apart, and the label in the file's name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from tests.helpers.exports import signal

S = signal(12)


def write(path: Path, columns: dict[str, tuple[np.ndarray, str]], **more: Any) -> Path:
    sensors = [{"name": f"{name}{axis}", "units": unit} for name, (_, unit) in columns.items() for axis in "XYZ"]
    values = np.concatenate([each for each, _ in columns.values()]).T.tolist()
    payload = {"device_type": "MOBILE", "interval_ms": 20, "sensors": sensors, "values": values} | more
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"protected": {"ver": "v1"}, "signature": "0", "payload": payload}))
    return path


BOTH = {"acc": (S.acc, "m/s2"), "gyr": (S.gyro, "rad/s")}


@pytest.mark.parametrize("label", [None, "none"])
def test_samples_with_their_labels(tmp_path: Path, label: str | None) -> None:
    for folder, activity in (("training", "walk"), ("testing", "stairs up")):
        write(tmp_path / folder / f"{activity}.4ab0cd1e.ingestion-77b-x1.json", BOTH)
    (tmp_path / "info.labels").write_text('{"version": 1, "files": []}')
    found = read_recordings(tmp_path, ImportOptions(label=label))
    assert (found.rate_hz, found.gravity, len(found.recordings)) == (50, "included", 2)
    for recording in found.recordings:
        np.testing.assert_allclose(recording.streams[0].values, np.r_[S.acc, S.gyro], atol=1e-9)
        activity = "walk" if "walk" in recording.name else "stairs up"
        assert [segment.activity for segment in recording.segments] == ([] if label else [activity])
    assert {each.format for each in found.findings.values()} == {"edge_impulse"}


def test_other_samples(tmp_path: Path) -> None:
    """A name of one's own is no label, and a sample of sound no motion."""
    write(tmp_path / "a.b.json", BOTH)
    write(tmp_path / "sound.1.json", {"audio": (S.acc, "wav")})
    found = read_recordings(tmp_path)
    assert not found.recordings[0].segments
    assert [Path(where).name for where in found.passed_over] == ["sound.1.json"]
    with pytest.raises(DataError, match="cannot tell which columns"):
        read_recordings(write(tmp_path / "odd.json", BOTH, values=[[1, 2], [3]]))
