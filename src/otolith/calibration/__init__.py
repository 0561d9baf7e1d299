"""Calibrated probabilities and the state "unknown", as functions of features and logits.

`fit_calibration` takes features and logits of validation windows, never of test windows, and fits a temperature for the
logits (Guo et al. 2017) and a threshold on a novelty score (`scores`), above which a window is called unknown.
`Calibration` holds the result, and `RecognitionNet` applies it behind an encoder and its head, so that offline
prediction, streaming and export compute the same. `otolith.calibrate` does all of it for a model and a split.
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
