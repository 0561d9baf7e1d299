"""The column of time, by its name and, of several, by what its values do."""

from __future__ import annotations

import pytest

from otolith.importing.times.columns import time_column

EPOCHS = [str(1_531_935_568_263 + 20 * n) for n in range(40)]
SECONDS = [f"{0.02 * n:.3f}" for n in range(40)]
COARSE = [f"2018-07-18 10:39:{28 + n // 25}" for n in range(40)]
FINE = [f"2018-07-18T10.39.28.{20 * n:03d}" for n in range(40)]
ZONED = [f"2018-07-18 10:39:28.{20 * n:03d} -0700" for n in range(40)]
SAME = ["1.53194E+12"] * 40
WORDS = ["now"] * 40


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"timestamp (-0700)": FINE, "epoc (ms)": EPOCHS, "elapsed (s)": SECONDS}, "epoc (ms)"),
        ({"time": COARSE, "elapsed (s)": SECONDS}, "elapsed (s)"),
        ({"time": WORDS, "timestamp": SECONDS}, "timestamp"),
        ({"timestamp": SAME, "seconds_elapsed": SECONDS}, "seconds_elapsed"),
        ({"timestamp": FINE, "time": ZONED}, "time"),
        ({"Shimmer_00A1_Timestamp_Unix_CAL": EPOCHS, "x": SECONDS}, "Shimmer_00A1_Timestamp_Unix_CAL"),
        ({"locationTimestamp(s)": EPOCHS, "motionTimestamp_sinceReboot(s)": SECONDS}, "motionTimestamp_sinceReboot(s)"),
        ({"time_zone": WORDS, "x": SECONDS}, None),
        ({"recordtime": FINE, "motionTimestamp_sinceReboot": SECONDS}, "recordtime"),
        ({"x": SECONDS}, None),
        ({"internal_ts": [str(3592198427258 + n * 29_000_000) for n in range(len(FINE))], "watch_timestamp": FINE},
         "watch_timestamp"),
        ({"t_us": EPOCHS, "x": SECONDS}, "t_us"),
        ({"MilliSec": EPOCHS, "x": SECONDS}, "MilliSec"),
        ({"datum": FINE, "x": SECONDS}, "datum"),
        ({"Datum": COARSE, "ms": SECONDS}, "ms"),
        ({"tv_sec": ["1531935568"] * 40, "tv_usec": SECONDS}, "tv_sec"),
        ({"Hour": ["9"] * 40, "Minute": ["5"] * 40, "Second": SECONDS}, "Second"),
        ({"timestamp": EPOCHS, "Hour": ["9"] * 40, "Minute": ["5"] * 40, "Second": SECONDS}, "timestamp"),
    ],
)  # fmt: skip
def test_the_best_of_several(columns: dict[str, list[str]], expected: str | None) -> None:
    rows = list(zip(*columns.values(), strict=True))
    assert time_column(list(columns), rows) == expected


def test_names_alone_tell_where_rows_are_unknown() -> None:
    assert time_column(["elapsed", "timestamp", "x"]) == "timestamp"
    assert time_column(["sample time stamp", "x"]) == "sample time stamp"
    assert time_column(["start time", "stop time", "x"]) is None
