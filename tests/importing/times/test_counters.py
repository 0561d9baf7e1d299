"""Counters that begin again: which jumps are the end of their range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.importing.times.counters import PERIODS, SHORT_BITS, begun_again, unwrapped


@given(
    st.sampled_from([16, 24, 32]),
    st.booleans(),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
    st.integers(50, 300),
)
def test_a_counter_goes_on_where_it_began_again(bits: int, signed: bool, step: int, first: int, n: int) -> None:
    low = -(2 ** (bits - 1)) if signed else 0
    true = first % 2**bits + step * np.arange(n)
    counted = (true + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) if signed else true % 2**bits
    found, told, rows = unwrapped(counted.astype(float))
    wraps = np.flatnonzero(np.diff(counted) < 0) + 1
    if not len(wraps) or (signed and counted.min() >= 0):
        return
    smallest = next(each for each in (16, 24, 32) if (counted.min() >= 0 or each) and 2**each > np.ptp(counted))
    assert low <= counted.min()
    if smallest == bits:
        assert (told, rows.tolist()) == (bits, wraps.tolist())
        assert np.diff(found).tolist() == [step] * (n - 1)


@pytest.mark.parametrize(
    "values",
    [
        [0.0, 1.0, 2.0],
        [5.0, 6.0, 0.0, 1.0],  # begun anew
        [40_000.0, 40_001.0, 10.0, 11.0],  # not at the end of 16 bits
        [65_535.0, 65_536.0, 65_537.0, 0.0],  # beyond 16 bits
        [3.0, 2.0, 1.0],
        [np.nan, np.nan],
    ],
)
def test_other_jumps_are_left_alone(values: list[float]) -> None:
    found, bits, rows = unwrapped(np.array(values))
    np.testing.assert_array_equal(found, values)
    assert (bits, rows.tolist()) == (None, [])


def test_missing_values_and_lost_samples() -> None:
    found, bits, rows = unwrapped(np.array([65_530.0, np.nan, 65_534.0, 2.0, np.nan, 6.0, 10.0]))
    assert bits == 16
    assert rows.tolist() == [3]
    np.testing.assert_array_equal(found, [65_530, np.nan, 65_534, 65_538, np.nan, 65_542, 65_546])


@pytest.mark.parametrize("period", [*PERIODS, *(2**bits for bits in SHORT_BITS)])
def test_a_counter_of_a_whole_time_or_few_bits_goes_on(period: int) -> None:
    step = period / 100
    true = period / 2 + step * np.arange(320)
    found, what, rows = begun_again(np.append(np.nan, true % period))
    assert what.startswith("a counter of")
    assert rows.tolist() == [51, 151, 251]
    np.testing.assert_allclose(found[1:], true)


def test_few_bits_that_begin_elsewhere_each_time_go_on() -> None:
    true = 20.0 * np.arange(500)
    found, what, rows = begun_again((true % 1024).astype(np.float64))
    assert (what, len(rows)) == ("a counter of 10 bits", 9)
    np.testing.assert_array_equal(found, true)


@pytest.mark.parametrize(
    "values",
    [
        20.0 * (np.arange(1500) % 500),  # recordings of 10 s each, or a counter of 10 s: they look the same
        0.02 * (np.arange(3000) % 1500),  # 30 s
        50 + 0.02 * (np.arange(1000) % 500),
        np.concatenate([50 + 0.02 * np.arange(490), 0.02 * np.arange(500)]),  # ends before the minute
        np.concatenate([np.arange(50.0, 60.0, 0.02), np.arange(0.0, 60.0, 0.02), np.arange(0.0, 40.0, 0.02), [0.0]]),
    ],
)
def test_rounds_that_need_not_be_of_one_counter_stay_apart(values: np.ndarray) -> None:
    found, what, _ = begun_again(values)
    assert (what, found is values) == ("", True)
