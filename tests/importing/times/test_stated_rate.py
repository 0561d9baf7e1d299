"""Rates that stand above a table without a column of time."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.times.stated_rate import stated_rate
from tests.helpers.exports import lines, signal

S = signal(8)
OPTIONS = ImportOptions(acc=("ax", "ay", "az"), gyro=("none",))


def without_time(path: Path, above: str) -> Path:
    path.write_text(above + lines("ax,ay,az", ([repr(float(v)) for v in row] for row in S.acc.T)))
    return path


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ("Sampling rate: 50 Hz", 50),
        ("Sampling Frequency (Hz),50", 50),
        ("fs = 50", 50),
        ("Fs: 104.5Hz", 104.5),
        ("Sample rate;50", 50),
        ("sampling_rate_hz=50", 50),
        ("Abtastrate: 50,0 Hz", 50),
        ("ODR 1.0 kHz", 1000),
        ("Fréquence d'échantillonnage : 100 Hz", 100),
        ("采样率：50 Hz", 50),
        ("Sample period: 20 ms", 50),
        ("Sampling interval (s): 0.01", 100),
        ("Frequency: 50 Hz", 50),
        ("Rate: 72", None),
        ("Sample rate: 5000000", None),
        ("Sample period: 20", None),
        ("Sample period: 0 ms", None),
        ("Heart rate: 72 Hz", None),
        ("Sampling rate: 50 Hz or 100 Hz", None),
        ("Sampling rate: 50." + "5" * 60_000, None),
    ],
)
def test_lines(line: str, rate: float | None) -> None:
    began = time.perf_counter()
    assert (stated_rate(["Device: 7", line]) or (None,))[0] == rate
    assert time.perf_counter() - began < 1


def test_a_rate_above_a_table_without_time(tmp_path: Path) -> None:
    found = read_recordings(without_time(tmp_path / "t.csv", "# Sampling rate: 40 Hz\n"), OPTIONS)
    assert found.rate_hz == 40
    (decided,) = [d for d in found.findings["t"].decisions if d.what == "time"]
    assert (decided.value, "'Sampling rate: 40 Hz'" in decided.why) == ("40 Hz", True)
    np.testing.assert_array_equal(found.recordings[0].streams[0].n_samples, S.acc.shape[1])


def test_what_the_user_says_comes_first(tmp_path: Path) -> None:
    path = without_time(tmp_path / "t.csv", "Sample rate;40\n")
    assert read_recordings(path, ImportOptions(acc=OPTIONS.acc, gyro=OPTIONS.gyro, rate_hz=50)).rate_hz == 50


@pytest.mark.parametrize("above", ["", "# fs = 50\n# Sample rate: 100 Hz\n"])
def test_no_rate_or_several_are_asked_for(tmp_path: Path, above: str) -> None:
    with pytest.raises(DataError, match="--time COLUMN \\(or --rate HZ\\)"):
        read_recordings(without_time(tmp_path / "t.csv", above), OPTIONS)
