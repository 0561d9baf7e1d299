"""Imported data sets: the folder, its card, its page, and that they behave like the built-in ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import otolith
from otolith.datasets.folder import FolderDataset
from otolith.errors import DataError
from otolith.importing import ImportOptions, import_recordings, read_recordings
from otolith.importing.quality import page as quality
from tests.helpers.exports import phyphox, sensor_logger, signal

EVIL = "<script>alert('x')</script> & \"quotes\""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    sensor_logger(folder / "ada" / "walk.zip", signal(30, gyro_hz=104, jitter=0.2, seed=1))
    phyphox(folder / "bob" / "walk", signal(30, seed=2), pause=(20.0, 30.0))
    (folder / "labels.csv").write_text("recording,start,end,activity\nada/walk,2,28,up\nbob/walk,2,60,down\n")
    return folder


@pytest.fixture(scope="module")
def imported(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "walks"
    options = ImportOptions(labels=raw / "labels.csv", subject_folder=True)
    import_recordings(raw, out, options, title=EVIL, terms="Ask Ada.")
    return out


def test_behaves_like_a_data_set(raw: Path, imported: Path) -> None:
    data = otolith.load(imported)
    assert data.check(deep=True) == []
    assert (data.info.name, data.info.title, data.info.terms) == ("walks", EVIL, "Ask Ada.")
    assert (data.info.n_subjects, data.info.n_recordings, data.info.activities) == (2, 2, ("down", "up"))
    assert (data.info.rate_hz, data.info.gravity, data.info.own) == (104, "included", True)
    again = read_recordings(raw, ImportOptions(labels=raw / "labels.csv", subject_folder=True))
    for before, after in zip(again.recordings, data.recordings(), strict=True):
        assert (before.name, before.subject, before.segments) == (after.name, after.subject, after.segments)
        for a, b in zip(before.streams, after.streams, strict=True):
            np.testing.assert_array_equal(a.values, b.values)
            np.testing.assert_array_equal(a.times, b.times)
    w = data.windows(rate_hz=30)
    assert set(w.recording) == {"ada/walk", "bob/walk"}
    assert not any(20 - 1 < start < 50 for start in w.start[w.recording == "bob/walk"])


def test_the_card_keeps_what_was_decided(imported: Path) -> None:
    data = FolderDataset(imported)
    decided = {(each["what"], each["value"], each["recordings"]) for each in data.provenance["decisions"]}
    assert ("accelerometer unit", "m/s^2", 1) in decided
    notes = data.notes["bob/walk"]
    assert notes["format"] == "phyphox"
    assert [gap["sensor"] for gap in notes["gaps"]] == ["accelerometer", "gyroscope"]
    assert json.loads(json.dumps(data.provenance)) == data.provenance


def test_the_page_is_whole_and_escaped(imported: Path) -> None:
    page = (imported / "quality.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count('<img src="data:image/svg+xml,') == 4
    assert {found[:5] for found in re.findall(r"""(?:src|href)=["']?([^"'> ]*)""", page)} == {"data:"}
    assert "default-src 'none'" in page
    for text in ("ada/walk", "bob/walk", "30.02 s", "phyphox exports", "Sensor Logger documents"):
        assert text in page


def test_everything_from_files_is_escaped(tmp_path: Path) -> None:
    header = ",".join(f'"{name}"' for name in ("<b>t", "<i>x", "<i>y", "<i>z", "label"))
    s = signal(4)
    rows = "".join(
        f"{t},{x},{y},{z},<u>{'a' if t < 2 else 'b'}\n" for t, (x, y, z) in zip(s.acc_times, s.acc.T, strict=True)
    )
    (tmp_path / "<em>.csv").write_text(header + "\n" + rows)
    options = ImportOptions(time="<b>t", acc=("<i>x", "<i>y", "<i>z"), label="label", gyro=("none",))
    found = read_recordings(tmp_path / "<em>.csv", options)
    page = quality.page("<h1>", found)
    for tag in ("<b>", "<i>", "<u>", "<em>", "<h1>h"):
        assert tag not in page.replace("<h1>&lt;h1&gt;", "")


@pytest.mark.parametrize("rows", [3, 40])
def test_the_shortest_recordings_have_a_page(tmp_path: Path, rows: int) -> None:
    (tmp_path / "t.csv").write_text("time,gFx,gFy,gFz\n" + "".join(f"{i / 50},0,0,1\n" for i in range(rows)))
    found = read_recordings(tmp_path / "t.csv")
    assert quality.page("t", found).count("<img") == 2


def test_many_recordings_are_listed_and_few_drawn(imported: Path, monkeypatch: pytest.MonkeyPatch, raw: Path) -> None:
    monkeypatch.setattr(quality, "MOST_PICTURED", 1)
    page = quality.page("t", read_recordings(raw, ImportOptions(labels=raw / "labels.csv")))
    assert "1 others are in the table" in page
    assert page.count("<img") == 2
    assert "every recording counts as a subject of its own" in page


def test_nothing_is_replaced_and_nothing_left_half(raw: Path, imported: Path, tmp_path: Path) -> None:
    before = (imported / "card.json").read_bytes()
    with pytest.raises(DataError, match="exists already"):
        import_recordings(raw, imported)
    assert (imported / "card.json").read_bytes() == before
    with pytest.raises(DataError, match="does not exist"):
        import_recordings(tmp_path / "none", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.update(gravity="some"), r"gravity: Input should be 'included' or 'removed' \(got 'some'\)"),
        (lambda card: card.update(provenance=[1]), "provenance: Input should be an object"),
        (lambda card: card["recordings"][0].update(notes="x"), r"recordings\.0\.notes: Input should be an object"),
    ],
)
def test_wrong_cards_are_refused(imported: Path, tmp_path: Path, change: object, message: str) -> None:
    card = json.loads((imported / "card.json").read_text("utf-8"))
    change(card)  # type: ignore[operator]
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match=message):
        FolderDataset(tmp_path)


def test_cards_of_before_have_gravity(imported: Path, tmp_path: Path) -> None:
    card = json.loads((imported / "card.json").read_text("utf-8"))
    del card["gravity"], card["provenance"]
    for entry in card["recordings"]:
        del entry["notes"]
    (tmp_path / "card.json").write_text(json.dumps(card))
    data = FolderDataset(tmp_path)
    assert (data.info.gravity, data.provenance, data.notes["ada/walk"]) == ("included", {}, {})


def test_a_data_set_is_no_source(imported: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a data set of otolith already"):
        read_recordings(imported)


def test_equal_decisions_for_different_reasons_are_told_once(tmp_path: Path) -> None:
    for number in range(3):
        s = signal(8, seed=number)
        rows = "".join(
            f"{t},{x},{y},{z * (1 + number / 100)}\n" for t, x, y, z in zip(s.acc_times, *s.acc, strict=True)
        )
        (tmp_path / f"{number}.csv").write_text("time,ax,ay,az\n" + rows)
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
    told = [(each.what, count) for each, count in found.common_decisions()]
    assert told == [("time", 3), ("accelerometer columns", 3), ("accelerometer unit", 3), ("gravity", 3)]
    assert "and the like" in found.common_decisions()[2][0].why


def test_public_names() -> None:
    assert otolith.import_recordings is import_recordings
    assert otolith.read_recordings is read_recordings
    assert otolith.ImportOptions is ImportOptions
