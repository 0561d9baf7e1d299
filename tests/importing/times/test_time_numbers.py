"""What numbers of time mean: since when, in which ticks, and in columns of their parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from tests.helpers.exports import START_NS, lines
from tests.importing.times.test_import_timing import GIVEN, TIMES, S, table, times_of


@pytest.mark.parametrize("first", [0, 1_717_408_800])
@pytest.mark.parametrize("digits", [3, 6])
def test_seconds_with_parts_without_leading_zeros(tmp_path: Path, first: int, digits: int) -> None:
    true = np.arange(len(TIMES)) * 20
    texts = [f"{first + ms // 1000}.{ms % 1000 * 10 ** (digits - 3)}" for ms in map(int, true)]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    assert (len(found.recordings), found.rate_hz) == (1, 50)
    np.testing.assert_allclose(found.recordings[0].streams[0].sample_times, true / 1000, atol=1e-6)


def test_seconds_that_run_back_with_padded_parts_stay_apart(tmp_path: Path) -> None:
    half = len(TIMES) // 2
    texts = [f"{(n if n < half else n - half) * 0.02:.3f}" for n in range(len(TIMES))]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    (findings, *_) = found.findings.values()
    assert [d.value for d in findings.decisions if "zeros" in d.value] == []
    assert "jumps back" in findings.repairs[0].what


@pytest.mark.parametrize("first", [721_692_800.0, 753_315_200.25])
def test_numbers_that_would_be_of_the_last_century_have_no_known_start(tmp_path: Path, first: float) -> None:
    """Polar counts nanoseconds from 2000, others from 2001."""
    rows = [[str(int((first + n / 50) * 1e9)), "0.1", f"{np.sin(n):.3f}", "9.8"] for n in range(500)]
    (tmp_path / "t.csv").write_text(lines("sensor timestamp [ns],acc_x,acc_y,acc_z", rows))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
    assert found.findings["t"].started is None
    assert [d.value for d in found.findings["t"].decisions if d.what == "start"] == ["unknown"]
    assert found.rate_hz == 50


@pytest.mark.parametrize("header", ["timestamp", "time (s)"])
def test_seconds_since_2001(tmp_path: Path, header: str) -> None:
    """Apple counts so."""
    zero = datetime(2001, 1, 1, tzinfo=UTC).timestamp()
    texts = [f"{START_NS / 1e9 - zero + t:.3f}" for t in TIMES]
    path = table(tmp_path / "t.csv", texts, header=f"{header},ax,ay,az")
    found = read_recordings(path, replace(GIVEN, time=header))
    np.testing.assert_allclose(times_of(found), TIMES, atol=2e-3)
    assert (found.findings["t"].started or "").startswith("2026-03-01T09:00:00")


def test_an_epoch_by_which_a_recording_is_of_the_future_is_not_it(tmp_path: Path) -> None:
    """Seconds since 1900 of last month would be seconds since 1904 of a day four years later."""
    begin = round((datetime.now(UTC) - timedelta(days=30)).timestamp())
    for texts in (
        [f"{begin + 2_208_988_800 + t:.4f}" for t in TIMES],
        [f"{begin / 86_400 + 40_587 + t / 86_400:.10f}" for t in TIMES],
    ):
        found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
        np.testing.assert_allclose(times_of(found), TIMES, atol=2e-3)
        started = datetime.fromisoformat(found.findings["t"].started or "")
        assert abs((started - datetime.fromtimestamp(begin, UTC)).total_seconds()) < 1


def test_a_time_since_a_start_long_ago_is_asked_for(tmp_path: Path) -> None:
    texts = [str(50_000_000_000_000_000 + round(t * 1e6)) for t in TIMES]
    with pytest.raises(DataError, match="In us it would have begun to count 1584 years before"):
        read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    found = read_recordings(table(tmp_path / "t.csv", texts), replace(GIVEN, time_unit="us"))
    assert found.recordings[0].streams[0].n_samples == len(texts)


@pytest.mark.parametrize(
    ("header", "tick_s", "digits"),
    [
        ("time (10ms)", 0.01, 0),
        ("time [10 ms]", 0.01, 0),
        ("time_10ms", 0.01, 0),
        ("time (1/32768 s)", 1 / 32768, 0),
        ("time (min)", 60.0, 8),
        ("time (h)", 3600.0, 10),
        ("time (d)", 86_400.0, 12),
    ],
)
def test_ticks_and_long_units_in_the_header(tmp_path: Path, header: str, tick_s: float, digits: int) -> None:
    true = np.round(TIMES[0] + np.arange(len(TIMES)) / 50, 2)
    texts = [f"{t / tick_s:.{digits}f}" for t in true]
    path = table(tmp_path / "t.csv", texts, header=f"{header},ax,ay,az")
    found = read_recordings(path, replace(GIVEN, time=header))
    assert found.rate_hz == pytest.approx(50, rel=1e-3)
    np.testing.assert_allclose(found.recordings[0].streams[0].sample_times, true, atol=1e-3)


def test_a_tick_in_the_header_at_which_nothing_samples_is_asked_for(tmp_path: Path) -> None:
    texts = [str(20 * n) for n in range(len(TIMES))]
    path = table(tmp_path / "t.csv", texts, header="time (1000 ms),ax,ay,az")
    with pytest.raises(DataError, match=r"says 1000 ms, by which .* come at 0.05 Hz"):
        read_recordings(path, replace(GIVEN, time="time (1000 ms)"))


def test_minutes_and_seconds_alone_go_on_past_the_hour(tmp_path: Path) -> None:
    times = np.floor((3595 + np.arange(500) / 50) * 10) / 10
    rows = [[f"{int(t // 60) % 60:02d}:{t % 60:04.1f}", "0.1", f"{np.sin(n):.3f}", "9.8"] for n, t in enumerate(times)]
    (tmp_path / "t.csv").write_text(lines("time,acc_x,acc_y,acc_z", rows))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
    assert found.recordings[0].streams[0].n_samples == 500
    assert found.rate_hz == pytest.approx(50, rel=0.02)
    assert any("passes the hour" in r.what for r in found.findings["t"].repairs)


@pytest.mark.parametrize("form", ["pandas", "python", ".NET", "minutes", "unpadded minutes", "a. m."])
def test_spans_of_time(tmp_path: Path, form: str) -> None:
    true = np.arange(len(TIMES)) * 20 + (86_397_000 if form in ("pandas", "python", ".NET") else 57_000)
    texts = []
    for days, day in (divmod(int(ms), 86_400_000) for ms in true):
        minutes, s, ms = day // 60_000, day // 1000 % 60, day % 1000
        clock = f"{minutes // 60:02d}:{minutes % 60:02d}:{s:02d}"
        texts.append(
            {
                "pandas": f"{days} days {clock}.{ms:03d}000",
                "python": f'"{days} day, {minutes // 60}:{minutes % 60:02d}:{s:02d}.{ms:03d}000"',
                ".NET": f"{days}.{clock}" + (f".{ms:03d}0000" if ms else ""),
                "minutes": f"{minutes}:{s}.{ms:03d}",
                "unpadded minutes": f"{minutes}:{s}.{ms}",
                "a. m.": f"{10 + minutes // 60}:{minutes % 60:02d}:{s:02d}.{ms:03d} a. m.",
            }[form]
        )
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    assert (found.rate_hz, found.findings["t"].repairs) == (50, [])
    np.testing.assert_allclose(found.recordings[0].streams[0].sample_times, (true - true[0]) / 1000, atol=1e-6)


@pytest.mark.parametrize(
    ("names", "dated"),
    [
        ("Year,Month,Day,Hour,Minute,Second", True),
        ("Date,Hour,Minute,Second", True),
        ("year,month,day,hh,mm,ss,ms", True),
        ("Hour,Minute,Second,Millisecond", False),
        ("h,m,s,ms", False),
    ],
)
def test_parts_of_a_time_in_columns_of_their_own(tmp_path: Path, names: str, dated: bool) -> None:
    moments = [datetime(2026, 3, 1, 9, 59, 57) + timedelta(milliseconds=20 * n) for n in range(len(TIMES))]
    whole = "ms" in names or "Milli" in names
    rows = []
    for moment, values in zip(moments, S.acc.T, strict=True):
        ms = moment.microsecond // 1000
        date = [f"{moment:%Y-%m-%d}"] if "Date" in names else ["2026", "3", "1"] if dated else []
        second = [str(moment.second), str(ms)] if whole else [f"{moment.second}.{ms:03d}"]
        rows.append([*date, str(moment.hour), str(moment.minute), *second, *(repr(float(v)) for v in values)])
    (tmp_path / "t.csv").write_text(lines(f"{names},ax,ay,az", rows))
    found = read_recordings(tmp_path / "t.csv", ImportOptions(accept_guess=True, acc_unit="m/s^2", gravity="included"))
    assert (found.rate_hz, found.findings["t"].repairs) == (50, [])
    assert found.findings["t"].started == ("2026-03-01T09:59:57.000000" if dated else None)
    np.testing.assert_allclose(found.recordings[0].streams[0].sample_times, np.arange(len(TIMES)) / 50, atol=1e-6)


def test_a_part_of_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    rows = [["2026", str(1 + n // 200), "31", "9", "5", f"{n * 0.02:.2f}", "0", "0", "1"] for n in range(400)]
    (tmp_path / "t.csv").write_text(lines("Year,Month,Day,Hour,Minute,Second,ax,ay,az", rows))
    with pytest.raises(DataError, match=r"t\.csv, line 202: .* is '2026-02-31 09:05:04\.00'"):
        read_recordings(tmp_path / "t.csv", ImportOptions(accept_guess=True))


def test_times_in_hours_minutes_and_seconds_are_no_parts(tmp_path: Path) -> None:
    rows = [[f"{n / 50 / 3600:.8f}", f"{n / 50 / 60:.8f}", f"{n / 50:.2f}", "0", "0", "1"] for n in range(400)]
    (tmp_path / "t.csv").write_text(lines("hours,minutes,seconds,ax,ay,az", rows))
    options = ImportOptions(accept_guess=True, acc_unit="g", gravity="included")
    assert read_recordings(tmp_path / "t.csv", options).rate_hz == 50
