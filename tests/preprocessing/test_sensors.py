"""Scalers of sensors: fitted, or leaving samples as they are."""

from __future__ import annotations

from otolith import splits
from otolith.preprocessing.sensors import SensorSettings, fit_scaler
from tests.helpers import tiny


def test_a_scaler_that_leaves_samples_as_they_are() -> None:
    w = tiny.windows()
    settings = SensorSettings(frame="gravity", may_miss=("gyro",))
    split = splits.holdout(w, 0)
    fitted, plain = (fit_scaler(w, split, settings, scaled=scaled) for scaled in (True, False))
    assert (plain.mean.tolist(), plain.std.tolist()) == (fitted.mean.tolist(), fitted.std.tolist())
    assert (fitted.applied, plain.applied) == (True, False)
    assert (plain.turned, plain.may_miss) == (fitted.turned, fitted.may_miss)
