"""Hours and days in the recording's own time zone, epochs by the published equations, and time not worn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.prediction import days, rows, tables
from otolith.prediction.colours import states_of
from otolith.prediction.epochs import EPOCH_S, Epochs, epochs_of
from otolith.prediction.moments import days as cut_days
from otolith.prediction.moments import hours as cut_hours
from otolith.prediction.moments import local_text, moment, placed, zone_of
from otolith.prediction.rows import DAY_S
from otolith.prediction.timeline import NOT_WORN, Timeline
from otolith.prediction.wear import not_worn
from otolith.recording import Recording, Stream

G = 9.80665
ACC = ("acc_x", "acc_y", "acc_z")
BERLIN = zone_of("Europe/Berlin")


def still(seconds: float, rate: float = 20.0, noise: float = 0.01, seed: int = 0) -> np.ndarray:
    n = round(seconds * rate)
    return np.array([0, 0, G])[:, None] + np.random.default_rng(seed).normal(0, noise, (3, n))


def line(states: list[int], started: datetime | None = None, **more: object) -> Timeline:
    n = len(states)
    p = np.eye(2, dtype=np.float32)[states]
    none = np.zeros(n, bool)
    given = (0.5 + np.arange(n), 1.0, 1.0, p, None, none, None, np.array([""] * n), started)
    return Timeline("r", "ada", ("sit", "walk"), *given, **more)  # type: ignore[arg-type]


def no_epochs() -> Epochs:
    return epochs_of(Recording("r", 1, ()))


def test_enmo_and_mad_are_those_of_their_papers() -> None:
    rng = np.random.default_rng(1)
    x = still(20, noise=2.0) + rng.normal(0, 1, (3, 400))
    found = epochs_of(Recording("r", 1, (Stream(ACC, x, 20.0),)))
    assert found.start_s.tolist() == [0, 5, 10, 15]
    for k in range(4):
        r = [1000 * float(np.linalg.norm(x[:, i])) / G for i in range(100 * k, 100 * k + 100)]
        mean = sum(r) / 100
        assert found.enmo[k] == pytest.approx(sum(max(v - 1000, 0) for v in r) / 100, rel=1e-5)
        assert found.mad[k] == pytest.approx(sum(abs(v - mean) for v in r) / 100, rel=1e-5)
        assert found.std[k] == pytest.approx(x[:, 100 * k : 100 * k + 100].std(1), rel=1e-4)


def test_epochs_of_a_timed_stream_leave_gaps_out() -> None:
    x = still(40)
    times = np.arange(800) / 20 + np.where(np.arange(800) >= 300, 3600.0, 2.5)
    found = epochs_of(Recording("r", 1, (Stream(ACC, x, 20.0, times),)))
    assert found.start_s[:4].tolist() == [0, 5, 10, 15]
    assert found.start_s[4] == 3615
    regular = epochs_of(Recording("r", 1, (Stream(ACC, x, 20.0, None, 2.5),)))
    assert np.isnan(epochs_of(Recording("r", 1, (Stream(ACC, x, 20.0),)), gravity=False).enmo).all()
    np.testing.assert_allclose(regular.enmo[:3], found.enmo[:3], rtol=1e-5)


def test_long_recordings_give_the_same_as_their_parts() -> None:
    x = still(3700 * 2, rate=2.0)
    whole = epochs_of(Recording("r", 1, (Stream(ACC, x, 2.0),)))
    late = epochs_of(Recording("r", 1, (Stream(ACC, x[:, 7200:], 2.0, None, 3600.0),)))
    np.testing.assert_allclose(whole.enmo[720:], late.enmo, rtol=1e-5)


def test_not_worn_is_an_hour_without_movement_and_posture_change() -> None:
    def spans(x: np.ndarray) -> tuple[tuple[float, float], ...]:
        return not_worn(epochs_of(Recording("r", 1, (Stream(ACC, x, 2.0),))))

    moving = still(600, 2.0, noise=2.0)
    assert spans(np.hstack([moving, still(3660, 2.0), moving])) == ((600.0, 4260.0),)
    assert spans(np.hstack([moving, still(3500, 2.0), moving])) == ()
    turned = still(3660, 2.0)[[2, 0, 1]]
    assert spans(np.hstack([moving, still(3000, 2.0), turned, moving])) == ((3600.0, 7260.0),)
    assert spans(np.hstack([still(4000, 2.0), moving])) == ((0.0, 4000.0),)
    assert not_worn(no_epochs()) == ()


def test_days_are_those_of_the_place() -> None:
    started = placed(datetime(2026, 3, 28, 22, 30, tzinfo=UTC), BERLIN)
    assert started is not None
    assert started.isoformat() == "2026-03-28T23:30:00+01:00"
    parts = list(cut_days(started, 0, 86400 * 2))
    # the night has an hour less: the clock goes from two to three
    assert [(day, end - begin) for day, begin, end in parts] == [
        ("2026-03-28", 1800), ("2026-03-29", 23 * 3600), ("2026-03-30", 86400), ("2026-03-31", 1800),
    ]  # fmt: skip
    assert moment(started, 3600 * 3).isoformat() == "2026-03-29T03:30:00+02:00"
    hours = [local_text(started, begin, "seconds") for begin, _, _ in cut_hours(started, 0, 3 * 3600)]
    assert hours == [f"2026-03-2{t}:00:00+0{z}:00" for t, z in (("8T23", 1), ("9T00", 1), ("9T01", 1), ("9T03", 2))]
    assert list(cut_hours(None, 3000, 4000)) == [(0, 3000, 3600), (3600, 3600, 4000)]
    assert placed(datetime(2026, 1, 1), BERLIN) == datetime(2026, 1, 1, tzinfo=BERLIN)
    assert list(cut_days(placed(datetime(2026, 1, 1, 23), zone_of("+05:30")), 0, 7200))[1][0] == "2026-01-02"
    with pytest.raises(DataError, match="Europe/Berlin"):
        zone_of("Berlin")


def test_a_day_has_hours_bouts_and_intensity() -> None:
    t = line([0] * 60 + [1] * 30 + [0] * 30, datetime(2026, 1, 1, 12, tzinfo=UTC), not_worn=((100.0, 121.0),))
    n = 24
    epochs = Epochs(
        EPOCH_S * np.arange(n), np.full(n, 10, np.float32), np.where(np.arange(n) < 12, 5, 15).astype(np.float32),
        np.zeros((n, 3), np.float32), np.zeros((n, 3), np.float32),
    )  # fmt: skip
    wide = days.per_day()
    wide.add(t, "ada/walk.csv", epochs)
    (row,) = wide.frame().to_dicts()
    assert row["day"] == "2026-01-01"
    assert row["file"] == "ada/walk.csv"
    assert row["hours covered"] == pytest.approx(120 / 3600, abs=1e-4)
    assert row["hours not worn"] == pytest.approx(20.5 / 3600, abs=2e-4)
    assert row["hours worn"] + row["hours not worn"] == pytest.approx(row["hours covered"], abs=1e-4)
    assert (row["sit bouts"], row["walk bouts"]) == (2, 1)
    assert row["walk bout longest min"] == pytest.approx(0.5, abs=0.01)
    assert row["sit bout mean min"] == pytest.approx((60 + 9.5) / 2 / 60, abs=0.02)
    assert row["ENMO mg"] == 10.0
    assert row["MAD mg"] == pytest.approx((12 * 5 + 8 * 15) / 20)
    assert f"{NOT_WORN} hours" not in row
    assert [r["activity"] for r in tables.totals([t]).to_dicts()] == ["sit", "walk"]
    assert [each.activity for each in t.intervals()] == ["sit", "walk", "sit", NOT_WORN]
    assert tables.windows([t])["worn"].sum() == 99


def test_two_recordings_of_a_day_are_one_row_and_two_hours() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    wide, hourly, each = days.per_day(), days.per_hour(), days.per_recording()
    for number, started in enumerate((noon, noon + timedelta(hours=2))):
        for table in (wide, hourly, each):
            table.add(line([number] * 60, started), f"{number}.csv", no_epochs())
    assert wide.frame().height == 1
    assert wide.frame()["file"].to_list() == ["0.csv; 1.csv"]
    assert hourly.frame()["start_utc"].to_list() == ["2026-01-01T12:00:00Z", "2026-01-01T14:00:00Z"]
    assert each.frame()["start_utc"].to_list() == ["2026-01-01T12:00:00Z", "2026-01-01T14:00:00Z"]
    assert each.frame()["start_local"].to_list() == [None, None]  # nobody said where it was
    undated = days.per_day()
    undated.add(line([0, 1]), "x.csv", no_epochs())
    assert undated.frame().select("day", "recording", "timezone").row(0) == (None, "r", None)


HOUR = 3600.0
CHANGES = [
    # zone, day, hours of it, local hours that are not 60 minutes or come twice: (text, minutes)
    ("Europe/Amsterdam", "2026-03-29", 23, [("T01:00:00+01:00", 60), ("T03:00:00+02:00", 60)]),
    ("Europe/Amsterdam", "2026-10-25", 25, [("T02:00:00+02:00", 60), ("T02:00:00+01:00", 60)]),
    ("Australia/Lord_Howe", "2026-10-04", 23.5, [("T02:30:00+11:00", 30)]),
    ("Australia/Lord_Howe", "2026-04-05", 24.5, [("T01:00:00+11:00", 60), ("T01:30:00+10:30", 30)]),
    ("America/Sao_Paulo", "2018-11-04", 23, [("T01:00:00-02:00", 60)]),  # the day begins at one
    ("America/Sao_Paulo", "2018-02-17", 25, [("T23:00:00-02:00", 60), ("T23:00:00-03:00", 60)]),
    ("America/Havana", "2026-11-01", 25, [("T00:00:00-04:00", 60), ("T00:00:00-05:00", 60)]),
]


def three_days(zone: str, day: str, hop_s: float = 300.0) -> Timeline:
    """Return a timeline from noon of the day before to noon of the day after, in states that alternate oddly."""
    noon = datetime.fromisoformat(f"{day}T12:00")
    begin, end = (noon.replace(tzinfo=zone_of(zone)) + timedelta(days=d) for d in (-1, 1))
    n = round((end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() / hop_s)
    state = np.arange(n) % 7 // 4
    p = np.eye(2, dtype=np.float32)[state]
    start = hop_s * np.arange(n) + 0.25
    given = (start, hop_s, hop_s, p, np.zeros(n, np.float32), np.arange(n) % 5 == 0, None, np.array([""] * n))
    not_worn = ((11.1 * HOUR, 16.3 * HOUR),)
    return Timeline("r", "ada", ("sit", "walk", "unknown"), *given, begin, not_worn=not_worn)


@pytest.mark.parametrize(("zone", "day", "hours", "odd"), CHANGES)
def test_a_day_on_which_clocks_change_adds_up(zone: str, day: str, hours: float, odd: list[tuple[str, int]]) -> None:
    t = three_days(zone, day)
    whole = sum(each.stop_s - each.start_s for each in t.intervals()) / HOUR
    wide, hourly, each = days.per_day(), days.per_hour(), days.per_recording()
    for table in (wide, hourly, each):
        table.add(t, "r.csv", no_epochs())
    rows = {row["day"]: row for row in wide.frame().to_dicts()}
    row = rows[day]
    assert row["hours in day"] == row["hours covered"] == hours
    assert row["timezone"] == zone
    parts = [f"{name} hours" for name in ("sit", "walk", "unknown")]
    assert sum(row[name] for name in (*parts, "hours not worn")) == pytest.approx(hours, abs=1e-5)
    assert row["hours worn"] + row["hours not worn"] == pytest.approx(hours, abs=1e-5)
    assert sum(one["hours covered"] for one in rows.values()) == pytest.approx(whole, abs=1e-5)
    assert each.frame()["hours covered"].sum() == pytest.approx(whole, abs=1e-5)
    totals = tables.totals([t])
    seconds = totals.filter(totals["day"] == day)["seconds"].sum()
    assert seconds / HOUR == pytest.approx(row["hours worn"], abs=1e-5)

    found = hourly.frame().to_dicts()
    of_day = [one for one in found if one["start_local"].startswith(day)]
    assert len(of_day) == len({one["start_local"] for one in of_day}) == int(np.ceil(hours))
    minutes = {one["start_local"].removeprefix(day): 60 * one["hours covered"] for one in of_day}
    assert {text: minutes[text] for text, _ in odd} == pytest.approx(dict(odd), abs=1e-3)
    for name in ("hours covered", "hours worn", "hours not worn", *parts):
        assert sum(one[name] for one in of_day) == pytest.approx(row[name], abs=1e-4), name
    for one in (*found, *rows.values()):
        local, utc = (datetime.fromisoformat(one[name]) for name in ("start_local", "start_utc"))
        assert local == utc
        assert local.utcoffset() == local.replace(tzinfo=zone_of(zone), fold=_fold(local, zone)).utcoffset()
    assert [one["start_utc"] for one in found] == sorted(one["start_utc"] for one in found)


def _fold(local: datetime, zone: str) -> int:
    return int(local.replace(tzinfo=zone_of(zone)).utcoffset() != local.utcoffset())


@pytest.mark.parametrize(("zone", "day", "hours", "odd"), CHANGES)
def test_a_row_of_the_page_holds_all_of_a_day_on_which_clocks_change(
    zone: str, day: str, hours: float, odd: list[tuple[str, int]]
) -> None:
    t = three_days(zone, day)
    intervals, states = list(t.intervals()), states_of(t.states, 2)
    row = rows.rows_of(t, intervals, states)[1]
    assert row["to"] - row["from"] == hours * HOUR
    times = rows._on_the_wall(t, row["from"], row["to"])
    seen = times[~np.isnan(times)]
    assert np.all(np.diff(seen) > 0)  # nothing is drawn over another
    assert np.isnan(times).sum() / len(times) == pytest.approx(max(0.0, 24 - hours) / 24, abs=1e-3)
    assert np.diff(seen, prepend=row["from"], append=row["to"]).max() < 60  # and nothing is left out
    wall = DAY_S * (np.arange(len(times)) + 0.5) / len(times)
    alone = [h for h in range(24) if h not in (0, 1, 2, 23)]
    for hour in alone:
        inside = (wall >= hour * HOUR) & (wall < (hour + 1) * HOUR)
        assert {moment(t.started, float(at)).hour for at in times[inside]} == {hour}  # type: ignore[arg-type]
    bars = next(one for one in rows.hour_bars(t, intervals, states) if one["label"] == row["label"])["bars"]
    boxes = [tuple(float(bar[name]) for name in ("x", "y", "w", "h")) for bar in bars]
    for i, (x, y, w, h) in enumerate(boxes):
        assert y + h <= 60.11
        for u, v, a, b in boxes[:i]:
            assert x >= u + a - 0.01 or u >= x + w - 0.01 or y >= v + b - 0.11 or v >= y + h - 0.11
    drawn = sum(h for _, _, _, h in boxes) / 60
    assert drawn == pytest.approx(hours, abs=0.1)
    table = rows.hour_table(t, intervals, [state.name for state in states])
    local = [line[0] for line in table if line[0].startswith(day)]
    assert len(set(local)) == len(local) == int(np.ceil(hours))
    assert rows.heads(t, "Hour") == ["Hour (local)", "Hour (UTC)"]


def test_all_tables_say_what_is_local_and_what_is_utc() -> None:
    half_past = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    kinds = {
        "both": placed(half_past, zone_of("Europe/Amsterdam")),
        "instant": half_past,
        "wall": half_past.replace(tzinfo=None),
        "neither": None,
    }
    for kind, started in kinds.items():
        t = line([0] * 30 + [1] * 30, started)
        frames = [tables.intervals([t]), tables.windows([t])]
        for make in (days.per_day, days.per_hour, days.per_recording):
            wide = make()
            wide.add(t, "r.csv", no_epochs())
            frames.append(wide.frame())
        for frame in frames:
            for row in frame.to_dicts():
                texts = {name: value for name, value in row.items() if name.endswith(("_local", "_utc"))}
                assert texts
                for name, value in texts.items():
                    known = kind in ("both", "instant" if name.endswith("_utc") else "wall")
                    assert (value is not None) == known, (kind, name)
                if kind == "both":
                    for name in [one for one in texts if one.endswith("_local")]:
                        utc = texts[name.replace("_local", "_utc")]
                        assert datetime.fromisoformat(str(texts[name])) == datetime.fromisoformat(str(utc))
    first = tables.intervals([line([0], kinds["both"])]).to_dicts()[0]
    assert first["start_local"] == "2026-10-25T02:30:00.500+02:00"
    assert first["start_utc"] == "2026-10-25T00:30:00.500Z"


def test_a_gap_of_days_makes_no_rows() -> None:
    late = 5 * 86400.0
    n = 240
    start = np.r_[EPOCH_S * np.arange(n // 2), late + EPOCH_S * np.arange(n // 2)]
    some, three = np.full(n, 10, np.float32), np.zeros((n, 3), np.float32)
    p = np.eye(2, dtype=np.float32)[np.zeros(n, int)]
    given = (start, EPOCH_S, EPOCH_S, p, None, np.zeros(n, bool), None, np.array([""] * n))
    t = Timeline("r", "ada", ("sit", "walk"), *given, datetime(2026, 1, 1, 12, tzinfo=BERLIN))
    for table, height in ((days.per_hour(), 2), (days.per_day(), 2), (days.per_recording(), 1)):
        table.add(t, "r.csv", Epochs(start, some, some, three, three))
        assert table.frame().height == height
        assert table.frame()["hours covered"].sum() == pytest.approx(n * EPOCH_S / HOUR, abs=1e-5)
        assert table.frame()["ENMO mg"].to_list() == [10.0] * height


def test_a_recording_over_both_changes_of_a_year_conserves_its_time() -> None:
    begin, end = (datetime(2026, month, 3, 9, 17, tzinfo=zone_of("Europe/Amsterdam")) for month in (3, 11))
    hop_s = 1800.0
    n = int((end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() / hop_s)
    p = np.eye(2, dtype=np.float32)[np.arange(n) % 7 // 4]
    given = (hop_s * np.arange(n), hop_s, hop_s, p, None, np.zeros(n, bool), None, np.array([""] * n), begin)
    t = Timeline("r", "ada", ("sit", "walk"), *given)
    wide, hourly = days.per_day(), days.per_hour()
    for table in (wide, hourly):
        table.add(t, "r.csv", no_epochs())
    frame = wide.frame()
    assert frame["day"].is_sorted()
    assert frame["hours in day"].value_counts(sort=True).rows() == [(24.0, frame.height - 2), (23.0, 1), (25.0, 1)]
    whole = frame[1:-1]
    assert whole["hours covered"].to_list() == whole["hours in day"].to_list()
    for name in ("hours covered", "sit hours", "walk hours"):
        assert hourly.frame()[name].sum() == pytest.approx(frame[name].sum(), abs=1e-3)
    assert frame["hours covered"].sum() == pytest.approx(n * hop_s / HOUR, abs=1e-4)
    assert tables.totals([t])["seconds"].sum() == pytest.approx(n * hop_s)


def test_devices_worn_at_the_same_time_do_not_make_a_day_longer() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    wrist, hip = line([0] * 600, noon), replace(line([1] * 600, noon + timedelta(seconds=300)), recording="hip")
    later = replace(line([1] * 600, noon + timedelta(seconds=580)), recording="later")  # twenty seconds are shared
    other = replace(line([1] * 600, noon), recording="other", subject="bob")
    wide, totals = days.per_day(), tables.Totals()
    for t in (wrist, hip, later, other):
        wide.add(t, f"{t.recording}.csv", no_epochs())
        totals.add(t)
    rows = wide.frame().select("subject", "recording", "hours covered", "file").rows()
    one = round(600 / 3600, 6)
    assert rows == [
        ("ada", None, pytest.approx(2 * one, abs=1e-5), "r.csv; later.csv"),
        ("ada", "hip", one, "hip.csv"),
        ("bob", None, one, "other.csv"),
    ]
    assert totals.frame().select("subject", "recording").unique(maintain_order=True).rows() == [row[:2] for row in rows]


def test_a_recording_in_the_gap_of_another_joins_its_day() -> None:
    noon = datetime(2026, 1, 1, 12)
    broken = line([0] * 600, noon)
    start = broken.start_s.copy()
    start[300:] += 3600
    between = replace(line([1] * 600, noon + timedelta(minutes=30)), recording="between")
    wide = days.per_day()
    for t in (replace(broken, start_s=start), between):
        wide.add(t, t.recording, no_epochs())
    assert wide.frame()["recording"].to_list() == [None]
