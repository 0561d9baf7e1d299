"""Recognition while samples arrive: the same windows, the same network and the same causal smoothing as offline."""

from otolith.streaming.network import Network
from otolith.streaming.recogniser import StreamingRecogniser
from otolith.streaming.values import Cut, Latency, Prediction

__all__ = ["Cut", "Latency", "Network", "Prediction", "StreamingRecogniser"]
