"""Sessions kept as recordings: only with consent, whole after a kill, and whole or gone when they end."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from otolith import datasets
from otolith.datasets import growing
from otolith.datasets.card import CARD
from otolith.datasets.folder import FolderDataset
from otolith.errors import DataError, InUseError
from otolith.live import keeping, protocol, track
from otolith.live.recorder import SIGNALS, opened
from otolith.live.track import USUAL, Bounds, Ended
from otolith.model import Model, bundle
from otolith.prediction.units import plan
from otolith.recording import CHANNELS, Segment
from tests.helpers.commandline import call
from tests.helpers.live import Served, ending, happens, hear, hear_all, running_live, say, signal

ACTIVITIES = ("still", "swing", "shake")
RECORD = {"consent": True, "who": "ada", "zone": "Europe/Amsterdam"}
START: dict[str, Any] = {"type": "start", "channels": list(CHANNELS), "rate_hz": 50.0, "record": RECORD}
STOP: dict[str, Any] = {"type": "stop"}
VALUES, TIMES = signal(400, 50.0), np.arange(400) / 50 + 12.5


def samples(begin: int = 0, end: int = 400, each: int = 10) -> list[dict[str, Any]]:
    return [
        {"type": "samples", "t": TIMES[at : at + each].tolist(), "x": VALUES[:, at : at + each].tolist()}
        for at in range(begin, end, each)
    ]


def label(at: float, activity: str | None) -> dict[str, Any]:
    return {"type": "label", "at": at, "activity": activity}


@contextmanager
def recording(model: Model, folder: Path, own_labels: bool = False, bounds: Bounds = USUAL) -> Iterator[Served]:
    with (
        opened(folder, model.activities, own_labels, "included", bounds) as recorder,
        running_live(model, recorder=recorder) as served,
    ):
        yield served


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "EVERY_S", 0.05)


def left(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")} - {SIGNALS, ".lock"}


def test_a_session_with_consent_is_a_recording_like_imported_ones(model: Model, tmp_path: Path) -> None:
    shuffled = [CHANNELS[i] for i in (3, 4, 5, 0, 1, 2)]
    messages = [message | {"x": message["x"][3:] + message["x"][:3]} for message in samples()]
    with recording(model, tmp_path / "kept") as served, served.talk() as talk:
        say(talk, START | {"channels": shuffled}, label(0.0, "still"), *messages[:20], label(16.5, "shake"))
        say(talk, *messages[20:30], label(18.0, None), *messages[30:], STOP)
        came = hear_all(talk)
        told = [message for message in came if message["type"] == "recording"]
        assert told[0]["state"] == "on"
        assert told[-1] | {"name": ""} == protocol.recording("kept", seconds=7.98)
        assert sum(message["type"] == "prediction" for message in came) > 10
        with served.talk() as again:  # another connection is another recording
            say(again, START, *samples(0, 100), STOP)
            hear_all(again)
    found = datasets.load(tmp_path / "kept")
    assert isinstance(found, FolderDataset)
    assert left(tmp_path / "kept") == {CARD, f"{SIGNALS}/000000-0.parquet", f"{SIGNALS}/000001-0.parquet"}
    assert (found.info.activities, found.info.gravity, found.info.rate_hz) == (("still", "shake"), "included", 50.0)
    first, second = found.recordings()
    assert (first.subject, first.channels) == ("ada", CHANNELS)
    np.testing.assert_allclose(first.streams[0].times, TIMES, atol=1e-9)
    np.testing.assert_allclose(first.streams[0].values, VALUES, atol=1e-6)
    assert first.segments == (Segment(12.5, 16.5, "still"), Segment(16.5, 18.0, "shake"))
    assert second.streams[0].n_samples == 100
    saved = bundle.save(model, tmp_path / "model")
    ended = call("predict", saved, tmp_path / "kept", "--out", tmp_path / "out")  # as docs/live.md says
    assert ended.code == 0, ended.err
    rows = pl.read_csv(tmp_path / "out" / "recordings.csv")
    assert rows["timezone"].to_list() == ["Europe/Amsterdam"] * 2
    (one, _) = plan([tmp_path / "kept"]).units
    (given,) = one.read({}, None, None).given
    assert given.timezone == "Europe/Amsterdam"
    assert given.started is not None
    assert abs(given.started.timestamp() + TIMES[-1] - time.time()) < 60


def test_without_consent_nothing_is_written(model: Model, tmp_path: Path) -> None:
    with recording(model, tmp_path / "kept") as served:
        with served.talk() as talk:
            say(talk, START | {"record": None}, label(13.0, "still"), *samples(), {"type": "discard"}, STOP)
            assert not [message for message in hear_all(talk) if message["type"] == "recording"]
        for wrong in ({"consent": False}, {"consent": "yes"}, {"path": "/x"}, {"who": "a\nb"}, {"who": "x" * 61}):
            with served.talk() as talk:
                say(talk, START | {"record": RECORD | wrong})
                assert ending(talk)[0] == protocol.MALFORMED
        assert left(tmp_path / "kept") == set()
    with running_live(model) as served, served.talk() as talk:
        say(talk, START, *samples(), STOP)
        came = hear_all(talk)
        assert next(each for each in came if each["type"] == "recording")["state"] == "refused"
        assert sum(message["type"] == "prediction" for message in came) > 10


def test_a_recording_that_is_thrown_away_is_gone_and_recognition_goes_on(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with recording(model, folder) as served, served.talk() as talk:
        say(talk, START, *samples(0, 100))
        assert happens(lambda: (folder / CARD).exists())
        (during,) = datasets.load(folder).recordings()  # any command takes the folder while it grows
        assert during.streams[0].n_samples > 0
        assert not list(folder.glob("**/*.parquet"))
        say(talk, {"type": "discard"}, label(14.0, "still"), *samples(100, 400), STOP)
        came = hear_all(talk)
        assert [each["state"] for each in came if each["type"] == "recording"][-1] == "discarded"
        assert sum(message["type"] == "prediction" for message in came) > 10
        assert left(folder) == set()


@pytest.mark.parametrize("how", ["full disk", "folder", "length", "room"])
def test_a_recording_that_cannot_go_on_says_so_and_recognition_goes_on(
    how: str, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "kept"
    bounds = {"folder": Bounds(folder_bytes=9000), "length": Bounds(session_s=3.0)}.get(how, USUAL)
    with recording(model, folder, bounds=bounds) as served, served.talk() as talk:
        say(talk, START, *samples(0, 100))
        assert happens(lambda: (folder / CARD).exists())
        if how == "full disk":
            write = os.write

            def full(descriptor: int, content: bytes) -> int:
                if len(content) < 100:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return write(descriptor, content[: len(content) - 50])

            monkeypatch.setattr(track.os, "write", full)
        elif how == "room":
            monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
        say(talk, *samples(100, 400))
        while (told := hear(talk))["type"] != "recording" or told["state"] == "on":
            pass
        monkeypatch.undo()
        assert told["state"] == "ended"
        words = {"full disk": "disk", "folder": "GB", "length": "hours", "room": "nearly full"}
        assert words[how] in told["reason"]
        say(talk, STOP)
        assert sum(message["type"] == "prediction" for message in hear_all(talk)) >= 0
    (kept,) = datasets.load(folder).recordings()
    n = kept.streams[0].n_samples
    assert 50 <= n < 400
    np.testing.assert_allclose(kept.streams[0].values, VALUES[:, :n], atol=1e-6)
    assert (folder / SIGNALS / "000000-0.parquet").exists()


def test_labels_are_those_of_the_page_and_others_where_allowed(model: Model, tmp_path: Path) -> None:
    with recording(model, tmp_path / "a") as served, served.talk() as talk:
        say(talk, START, *samples(0, 50), label(13.0, "yoga"))
        code, reason = ending(talk)
        assert (code, "yoga" in reason) == (protocol.MALFORMED, True)
    with recording(model, tmp_path / "b", own_labels=True) as served, served.talk() as talk:
        say(talk, START, *samples(0, 50), label(13.0, "yoga ☼"), *samples(50, 100), label(14.0, ""), STOP)
        assert ending(talk)[0] == protocol.MALFORMED
    (kept,) = datasets.load(tmp_path / "b").recordings()
    assert kept.segments == (Segment(13.0, 14.5, "yoga ☼"),)


def test_a_folder_takes_only_its_own_kind_and_one_server(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with opened(folder, ACTIVITIES, False, "included") as recorder:
        for channels in (CHANNELS, CHANNELS):
            one = recorder.begin(channels, 50.0)
            one.add([0.0, 1.0], [[0.0, 1.0]] * 6)
            one.flush()
        short = recorder.begin(CHANNELS, 50.0)
        short.add([0.0, 0.5], [[0.0, 1.0]] * 6)
        short.flush()
        assert not short.end()
        with pytest.raises(Ended, match="this device gives acc_x, acc_y, acc_z"):
            recorder.begin(CHANNELS[:3], 50.0)
        with pytest.raises(InUseError), opened(folder, ACTIVITIES, False, "included"):
            pass
    first, second = datasets.load(folder).recordings()
    assert first.name == first.subject != second.name == second.subject
    with pytest.raises(DataError, match="gravity is included"), opened(folder, ACTIVITIES, False, "removed"):
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds notes\.txt"), opened(tmp_path / "other", ACTIVITIES, False, "included"):
        pass


WRITER = """
import sys, time
from pathlib import Path
from otolith.live.recorder import opened
with opened(Path(sys.argv[1]), ("walking",), False, "included") as recorder:
    one = recorder.begin(("acc_x", "acc_y", "acc_z"), 50.0, "ada")
    one.label(0.0, "walking")
    n = 0
    while True:
        one.add([(n + i) / 50 for i in range(5)], [[float(n + i) for i in range(5)]] * 3)
        n += 5
        one.flush()
        print(n, flush=True)
"""


def test_a_killed_server_loses_what_was_not_on_the_disk_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as told:
        while int(line := next(told)) < 100:
            pass
        process.kill()
        on_disk = int([line, *told.read().split()][-1])
    process.wait(10)
    (kept,) = datasets.load(folder).recordings()  # before any server comes back
    n = kept.streams[0].n_samples
    assert on_disk <= n <= on_disk + 5
    assert kept.streams[0].values[0].tolist() == list(range(n))
    assert [each.activity for each in kept.segments] == ["walking"]
    lines = folder / SIGNALS / "000000-0.jsonl"
    content = lines.read_bytes()
    for end in range(len(content) - 300, len(content), 7):  # torn at any byte
        lines.write_bytes(content[:end])
        (torn,) = datasets.load(folder).recordings()
        m = torn.streams[0].n_samples
        assert n - 20 <= m <= n
        assert torn.streams[0].values[0].tolist() == list(range(m))
    (folder / SIGNALS / "000007-0.jsonl").write_text("of a recording that no card names")
    before = datasets.load(folder)
    with opened(folder, ("walking",), False, "included"):
        pass
    (again,) = before.recordings()  # also for who has read the card before
    assert again.streams[0].values.tolist() == torn.streams[0].values.tolist()
    assert again.segments == torn.segments
    assert left(folder) == {CARD, f"{SIGNALS}/000000-0.parquet"}


def test_lines_that_are_none_end_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = growing.label_line(0.0, "sit") + growing.samples_line([0.0, 1.0], [[1.0, 2.0]])
    for bad in (
        '{"t":[2],"x":[[1],[2]]}',
        '{"t":[0.5],"x":[[1]]}',
        '{"t":[2],"x":[["a"]]}',
        '{"at":2,"activity":1}',
        "[1]",
        "{",
    ):
        path.write_text(good + bad + "\n" + growing.samples_line([2.0], [[3.0]]))
        found = growing.read(path, 1)
        assert (found.times.tolist(), found.lost) == ([0.0, 1.0], 2)
    path.write_text(growing.label_line(0.0, "sit"))
    with pytest.raises(DataError, match="no sample is in it yet"):
        growing.read(path, 1)
