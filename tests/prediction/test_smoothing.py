"""The hidden Markov model against enumeration of every path, and what its words promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.prediction.smoothing import FOUND, Filter, HiddenMarkov, filtered, smoothed


def enumerated(model: HiddenMarkov, p: np.ndarray, flags: np.ndarray, times: np.ndarray, causal: bool) -> np.ndarray:
    """Posterior of each state by the sum over all paths, from the definition of the model alone."""
    n, s = len(p), model.n_states

    def likelihood(i: int, state: int) -> float:
        q = model.false_unknowns
        if q is None:
            value = p[i, state]
        elif state < model.n_activities:
            value = p[i, state] * (q if flags[i] else 1 - q)
        else:
            value = (FOUND if flags[i] else 1 - FOUND) / model.n_activities
        return float(value**model.share)

    def moved(i: int, a: int, b: int) -> float:
        rate = s / (s - 1) / model.dwell_s
        stays = np.exp(-rate * (times[i] - times[i - 1]))
        return float((a == b) * stays + (1 - stays) / s)

    out = np.zeros((n, s))
    for last in range(n):
        length = last + 1 if causal else n
        for path in itertools.product(range(s), repeat=length):
            weight = likelihood(0, path[0])
            for i in range(1, length):
                weight *= moved(i, path[i - 1], path[i]) * likelihood(i, path[i])
            out[last, path[last]] += weight
    return out / out.sum(1, keepdims=True)


def transition(model: HiddenMarkov, dt: float) -> np.ndarray:
    """Return the probabilities of each state (columns) `dt` seconds after each state (rows)."""
    kept = model.kept(dt)
    return kept * np.eye(model.n_states) + (1 - kept) / model.n_states


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 5),
    activities=st.integers(2, 3),
    rate=st.sampled_from([None, 0.05, 0.3]),
    share=st.sampled_from([1.0, 0.5, 0.2]),
    dwell=st.sampled_from([0.3, 2.0, 50.0]),
    seed=st.integers(0, 10_000),
)
def test_both_forms_agree_with_the_sum_over_all_paths(
    n: int, activities: int, rate: float | None, share: float, dwell: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    model = HiddenMarkov(activities, rate, share, dwell)
    p = rng.dirichlet(np.ones(activities), n)
    p = np.maximum(p, 1e-5) / np.maximum(p, 1e-5).sum(1, keepdims=True)
    flags, times = rng.random(n) < 0.4, np.cumsum(rng.uniform(0.1, 3, n))
    np.testing.assert_allclose(filtered(model, p, flags, times), enumerated(model, p, flags, times, True), atol=1e-9)
    np.testing.assert_allclose(smoothed(model, p, flags, times), enumerated(model, p, flags, times, False), atol=1e-9)


def test_time_alone_decides_not_the_number_of_steps() -> None:
    model = HiddenMarkov(3, 0.05)
    np.testing.assert_allclose(transition(model, 0.7) @ transition(model, 1.3), transition(model, 2.0), atol=1e-12)
    np.testing.assert_allclose(transition(model, 0.0), np.eye(4))


def test_the_expected_duration_is_what_was_asked_for() -> None:
    """Leaving in small steps: the chance to be elsewhere after dt is dt / dwell."""
    model = HiddenMarkov(4, None, 1.0, 8.0)
    dt = 1e-4
    assert 1 - transition(model, dt)[0, 0] == pytest.approx(dt / 8.0, rel=1e-3)


def test_a_lone_odd_window_is_no_change_and_a_lasting_one_is() -> None:
    model = HiddenMarkov(2)
    p = np.tile([0.9, 0.1], (21, 1))
    p[10] = [0.2, 0.8]
    times = 0.5 * np.arange(21)
    assert (smoothed(model, p, np.zeros(21), times).argmax(1) == 0).all()
    p[10:] = [0.2, 0.8]
    assert smoothed(model, p, np.zeros(21), times).argmax(1).tolist() == [0] * 10 + [1] * 11


def test_a_long_gap_forgets() -> None:
    steps = Filter(HiddenMarkov(2))
    for i in range(50):
        steps.step([0.99, 0.01], False, 0.5 * i)
    np.testing.assert_allclose(steps.step([0.3, 0.7], False, 10_000.0), [0.3, 0.7], atol=1e-6)


def test_flags_in_a_row_make_it_unknown_and_one_does_not() -> None:
    model = HiddenMarkov(3, 0.05, 0.5)
    p, times = np.tile([0.8, 0.1, 0.1], (31, 1)), 0.5 * np.arange(31)
    flags = np.zeros(31, bool)
    flags[15] = True
    assert (smoothed(model, p, flags, times).argmax(1) == 0).all()
    flags[10:20] = True
    assert (smoothed(model, p, flags, times).argmax(1)[11:19] == 3).all()


def test_certainty_and_long_recordings_stay_finite() -> None:
    model = HiddenMarkov(2, 0.05)
    p = np.zeros((5000, 2))
    p[:2500, 0] = p[2500:, 1] = 1.0
    out = smoothed(model, p, np.zeros(5000), 0.5 * np.arange(5000))
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out.sum(1), 1)
    assert smoothed(model, np.empty((0, 2)), [], []).shape == (0, 3)


def test_bad_wishes_are_refused() -> None:
    for dwell in (0.0, -1.0, float("nan")):
        with pytest.raises(DataError, match="duration"):
            HiddenMarkov(2, dwell_s=dwell)
