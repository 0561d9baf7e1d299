"""Recognition while samples arrive: the same windows, the same network and the same causal smoothing as offline."""

from otolith.streaming.recogniser import Latency, Prediction, StreamingRecogniser

__all__ = ["Latency", "Prediction", "StreamingRecogniser"]
