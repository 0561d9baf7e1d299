"""Hours and days in the recording's own time zone, epochs by the published equations, and time not worn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.prediction import days, tables
from otolith.prediction.epochs import EPOCH_S, Epochs, epochs_of
from otolith.prediction.moments import days as cut_days
from otolith.prediction.moments import hours as cut_hours
from otolith.prediction.moments import moment, placed, zone_of
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
    hours = [name for name, _, _ in cut_hours(started, 0, 3 * 3600)]
    assert hours == [f"2026-03-2{t}:00:00+0{z}:00" for t, z in (("8T23", 1), ("9T00", 1), ("9T01", 1), ("9T03", 2))]
    assert list(cut_hours(None, 3000, 4000)) == [(None, 3000, 3600), (None, 3600, 4000)]
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
    assert hourly.frame()["hour"].to_list() == ["2026-01-01T12:00:00+00:00", "2026-01-01T14:00:00+00:00"]
    assert each.frame()["started"].to_list() == ["2026-01-01T12:00:00+00:00", "2026-01-01T14:00:00+00:00"]
    undated = days.per_day()
    undated.add(line([0, 1]), "x.csv", no_epochs())
    assert undated.frame().select("day", "recording", "timezone").row(0) == (None, "r", None)
