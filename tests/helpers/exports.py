"""Writes known signals in the real on-disk formats of phone apps, for tests of importing, predicting and the docs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

G = 9.80665
START_NS = 1_772_355_600_000_000_000
"""2026-03-01 09:00:00 UTC."""


@dataclass(frozen=True)
class Signal:
    """Times (n,) in s from 0; acc (3, n) in m/s² with gravity and the gravity in it; gyro (3, m) in rad/s."""

    acc_times: np.ndarray
    acc: np.ndarray
    gravity: np.ndarray
    gyro_times: np.ndarray
    gyro: np.ndarray


def signal(
    seconds: float = 20.0, acc_hz: float = 50.0, gyro_hz: float = 50.0, jitter: float = 0.0, seed: int = 0
) -> Signal:
    """A device that tilts to and fro and is shaken a little; the gyroscope says how fast gravity turns."""
    rng = np.random.default_rng(seed)

    def clock(rate: float, first: float) -> np.ndarray:
        regular = first + np.arange(round(seconds * rate)) / rate
        return regular + rng.uniform(-jitter, jitter, len(regular)) / rate

    acc_times, gyro_times = clock(acc_hz, 0.5 / acc_hz), clock(gyro_hz, 0.5 / acc_hz)
    angle = 0.8 * np.sin(0.9 * acc_times)
    gravity = G * np.stack([0 * angle, np.sin(angle), np.cos(angle)])
    shaken = np.stack([np.sin(11 * acc_times), 0.5 * np.cos(7 * acc_times), 0.8 * np.sin(13 * acc_times)])
    turning = np.stack([0.72 * np.cos(0.9 * gyro_times), 0.01 * np.sin(gyro_times), 0.02 * np.cos(3 * gyro_times)])
    return Signal(acc_times, gravity + shaken, gravity, gyro_times, turning)


def recorded(
    acc: np.ndarray, gyro: np.ndarray, rate_hz: float, gyro_hz: float = 104.0, jitter: float = 0.2,
    dropped: float = 0.005, seed: int = 0,
) -> Signal:  # fmt: skip
    """A regular recording, (3, n) in m/s² and rad/s, as a phone would have written it.

    Both sensors have clocks of their own, irregular by `jitter` of a period, and lack the share `dropped` of their
    samples; gravity is what a phone estimates, the slow part.
    """
    from scipy.interpolate import CubicSpline
    from scipy.signal import butter, sosfiltfilt

    rng = np.random.default_rng(seed)
    native = np.arange(acc.shape[1]) / rate_hz

    def clock(rate: float) -> np.ndarray:
        regular = np.arange(int((native[-1]) * rate)) / rate
        times = np.clip(regular + rng.uniform(-jitter, jitter, len(regular)) / rate, 0, native[-1])
        kept: np.ndarray = times[rng.random(len(times)) >= dropped]
        return kept

    slow = sosfiltfilt(butter(2, 0.3, fs=rate_hz, output="sos"), acc)
    acc_times, gyro_times = clock(rate_hz), clock(gyro_hz)
    measured, gravity = (CubicSpline(native, values, axis=1)(acc_times) for values in (acc, slow))
    return Signal(acc_times, measured, gravity, gyro_times, CubicSpline(native, gyro, axis=1)(gyro_times))


def write(path: Path, files: dict[str, str | bytes]) -> Path:
    """The files as a zip archive where `path` ends so, else as a folder."""
    if path.suffix == ".zip":
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(header: str, rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    """A table as text."""
    return header + "\n" + "".join(separator.join(row) + "\n" for row in rows)


def sensor_logger(path: Path, s: Signal, total: bool = True, gravity: bool = True, ios: bool = False) -> Path:
    """Sensor Logger: Android with `TotalAcceleration`, or only `Accelerometer`, with or without `Gravity`."""
    sign = -1.0 if ios else 1.0

    def sheet(times: np.ndarray, values: np.ndarray) -> str:
        rows = (
            [str(START_NS + round(t * 1e9)), repr(float(t)), repr(float(z)), repr(float(y)), repr(float(x))]
            for t, (x, y, z) in zip(times, values.T, strict=True)
        )
        return lines("time,seconds_elapsed,z,y,x", rows)

    files: dict[str, str | bytes] = {
        "Accelerometer.csv": sheet(s.acc_times, sign * (s.acc - s.gravity)),
        "Gyroscope.csv": sheet(s.gyro_times, s.gyro),
        "Magnetometer.csv": sheet(s.acc_times, s.acc),
        "Annotation.csv": "time,seconds_elapsed,text,millisecond_press_duration\n",
        "Metadata.csv": "version,device name,recording epoch time,recording time,recording timezone,platform,"
        "appVersion,device id,sensors,sampleRateMs,standardisation\n"
        f"3,phone,{START_NS // 1_000_000},2026-03-01_09-00-00,Europe/Berlin,{'ios' if ios else 'android'},1.50,1,"
        "Accelerometer|Gyroscope,10|10,false\n",
    }
    if gravity:
        files["Gravity.csv"] = sheet(s.acc_times, sign * s.gravity)
    if total:
        files["TotalAcceleration.csv"] = sheet(s.acc_times, s.acc)
    return write(path, files)


def phyphox_number(value: float, decimal: str = ".") -> str:
    """As phyphox prints numbers: `1.234567890E1`."""
    if not np.isfinite(value):
        return "NaN"
    mantissa, exponent = f"{value:.9E}".split("E")
    return f"{mantissa}E{int(exponent)}".replace(".", decimal)


PHYPHOX_DIALECTS = ((",", "."), ("\t", "."), (";", "."), ("\t", ","), (";", ","))


def phyphox(
    path: Path,
    s: Signal,
    separator: str = ",",
    decimal: str = ".",
    padding: int = 3,
    linear: bool = False,
    pause: tuple[float, float] | None = None,
    one_table: bool = False,
) -> Path:
    """phyphox: two tables (or one) and `meta`; `pause` is (experiment time, seconds that it lasts)."""

    def sheet(names: Sequence[str], columns: Sequence[np.ndarray]) -> str:
        longest = max(len(column) for column in columns) + padding
        padded = [np.concatenate([column, np.full(longest - len(column), np.nan)]) for column in columns]
        rows = ([phyphox_number(float(value), decimal) for value in row] for row in np.stack(padded).T)
        return lines(separator.join(f'"{name}"' for name in names), rows, separator)

    word = "Linear Acceleration" if linear else "Acceleration"
    acc = s.acc - s.gravity if linear else s.acc
    acc_names = [f"{word} {axis} (m/s^2)" for axis in "xyz"]
    gyro_names = [f"Gyroscope {axis} (rad/s)" for axis in "xyz"]
    begin = START_NS / 1e9
    events = [("START", 0.0, begin), ("PAUSE", 20.0, begin + 20.0)]
    if pause is not None:
        at, lasts = pause
        events = [("START", 0.0, begin), ("PAUSE", at, begin + at), ("START", at, begin + at + lasts)]
    times = (
        [
            f'"{event}"',
            phyphox_number(t, decimal),
            f"{e:.3f}".replace(".", decimal),
            '"2026-03-01 10:00:00.000 UTC+01:00"',
        ]
        for event, t, e in events
    )
    header = separator.join(f'"{name}"' for name in ("event", "experiment time", "system time", "system time text"))
    files: dict[str, str | bytes] = {
        "meta/time.csv": lines(header, times, separator),
        "meta/device.csv": f'"property"{separator}"value"\n"deviceModel"{separator}"phone, large"\n',
    }
    if one_table:
        files["Raw Data.csv"] = sheet(["Time (s)", *acc_names, *gyro_names], [s.acc_times, *acc, *s.gyro])
    else:
        extra = ["Absolute acceleration (m/s^2)"]
        files["Accelerometer.csv"] = sheet(
            ["Time (s)", *acc_names, *extra], [s.acc_times, *acc, np.linalg.norm(acc, axis=0)]
        )
        files["Gyroscope.csv"] = sheet(["Time (s)", *gyro_names], [s.gyro_times, *s.gyro])
    return write(path, files)


def physics_toolbox(
    path: Path,
    s: Signal,
    separator: str = ",",
    decimal: str = ".",
    clock: bool = False,
    modern: bool = False,
    linear: bool = False,
    blank_first: bool = False,
) -> Path:
    """Physics Toolbox: one row for each sensor in turn, the other's cells empty; a separator ends each line."""
    acc = s.acc - s.gravity if linear else s.acc / G
    names = ["ax", "ay", "az", "aT"] if linear else ["gFx", "gFy", "gFz", "TgF"]
    units = ["m/s^2" if linear else "g"] * 4 + ["rad/s"] * 3
    header = ["time", *names, "wx", "wy", "wz"]
    if modern:
        header = ["time", *(f"{n} ({u})" for n, u in zip(header[1:], units, strict=True))]

    def number(value: float) -> str:
        return f"{value:.6f}".replace(".", decimal)

    def moment(t: float) -> str:
        if not clock:
            return number(t)
        ms = round((t + 9 * 3600) * 1000)
        return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}:{ms % 1000:03d}"

    rows = [
        (t, [*map(number, v), number(float(np.linalg.norm(v))), "", "", ""])
        for t, v in zip(s.acc_times, acc.T, strict=True)
    ]
    rows += [(t, ["", "", "", "", *map(number, v)]) for t, v in zip(s.gyro_times, s.gyro.T, strict=True)]
    body = [[moment(t), *cells, ""] for t, cells in sorted(rows, key=lambda row: row[0])]
    comments = (
        "# sensor:multi\n# unit;with;semicolons\n# Recording started at: 2026-03-01 10:00:00.500\n" if modern else ""
    )
    text = ("\n" if blank_first else "") + comments + lines(separator.join([*header, ""]), body, separator)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
