"""Units and gravity: what headers say, what data decide, and what is refused."""

from __future__ import annotations

import math
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.naming.stated import says_raw, stated_unit
from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
from otolith.importing.naming.units import split_header, unit_in_name
from otolith.importing.questions import Undecided
from otolith.importing.sensors.evidence import (
    acc_unit_at_rest,
    acc_unit_of_data,
    blocks_of,
    gravity_of_data,
    gyro_unit_of_data,
)
from tests.helpers.exports import G, signal
from tests.importing.sensors.test_places import write

S = signal(jitter=0.2)
YES = ImportOptions(accept_guess=True)


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Acceleration x (m/s^2)", "m/s^2"),
        ("acc_x [m/s²]", "m/s^2"),
        ("ax (g)", "g"),
        ("X (mg)", "mg"),
        ("Gyroscope x (rad/s)", "rad/s"),
        ("gyro x (°/s)", "deg/s"),
        ("gyro x (deg/s)", "deg/s"),
        ("wx [dps]", "deg/s"),
        ("pressure (hPa)", None),
        ("ax", None),
        ("ax (left)", None),
    ],
)
def test_units_in_brackets(header: str, unit: str | None) -> None:
    assert split_header(header)[1] == unit


def test_units_in_names() -> None:
    assert unit_in_name("acc_x_g", ACC_UNITS) == "g"
    assert unit_in_name("gyro_x_dps", GYRO_UNITS) == "deg/s"
    assert unit_in_name("g_x", ACC_UNITS) is None
    assert unit_in_name("acc_x_no_gravity", ACC_UNITS) is None
    assert unit_in_name("accX", ACC_UNITS) is None


@pytest.mark.parametrize("unit", ACC_UNITS)
def test_gravity_decides_the_accelerometers_unit(unit: str) -> None:
    assert acc_unit_of_data(blocks_of((S.acc_times, S.acc / ACC_UNITS[unit]))) == unit


@pytest.mark.parametrize("scale", [1.0, 1 / G, 5.0, 40.0, 1000 / G])
def test_without_gravity_the_data_decide_no_unit(scale: float) -> None:
    blocks = blocks_of((S.acc_times, scale * (S.acc - S.gravity)))
    assert acc_unit_of_data(blocks) is None
    if scale <= 5:
        assert gravity_of_data(blocks) == "removed"


def test_gravity_is_seen_in_known_units() -> None:
    assert gravity_of_data(blocks_of((S.acc_times, S.acc))) == "included"
    assert gravity_of_data(blocks_of((S.acc_times, 0.6 * S.acc))) is None


@pytest.mark.parametrize("unit", ACC_UNITS)
@pytest.mark.parametrize("rests", [0, 1, 2])
def test_gravity_at_rest_decides_where_a_body_mostly_moves(unit: str, rests: int) -> None:
    """Arms that swing hard, with pauses of two seconds between."""
    times = np.arange(0, 40, 0.02)
    swing = np.stack([12 * np.sin(9.3 * times), 7 + 12 * np.cos(9.3 * times), 1 + 3 * np.sin(19 * times)])
    still = np.array([0.5, 9.7, 1.0])[:, None] + 0.01 * np.random.default_rng(0).standard_normal((3, len(times)))
    paused = (times // 2 % 7 == 3) & (times // 14 < rests)
    values = np.where(paused, still, swing) / ACC_UNITS[unit]
    blocks = blocks_of((times, values))
    assert acc_unit_of_data(blocks) is None
    found = acc_unit_at_rest(blocks)
    assert (None if found is None else found[0]) == (unit if rests == 2 else None)
    assert gravity_of_data(blocks.scaled(ACC_UNITS[unit])) == ("included" if rests == 2 else None)


@pytest.mark.parametrize("unit", ACC_UNITS)
def test_a_sensor_that_is_turned_shows_gravity_whichever_way_it_points(unit: str) -> None:
    """Its mean is shorter than 1 g, since it turns within two seconds."""
    times = np.arange(0, 30, 0.02)
    angle = 1.1 * np.sin(2.2 * times) + 0.05 * times
    values = 9.81 * np.stack([np.sin(angle), np.cos(angle), 0 * times]) / ACC_UNITS[unit]
    blocks = blocks_of((times, values))
    assert acc_unit_of_data(blocks) is None
    assert (acc_unit_at_rest(blocks) or ("",))[0] == unit
    steps = np.stack([9.8 * np.sqrt(2) * np.sin(11 * times), 0 * times, 0 * times]) / ACC_UNITS[unit]
    assert acc_unit_at_rest(blocks_of((times, steps))) is None  # as strong, but its mean is none


@pytest.mark.parametrize("scale", [1.0, 1 / G, 1000 / G])
def test_rest_without_gravity_decides_nothing(scale: float) -> None:
    rest = np.where(S.acc_times < 5, 0.02, 1.0) * (S.acc - S.gravity) + 0.15
    assert acc_unit_at_rest(blocks_of((S.acc_times, scale * rest))) is None


def test_too_little_data_decide_nothing() -> None:
    few = slice(0, 20)
    assert acc_unit_of_data(blocks_of((S.acc_times[few], S.acc[:, few]))) is None
    assert gravity_of_data(blocks_of()) is None
    assert gyro_unit_of_data(S.acc_times[:100], S.acc[:, :100], S.gyro_times[:100], S.gyro[:, :100]) is None


@pytest.mark.parametrize("unit", GYRO_UNITS)
@pytest.mark.parametrize("acc_scale", [1.0, 1 / G])
def test_turning_gravity_decides_the_gyroscopes_unit(unit: str, acc_scale: float) -> None:
    found = gyro_unit_of_data(S.acc_times, S.acc * acc_scale, S.gyro_times, S.gyro / GYRO_UNITS[unit])
    assert found is not None
    assert found[0] == unit
    assert "reversed" not in found[1]


def test_a_mirrored_sensor_is_noticed() -> None:
    found = gyro_unit_of_data(S.acc_times, S.acc, S.gyro_times, -S.gyro)
    assert found is not None
    assert found[0] == "rad/s"
    assert "reversed" in found[1]


def test_a_gyroscope_that_turns_nothing_decides_nothing() -> None:
    rng = np.random.default_rng(0)
    still = replace(S, gyro=0.01 * rng.standard_normal(S.gyro.shape))
    assert gyro_unit_of_data(S.acc_times, S.acc, S.gyro_times, still.gyro) is None
    assert gyro_unit_of_data(S.acc_times, S.acc, S.gyro_times, 0 * S.gyro) is None


def test_speeds_beyond_any_sensor_in_rad_are_degrees() -> None:
    found = gyro_unit_of_data(S.acc_times, 0 * S.acc, S.gyro_times, 100.5 * np.sign(S.gyro))
    assert found is not None
    assert found[0] == "deg/s"
    assert gyro_unit_of_data(S.acc_times, 0 * S.acc, S.gyro_times, 100 * np.sign(S.gyro)) is None  # may be counts


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(-150, 150), st.sampled_from(sorted(GYRO_UNITS)))
def test_noise_never_decides_a_gyroscopes_unit_wrongly(seed: int, log_scale: float, unit: str) -> None:
    """Unrelated noise of a plausible size: either nothing is decided, or it is beyond a sensor's range."""
    rng = np.random.default_rng(seed)
    size = math.exp(log_scale / 50)
    found = gyro_unit_of_data(S.acc_times, S.acc, S.gyro_times, size * rng.standard_normal(S.gyro.shape))
    assert found is None or "range" in found[1]


def test_a_unit_of_another_file_that_the_data_contradict_is_asked(tmp_path: Path) -> None:
    for name, values in (("a", S.acc), ("b", S.acc / np.linalg.norm(S.acc, axis=0) * 48)):
        write(tmp_path / f"{name}.csv", {"time": S.acc_times, "acc_*": values})
    with pytest.raises(DataError, match=r"b\.csv: In which unit is the accelerometer"):
        read_recordings(tmp_path, ImportOptions(accept_guess=True))


@pytest.mark.parametrize(("acc", "gyro"), [("4096/g", "16.4/dps"), ("8g/16bit", "2000 dps/16 bit")])
def test_raw_counts_are_asked_about_and_said(tmp_path: Path, acc: str, gyro: str) -> None:
    counts = {"acc_*": np.round(S.acc / G * 4096), "gyro_*": np.round(S.gyro * 180 / np.pi * 32768 / 2000)}
    path = write(tmp_path / "t.csv", {"time": S.acc_times} | counts)
    with pytest.raises(Undecided, match=r"raw counts.*--acc-unit 4096/g.*8g/16bit"):
        read_recordings(path, YES)
    with pytest.raises(Undecided, match=r"raw counts.*--gyro-unit 16\.4/dps"):
        read_recordings(path, replace(YES, acc_unit=acc))
    found = read_recordings(path, replace(YES, acc_unit=acc, gyro_unit=gyro))
    (stream,) = found.recordings[0].streams
    np.testing.assert_allclose(stream.values[:3], S.acc, atol=0.01)
    np.testing.assert_allclose(stream.values[3:], S.gyro, atol=0.01)


def named(kind: str, text: str) -> str:
    return f"{kind}_* ({text})" if text[:1] != "_" else f"{kind}_*{text}"


SCALES = [
    ("cm/s²", 0.01, "mrad/s", 0.001),
    ("cm/s^2", 0.01, "0.1 deg/s", np.pi / 1800),
    ("mm/s2", 0.001, "°/min", np.pi / 10_800),
    ("ft/s^2", 0.3048, "deg/h", np.pi / 648_000),
    ("_cm_s2", 0.01, "_mrad_s", 0.001),
    ("0.01 g", G / 100, "_0.1_dps", np.pi / 1800),
    ("16384 LSB/g", G / 16384, "16.4 LSB/dps", np.pi / 180 / 16.4),
    ("µg", G / 1e6, "rpm", np.pi / 30),
    ("9.81 m/s²", 9.81, "cdps", np.pi / 18_000),
    ("m·s⁻²", 1.0, "rad·s⁻¹", 1.0),
    ("calibrated, mg", G / 1000, "in deg/s", np.pi / 180),
]


@pytest.mark.parametrize(("acc", "acc_scale", "gyro", "gyro_scale"), SCALES)
def test_multiples_of_units_in_headers_are_taken(
    tmp_path: Path, acc: str, acc_scale: float, gyro: str, gyro_scale: float
) -> None:
    columns = {"time": S.acc_times, named("acc", acc): S.acc / acc_scale, named("gyro", gyro): S.gyro / gyro_scale}
    (stream,) = read_recordings(write(tmp_path / "t.csv", columns), YES).recordings[0].streams
    np.testing.assert_allclose(stream.values[:3], S.acc, atol=0.01)
    np.testing.assert_allclose(stream.values[3:], S.gyro, atol=0.01)


def test_multiples_in_a_row_of_units(tmp_path: Path) -> None:
    rows = [
        ",".join(map(repr, map(float, row))) for row in np.stack([S.acc_times, *(S.acc * 100), *(S.gyro * 1000)], 1)
    ]
    units = "s,cm/s^2,cm/s^2,cm/s^2,{0},{0},{0}"
    for unit in ("mrad/s", "raw"):
        head = ["time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z", units.format(unit)]
        (tmp_path / "t.csv").write_text("\n".join(head + rows) + "\n", encoding="utf-8")
        if unit == "raw":
            with pytest.raises(
                Undecided, match=r"states the gyroscope unit as 'raw' .*row of units.*--gyro-unit deg/s"
            ):
                read_recordings(tmp_path, YES)
        else:
            (stream,) = read_recordings(tmp_path, YES).recordings[0].streams
            np.testing.assert_allclose(stream.values, np.concatenate([S.acc, S.gyro]), atol=0.01)


def test_a_multiple_that_the_data_contradict_is_asked(tmp_path: Path) -> None:
    columns = {"time": S.acc_times, "acc_* (cm/s^2)": S.acc}
    with pytest.raises(Undecided, match=r"as cm/s\^2 .*no length of gravity in it.*--acc-unit m/s\^2"):
        read_recordings(write(tmp_path / "a.csv", {**columns, "acc_* (cm/s^2)": S.acc / G * 98_000}), YES)
    for values, told in ((S.gyro, "times as fast"), (S.gyro * 1e6, "larger than any")):
        columns = {"time": S.acc_times, "acc_* (m/s^2)": S.acc, "gyro_* (mrad/s)": values}
        with pytest.raises(Undecided, match=rf"as mrad/s .*{told}.*--gyro-unit deg/s"):
            read_recordings(write(tmp_path / "b.csv", columns), YES)


@pytest.mark.parametrize(
    "text", ["V", "mV", "raw", "LSB", "counts", "adc", "kg", "%", "m/s^3", "kN/kg", "mdeg/s", "16bit"]
)
@pytest.mark.parametrize("factor", [1.0, 1 / G, 1000 / G])
def test_an_accelerometers_unit_that_is_not_known_is_asked(tmp_path: Path, text: str, factor: float) -> None:
    path = write(tmp_path / "t.csv", {"time": S.acc_times, f"acc_* ({text})": S.acc * factor})
    with pytest.raises(
        Undecided, match=rf"as '{re.escape(text)}' .*not one known unit.*--acc-unit \d+/g.*--acc-unit mg"
    ):
        read_recordings(path, YES)
    found = read_recordings(path, replace(YES, acc_unit=f"{factor * G:.6f}/g"))
    np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, atol=0.01)


@pytest.mark.parametrize("text", ["LSB", "counts", "raw", "Grad/s", "deg/s^2", "uT", "g", "V", "kdeg/s"])
def test_a_gyroscopes_unit_that_is_not_known_is_asked(tmp_path: Path, text: str) -> None:
    columns = {"time": S.acc_times, "acc_* (m/s^2)": S.acc, f"gyro_* ({text})": S.gyro * 940.5}
    path = write(tmp_path / "t.csv", columns)
    with pytest.raises(Undecided, match=rf"as '{re.escape(text)}' .*--gyro-unit 16\.4/dps.*--gyro-unit deg/s"):
        read_recordings(path, YES)
    read_recordings(path, replace(YES, gyro_unit="mdeg/s"))


@pytest.mark.parametrize("name", ["gyro_*_raw", "gyro_*_lsb", "raw_gyro_*", "gyroRaw*"])
def test_the_size_of_numbers_that_are_called_raw_tells_no_unit(tmp_path: Path, name: str) -> None:
    columns = {"time": S.acc_times, "acc_* (m/s^2)": S.acc}
    with pytest.raises(Undecided, match=r"In which unit is the gyroscope\? If these are raw counts"):
        read_recordings(write(tmp_path / "a.csv", {**columns, name: S.gyro * 940.5}), YES)
    found = read_recordings(write(tmp_path / "b.csv", {**columns, name: S.gyro * 180 / np.pi}), YES)
    np.testing.assert_allclose(found.recordings[0].streams[0].values[3:], S.gyro, atol=0.01)


def test_a_thousand_of_raw_numbers_may_be_counts(tmp_path: Path) -> None:
    with pytest.raises(Undecided, match=r"raw counts.*--acc-unit 1024/g"):
        read_recordings(write(tmp_path / "a.csv", {"time": S.acc_times, "acc_*_raw": S.acc / G * 1024}), YES)
    for factor in (1.0, G):
        found = read_recordings(write(tmp_path / "b.csv", {"time": S.acc_times, "acc_*_raw": S.acc / factor}), YES)
        np.testing.assert_allclose(found.recordings[0].streams[0].values, S.acc, atol=0.02)


REMARKS = ["left", "x", "1", "calibrated", "Sensor 2", "N1", "v2", "2g", "±16 g", "L/R", "A", "C", "min", "CG", "n/a",
           "without gravity", "low noise", "ms", "s", "world frame"]  # fmt: skip


@pytest.mark.parametrize("text", REMARKS)
def test_remarks_in_brackets_leave_the_unit_to_the_data(text: str) -> None:
    for units, name in ((ACC_UNITS, "acc_x"), (GYRO_UNITS, "gyro_x")):
        assert stated_unit(f"{name} ({text})", "", units) == (None, "")
        assert stated_unit(name, text, units) == (None, "")


def test_decimal_commas_in_scales() -> None:
    assert stated_unit("gyro_x (0,1 deg/s)", "", GYRO_UNITS) == ("0.1 deg/s", "")
    for text in ("1,5 deg/s", "16,384 LSB/dps", "0,07 deg/s/kg"):
        assert stated_unit(f"gyro_x ({text})", "", GYRO_UNITS) == (None, text)


def test_columns_of_different_units_are_asked(tmp_path: Path) -> None:
    header = "time,acc_x,acc_y,acc_z,gyro_x (deg/s),gyro_y (rad/s),gyro_z (deg/s)"
    columns = dict(zip(header.split(","), (S.acc_times, *S.acc, *(S.gyro * 200)), strict=True))
    with pytest.raises(Undecided, match="states the gyroscope unit as 'deg/s and rad/s'"):
        read_recordings(write(tmp_path / "t.csv", columns), YES)


@pytest.mark.parametrize("text", ["(" * 60_000, "acc (" + "g " * 30_000 + ")", "acc " + "(g)" * 20_000, " " * 60_000])
def test_a_long_header_costs_no_time(text: str) -> None:
    begin = time.perf_counter()
    stated_unit(text, text, ACC_UNITS)
    says_raw(text)
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize("unit", ["4096", "0/g", "4096/kg", "g/16bit", "8g/99bit", "-2/g"])
def test_counts_that_say_no_scale_are_refused(unit: str) -> None:
    with pytest.raises(DataError, match=r"--acc-unit: .*4096/g"):
        ImportOptions(acc_unit=unit)


def test_sleep_of_a_sensor_does_not_hide_its_unit(tmp_path: Path) -> None:
    """Values in g under a header that says m/s²: a sensor at rest shows 1, and zeros between say nothing."""
    s = signal(60)
    values = (s.acc / G).round(4)
    values[:, 1000:1400] = 0
    rows = [",".join(map(str, (time.round(4), *row))) for time, row in zip(s.acc_times, values.T, strict=True)]
    (tmp_path / "walk.csv").write_text("\n".join(["time,acc_x (m/s^2),acc_y (m/s^2),acc_z (m/s^2)", *rows, ""]))
    with pytest.raises(Undecided, match=r"states the accelerometer unit as m/s\^2.*gravity in g"):
        read_recordings(tmp_path / "walk.csv", ImportOptions(accept_guess=True, subject="ada"))


def test_counts_from_zero_on_are_asked_about(tmp_path: Path) -> None:
    """Ten bits of a converter about 512: no axis is ever negative, and the length is near that of a thousand."""
    s = signal(60)
    columns = {"time": s.acc_times.round(4)} | dict(
        zip(("ax", "ay", "az"), np.rint(512 + 102 * s.acc / G), strict=True)
    )
    write(tmp_path / "walk.csv", columns)
    with pytest.raises(Undecided, match=r"In which unit is the accelerometer.*counts"):
        read_recordings(tmp_path / "walk.csv", ImportOptions(accept_guess=True, subject="ada"))


@pytest.mark.parametrize("number", [-999, 9999, -32768, 65535])
@pytest.mark.parametrize("every", [2, 50])
def test_numbers_for_no_sample_are_no_signal(tmp_path: Path, number: int, every: int) -> None:
    s = signal(60)
    values = s.acc.round(4)
    values[:, ::every] = number
    write(tmp_path / "walk.csv", {"time": s.acc_times.round(4)} | dict(zip(("ax", "ay", "az"), values, strict=True)))
    found = read_recordings(tmp_path / "walk.csv", ImportOptions(accept_guess=True, subject="ada"))
    held = found.recordings[0].streams[0].values
    assert held.shape[1] == values.shape[1] - len(values[0, ::every])
    assert np.abs(held).max() < 200
    assert any("no value of the accelerometer" in each.what for each in found.findings["walk"].repairs)
