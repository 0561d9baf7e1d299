"""From recordings to timelines: what a model says of whole recordings, windows cut exactly as in training."""

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
