"""Prediction of whole recordings, with windows cut exactly as in training.

`open_sources` opens data sets, folders and exports, `matching` refuses recordings that a model cannot be used on,
`predict_recordings` turns one recording after the other into a `Timeline`, which a hidden Markov model smooths
(`smoothing`), and `folder` writes timelines as tables, pictures and one page.
"""

from otolith.prediction.matching import fitting
from otolith.prediction.run import Predicted, predict_recordings
from otolith.prediction.sources import Opened, open_sources
from otolith.prediction.timeline import UNKNOWN, Interval, Timeline

__all__ = [
    "UNKNOWN",
    "Interval",
    "Opened",
    "Predicted",
    "Timeline",
    "fitting",
    "open_sources",
    "predict_recordings",
]
