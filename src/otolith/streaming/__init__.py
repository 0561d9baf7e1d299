"""Recognition while samples arrive, in bounded memory.

`StreamingRecogniser` brings the samples of each `sensor` onto one clock piece by piece (`grid`), cuts the windows that
offline prediction would cut, puts them through the same network and smooths them by the causal half of the same hidden
Markov model, so that its predictions are those of `otolith predict --smoothing causal`. Those who serve many streams
cut windows with it and put those of all streams through one `Network`.
"""

from otolith.streaming.recogniser import StreamingRecogniser
from otolith.streaming.values import Latency, Prediction

__all__ = ["Latency", "Prediction", "StreamingRecogniser"]
