"""The streaming recogniser, from samples to predictions in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from otolith.calibration.network import assessed
from otolith.errors import DataError, unknown
from otolith.model import Model
from otolith.prediction.matching import refuse_missing
from otolith.prediction.run import hidden_markov
from otolith.prediction.smoothing import DWELL_S, Filter
from otolith.prediction.timeline import decide, state_names
from otolith.preprocessing.sensors import usable
from otolith.recording import sensors_of
from otolith.streaming.beginning import Beginning
from otolith.streaming.grid import Grid, Piece
from otolith.streaming.network import Network
from otolith.streaming.sensor import Sensor, called, numbers
from otolith.streaming.values import Cut, Latency, Prediction
from otolith.windows import resample
from otolith.windows.resampling import refuse_rate

MAX_LAG_S = 30.0
"""Seconds that a sensor may be behind another one before its silence counts as a gap."""


class StreamingRecogniser:
    """Recognises activities while samples arrive.

    Windows, probabilities (to 1e-6) and smoothed states are those that `predict_recordings` with smoothing "causal"
    gives for the whole recording, whatever the pieces in which it is pushed. Windows are resampled one by one, so that
    a prediction waits for the window's last sample alone or, where sensors have to be brought onto one clock, for the
    first sample of each sensor at or after the window's end.

    Args:
        model: a loaded model.
        rate_hz: nominal rate of the samples in Hz, or {sensor: rate}.
        channels: names of the rows that `push` takes; None: the channels of the model.
        sensors: instead of `channels`, several streams with clocks of their own,
            {"acc": ("acc_x", "acc_y", "acc_z"), "gyro": (...)}.
        smoothing: "causal" or "none".
        dwell_s: expected seconds that an activity lasts; see `otolith.prediction.smoothing`.
        start_s: time in seconds of the first sample of sensors without time stamps.
        max_lag_s: seconds that a sensor may be behind another one; it bounds the memory.

    Raises:
        DataError: a channel is missing or named twice, a rate is too low for the model, or an unknown smoothing.

    >>> import otolith
    >>> from otolith.finetuning.settings import FinetuneSettings
    >>> x = np.random.default_rng(0).normal(size=(60, 6, 50)) + [[0], [0], [9.8], [0], [0], [0]]
    >>> w = otolith.Windows.from_arrays(x, np.arange(60) % 2, np.arange(60) // 6, rate_hz=50)
    >>> split = otolith.splits.holdout(w, 0)
    >>> encoder = otolith.pretrain(w, split, method="random")
    >>> model = otolith.finetune(encoder, w, split, settings=FinetuneSettings(epochs=2))
    >>> stream = StreamingRecogniser(model, rate_hz=50)
    >>> found = [each for samples in x[:3] for each in stream.push(samples)]  # a second of samples at a time
    >>> [each.start_s for each in found]
    [0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        model: Model,
        rate_hz: float | Mapping[str, float],
        *,
        channels: Sequence[str] | None = None,
        sensors: Mapping[str, Sequence[str]] | None = None,
        smoothing: str = "causal",
        dwell_s: float = DWELL_S,
        start_s: float = 0.0,
        max_lag_s: float = MAX_LAG_S,
    ) -> None:
        if smoothing not in ("causal", "none"):
            raise DataError(unknown("smoothing of a stream", smoothing, ("causal", "none")))
        if sensors is not None and channels is not None:
            raise DataError(
                "both channels and sensors were given; give channels for one stream, or sensors for several"
            )
        given = {"": tuple(channels or model.meta.channels)} if sensors is None else dict(sensors)
        self.model, self.meta = model, model.meta
        self.states = state_names(model.activities, model.calibration is not None)
        self._layout = {name: tuple(rows) for name, rows in given.items()}
        names = [channel for rows in self._layout.values() for channel in rows]
        if len(set(names)) < len(names):
            raise DataError(f"a channel is named twice among {', '.join(names)}; name each channel once")
        self._channels = usable(tuple(names), self.meta, model.encoder.scaler)
        refuse_missing(names, self._channels, "the stream")
        self.without = tuple(s for s in sensors_of(self.meta.channels) if s not in sensors_of(self._channels))
        self._rates = {}
        for name, rows in self._layout.items():
            if isinstance(rate_hz, Mapping) and name not in rate_hz:
                raise DataError(f"rate_hz: {unknown('sensor', name, rate_hz)}")
            rate = float(rate_hz[name] if isinstance(rate_hz, Mapping) else rate_hz)
            refuse_rate(rate, self.meta.rate_hz, f"the stream of {', '.join(rows)}", "the model expects")
            self._rates[name] = rate
        self._smoothing, self._dwell_s = smoothing, dwell_s
        self._start_s, self._max_lag_s = start_s, max_lag_s
        self._network = Network(model)
        self._waits: deque[float] = deque(maxlen=200)
        self._costs: deque[float] = deque(maxlen=200)
        self.reset()

    def reset(self) -> None:
        """Forget all samples: the next one is the first of a new recording."""
        used = {name: rows for name, rows in self._layout.items() if set(self._channels) & set(rows)}
        self._sensors = {n: Sensor(n, rows, self._rates[n], self._start_s) for n, rows in used.items()}
        self._grid = Grid(list(self._sensors.values()), self._max_lag_s)
        rows = [channel for sensor in self._sensors.values() for channel in sensor.channels]
        self._order = [rows.index(channel) for channel in self._channels]
        self._filter = Filter(hidden_markov(self.model, self._dwell_s)) if self._smoothing == "causal" else None
        self._buffer = np.empty((len(self._order), 0))
        self._begin_s, self._at, self._next = 0.0, 0, 0
        self._beginning = Beginning(
            self._channels, self.meta, self.model.encoder.scaler, self._grid.rate_hz, "the stream"
        )
        self._finished = False

    @property
    def latency(self) -> Latency:
        """The parts of the delay so far."""
        seconds, hop = self.meta.seconds, self.meta.seconds * (1 - self.meta.overlap)
        middle = [float(np.median(values)) if values else float("nan") for values in (self._waits, self._costs)]
        return Latency(seconds, hop, *middle)

    @property
    def due_s(self) -> float:
        """The time before which no sample completes a window; minus infinity at first and with several clocks."""
        rate = self._grid.rate_hz
        if [sensor.timed for sensor in self._sensors.values()] != [True] or not self._beginning.over:
            return -np.inf
        first = round(self._next * self.meta.seconds * (1 - self.meta.overlap) * rate)
        return self._begin_s + (first + round(self.meta.seconds * rate) - 1.01) / rate

    def push(self, samples: ArrayLike, times: ArrayLike | None = None, sensor: str = "") -> list[Prediction]:
        """Take further samples, and return a prediction for each window that they complete, in order.

        Args:
            samples: (channels, n) in m/s² and rad/s, or (channels,) for one sample.
            times: (n,) seconds, or a number for one sample; None where the sensor keeps its rate exactly. A sensor
                has them at every push or at none.
            sensor: name of the sensor, where there are several.

        Raises:
            DataError: samples or times that cannot be used (names the argument and the sensor), or a beginning whose
                gravity or units contradict the model: those of the first window's length, before it is answered, and
                those of the first ten seconds.
        """
        return self._predict(self.cut(samples, times, sensor))

    def _unknown(self, sensor: object) -> str:
        names = [name for name in self._layout if name]
        if not names:
            return f"unknown sensor {sensor!r}: this stream has one without a name; leave the argument sensor out"
        if sensor == "":
            return f"push was called without sensor; name the one that the samples are of: {', '.join(names)}"
        return f"argument sensor: {unknown('sensor', sensor, names)}"

    def finish(self) -> list[Prediction]:
        """End the recording, and return predictions of the windows that waited for a last sample.

        Raises:
            DataError: a recording shorter than what `push` checks contradicts the model's gravity.
        """
        return self._predict(self.cut_rest())

    def cut(self, samples: ArrayLike, times: ArrayLike | None = None, sensor: str = "") -> Cut | None:
        """Take further samples as `push` does, and return the windows that they complete, None for none.

        It is the first half of `push`, for windows of several streams that go through one `Network`: give `predict` its
        outputs for everything that was cut, in this order.

        Raises:
            DataError: as `push`.
        """
        began = time.perf_counter()
        if self._finished:
            raise DataError("the stream is finished, and more samples came; call reset() to begin another recording")
        if not isinstance(sensor, str) or sensor not in self._layout:
            raise DataError(self._unknown(sensor))
        values = numbers(samples, "samples", sensor)
        stamps = None if times is None else np.atleast_1d(numbers(times, "times", sensor))
        if values.ndim == 1:
            values = values[:, None]
        if sensor not in self._sensors:
            return None  # the model reads none of its channels
        if stamps is not None and stamps.ndim == 1 and len(stamps) and stamps[0] < self._grid.horizon:
            raise DataError(
                f"times: {called(sensor)} is more than {self._max_lag_s:g} s behind: its sample of {stamps[0]} s comes "
                "too late. Push the sensors in turn, or allow a larger max_lag_s."
            )
        self._sensors[sensor].push(values, stamps)
        return self._cut(list(self._grid.advance()), began)

    def cut_rest(self) -> Cut | None:
        """End the recording as `finish` does, and return the windows that waited for a last sample, None for none.

        Raises:
            DataError: as `finish`.
        """
        began = time.perf_counter()
        self._finished = True
        if not self._beginning.over:
            self._beginning.end()
        return self._cut(list(self._grid.finish()), began)

    def _cut(self, pieces: list[Piece], began: float) -> Cut | None:
        windows: list[NDArray[np.float32]] = []
        starts: list[float] = []
        for piece in pieces:
            self._take(piece, windows, starts)
        if not windows:
            return None
        x = self._whole(np.concatenate(windows))
        # the newest time that all sensors have reached
        newest = min(s.last for s in self._sensors.values() if s.last is not None)
        return Cut(x, tuple(starts), newest, time.perf_counter() - began)

    def _predict(self, cut: Cut | None) -> list[Prediction]:
        if cut is None:
            return []
        began = time.perf_counter()
        out = self._network(cut.x)
        return self.predict(cut, out, time.perf_counter() - began)

    def predict(self, cut: Cut, out: NDArray[np.float32], compute_s: float) -> list[Prediction]:
        """Return predictions of cut windows, from the outputs of a `Network`, which took `compute_s` seconds."""
        began = time.perf_counter()
        found = assessed(out, self.model.calibration)
        flags = found.unknown
        belief = None
        if self._filter is not None:
            triples = zip(found.probabilities, flags, cut.start_s, strict=True)
            belief = np.array([self._filter.step(p, bool(flag), start) for p, flag, start in triples])
        state, probability = decide(self.states, found.probabilities, flags, belief)
        cost = (cut.cut_s + compute_s + time.perf_counter() - began) / len(cut.start_s)
        self._costs.append(cost)
        made = []
        for i, start in enumerate(cut.start_s):
            stop = start + self.meta.seconds
            self._waits.append(max(0.0, cut.newest_s - stop))
            name, p, flag = self.states[state[i]], found.probabilities[i], bool(flags[i])
            score = None if found.score is None else float(found.score[i])
            smooth = None if belief is None else belief[i]
            made.append(
                Prediction(start, stop, name, float(probability[i]), p, score, flag, smooth, self._waits[-1], cost)
            )
        return made

    def _take(self, piece: Piece, windows: list[NDArray[np.float32]], starts: list[float]) -> None:
        """Cut the windows that a piece completes, by the rule of `otolith.windows.cutting`."""
        if piece.new:
            self._begin_s, self._at, self._next = piece.start_s, 0, 0
            self._buffer = np.empty((len(self._order), 0))
        self._buffer = np.concatenate([self._buffer, piece.values[self._order]], 1)
        self._beginning.look(piece.values[self._order])
        rate = self._grid.rate_hz
        length = round(self.meta.seconds * rate)
        hop_s = self.meta.seconds * (1 - self.meta.overlap)
        end = self._at + self._buffer.shape[1]
        k = np.arange(self._next, max(self._next, int((end - length) / (hop_s * rate)) + 2))
        first = np.rint(k * hop_s * rate).astype(np.int64)
        first = first[first + length <= end]
        if len(first):
            view = sliding_window_view(self._buffer, length, axis=1)[:, first - self._at]
            windows.append(resample(view, self.meta.n_steps).transpose(1, 0, 2).astype(np.float32))
            starts.extend((self._begin_s + first / rate).tolist())
            self._next += len(first)
        needed = int(np.rint(self._next * hop_s * rate))
        drop = min(max(0, needed - self._at), self._buffer.shape[1])
        self._buffer, self._at = self._buffer[:, drop:].copy(), self._at + drop

    def _whole(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return windows with the channels of missing sensors, which are NaN."""
        if not self.without:
            return x
        whole = np.full((len(x), len(self.meta.channels), x.shape[2]), np.nan, np.float32)
        whole[:, [self.meta.channels.index(channel) for channel in self._channels]] = x
        return whole
