"""What the measurement of imports makes and says; how fast it is, no test asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import importing
from otolith.datasets.folder import FolderDataset
from otolith.importing.quality import page as quality


def test_collections_are_imported_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MOST_PICTURED", 0)
    monkeypatch.setattr(importing, "MANY", 2)
    root = importing.make(tmp_path, 3)
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*.csv")) == [
        "000/recording-000000.csv",
        "000/recording-000001.csv",
        "001/recording-000002.csv",
    ]
    found = importing.imported(str(root), str(tmp_path / "set"))
    assert found["seconds"] > 0
    assert found["own"] > 10_000_000
    data = FolderDataset(tmp_path / "set")
    assert data.info.n_recordings == 3
    assert {stream.n_samples for each in data.recordings() for stream in each.streams} == {1500}
