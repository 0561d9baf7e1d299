"""Which recordings can be played, and how they are named on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.live import recordings as module
from otolith.live.recordings import Playable, playable
from otolith.model import Model
from otolith.recording import CHANNELS, Recording, Stream
from tests.helpers.live import write_walks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, recordings: dict[str, Recording]) -> Path:
    """A data set of three recordings."""
    values = recordings["walk <b>"].streams[0].values
    return write_walks(tmp_path_factory.mktemp("play") / "walks", dict.fromkeys(("one", "two:b", "three"), values))


def test_pieces_hold_every_sample_once_and_span_no_gap(model: Model, recordings: dict[str, Recording]) -> None:
    one = Playable.of(recordings["odd"], model)
    assert one.channels == CHANNELS
    assert len(one.streams) >= 2
    times = np.concatenate([times for times, _ in one.pieces()])
    assert times[0] == 0.0
    assert (np.diff(times) > 0).all()
    assert times[-1] == one.seconds
    assert all(np.diff(times).max(initial=0.0) < 0.05 for times, _ in one.pieces())
    whole = Playable.of(recordings["walk <b>"], model)
    np.testing.assert_array_equal(
        np.concatenate([values for _, values in whole.pieces()], 1), recordings["walk <b>"].streams[0].values
    )


def test_all_of_a_source_or_one(model: Model, folder: Path) -> None:
    found, notes = playable([str(folder)], model)
    assert sorted(found) == ["one", "three", "two:b"]
    assert notes == []
    assert list(playable([f"{folder}:three"], model)[0]) == ["three"]
    assert sorted(playable([f"{folder}:one", str(folder)], model)[0]) == [f"{folder}: one", "one", "three", "two:b"]


def test_what_is_not_there_is_named(model: Model, folder: Path) -> None:
    with pytest.raises(DataError, match="has no recording 'four'; name one of its 3: one, "):
        playable([f"{folder}:four"], model)
    with pytest.raises(DataError, match="is neither a file or folder"):
        playable(["nowhere"], model)


def test_no_more_than_can_be_held(model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    found, notes = playable([str(folder)], model)
    assert len(found) == 2
    assert "first 2 recordings" in notes[0]


def test_a_recording_that_does_not_fit_is_refused(model: Model, recordings: dict[str, Recording]) -> None:
    stream = recordings["walk <b>"].streams[0]
    with pytest.raises(DataError, match="has no gyro_x"):
        Playable.of(Recording("acc", 1, (Stream(CHANNELS[:3], stream.values[:3], 50.0),)), model)
