"""Messages of one simulated phone, and the streaming recogniser's answers to the same samples offline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otolith.model import Model
from otolith.prediction.matching import expects_gravity
from otolith.recording import STANDARD_GRAVITY
from otolith.streaming import Prediction, StreamingRecogniser
from otolith.streaming.network import Network

EVERY_S = 0.1
"""Seconds between two messages of a phone."""


@dataclass(frozen=True, eq=False)
class Script:
    """Messages of one phone: samples (channels, n) at `times` (n,) in pieces, each with its text."""

    start: str
    texts: tuple[str, ...]
    pieces: tuple[slice, ...]
    values: NDArray[np.float64]
    times: NDArray[np.float64]
    rate_hz: float

    @property
    def due_s(self) -> list[float]:
        """Seconds from the beginning at which each message is sent: once its last sample is taken."""
        return [float(self.times[piece.stop - 1]) for piece in self.pieces]


def signal(model: Model, n: int, rate_hz: float, seed: int) -> NDArray[np.float64]:
    """(channels, n) that the model does not refuse: movements that change every few seconds, noise, and gravity."""
    rng = np.random.default_rng(seed)
    meta, scaler = model.meta, model.encoder.scaler
    time = np.arange(n) / rate_hz
    pace_hz = rng.uniform(0.5, 3.0, 1 + int(time[-1] / 4))[(time / 4).astype(int)]
    phase = 2 * np.pi * np.cumsum(pace_hz) / rate_hz
    shift, share = rng.uniform(0, 2 * np.pi, (2, len(meta.channels), 1))
    waves = (share / np.pi) * np.sin(phase + shift) + rng.normal(0, 0.3, (len(meta.channels), n))
    values = waves * np.minimum(scaler.std, 5.0)[:, None]
    if expects_gravity(meta, scaler) is not False and "acc_z" in meta.channels:
        values[meta.channels.index("acc_z")] += STANDARD_GRAVITY
    return np.asarray(np.round(values, 4), np.float64)


def script(model: Model, seconds: float, rate_hz: float, seed: int) -> Script:
    """A phone's messages, ten a second, for `seconds`; its clock is uneven, as phones' clocks are."""
    n = max(2, round(seconds * rate_hz))
    rng = np.random.default_rng([seed, 1])
    times = np.round((np.arange(n) + rng.uniform(-0.2, 0.2, n) + 1) / rate_hz, 6)
    values = signal(model, n, rate_hz, seed)
    each = max(1, round(EVERY_S * rate_hz))
    pieces = tuple(slice(at, min(at + each, n)) for at in range(0, n, each))
    texts = tuple(_text(type="samples", t=times[piece].tolist(), x=values[:, piece].tolist()) for piece in pieces)
    begin = _text(type="start", channels=list(model.meta.channels), rate_hz=rate_hz)
    return Script(begin, texts, pieces, values, times, rate_hz)


@dataclass(frozen=True, eq=False)
class Answers:
    """Predictions in order, and the number of the message that completes each (that of the stop for the last ones)."""

    predictions: Sequence[Prediction]
    completed_by: Sequence[int]


def answers(model: Model, network: Network, said: Script) -> Answers:
    """Return the recogniser's answers to these messages offline, all windows in one pass."""
    recogniser = StreamingRecogniser(model, said.rate_hz)
    cuts = [recogniser.cut(said.values[:, piece], said.times[piece]) for piece in said.pieces]
    cuts.append(recogniser.cut_rest())
    made = [(i, cut) for i, cut in enumerate(cuts) if cut is not None]
    if not made:
        return Answers((), ())
    out, predictions, by, at = network(np.concatenate([cut.x for _, cut in made])), [], [], 0
    for i, cut in made:
        told = recogniser.predict(cut, out[at : at + len(cut.x)], 0.0)
        at += len(cut.x)
        predictions += told
        by += [i] * len(told)
    return Answers(predictions, by)


def _text(**message: object) -> str:
    return json.dumps({"v": 1} | message)
