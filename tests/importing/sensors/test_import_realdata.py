"""What data decide about units, on real recordings whose units are known: never wrong, and often right."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import otolith
from otolith.importing.naming.unit_words import ACC_UNITS, GYRO_UNITS
from otolith.importing.sensors.evidence import acc_unit_of_data, blocks_of, gyro_unit_of_data
from otolith.importing.signals.flags import flags_of
from otolith.recording import Recording


def sensor(recording: Recording, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of one sensor."""
    for stream in recording.streams:
        rows = [i for i, channel in enumerate(stream.channels) if channel.startswith(kind)]
        if rows:
            regular = stream.start_s + np.arange(stream.n_samples) / stream.rate_hz
            return regular if stream.times is None else stream.times, np.asarray(stream.values[rows], np.float64)
    raise AssertionError(kind)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "acc_right", "gyro_right"),
    [("uci-har", 12, 11), ("mobifall", 6, 4), ("usc-had", 11, 2), ("motionsense", 11, 7)],
)
def test_data_decide_no_unit_wrongly(real_root: Path, name: str, acc_right: int, gyro_right: int) -> None:
    """The first twelve recordings, in every unit; at least so many are decided."""
    decided: Counter[str] = Counter()
    for recording in islice(otolith.load(name, real_root).recordings(), 12):
        (acc_times, acc), (gyro_times, gyro) = sensor(recording, "acc"), sensor(recording, "gyro")
        for unit, factor in ACC_UNITS.items():
            seen = acc_unit_of_data(blocks_of((acc_times, acc / factor)))
            assert seen in (unit, None), recording.name
            decided["acc"] += seen is not None
        for unit in ("rad/s", "deg/s"):
            found = gyro_unit_of_data(acc_times, acc, gyro_times, gyro / GYRO_UNITS[unit])
            assert found is None or found[0] == unit, recording.name
            decided[unit] += found is not None
    assert decided["acc"] >= 3 * acc_right
    assert decided["rad/s"] >= gyro_right


@pytest.mark.realdata
def test_a_phone_of_two_g_saturates_where_people_jump(real_root: Path) -> None:
    """Of nine people eight reach the end of its range, in two of three trials at least; subject 10 jumps gently."""
    saturated: Counter[int | str] = Counter()
    for recording in otolith.load("mobifall", real_root).recordings():
        if recording.name.startswith("JUM"):
            saturated[recording.subject] += any(f.kind == "saturated" for s in recording.streams for f in flags_of(s))
    assert len(saturated) == 9
    assert sum(saturated.values()) == 21
    assert saturated.pop(10) == 0
    assert min(saturated.values()) >= 2
