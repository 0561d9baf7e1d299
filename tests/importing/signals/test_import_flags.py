"""Doubtful stretches are flagged where they are, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.importing import ImportOptions, read_recordings
from otolith.importing.signals.flags import flags_of
from otolith.recording import CHANNELS, STANDARD_GRAVITY, Stream

RATE = 25.0


def moving(minutes: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, [[1.5]] * 3 + [[0.5]] * 3, (6, round(minutes * 60 * RATE)))
    values[2] += STANDARD_GRAVITY
    return values


def stream(values: np.ndarray, times: np.ndarray | None = None) -> Stream:
    return Stream(CHANNELS, values, RATE, times)


def test_ordinary_motion_has_no_flag() -> None:
    assert flags_of(stream(moving(30))) == []


@pytest.mark.parametrize("minutes", [9, 15])
def test_stillness_of_ten_minutes(minutes: int) -> None:
    values = moving(40)
    begin, stop = round(600 * RATE), round((600 + 60 * minutes) * RATE)
    values[:3, begin:stop] = values[:3, begin : begin + 1] + np.random.default_rng(1).normal(0, 0.05, (3, stop - begin))
    found = [flag for flag in flags_of(stream(values)) if flag.kind == "still"]
    if minutes < 10:
        assert found == []
    else:
        ((start, end),) = [(flag.start_s, flag.stop_s) for flag in found]
        assert (start, end) == (pytest.approx(600, abs=10), pytest.approx(1500, abs=10))


def test_stillness_ends_at_a_gap() -> None:
    values = np.zeros((6, round(16 * 60 * RATE)))
    values += np.random.default_rng(0).normal(0, 0.02, values.shape)
    times = np.arange(values.shape[1]) / RATE
    times[len(times) // 2 :] += 3600
    assert [flag.kind for flag in flags_of(stream(values, times))] == []


@pytest.mark.parametrize("axis", [0, 4])
def test_the_end_of_the_range(axis: int) -> None:
    values = moving(2)
    end = 2 * STANDARD_GRAVITY if axis < 3 else np.radians(500)
    values[axis, 500:508] = -end
    values[axis, 1000:1004] = -end
    spans = [(flag.kind, flag.sensor, flag.start_s, flag.stop_s) for flag in flags_of(stream(values))]
    name = "accelerometer" if axis < 3 else "gyroscope"
    assert spans == [("saturated", name, 20.0, 20.28), ("saturated", name, 40.0, 40.12)]


def test_a_single_peak_and_a_plateau_elsewhere_are_no_saturation() -> None:
    values = moving(2)
    values[0, 500] = 2 * STANDARD_GRAVITY
    values[1, 600:610] = 13.0
    assert flags_of(stream(values)) == []


def test_a_frozen_sensor() -> None:
    values = moving(2)
    values[:3, 500:600] = values[:3, 500:501]
    values[3:, 900:920] = 0
    spans = [(flag.kind, flag.sensor, flag.start_s, flag.stop_s) for flag in flags_of(stream(values))]
    assert spans == [("frozen", "accelerometer", 20.0, 23.96)]


def test_zeros_of_a_sensor_that_sleeps_are_a_gap(tmp_path: Path) -> None:
    """They neither pass for rest nor hide the unit; a few zeros, as free fall gives, stay."""
    rows = [f"{i / 50:.2f},0.02,-0.01,1.01" for i in range(1000)]
    rows[300:500] = [f"{i / 50:.2f},0,0,0" for i in range(300, 500)]
    rows[700:705] = [f"{i / 50:.2f},0,0,0" for i in range(700, 705)]
    (tmp_path / "t.csv").write_text("\n".join(["time (s),acc_x,acc_y,acc_z", *rows]))
    found = read_recordings(tmp_path / "t.csv", ImportOptions(accept_guess=True))
    findings = found.findings["t"]
    assert found.recordings[0].streams[0].n_samples == 800
    assert [(round(gap.start_s, 2), round(gap.stop_s, 2)) for gap in findings.gaps] == [(5.98, 10.0)]
    assert next(each.value for each in findings.decisions if each.what == "accelerometer unit") == "g"
    assert any("a sensor that sleeps" in repair.what and repair.count == 200 for repair in findings.repairs)


@pytest.mark.parametrize("gravity", [None, "removed"])
def test_zeros_of_a_signal_without_gravity_are_rest(tmp_path: Path, gravity: str | None) -> None:
    rows = [f"{i / 50:.2f},{np.sin(i / 4):.2f},{np.cos(i / 5):.2f},{np.sin(i / 6):.2f}" for i in range(1000)]
    rows[300:500] = [f"{i / 50:.2f},0.00,0.00,0.00" for i in range(300, 500)]
    (tmp_path / "t.csv").write_text("\n".join(["time (s),acc_x,acc_y,acc_z", *rows]))
    found = read_recordings(tmp_path / "t.csv", ImportOptions(accept_guess=True, acc_unit="m/s^2", gravity=gravity))
    assert (found.gravity, found.recordings[0].streams[0].n_samples) == ("removed", 1000)
