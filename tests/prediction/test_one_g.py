"""Accelerometers with a wrong zero and scale, which still moments in all directions give away."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.prediction import one_g
from otolith.prediction.epochs import epochs_of
from otolith.prediction.seen import levelled
from otolith.recording import Recording, Stream

G = 9.80665
ACC = ("acc_x", "acc_y", "acc_z")
OFFSET, SCALE = np.array([0.4, -0.2, 0.1]), np.array([1.03, 0.98, 1.01])


def recording(n: int = 60, spread: bool = True, offset: np.ndarray = OFFSET, scale: np.ndarray = SCALE) -> Recording:
    """Postures of ten seconds each, as a sensor with this zero and scale sees them, and some movement."""
    rng = np.random.default_rng(0)
    towards = rng.normal(0, 1, (n, 3)) if spread else rng.normal([0, 0, 5], 0.5, (n, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    x = np.repeat(G * towards.T, 200, axis=1)
    x = np.hstack([x, rng.normal(0, 4, (3, 400))])
    seen = x / scale[:, None] - offset[:, None] + rng.normal(0, 0.02, x.shape)
    return Recording("r", 1, (Stream(ACC, seen, 20.0), Stream(("gyro_x",), np.zeros((1, 10)), 20.0)))


def test_zero_and_scale_are_found() -> None:
    found = one_g.fit(epochs_of(recording()))
    assert found.why_not == ""
    np.testing.assert_allclose(found.offset, OFFSET, atol=0.02)
    np.testing.assert_allclose(found.scale, SCALE, atol=0.003)
    assert (found.before_mg or 0) > 20
    assert (found.after_mg or 99) < 2
    assert "zero x +4" in found.told()


def test_what_was_given_is_changed_in_a_copy() -> None:
    given = recording()
    before = given.streams[0].values.copy()
    changed, found = levelled(given, "included")
    np.testing.assert_array_equal(given.streams[0].values, before)
    assert changed.streams[1] is given.streams[1]
    still = epochs_of(changed)
    length = np.linalg.norm(still.mean[:100], axis=1)
    assert np.abs(length - G).mean() < 0.03
    assert found.after_mg == pytest.approx(1000 * np.abs(length - G).mean() / G, rel=0.3)


def test_where_still_moments_do_not_decide_nothing_changes() -> None:
    few = one_g.fit(epochs_of(recording(10)))
    assert "min are needed" in few.told()
    flat = one_g.fit(epochs_of(recording(spread=False)))
    assert "too few directions" in flat.why_not
    assert flat.before_mg is not None
    given = recording(spread=False)
    assert one_g.applied(given, flat) is given
    removed, why = levelled(given, "removed")
    assert removed is given
    assert "gravity is not in the signal" in why.told()
    right = one_g.fit(epochs_of(recording(offset=np.zeros(3), scale=np.ones(3))))
    assert np.abs(right.offset).max() < 0.02


def test_nothing_to_look_at() -> None:
    assert one_g.fit(epochs_of(Recording("r", 1, ()))).why_not
