"""Units and gravity: what headers say, what data decide, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.naming.units import ACC_UNITS, GYRO_UNITS, split_header, unit_in_name
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
