"""Times of labels whose form alone does not tell what they count, and dates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from otolith.importing.findings import Findings
from otolith.importing.labels.intervals import Interval
from otolith.importing.labels.readings import on_clock
from otolith.importing.questions import Undecided
from tests.helpers.exports import signal

S = signal(180, acc_hz=25)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording(tmp_path_factory.mktemp("local") / "walk.csv", "")


@pytest.fixture(scope="module")
def zoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording(tmp_path_factory.mktemp("zoned") / "walk.csv", "Z")


def recording(path: Path, zone: str) -> Path:
    start = np.datetime64("2026-03-01T09:00:00")
    times = start + np.round(1000 * (S.acc_times - S.acc_times[0])).astype("timedelta64[ms]")
    rows = [f"{at}{zone},{x:.4f},{y:.4f},{z:.4f}" for at, (x, y, z) in zip(times, S.acc.T, strict=True)]
    path.write_text("\n".join(["time,acc_x,acc_y,acc_z", *rows, ""]))
    return path


def labelled(source: Path, folder: Path, text: str, timezone: str | None = None) -> Imported:
    (folder / "labels.csv").write_text(text)
    return read_recordings(source, ImportOptions(labels=folder / "labels.csv", accept_guess=True, timezone=timezone))


def segments(found: Imported) -> list[tuple[float, float | None]]:
    return [(round(s.start_s, 3), s.stop_s) for s in found.recordings[0].segments]


@pytest.mark.parametrize(
    "text",
    [
        "start,end,activity\n0:10,1:00,walk\n",
        "start,end,activity\n00:10.000,01:00.000,walk\n",
        "start,end,activity\n0:10,0:01:00,walk\n",
        "start,end,activity\n09:00:10,09:01:00,walk\n",
        "start,end,activity\n9:00:10 AM,9:01:00 AM,walk\n",
        "Beginn;Ende;Aktivität\n01.03.2026 09:00:10;01.03.2026 09:01:00;walk\n",
        "start,end,activity\n2026/03/01 09:00:10,2026/03/01 09:01:00,walk\n",
        "date,start,end,activity\n2026-03-01,09:00:10,09:01:00,walk\n",
        "start_date,start_time,end_date,end_time,activity\n2026-03-01,9:00:10,2026-03-01,9:01:00,walk\n",
        "start,end,activity\n0 days 00:00:10,0 days 00:01:00,walk\n",
    ],
)
def test_forms_of_times(local: Path, tmp_path: Path, text: str) -> None:
    assert segments(labelled(local, tmp_path, text)) == [(10, 60)]


def test_hours_and_minutes_of_the_day(local: Path, tmp_path: Path) -> None:
    found = labelled(local, tmp_path, "start,end,activity\n9:01,9:02,walk\n")
    assert segments(found) == [(60, 120)]
    assert any(d.what == "times of labels" for d in found.findings["walk"].decisions)


def test_dates_whose_day_nothing_tells_and_of_other_days_are_refused(local: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing tells the day from the month"):
        labelled(local, tmp_path, "start,end,activity\n03/01/2026 09:00:10,03/01/2026 09:01:00,walk\n")
    with pytest.raises(DataError, match="zone of absolute times"):
        labelled(local, tmp_path, "date,start,end,activity\n2026-03-02,09:00:10,09:01:00,walk\n")


def test_forms_and_zones_in_names_of_columns(local: Path, zoned: Path, tmp_path: Path) -> None:
    text = "{}\n2026-03-01 09:00:10,2026-03-01 09:01:00,walk\n"
    for header in ("start_utc,end_utc,activity", "Start (UTC),End (UTC),Activity"):
        assert segments(labelled(zoned, tmp_path, text.format(header))) == [(10, 60)]
    found = labelled(local, tmp_path, "start (hh:mm),end (hh:mm),activity\n9:01,9:02,walk\n")
    assert segments(found) == [(60, 120)]
    with pytest.raises(DataError, match="from 600 to 3600 s"):
        labelled(local, tmp_path, "start (hh:mm),end (hh:mm),activity\n0:10,1:00,walk\n")


@pytest.mark.parametrize("time", ["10:0{}", "10:0{}:00", "2026-03-01 10:0{}:00", "01.03.2026 10:0{}:00"])
def test_the_zone_of_times_without_one_can_be_said(zoned: Path, tmp_path: Path, time: str) -> None:
    text = f"start,end,activity\n{time.format(1)},{time.format(2)},walk\n"
    with pytest.raises(DataError, match="--timezone Europe/Berlin"):
        labelled(zoned, tmp_path, text)
    assert segments(labelled(zoned, tmp_path, text, "Europe/Berlin")) == [(60, 120)]


def own(folder: Path, first: float) -> Path:
    """A recording whose seconds do not begin at zero."""
    seconds = S.acc_times - S.acc_times[0] + first
    rows = [f"{at:.2f},{x:.4f},{y:.4f},{z:.4f}" for at, (x, y, z) in zip(seconds, S.acc.T, strict=True)]
    (folder / "walk.csv").write_text("\n".join(["time (s),acc_x,acc_y,acc_z", *rows, ""]))
    return folder / "walk.csv"


def own_clock(found: Imported) -> list[str]:
    return [d.value for d in found.findings["walk"].decisions if d.what == "times of labels"]


def test_labels_on_the_own_clock_of_a_recording_that_begins_late(tmp_path: Path) -> None:
    """Those that met the recording either way became labels a hundred seconds late."""
    walk = own(tmp_path, 100.0)
    found = labelled(walk, tmp_path, "start,end,activity\n110,160,walk\n170,220,sit\n")
    assert segments(found) == [(10, 60), (70, 120)]
    assert own_clock(found) == ["on the recording's own clock"]
    marks = "".join(f"{100 + at},{'walk' if at < 90 else 'sit'}\n" for at in range(181))
    assert segments(labelled(walk, tmp_path, f"time,activity\n{marks}"))[0] == (0, 90)
    found = labelled(walk, tmp_path, "start,end,activity\n110,160,walk\n")
    assert segments(found) == [(110, 160)]
    assert own_clock(found) == ["since the recording's first sample"]
    assert own_clock(labelled(walk, tmp_path, "start,end,activity\n10,60,walk\n")) == []


def test_labels_at_a_rate_may_end_with_the_last_sample(local: Path, tmp_path: Path) -> None:
    for last in (179.92, 179.96, 180.0):
        marks = "".join(f"{at:.2f},walk\n" for at in np.arange(0, last + 0.001, 0.04))
        ((start, end),) = segments(labelled(local, tmp_path, f"time,activity\n{marks}"))
        assert start == 0
        assert end == pytest.approx(180, abs=0.3)


def interval(start: float, end: float, form: str) -> Interval:
    return Interval("labels.csv, line 2", None, start, end, "walk", False, False, form=form)


@pytest.mark.parametrize(
    ("began", "lasts_s", "form"),
    [
        ("2026-03-01T00:10:00", 40_000, "h:mm:ss"),
        ("2026-03-01T08:00:00", 100_000, "h:mm:ss"),
        ("2026-03-01T08:00:00Z", 100_000, "h:mm:ss"),
        ("2026-03-01T08:00:00", 80_000, "m:ss or h:mm"),
    ],
)
def test_times_that_may_be_two_moments_of_a_long_recording_are_asked_about(
    began: str, lasts_s: float, form: str
) -> None:
    """They were seconds since the first sample, whatever they meant."""
    started_s = float(np.datetime64(began.removesuffix("Z")).astype("datetime64[s]").astype(int))
    findings = Findings(started=began, started_s=started_s)
    with pytest.raises(Undecided, match="nothing tells what its time counts"):
        on_clock([interval(1200, 1800, form)], "night", (0.0, lasts_s), findings)
    (kept,) = on_clock([interval(1200, 1800, "")], "night", (0.0, lasts_s), findings)
    assert kept.start == 1200
