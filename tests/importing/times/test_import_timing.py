"""Time in any usual form, and what is repaired in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from tests.helpers.exports import START_NS, lines, signal

S = signal(8)
TIMES = S.acc_times - S.acc_times[0]
GIVEN = ImportOptions(time="time", acc=("ax", "ay", "az"), gyro=("none",))


def table(path: Path, times: list[str], values: np.ndarray = S.acc, header: str = "time,ax,ay,az") -> Path:
    path.write_text(
        lines(header, ([t, *(repr(float(v)) for v in row)] for t, row in zip(times, values.T, strict=True)))
    )
    return path


def times_of(found: Imported) -> np.ndarray:
    (stream,) = found.recordings[0].streams
    assert stream.times is not None
    return stream.times


@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
@pytest.mark.parametrize("epoch", [False, True])
def test_numbers(tmp_path: Path, unit: str, scale: float, epoch: bool) -> None:
    digits = max(0, 6 - int(np.log10(scale)))
    texts = [
        f"{START_NS // int(1e9 / scale) + int(t * scale)}.{int(t * scale * 10**digits) % 10**digits:0{digits}d}"
        if epoch and digits
        else str(int(START_NS // (1e9 / scale)) + round(t * scale))
        if epoch
        else f"{t * scale + 3:.{digits}f}"
        for t in TIMES
    ]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    np.testing.assert_allclose(times_of(found), TIMES, atol=2e-6)
    started = found.findings["t"].started
    assert (started is not None and started.startswith("2026-03-01T09:00:00") and started.endswith("Z")) == epoch
    time = next(decision for decision in found.findings["t"].decisions if decision.what == "time")
    assert time.value.split(" ")[0] == unit


@pytest.mark.parametrize(
    ("form", "zoned"),
    [
        ("%Y-%m-%dT%H:%M:%S.%f", False),
        ("%Y-%m-%d %H:%M:%S,%f", False),
        ("%Y-%m-%d %H:%M:%S.%fZ", True),
        ("%Y-%m-%dT%H:%M:%S.%f+00:00", True),
        ("%Y-%m-%d %H:%M:%S.%f UTC+0000", True),
    ],
)
def test_iso_8601(tmp_path: Path, form: str, zoned: bool) -> None:
    begin = datetime(2026, 3, 1, 23, 59, 58, tzinfo=UTC)
    texts = [f'"{(begin + timedelta(seconds=float(t))).strftime(form)}"' for t in TIMES]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    np.testing.assert_allclose(times_of(found), TIMES, atol=2e-6)
    assert (found.findings["t"].started or "").startswith("2026-03-01T23:59:58")
    assert (found.findings["t"].started or "").endswith("Z") == zoned


def test_zones_are_minded(tmp_path: Path) -> None:
    texts = [f"2026-03-01T10:00:{t:09.6f}+01:00" for t in TIMES]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    assert (found.findings["t"].started or "").startswith("2026-03-01T09:00:00")
    texts[100] = texts[100].removesuffix("+01:00")
    with pytest.raises(DataError, match=r"line 102: .*some times name their zone"):
        read_recordings(table(tmp_path / "t.csv", texts), GIVEN)


@pytest.mark.parametrize("point", [".", ",", ":"])
def test_time_of_day_past_midnight(tmp_path: Path, point: str) -> None:
    def text(t: float) -> str:
        ms = round((t + 86_396) * 1000) % 86_400_000
        return f'"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"'

    found = read_recordings(table(tmp_path / "t.csv", [text(t) for t in TIMES]), GIVEN)
    np.testing.assert_allclose(times_of(found), TIMES, atol=1.1e-3)
    assert "midnight" in found.findings["t"].repairs[0].what


@pytest.mark.parametrize("form", ["%Y%m%d%H%M%S.%f", "%Y%m%d%H%M%S%f", "%Y%m%d%H%M%S%f ms"])
def test_dates_without_signs_between_are_no_numbers(tmp_path: Path, form: str) -> None:
    """They would jump by 40 s at each minute."""
    start = datetime(2024, 3, 5, 10, 0, 55)
    texts = [(start + timedelta(seconds=round(t, 3))).strftime(form) for t in TIMES]
    found = read_recordings(table(tmp_path / "t.csv", [t.replace("000 ms", "") for t in texts]), GIVEN)
    np.testing.assert_allclose(times_of(found), TIMES, atol=1.1e-3)
    assert found.findings["t"].started == "2024-03-05T10:00:55.000000"


def test_time_of_day_with_parts_of_a_second_without_leading_zeros(tmp_path: Path) -> None:
    texts = [f"10:00:{int(t):02d}:{round(t * 1000) % 1000}" for t in np.arange(len(TIMES)) / 50]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    np.testing.assert_allclose(times_of(found), np.arange(len(TIMES)) / 50, atol=1e-6)


def test_a_format_of_ones_own(tmp_path: Path) -> None:
    texts = [f"01~03~2026 09:00:{t:09.6f}" for t in TIMES]
    path = table(tmp_path / "t.csv", texts)
    with pytest.raises(DataError, match=r"line 2: time is '01~03.*--time-format"):
        read_recordings(path, GIVEN)
    options = ImportOptions(time="time", acc=GIVEN.acc, gyro=("none",), time_format="%d~%m~%Y %H:%M:%S%.f")
    np.testing.assert_allclose(times_of(read_recordings(path, options)), TIMES, atol=2e-6)


def test_no_time_but_a_rate(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", ["x"] * len(TIMES), header="what,ax,ay,az")
    with pytest.raises(DataError, match="the time"):
        read_recordings(path, ImportOptions(acc=GIVEN.acc, gyro=("none",)))
    (stream,) = read_recordings(path, ImportOptions(acc=GIVEN.acc, gyro=("none",), rate_hz=50)).recordings[0].streams
    assert stream.times is None
    assert stream.rate_hz == 50


def test_rows_without_a_value_do_not_shift_a_clock_without_time(tmp_path: Path) -> None:
    values = S.acc.copy()
    values[1, 100:150] = np.nan
    path = table(tmp_path / "t.csv", ["x"] * len(TIMES), values, header="what,ax,ay,az")
    found = read_recordings(path, ImportOptions(acc=GIVEN.acc, gyro=("none",), rate_hz=50))
    np.testing.assert_allclose(np.delete(TIMES, np.arange(100, 150)), times_of(found), atol=1e-9)
    assert "lack an axis" in found.findings["t"].repairs[0].what
    assert len(found.findings["t"].gaps) == 1


def test_a_counter_is_no_time(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [str(i) for i in range(len(TIMES))])
    with pytest.raises(DataError, match="--time-unit"):
        read_recordings(path, GIVEN)


@pytest.mark.parametrize("wild", ["1e308", "-1.7e308", "2e19"])
def test_a_number_that_is_no_time_in_any_unit(tmp_path: Path, wild: str) -> None:
    times = [f"{t:.3f}" for t in S.acc_times]
    times[5] = wild
    with pytest.raises(DataError, match=r"its time column 'time' holds .*, which is not a time in any unit"):
        read_recordings(table(tmp_path / "t.csv", times), GIVEN)


def test_columns_of_parquet_keep_their_types(tmp_path: Path) -> None:
    begin = datetime(2026, 3, 1, 9, tzinfo=UTC)
    moments = [begin + timedelta(seconds=float(t)) for t in TIMES]
    for name, column in (("zone", pl.Series(moments)), ("int", pl.Series([round(t * 1e9) for t in TIMES]))):
        frame = pl.DataFrame({"time": column, **dict(zip(("ax", "ay", "az"), S.acc, strict=True))})
        frame.write_parquet(tmp_path / f"{name}.parquet")
        found = read_recordings(tmp_path / f"{name}.parquet", GIVEN)
        np.testing.assert_allclose(times_of(found), TIMES, atol=2e-6)
        np.testing.assert_array_equal(found.recordings[0].streams[0].values, S.acc)
        assert (found.findings[name].started is not None) == (name == "zone")


def repaired(tmp_path: Path, times: np.ndarray, values: np.ndarray = S.acc) -> Imported:
    return read_recordings(table(tmp_path / "t.csv", [f"{t:.6f}" for t in times], values), GIVEN)


def test_repeated_rows_are_dropped(tmp_path: Path) -> None:
    index = np.sort(np.concatenate([np.arange(len(TIMES)), [50, 50, 200]]))
    found = repaired(tmp_path, TIMES[index], S.acc[:, index])
    np.testing.assert_allclose(times_of(found), TIMES, atol=1e-6)
    (repair,) = found.findings["t"].repairs
    assert (repair.count, "line 53" in repair.where) == (3, True)


def test_of_rows_with_one_time_the_first_is_kept(tmp_path: Path) -> None:
    times = TIMES.copy()
    times[60] = times[59]
    found = repaired(tmp_path, times)
    np.testing.assert_array_equal(found.recordings[0].streams[0].values, np.delete(S.acc, 60, axis=1))
    assert "shares a time" in found.findings["t"].repairs[0].what


def test_a_file_that_was_joined_twice_is_read_once(tmp_path: Path) -> None:
    found = repaired(tmp_path, np.tile(TIMES, 2), np.tile(S.acc, 2))
    np.testing.assert_array_equal(found.recordings[0].streams[0].values, S.acc)
    assert any("repeat earlier" in repair.what for repair in found.findings["t"].repairs)


def test_late_rows_are_sorted_into_place(tmp_path: Path) -> None:
    index = np.arange(len(TIMES))
    index[[100, 101, 102]] = index[[102, 100, 101]]
    found = repaired(tmp_path, TIMES[index], S.acc[:, index])
    np.testing.assert_array_equal(found.recordings[0].streams[0].values, S.acc)
    assert "2 rows" in found.findings["t"].repairs[0].what


def test_reversed_rows_are_turned_round(tmp_path: Path) -> None:
    found = repaired(tmp_path, TIMES[::-1], S.acc[:, ::-1])
    np.testing.assert_array_equal(found.recordings[0].streams[0].values, S.acc)
    assert "backwards" in found.findings["t"].repairs[0].what


def test_a_clock_that_jumps_back_begins_a_new_part(tmp_path: Path) -> None:
    times = TIMES.copy()
    times[250:] -= 3.1
    found = repaired(tmp_path, times)
    assert [each.name for each in found.recordings] == ["t part 1", "t part 2"]
    assert [each.streams[0].n_samples for each in found.recordings] == [250, 150]
    np.testing.assert_array_equal(np.concatenate([each.streams[0].values for each in found.recordings], axis=1), S.acc)
    assert any("jumps back by 3.08 s" in repair.what for repair in found.findings["t part 2"].repairs)


def test_a_clock_that_only_jumps_is_refused(tmp_path: Path) -> None:
    times = np.where(np.arange(len(TIMES)) // 2 % 2, 0.0, 0.3) + TIMES / 100
    path = table(tmp_path / "t.csv", [f"{t:.6f}" for t in times])
    with pytest.raises(DataError, match="jumped back 100 times"):
        read_recordings(path, replace(GIVEN, time_unit="s"))


def test_a_unit_in_the_header_that_no_sensor_is_fast_enough_for(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [f"{t:.4f}" for t in TIMES], header="time (ms),ax,ay,az")
    found = read_recordings(path, replace(GIVEN, time="time (ms)"))
    (recording,) = found.recordings
    assert recording.streams[0].rate_hz == pytest.approx(50)
    assert any((each.what, each.value) == ("time", "s since the start") for each in found.findings["t"].decisions)


@pytest.mark.parametrize("tick", [0.1, 1.0])
def test_a_coarse_clock_is_spread_evenly(tmp_path: Path, tick: float) -> None:
    found = repaired(tmp_path, np.floor((TIMES + 0.33) / tick) * tick)
    times = times_of(found)
    np.testing.assert_allclose(times, TIMES, atol=0.021)
    assert found.recordings[0].streams[0].rate_hz == pytest.approx(50, rel=0.02)
    assert "were spread" in found.findings["t"].repairs[0].what


def test_gaps_are_listed_and_kept(tmp_path: Path) -> None:
    keep = np.r_[0:100, 130:400]
    found = repaired(tmp_path, TIMES[keep], S.acc[:, keep])
    (gap,) = found.findings["t"].gaps
    assert (gap.sensor, round(gap.start_s, 2), round(gap.stop_s, 2)) == ("accelerometer", 1.98, 2.6)
    np.testing.assert_allclose(times_of(found), TIMES[keep], atol=1e-6)


@pytest.mark.parametrize(
    "cells", [["1.71910E+12"] * 3000, ["1.71910E+12"] * 1000 + ["1.71911E+12"] * 2000, ["5"] * 3000]
)
def test_times_that_were_rounded_to_nothing_are_asked_for(tmp_path: Path, cells: list[str]) -> None:
    rows = [[cell, "0.1", f"{np.sin(n):.3f}", "9.8"] for n, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text(lines("time,acc_x,acc_y,acc_z", rows))
    with pytest.raises(DataError, match=r"the times were lost.*--rate HZ"):
        read_recordings(tmp_path, ImportOptions(accept_guess=True))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True, rate_hz=50))
    assert found.recordings[0].streams[0].n_samples == 3000


@pytest.mark.parametrize(("order", "month"), [("day-first", 4), ("month-first", 3)])
@pytest.mark.parametrize("form", ["{:02d}-{:02d}-2024 10:00:{:06.3f}", "{}/{}/24, 10:00:{:06.3f} AM"])
def test_the_order_of_dates_may_be_given_whatever_their_form(tmp_path: Path, form: str, order: str, month: int) -> None:
    rows = [[f'"{form.format(3, 4, n / 50)}"', "0.1", f"{np.sin(n):.3f}", "9.8"] for n in range(500)]
    (tmp_path / "t.csv").write_text(lines("time,acc_x,acc_y,acc_z", rows))
    with pytest.raises(DataError, match=f"--time-format {order} "):
        read_recordings(tmp_path, ImportOptions(accept_guess=True))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True, time_format=order))
    assert (found.findings["t"].started or "").startswith(f"2024-{month:02d}-")


def test_a_zone_in_brackets_is_minded(tmp_path: Path) -> None:
    rows = [
        [f"2014-07-07 13:29:{n / 50:06.3f}+0100 [Europe/London]", "0.1", f"{np.sin(n):.3f}", "9.8"] for n in range(500)
    ]
    (tmp_path / "t.csv").write_text(lines("time,acc_x,acc_y,acc_z", rows))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
    assert found.findings["t"].started == "2014-07-07T12:29:00.000000Z"


def test_the_unit_of_times_that_come_in_groups(tmp_path: Path) -> None:
    groups = np.ceil(np.arange(1000) / 50 / 0.09) * 90 + np.arange(1000) / 1000
    for scale in (1, 1000):
        rows = [[f"{t * scale:.0f}", "0.1", f"{np.sin(n):.3f}", "9.8"] for n, t in enumerate(groups)]
        (tmp_path / "t.csv").write_text(lines("t,acc_x,acc_y,acc_z", rows))
        found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
        assert found.recordings[0].streams[0].n_samples == 1000
        assert found.rate_hz == 50


def test_moments_need_no_usual_rate_to_be_known(tmp_path: Path) -> None:
    """What comes every ten seconds is refused as such, rather than asked about in four units."""
    rows = [[str(START_NS + n * 10**10), "0.1", f"{np.sin(n):.3f}", "9.8"] for n in range(50)]
    (tmp_path / "t.csv").write_text(lines("time,acc_x,acc_y,acc_z", rows))
    with pytest.raises(DataError, match="samples come every 10 s, slower than"):
        read_recordings(tmp_path, ImportOptions(accept_guess=True, acc_unit="m/s^2", gravity="included"))


def test_numbers_that_count_rows_are_asked_about_with_a_rate(tmp_path: Path) -> None:
    rows = [[str(n), "0.1", f"{np.sin(n):.3f}", "9.8"] for n in range(500)]
    (tmp_path / "t.csv").write_text(lines("timestamp,acc_x,acc_y,acc_z", rows))
    with pytest.raises(DataError, match="counts the rows: if it is no time, give the rate: --time none --rate HZ"):
        read_recordings(tmp_path, ImportOptions(accept_guess=True))


def test_a_coarse_date_beside_the_time_since_a_start_tells_the_start(tmp_path: Path) -> None:
    rows = [
        [f"2026-03-01 09:00:{7 + n // 50:02d}", str(n * 20 + 1), "0.1", f"{np.sin(n):.3f}", "9.8", "0", "0.1", "0.2"]
        for n in range(500)
    ]
    (tmp_path / "t.csv").write_text(lines("Timestamp,Milliseconds,ax,ay,az,gx,gy,gz", rows))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True, gyro_unit="rad/s"))
    assert (found.findings["t"].started, found.rate_hz) == ("2026-03-01T09:00:07.000000", 50)
    assert found.recordings[0].streams[0].n_samples == 500
    for at, row in enumerate(rows):
        row[0] = f"03/04/2026 09:00:{7 + at // 50:02d}"
    (tmp_path / "t.csv").write_text(lines("Timestamp,Milliseconds,ax,ay,az,gx,gy,gz", rows))
    assert read_recordings(tmp_path, ImportOptions(accept_guess=True, gyro_unit="rad/s")).findings["t"].started is None


def test_days_of_a_spreadsheet(tmp_path: Path) -> None:
    """45,292 is the first of 2024."""
    rows = [[f"{45292.5 + n / 50 / 86400:.10f}", "0.1", f"{np.sin(n):.3f}", "9.8"] for n in range(500)]
    (tmp_path / "t.csv").write_text(lines("time,acc_x,acc_y,acc_z", rows))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
    assert (found.findings["t"].started, found.rate_hz) == ("2024-01-01T12:00:00.000000", 50)
    np.testing.assert_allclose(found.recordings[0].streams[0].sample_times, np.arange(500) / 50, atol=1e-4)


def test_a_clock_of_twelve_hours_without_a_date(tmp_path: Path) -> None:
    noon = datetime(2026, 3, 1, 11, 59, 58)
    texts = [f"{noon + timedelta(seconds=float(t)):%I:%M:%S.%f %p}" for t in TIMES]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    np.testing.assert_allclose(times_of(found), TIMES, atol=2e-6)
    assert found.findings["t"].repairs == []


@pytest.mark.parametrize(
    ("scale", "zero", "words"),
    [
        (10_000_000, 621_355_968_000_000_000, ".NET"),
        (10_000_000, 116_444_736_000_000_000, "Windows"),
        (10_000_000, 0, "100 ns since 1970"),
        (1, 2_082_844_800, "LabVIEW"),
        (1000, 2_082_844_800_000, "LabVIEW"),
    ],
)
def test_numbers_that_count_from_another_moment(tmp_path: Path, scale: int, zero: int, words: str) -> None:
    start = START_NS // 1_000_000_000 * scale + zero
    texts = [f"{start + float(t):.2f}" if scale == 1 else str(start + round(float(t) * scale)) for t in TIMES]
    found = read_recordings(table(tmp_path / "t.csv", texts), GIVEN)
    np.testing.assert_allclose(times_of(found), TIMES, atol=2e-3)
    assert (found.findings["t"].started or "").startswith("2026-03-01T09:00:00")
    assert [words in d.value for d in found.findings["t"].decisions if d.what == "time"] == [True]


@pytest.mark.parametrize(("name", "scale"), [("ms", 1000), ("nsecs", 10**9), ("header.stamp.nsecs", 10**9)])
@pytest.mark.parametrize("dates", [False, True])
def test_parts_of_a_second_beside_whole_ones(tmp_path: Path, name: str, scale: int, dates: bool) -> None:
    moments = [datetime(2026, 3, 1, 9) + timedelta(seconds=round(float(t), 3)) for t in TIMES]
    whole = [
        f"{m:%Y-%m-%d %H:%M:%S}" if dates else str(round((m - datetime(1970, 1, 1)).total_seconds() // 1))
        for m in moments
    ]
    part = [str(m.microsecond * scale // 10**6) for m in moments]
    cells = ([w, p, *(repr(float(v)) for v in row)] for w, p, row in zip(whole, part, S.acc.T, strict=True))
    (tmp_path / "t.csv").write_text(lines(f"time,{name},ax,ay,az", cells))
    found = read_recordings(tmp_path / "t.csv", GIVEN)
    np.testing.assert_allclose(times_of(found), TIMES, atol=1e-3)
    assert found.findings["t"].repairs == []
