"""The reader of WISDM's watch on files in the publisher's format, and on real recordings."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets import load
from otolith.datasets.wisdm_watch import ACTIVITIES, read_activity
from otolith.errors import DataError
from otolith.recording import CHANNELS, Segment

ZERO = 90426708196641


def lines(person: int, letter: str, first_ns: int, n: int, value: float) -> str:
    return "".join(f"{person},{letter},{first_ns + 50_000_000 * i},{value},{i}.5,-9.75;\n" for i in range(n))


def write(root: Path, person: int, letters: str = "AS") -> tuple[Path, Path]:
    """Accelerometer and gyroscope of a person; the activities in the file's order are not in that of the clock."""
    paths = []
    for number, sensor in enumerate(("accel", "gyro")):
        path = root / sensor / f"data_{person}_{sensor}_watch.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = (
            lines(person, letter, ZERO - at * 10**12 + number * 10**7, 8 + number, 1.0 + number)
            for at, letter in enumerate(letters)
        )
        path.write_text("".join(texts))
        paths.append(path)
    return paths[0], paths[1]


def test_an_activity_of_a_person_becomes_a_recording_of_two_streams(tmp_path: Path) -> None:
    recording = read_activity(*write(tmp_path, 1603), "S")
    acc, gyro = recording.streams
    assert (recording.name, recording.subject) == ("1603_S", 1603)
    assert recording.segments == (Segment(0.0, None, "folding clothes"),)
    assert (acc.channels, gyro.channels) == (CHANNELS[:3], CHANNELS[3:])
    assert (acc.rate_hz, gyro.rate_hz, acc.n_samples, gyro.n_samples) == (20.0, 20.0, 8, 9)
    assert acc.times is not None
    assert gyro.times is not None
    np.testing.assert_allclose(acc.times, 0.05 * np.arange(8), atol=1e-9)
    np.testing.assert_allclose(gyro.times, 0.01 + 0.05 * np.arange(9), atol=1e-9)
    np.testing.assert_array_equal(acc.values[:, 3], [1.0, 3.5, -9.75])
    np.testing.assert_array_equal(gyro.values[:, 3], [2.0, 3.5, -9.75])


def test_people_and_activities_in_order_wherever_the_files_are(tmp_path: Path) -> None:
    for person in (1601, 1600):
        write(tmp_path / "wisdm-dataset" / "raw" / "watch", person, "DA")
    for root in (tmp_path, tmp_path / "wisdm-dataset", tmp_path / "wisdm-dataset" / "raw" / "watch"):
        data = load("wisdm-watch", root)
        assert [each.name for each in data.recordings()] == ["1600_A", "1600_D", "1601_A", "1601_D"]
    (problem,) = data.check()
    assert not problem.serious
    assert "has 2 of 51 people" in str(problem)


def test_a_person_or_an_activity_without_one_of_the_sensors_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, 1600)
    (_, gyro), (accel, _) = write(tmp_path, 1601), write(tmp_path, 1602)
    gyro.unlink()
    accel.write_text(lines(1602, "S", ZERO, 8, 1.0))
    data = load("wisdm-watch", tmp_path)
    assert [each.name for each in data.recordings()] == ["1600_A", "1600_S", "1602_S"]
    assert ["no file of the other sensor" in str(each) for each in data.check()] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (";\n", "\n", "line 1: does not end with a semicolon"),
        (",A,", ",N,", "line 1: activity 'N', expected one of A, B"),
        ("1603,", "1604,", "line 1: person 1604, expected 1603"),
        ("-9.75", "x", "line 1: z is 'x', expected a finite number"),
        (",-9.75", "", "line 1: 5 values, expected 6"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    accel, gyro = write(tmp_path, 1603)
    accel.write_text(accel.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape(f"{accel}, {message}")):
        read_activity(accel, gyro, "S")


@pytest.mark.realdata
def test_real_counts(real_root: Path) -> None:
    data = load("wisdm-watch", real_root)
    recordings = list(data.recordings())
    people = {each.subject for each in recordings}
    assert people >= set(range(1600, 1616))
    assert len(recordings) == 18 * len(people)
    assert Counter(each.segments[0].activity for each in recordings) == dict.fromkeys(ACTIVITIES.values(), len(people))
    fast = {each.name for each in recordings if each.streams[0].rate_hz > 21}
    assert fast <= {
        f"{person}_{letter}" for person in (1608, 1609) for letter in ACTIVITIES
    }  # 100 Hz, of which one each
    for each in recordings:
        for stream in each.streams:
            assert stream.rate_hz == pytest.approx(100 if each.name in fast else 20, rel=0.02), each.name
            assert stream.times is not None
            assert stream.times[-1] == pytest.approx(180, abs=20), each.name
