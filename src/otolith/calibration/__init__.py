"""Probabilities that mean what they say, and an honest "unknown".

A model is calibrated on validation windows, never on test windows: a temperature for its logits (Guo et al. 2017), and
a threshold on how foreign a window looks, above which it is called unknown (`scores`).
"""

from otolith.calibration.fit import FALSE_UNKNOWNS, MIN_WINDOWS, fit_calibration, fit_temperature
from otolith.calibration.network import Assessed, RecognitionNet
from otolith.calibration.scores import DEFAULT, names
from otolith.calibration.value import Calibration

__all__ = [
    "DEFAULT",
    "FALSE_UNKNOWNS",
    "MIN_WINDOWS",
    "Assessed",
    "Calibration",
    "RecognitionNet",
    "fit_calibration",
    "fit_temperature",
    "names",
]
