"""Tables in which accelerometer and gyroscope have columns of time of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.importing import ImportOptions, read_recordings

N = 500
PAIRS = [
    ("acc_time", "gyro_time"),
    ("Time Acc (s)", "Time Gyro (s)"),
    ("t_acc", "t_gyr"),
    ("time_1", "time_2"),
    ("timestamp_acc", "timestamp_gyro"),
    ("accelerometerTimestamp", "gyroscopeTimestamp"),
]


def write(path: Path, names: tuple[str, str], rates: tuple[float, float], late: float) -> tuple[np.ndarray, np.ndarray]:
    """Write columns side by side; the sensor with fewer samples ends in empty cells."""
    rng = np.random.default_rng(0)
    count = (N, round(N * rates[1] / rates[0]))
    times = (np.arange(count[0]) / rates[0], np.arange(count[1]) / rates[1] + late)
    acc = rng.normal((0, 0, 9.8), 1, (count[0], 3))
    gyro = rng.normal(0, 1, (count[1], 3))
    header = f"{names[0]},acc_x,acc_y,acc_z,{names[1]},gyro_x,gyro_y,gyro_z"
    parts = [
        [",".join(f"{value:.6f}" for value in (t, *row)) for t, row in zip(time, values, strict=True)]
        for time, values in zip(times, (acc, gyro), strict=True)
    ]
    rows = max(count)
    parts = [part + [",,,"] * (rows - len(part)) for part in parts]
    path.write_text("\n".join([header, *map(",".join, zip(*parts, strict=True))]) + "\n")
    return acc, gyro


@pytest.mark.parametrize("names", PAIRS)
@pytest.mark.parametrize(("rates", "late"), [((50.0, 100.0), 0.0), ((50.0, 50.0), 1.5), ((100.0, 50.0), 0.3)])
def test_each_sensor_keeps_its_own_times(
    tmp_path: Path, names: tuple[str, str], rates: tuple[float, float], late: float
) -> None:
    acc, gyro = write(tmp_path / "walk.csv", names, rates, late)
    options = ImportOptions(accept_guess=True, subject="ada", acc_unit="m/s^2", gyro_unit="rad/s")
    found = read_recordings(tmp_path / "walk.csv", options)
    moving, turning = found.recordings[0].streams
    for stream, values, rate, start in ((moving, acc, rates[0], 0.0), (turning, gyro, rates[1], late)):
        assert stream.rate_hz == pytest.approx(rate)
        np.testing.assert_allclose(stream.values.T, values, atol=1e-6)
        assert stream.times is not None
        np.testing.assert_allclose(stream.times, start + np.arange(len(values)) / rate, atol=2e-6)
    said = {each.what: each.value for each in found.findings["walk"].decisions}
    assert said["gyroscope's time"] == names[1]


def test_another_time_that_the_user_names_is_of_both(tmp_path: Path) -> None:
    write(tmp_path / "walk.csv", ("acc_time", "gyro_time"), (50.0, 50.0), 1.5)
    for time, streams in (("acc_time", 2), ("gyro_time", 1)):
        options = ImportOptions(accept_guess=True, subject="ada", acc_unit="m/s^2", gyro_unit="rad/s", time=time)
        assert len(read_recordings(tmp_path / "walk.csv", options).recordings[0].streams) == streams
