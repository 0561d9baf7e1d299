"""Sensors and places by the names of columns, as loggers of many makers write them."""

from __future__ import annotations

import pytest

from otolith.importing.naming.triads import axis_of, places_of, sensor_named, turning_triads


def three(*patterns: str) -> list[str]:
    return [pattern.replace("*", axis) for pattern in patterns for axis in ("x", "y", "z")]


def first(patterns: list[str]) -> dict[str, tuple[str, str]]:
    return {
        place.name: (place.acc[0] if place.acc else "", place.gyro[0] if place.gyro else "")
        for place in places_of(three(*patterns))
    }


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["acc_*", "gyro_*"], {"": ("acc_x", "gyro_x")}),
        (["a*", "g*"], {"": ("ax", "gx")}),
        (["a*", "w*", "m*"], {"": ("ax", "wx")}),
        (["gravity.*", "userAcceleration.*"], {"": ("gravity.x+userAcceleration.x", "")}),
        (["gravity*", "user*"], {"": ("gravityx+userx", "")}),
        (["LINEAR ACCELERATION * (m/s²)", "GRAVITY *"], {"": ("GRAVITY x+LINEAR ACCELERATION x (m/s²)", "")}),
        (["linear_acc_*", "gravity_*", "accelerometer_*"], {"": ("accelerometer_x", "")}),
        (["motionRotationRate*(rad/s)", "gyroRotation*(rad/s)", "acc*"], {"": ("accx", "gyroRotationx(rad/s)")}),
        (["acceleration.*", "accelerationIncludingGravity.*"], {"": ("accelerationIncludingGravity.x", "")}),
        (["S_1_Accel_LN_*_RAW", "S_1_Accel_LN_*_CAL", "S_1_Accel_WR_*_CAL"], {"s 1": ("S_1_Accel_WR_x_CAL", "")}),
        (["back_*", "thigh_*"], {"back": ("back_x", ""), "thigh": ("thigh_x", "")}),
        (["L_*acc", "L_*gyro", "R_*acc", "R_*mag"], {"l": ("L_xacc", "L_xgyro"), "r": ("R_xacc", "")}),
        (["acc_*_leg", "acc_*_ear", "gyro_*_ear"], {"leg": ("acc_x_leg", ""), "ear": ("acc_x_ear", "gyro_x_ear")}),
        (["a*1", "g*1", "a*2", "g*2"], {"1": ("ax1", "gx1"), "2": ("ax2", "gx2")}),
        (["accelerometer *", "phone gyroscope *"], {"": ("accelerometer x", "phone gyroscope x")}),
        (["*_g"], {"": ("x_g", "")}),
        (["Ac*", "Gy*"], {"": ("Acx", "Gyx")}),
        (["Beschl. *", "Gyro. *"], {"": ("Beschl. x", "Gyro. x")}),
        (["*轴加速度", "*轴角速度"], {"": ("x轴加速度", "x轴角速度")}),
        (["加速度計 *軸 (m/s²)", "ジャイロ *軸"], {"": ("加速度計 x軸 (m/s²)", "ジャイロ x軸")}),
        (["가속도 *", "자이로 *"], {"": ("가속도 x", "자이로 x")}),
        (["Ускорение *", "Угловая скорость *"], {"": ("Ускорение x", "Угловая скорость x")}),
        (["przyspieszenie *", "żyroskop *"], {"": ("przyspieszenie x", "żyroskop x")}),
        (["imu_a*", "imu_g*"], {"": ("imu_ax", "imu_gx")}),
        (["LSM6DSO_A_*", "LSM6DSO_G_*"], {"": ("LSM6DSO_A_x", "LSM6DSO_G_x")}),
        (["a*", "ω*"], {"": ("ax", "ωx")}),
        (["a_RS_S_* [m s^-2]", "w_RS_S_* [rad s^-1]"], {"a rs s": ("a_RS_S_x [m s^-2]", "w_RS_S_x [rad s^-1]")}),
        (["velocity_* [m/s]", "force_* (N)", "jerk_* [m/s^2]"], {}),
        (["acc_*", "estimate_* [m/s^2]"], {"": ("acc_x", "")}),
        (
            ["field.linear_acceleration.*", "field.angular_velocity.*"],
            {"": ("field.linear_acceleration.x", "field.angular_velocity.x")},
        ),
        (["mag_*", "attitude.*", "velocity *", "quat_*", "gravity_*", "price_*"], {}),
    ],
)  # fmt: skip
def test_places(patterns: list[str], expected: dict[str, tuple[str, str]]) -> None:
    assert first(patterns) == expected


@pytest.mark.parametrize(
    ("columns", "gyro"),
    [
        ("gyro_roll gyro_pitch gyro_yaw", "gyro_roll gyro_pitch gyro_yaw"),
        ("roll_rate pitch_rate yaw_rate", "roll_rate pitch_rate yaw_rate"),
        ("alpha(deg/s) beta(deg/s) gamma(deg/s)", "beta(deg/s) gamma(deg/s) alpha(deg/s)"),
        ("gyro_0 gyro_1 gyro_2", "gyro_0 gyro_1 gyro_2"),
        ("gyro[1] gyro[2] gyro[3]", "gyro[1] gyro[2] gyro[3]"),
        ("roll pitch yaw", ""),
        ("gyro_0 gyro_1 gyro_2 gyro_3", ""),
    ],
)
def test_gyroscopes_whose_axes_are_called_otherwise(columns: str, gyro: str) -> None:
    (place,) = places_of(["ax", "ay", "az", *columns.split()])
    assert " ".join(place.gyro) == gyro


@pytest.mark.parametrize("columns", ["roll pitch yaw", "rx ry rz", "alpha beta gamma"])
def test_columns_that_may_turn_are_named(columns: str) -> None:
    (found,) = turning_triads(["t", "ax", "ay", "az", "mag_x", "mag_y", "mag_z", *columns.split()])
    assert sorted(found) == sorted(columns.split())


def test_columns_that_lack_an_axis_are_no_sensor() -> None:
    assert places_of(["acc_x", "acc_y", "gyro_x", "gyro_y", "gyro_z"])[0].acc == ()


def test_bare_axes_are_what_the_file_is_called_after() -> None:
    assert places_of(three("*"), "gyro")[0].gyro == ("x", "y", "z")
    assert places_of(three("*", "gyro_*"))[0].acc == ("x", "y", "z")


@pytest.mark.parametrize(
    "name",
    ["yaw", "roll", "z-score", "acc", "time", "acc_mag_x", "accelerometer gyroscope x", "acc_x:valid", "acc_bias_x"],
)
def test_what_is_no_axis(name: str) -> None:
    assert axis_of(name) is None


def test_the_rotation_rate_of_a_browser_names_axes_by_angles() -> None:
    columns = [f"rotationRate.{angle}" for angle in ("alpha", "beta", "gamma")]
    assert places_of(columns)[0].gyro == ("rotationRate.beta", "rotationRate.gamma", "rotationRate.alpha")
    assert places_of([f"orientation.{angle}" for angle in ("alpha", "beta", "gamma")]) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ACCE", "acc"),
        ("android.sensor.accelerometer", "acc"),
        ("LSM6DSO Accelerometer Uncalibrated", "acc"),
        ("userAcceleration", "linear"),
        ("gyr", "gyro"),
        ("Gravity", "gravity"),
        ("Rotation Vector", None),
        ("user", None),
        ("a", None),
        ("magnetometer", None),
        ("walking", None),
    ],
)
def test_sensors_by_their_own_names(text: str, kind: str | None) -> None:
    found = sensor_named(text)
    assert (found and found[0]) == kind


@pytest.mark.parametrize("device", ["B7", "M1", "Q2", "A", "X1"])
def test_devices_called_by_letters(device: str) -> None:
    found = first([f"Shimmer_{device}_Accel_LN_*_CAL", f"Shimmer_{device}_Mag_*_CAL"])
    assert list(found.values()) == [(f"Shimmer_{device}_Accel_LN_x_CAL", "")]
