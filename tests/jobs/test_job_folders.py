"""The folders of jobs: refused before long work, wherever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from otolith.errors import CheckpointError
from otolith.jobs.folder import checkpoints_beside, refuse_taken


@pytest.mark.parametrize("out", [".", "..", "../here"])
def test_the_working_folder_is_refused_as_an_output(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    checkpoints_beside(Path(out))
    with pytest.raises(CheckpointError, match=f"--out {out} is the folder that this process works in; choose a new"):
        refuse_taken(Path(out))


def test_checkpoints_lie_beside_the_output() -> None:
    assert checkpoints_beside(Path("runs/encoder")) == Path("runs/encoder-checkpoints")
    assert checkpoints_beside(Path("encoder")) == Path("encoder-checkpoints")
