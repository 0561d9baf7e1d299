"""Rows of several devices, or several people, in one table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from otolith.importing import ImportOptions, read_recordings
from otolith.importing.questions import Undecided

N, RATE = 400, 50.0
OPTIONS = ImportOptions(accept_guess=True, acc_unit="m/s^2", gyro_unit="rad/s")


def device(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    tilt = np.cumsum(rng.normal(0, 0.03, N))
    acc = 9.80665 * np.stack([np.sin(tilt), np.zeros(N), np.cos(tilt)]) + rng.normal(0, 0.3, (3, N))
    gyro = rng.normal(0, 0.5, (3, N))
    names = ("ax", "ay", "az", "gx", "gy", "gz")
    return dict(zip(names, np.concatenate([acc, gyro]).round(5), strict=True))


def table(column: str, names: tuple[str, str], *, late: float = 0.0, in_turns: bool = True) -> pl.DataFrame:
    frames = [
        pl.DataFrame({"time": (np.arange(N) / RATE + late * number).round(4), column: [name] * N, **device(number)})
        for number, name in enumerate(names)
    ]
    whole = pl.concat(frames)
    return whole.sort("time", maintain_order=True) if in_turns else whole


COLUMNS = [
    ("side", ("L", "R")),
    ("DeviceName", ("WT901BLE67(d4:22:cd)", "WT901BLE68(d4:22:ce)")),
    ("mac", ("D4:22:CD:00:01:02", "D4:22:CD:00:01:03")),
    ("node", ("1", "2")),
    ("imu_id", ("0", "1")),
    ("sensor", ("0", "1")),
    ("sensor_id", ("1", "2")),
    ("id", ("1", "2")),
    ("what it was tied to", ("shoe", "belt")),
]


@pytest.mark.parametrize(("column", "names"), COLUMNS)
def test_devices_in_turns_are_places(tmp_path: Path, column: str, names: tuple[str, str]) -> None:
    path = tmp_path / "walk.csv"
    table(column, names).write_csv(path)
    with pytest.raises(Undecided, match=f"2 places: {names[0]}".replace("(", r"\(").replace(")", r"\)")):
        read_recordings(path, OPTIONS)
    both = read_recordings(path, ImportOptions(**{**vars(OPTIONS), "place": "all"})).recordings
    assert [len(each.streams) for each in both] == [1, 1]
    for number, recording in enumerate(both):
        np.testing.assert_allclose(recording.streams[0].values, np.array(list(device(number).values())), atol=1e-9)
        assert recording.streams[0].rate_hz == pytest.approx(RATE)


@pytest.mark.parametrize(("column", "names"), COLUMNS[:-2])
def test_devices_whose_times_differ_a_little_or_that_stand_in_blocks(
    tmp_path: Path, column: str, names: tuple[str, str]
) -> None:
    path = tmp_path / "walk.csv"
    for frame in (table(column, names, late=0.004), table(column, names, in_turns=False)):
        frame.write_csv(path)
        with pytest.raises(Undecided, match="2 places"):
            read_recordings(path, OPTIONS)


def test_what_changes_over_time_is_no_place(tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    time = (np.arange(2 * N) / RATE).round(4)
    whole = {name: np.tile(values, 2) for name, values in device(0).items()}
    for column, names in (("location", ("lab", "street")), ("quality", ("good", "fair")), ("packet", ("0", "1"))):
        cells = np.repeat(names, N) if column == "location" else np.tile(names, N)
        pl.DataFrame({"time": time, column: cells, **whole}).write_csv(path)
        (recording,) = read_recordings(path, OPTIONS).recordings
        assert recording.streams[0].n_samples == 2 * N
        assert recording.streams[0].rate_hz == pytest.approx(RATE)


def test_samples_of_a_packet_are_no_devices(tmp_path: Path) -> None:
    """Ten samples have the time of their packet, and a column counts them."""
    path = tmp_path / "walk.csv"
    time = (np.arange(N) // 10 * 10 / RATE).round(4)
    pl.DataFrame({"time": time, "sample": np.arange(N) % 10, **device(0)}).write_csv(path)
    (recording,) = read_recordings(path, OPTIONS).recordings
    assert recording.streams[0].n_samples == N


@pytest.mark.parametrize("column", ["id", "ID", "uid"])
@pytest.mark.parametrize("restarts", [False, True])
def test_ids_one_after_the_other_are_people(tmp_path: Path, column: str, restarts: bool) -> None:
    path = tmp_path / "walk.csv"
    table(column, ("P01", "P02"), late=0.0 if restarts else 60.0, in_turns=False).write_csv(path)
    found = read_recordings(path, OPTIONS).recordings
    assert [each.subject for each in found] == ["P01", "P02"]
    assert [each.streams[0].n_samples for each in found] == [N, N]


@pytest.mark.parametrize("cells", [["7"] * N, [str(row) for row in range(N)]])
def test_an_id_of_the_device_or_of_each_row_is_nobody(tmp_path: Path, cells: list[str]) -> None:
    path = tmp_path / "walk.csv"
    pl.DataFrame({"id": cells, "time": (np.arange(N) / RATE).round(4), **device(0)}).write_csv(path)
    (recording,) = read_recordings(path, OPTIONS).recordings
    assert recording.subject == "walk"
    assert recording.streams[0].n_samples == N
