"""Dates in the forms that people and programs write them, against Python's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.importing.times.dates import NONE, read_dates
from otolith.importing.times.forms import MONTHS

EPOCH = datetime(1970, 1, 1)


def nanoseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("text", "expected", "zone"),
    [
        ("2024-06-23T11:59:45.25", datetime(2024, 6, 23, 11, 59, 45, 250_000), ""),
        ("2024-06-23 11:59:45,25Z", datetime(2024, 6, 23, 11, 59, 45, 250_000), "UTC"),
        ("2024-06-23 11:59:45.250 +0200", datetime(2024, 6, 23, 9, 59, 45, 250_000), "UTC"),
        ("2024-06-23t11:59:45.25z", datetime(2024, 6, 23, 11, 59, 45, 250_000), "UTC"),
        ("2024/6/3 1:02:03 UTC-03:30", datetime(2024, 6, 3, 4, 32, 3), "UTC"),
        ("2015-10-25 01:30:00.5+0100 [Europe/London]", datetime(2015, 10, 25, 0, 30, 0, 500_000), "UTC"),
        ("2015-07-25 01:30:00 [Europe/London]", datetime(2015, 7, 25, 0, 30), "Europe/London"),
        ("2018-07-18T10.39.28.263", datetime(2018, 7, 18, 10, 39, 28, 263_000), ""),
        ("23/12/2024 23:59:45.000", datetime(2024, 12, 23, 23, 59, 45), ""),
        ("3.4.24 5:06", datetime(2024, 4, 3, 5, 6), ""),
        ("6/23/2024 11:59:45.000 AM", datetime(2024, 6, 23, 11, 59, 45), ""),
        ("6/23/2024 12:00:01 a.m.", datetime(2024, 6, 23, 0, 0, 1), ""),
        ("6/23/2024 12:00:01 PM", datetime(2024, 6, 23, 12, 0, 1), ""),
        ("18-May-2021 10:28:01.000", datetime(2021, 5, 18, 10, 28, 1), ""),
        ("23. März 2024 14:05:06", datetime(2024, 3, 23, 14, 5, 6), ""),
        ("Jun 23, 2024 1:02:03 PM", datetime(2024, 6, 23, 13, 2, 3), ""),
        ("Sun Jun 23 00:31:21 GMT+02:00 2024", datetime(2024, 6, 22, 22, 31, 21), "UTC"),
        ("20240623_123000.5", datetime(2024, 6, 23, 12, 30, 0, 500_000), ""),
        ("2024-06-23 11:59:45.5 CEST", datetime(2024, 6, 23, 9, 59, 45, 500_000), "UTC"),
        ("6/23/2024 11:59:45 PM PDT", datetime(2024, 6, 24, 6, 59, 45), "UTC"),
        ("2024-01-23 11:59:45 (EST)", datetime(2024, 1, 23, 16, 59, 45), "UTC"),
        ("23 de junio de 2024 11:59:45", datetime(2024, 6, 23, 11, 59, 45), ""),
        ("23.06.2024 11:59:45 Uhr", datetime(2024, 6, 23, 11, 59, 45), ""),
        ("2024-06-23 11:59:45 IST", datetime(2024, 6, 23, 11, 59, 45), ""),  # of India, Israel or Ireland
        ("2024-06-23 11:59:45 GMT+2", datetime(2024, 6, 23, 9, 59, 45), "UTC"),
        ("2024-06-23 11:59:45 Europe/Berlin", datetime(2024, 6, 23, 9, 59, 45), "Europe/Berlin"),
        ("2024-6-3 1:2:3.25", datetime(2024, 6, 3, 1, 2, 3, 250_000), ""),
        ("3.6.2024 10:0:12", datetime(2024, 6, 3, 10, 0, 12), ""),
        ("2024-06-23_11-59-45-020", datetime(2024, 6, 23, 11, 59, 45, 20_000), ""),
        ("2024-06-23T11-59-45", datetime(2024, 6, 23, 11, 59, 45), ""),
        ("2024:06:23 11:59:45:020", datetime(2024, 6, 23, 11, 59, 45, 20_000), ""),
        ("2024/06/23/11:59:45.25", datetime(2024, 6, 23, 11, 59, 45, 250_000), ""),
        ("2024年06月23日 11:59:45.25", datetime(2024, 6, 23, 11, 59, 45, 250_000), ""),
        ("2024年6月23日 11时59分45.25秒", datetime(2024, 6, 23, 11, 59, 45, 250_000), ""),
        ("2024년 06월 23일 오후 11:59:45", datetime(2024, 6, 23, 23, 59, 45), ""),
        ("2024/06/23 下午 1:59:45.25", datetime(2024, 6, 23, 13, 59, 45, 250_000), ""),
        ("2024-06-23 上午 12:59:45", datetime(2024, 6, 23, 0, 59, 45), ""),
        ("2024-06-23 11:59:45 p. m.", datetime(2024, 6, 23, 23, 59, 45), ""),
        ("23 czerwca 2024 11:59:45", datetime(2024, 6, 23, 11, 59, 45), ""),
        ("1 października 2024 11:59:45", datetime(2024, 10, 1, 11, 59, 45), ""),
        ("Monday 2024-06-24 11:59:45", datetime(2024, 6, 24, 11, 59, 45), ""),
        ("Sun Jun 23 2024 11:59:45 GMT+0200 (Summer Time)", datetime(2024, 6, 23, 9, 59, 45), "UTC"),
    ],
)
def test_forms(text: str, expected: datetime, zone: str) -> None:
    found = read_dates(pl.Series([None, text, ""]))
    assert found is not None
    assert (found.odd, found.orders, found.zone) == (None, (), zone)
    assert found.nanoseconds.tolist() == [NONE, nanoseconds(expected), NONE]


def test_times_without_leading_zeros_need_none_in_the_first_row() -> None:
    """Arduinos write so."""
    texts = [f"2024-6-3 {10 + n // 3600}:{n // 60 % 60}:{n % 60}.0" for n in range(613, 4000, 7)]
    found = read_dates(pl.Series(texts))
    assert found is not None
    assert found.odd is None
    assert np.diff(found.nanoseconds).tolist() == [7_000_000_000] * (len(texts) - 1)


def test_a_time_that_breaks_off_is_odd() -> None:
    found = read_dates(pl.Series(["2024-06-03 10:00:29.5", "2024-06-03 10:00:3"]))
    assert found is not None
    assert found.odd == 1


@pytest.mark.parametrize("text", ["2024-06-03 10.5", "2024-06-03 10:5", "3 listopada 2024 10:00:00", "2" * 60_000])
def test_forms_that_are_left_open_are_not_read(text: str) -> None:
    found = read_dates(pl.Series([text]))
    assert found is None or found.odd == 0


def test_letters_of_a_zone_may_change_within_a_column_and_doubtful_ones_are_told() -> None:
    found = read_dates(pl.Series(["2024-10-27 02:59:59.5 CEST", "2024-10-27 02:00:00.5 CET"]))
    assert found is not None
    assert np.diff(found.nanoseconds).tolist() == [1_000_000_000]
    doubtful = read_dates(pl.Series(["2024-10-27 02:59:59.5 CST"]))
    assert doubtful is not None
    assert "CST" in doubtful.how


@given(
    st.datetimes(datetime(1901, 1, 1), datetime(2199, 12, 31)),
    st.sampled_from(
        ["%Y-%m-%dT%H:%M:%S.%f", "%d-%b-%Y %H:%M:%S.%f", "%b %d, %Y %I:%M:%S.%f %p", "%Y%m%d%H%M%S%f", "%d.%m.%Y %H:%M"]
    ),
)
def test_any_moment_comes_back(moment: datetime, form: str) -> None:
    found = read_dates(pl.Series([moment.strftime(form)]))
    assert found is not None
    assert found.nanoseconds.tolist() == [nanoseconds(datetime.strptime(moment.strftime(form), form))]


@pytest.mark.parametrize(
    ("texts", "days", "how"),
    [
        (["03/04/2024 23:59:59", "04/04/2024 00:00:01"], [(4, 3), (4, 4)], "day first, since the first number changes"),
        (["03/04/2024 23:59:59", "03/05/2024 00:00:01"], [(3, 4), (3, 5)], "month first, since the second number"),
        (["03/04/2024 10:00:00", "13/04/2024 10:00:00"], [(4, 3), (4, 13)], "day first, since there is no month 13"),
        (["03.04.2024 10:00:00"], [(4, 3)], "day first, as dots"),
        (["04/04/2024 10:00:00"], [(4, 4)], "day first"),
    ],
)
def test_the_numbers_of_a_column_tell_day_from_month(texts: list[str], days: list[tuple[int, int]], how: str) -> None:
    found = read_dates(pl.Series(texts))
    assert found is not None
    assert found.orders == ()
    assert found.how.startswith(how)
    moments = [EPOCH + timedelta(microseconds=each // 1000) for each in found.nanoseconds.tolist()]
    assert [(each.month, each.day) for each in moments] == days


def test_what_the_numbers_do_not_tell_is_left_open() -> None:
    text = pl.Series(["03/04/2024 10:00:00.0", "03/04/2024 10:00:00.5"])
    found = read_dates(text)
    assert found is not None
    assert found.orders == ("day first", "month first")
    for order, month in (("day first", 4), ("month first", 3)):
        chosen = read_dates(text, order)
        assert chosen is not None
        assert chosen.orders == ()
        assert chosen.nanoseconds[0] == nanoseconds(datetime(2024, month, 7 - month, 10))


@pytest.mark.parametrize(
    ("texts", "orders", "day"),
    [
        (["24/03/05 10:00:00"], ("day first", "year first"), None),
        (["04/03/05 10:00:00"], ("day first", "month first", "year first"), None),
        (["24/03/05 23:59:59", "24/03/06 00:00:01"], (), (2024, 3, 5)),
        (["99/03/05 10:00:00"], (), (2099, 3, 5)),
        (["12/25/24 10:00:00"], (), (2024, 12, 25)),
        (["24/03/05 23:59:59", "25/03/05 00:00:01"], (), (2005, 3, 24)),
        (["24.03.05 10:00:00"], (), (2005, 3, 24)),
        (["24/03/45 10:00:00"], (), (2045, 3, 24)),
    ],
)
def test_a_year_of_two_digits_may_come_first(
    texts: list[str], orders: tuple[str, ...], day: tuple[int, int, int] | None
) -> None:
    found = read_dates(pl.Series(texts))
    assert found is not None
    assert found.orders == orders
    if day is None:
        found = read_dates(pl.Series(texts), "year first")
        year, month, of_month = map(int, texts[0][:8].split("/"))
        day = (2000 + year, month, of_month)
    assert found is not None
    assert found.nanoseconds[0] // 86_400_000_000_000 == (datetime(*day) - EPOCH).days


@pytest.mark.parametrize("sign", [".", ":", ","])
@pytest.mark.parametrize("parts", [1_000, 1_000_000])
@pytest.mark.parametrize("padded", [False, True])
def test_parts_of_a_second_without_leading_zeros(sign: str, parts: int, padded: bool) -> None:
    steps = np.arange(200) * 20
    texts = [
        f"2024-03-05 10:00:{step // 1000:02d}{sign}"
        + (f"{step % 1000:03d}".rstrip("0") or "0" if padded else str(step % 1000 * (parts // 1000)))
        for step in steps.tolist()
    ]
    found = read_dates(pl.Series(texts))
    assert found is not None
    np.testing.assert_array_equal(found.nanoseconds - found.nanoseconds[0], steps * 1_000_000)
    assert ("without their leading zeros" in found.how) == (not padded)


def test_a_long_cell_is_no_date() -> None:
    assert read_dates(pl.Series(["2024-03-05 10:00:00" + " " * 50_000 + "x"])) is None


@pytest.mark.parametrize(
    ("texts", "odd"),
    [
        (["2024-02-30 00:00:00"], 0),
        (["2024-02-28 00:00:00", "2023-02-29 00:00:00"], 1),
        (["2024-02-28 00:00:00", "28.02.2024 00:00:01"], 1),
        (["2024-02-28 00:00:00Z", "", "2024-02-28 00:00:01"], 2),
        (["2024-02-28 00:00:00", "2024-02-28 24:00:01"], 1),
        (["5-Foo-2024 00:00:00"], 0),
        (["6/23/2024 13:00:00 PM"], 0),
    ],
)
def test_a_row_of_another_form_is_named(texts: list[str], odd: int) -> None:
    found = read_dates(pl.Series(texts))
    assert found is not None
    assert found.odd == odd


@pytest.mark.parametrize("text", ["", "walk", "1.5", "12:00:01", "2024-06-23", "7030 sleeping;MET 0.95"])
def test_other_texts_are_no_dates(text: str) -> None:
    assert read_dates(pl.Series([text])) is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])
def test_an_hour_of_summer_time_is_carried_on(zone: str, month: int) -> None:
    start = datetime(2024, month, 1, tzinfo=UTC)
    true = [start + timedelta(minutes=step) for step in range(31 * 1440)]
    wall = [each.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for each in true]
    steps = np.diff([nanoseconds(each) for each in wall]) / 1e9
    changes = np.flatnonzero(steps != 60)
    found = read_dates(pl.Series(wall).dt.strftime("%Y-%m-%d %H:%M:%S"))
    assert found is not None
    moved, row = found.carried_on()
    if zone.startswith("Australia") or not changes.size:  # half an hour is left to the repair of times
        assert row is None
    else:
        assert row == changes[0] + 1
        assert set(np.diff(moved.nanoseconds).tolist()) == {60_000_000_000}


def test_other_jumps_are_left_alone() -> None:
    wall = [datetime(2024, 6, 5, 10) + timedelta(seconds=step + 3600 * (step > 50)) for step in range(100)]
    found = read_dates(pl.Series(wall).dt.strftime("%Y-%m-%d %H:%M:%S"))
    assert found is not None
    assert found.carried_on() == (found, None)


def test_an_hour_that_is_there_twice_on_another_day_is_left_alone() -> None:
    """Such as the hours of two devices, one after the other in one file."""
    wall = [datetime(2024, 3, 5, 10) + timedelta(seconds=step % 3600) for step in range(7200)]
    found = read_dates(pl.Series(wall).dt.strftime("%Y-%m-%d %H:%M:%S"))
    assert found is not None
    assert found.carried_on() == (found, None)


def test_every_month_has_its_english_name() -> None:
    for month in range(1, 13):
        for form in ("%b", "%B"):
            assert MONTHS[datetime(2024, month, 1).strftime(form).lower()] == month


@pytest.mark.parametrize("day", [datetime(2024, 3, 30, 23), datetime(2024, 10, 26, 22)])
def test_a_zone_by_its_name_alone_goes_on_over_the_change_of_its_clocks(day: datetime) -> None:
    zone = ZoneInfo("Europe/London")
    true = [day.replace(tzinfo=UTC) + timedelta(seconds=10 * step) for step in range(6 * 360)]
    wall = [f"{each.astimezone(zone):%Y-%m-%d %H:%M:%S} [Europe/London]" for each in true]
    found = read_dates(pl.Series(wall))
    assert found is not None
    assert found.carried_on() == (found, None)
    assert found.nanoseconds.tolist() == [nanoseconds(each) for each in true]


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("Europe/Amsterdam", "2026-10-25T01:20"),
        ("Europe/Amsterdam", "2026-03-29T01:20"),
        ("Australia/Lord_Howe", "2026-04-05T00:50"),
        ("Australia/Lord_Howe", "2026-10-04T01:20"),
    ],
)
def test_a_clock_on_the_wall_of_a_known_zone_is_followed_over_its_change(zone: str, begins: str) -> None:
    place = ZoneInfo(zone)
    begin = datetime.fromisoformat(begins).replace(tzinfo=place).timestamp()
    moments = begin + np.r_[np.arange(0, 3600, 10), np.arange(5000, 9000, 10)]  # with a gap
    walls = [datetime.fromtimestamp(each, place).replace(tzinfo=None).isoformat() for each in moments]
    read = read_dates(pl.Series(walls))
    assert read is not None
    found = read.placed(zone)
    assert found is not None
    assert (found.nanoseconds / 1e9).tolist() == moments.tolist()
    assert found.zone == zone
    # a device whose clock nobody changes is not bent to the zone
    ahead = datetime.fromtimestamp(begin, place).utcoffset()
    assert ahead is not None
    even = begin + np.arange(0, 9000, 10)
    walls = [(datetime.fromtimestamp(each, UTC) + ahead).replace(tzinfo=None).isoformat() for each in even]
    read = read_dates(pl.Series(walls))
    assert read is not None
    assert read.placed(zone) is None
