"""Samples stamped when a radio delivered them: put back evenly, losses kept, a sensor's own times left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.importing import ImportOptions, read_recordings
from otolith.importing.findings import Findings
from otolith.importing.times.arrival import on_an_even_clock
from otolith.windows.times import Samples, SourceFile, rate_of
from tests.helpers.exports import G, lines, signal

HZ = 50.0
TRUE = np.arange(3000) / HZ
PLACE = SourceFile(Path("stream.csv"))


def late(times: np.ndarray, seed: int = 0) -> np.ndarray:
    """Packets of three samples, each late by a random time, in ms."""
    rng = np.random.default_rng(seed)
    arrived = np.repeat(times[2::3] + rng.uniform(0, 0.06, len(times) // 3), 3)
    return np.floor(np.maximum.accumulate(arrived) * 1000) / 1000


def stalled(times: np.ndarray, start: float, stop: float) -> np.ndarray:
    return np.where((times > start) & (times < stop), stop, times)


def put_back(times: np.ndarray) -> tuple[np.ndarray, list[str]]:
    values = np.random.default_rng(1).standard_normal((3, len(times)))
    findings = Findings()
    out = on_an_even_clock(Samples(times, values, np.arange(len(times))), "accelerometer", PLACE, findings)
    assert out.values is values
    return out.times, [each.what for each in findings.repairs]


@pytest.mark.parametrize(
    "times",
    [late(TRUE), stalled(late(TRUE), 20, 21.5), np.ceil(TRUE / 0.09) * 0.09 + np.arange(3000) / 1e9],
    ids=["packets", "a stall", "groups"],
)
def test_late_samples_are_spread_evenly(times: np.ndarray) -> None:
    even, (told,) = put_back(times)
    assert rate_of(even) == HZ
    np.testing.assert_allclose(np.diff(even), 1 / HZ, rtol=1e-4)
    assert np.abs(even - TRUE).max() < 0.03
    assert "all 3,000 were kept in order and spread evenly at 50 Hz" in told
    assert ("1 pause(s) of the transfer lost none" in told) == bool((np.diff(times) > 1).any())


@pytest.mark.parametrize("jitter", [0.0, 0.002])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_sensors_own_times_are_kept_where_many_samples_are_lost(jitter: float, kept: float) -> None:
    """As a watch in the background or a weak radio loses them: their order says nothing of when they were taken."""
    rng = np.random.default_rng(3)
    times = TRUE[np.repeat(rng.random(300) < kept, 10) | (rng.random(3000) < 0.05)]
    times = times + rng.uniform(-jitter, jitter, len(times))
    found, told = put_back(times)
    np.testing.assert_array_equal(found, times)
    assert not told


@pytest.mark.parametrize("tick", [0.04, 0.045, 0.1])
def test_a_clock_that_ticks_slowly_is_not_late_but_early(tick: float) -> None:
    even, (told,) = put_back(np.floor(TRUE / tick + 1e-9) * tick)
    assert rate_of(even) == HZ
    assert np.abs(even - TRUE).max() < 0.005
    assert f"ticks every {tick} s" in told


@pytest.mark.parametrize("lost_s", [0.6, 3.0])
def test_what_a_pause_lost_stays_a_gap(lost_s: float) -> None:
    kept = (TRUE < 30) | (30 + lost_s <= TRUE)
    true = TRUE[kept][: kept.sum() // 3 * 3]
    even, _ = put_back(stalled(late(true), 50, 51))
    (at,) = np.flatnonzero(np.diff(even) > 0.25)
    assert even[at + 1] - even[at] == pytest.approx(lost_s, abs=0.05)
    assert np.abs(even - true).max() < 0.05


def test_a_clock_that_drifts_is_followed() -> None:
    drifting = TRUE + 0.5 * np.sin(TRUE / 20)
    even, _ = put_back(late(drifting))
    assert np.abs(even - drifting).max() < 0.12


@pytest.mark.parametrize(
    "times",
    [
        TRUE,
        TRUE + np.random.default_rng(2).uniform(-0.3, 0.3, 3000) / HZ,
        np.floor(TRUE * 2) / 2,
        late(TRUE)[:90],
        np.zeros(3000),
        late(TRUE)[::-1],
    ],
    ids=["even", "uneven", "coarse", "short", "none", "reversed"],
)
def test_other_times_are_left_alone(times: np.ndarray) -> None:
    even, told = put_back(times)
    assert even is times
    assert told == []


def test_rows_that_repeat_are_no_groups() -> None:
    times = np.repeat(TRUE[:1500], 2)
    values = np.repeat(np.random.default_rng(1).standard_normal((3, 1500)), 2, axis=1)
    samples = Samples(times + np.arange(3000) % 2 * 0.0, values, np.arange(3000))
    assert on_an_even_clock(samples, "accelerometer", PLACE, Findings()) is samples


def test_a_stream_over_bluetooth_comes_in_without_options(tmp_path: Path) -> None:
    s = signal(60)
    stamps = 1_585_827_464_000 + np.floor(1000 * (np.ceil(s.acc_times / 0.11) * 0.11))
    stamps[1::2] += 1
    stamps = np.maximum.accumulate(stamps)
    rows = [[f"{int(t)}", *(f"{v:.6f}" for v in row)] for t, row in zip(stamps, (s.acc / G).T, strict=True)]
    (tmp_path / "stream.csv").write_text(lines("epoch,x,y,z", rows))
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
    (stream,) = found.recordings[0].streams
    assert stream.rate_hz == 50
    assert stream.n_samples == 3000
    assert found.findings["stream"].gaps == []
    np.testing.assert_allclose(stream.values, s.acc, atol=1e-4)
    given = replace(ImportOptions(accept_guess=True), rate_hz=50)
    assert read_recordings(tmp_path, given).recordings[0].streams[0].times is None
