"""One connection, from samples to predictions: everything is bounded, and no message ends the server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.websockets import WebSocket, WebSocketDisconnect

from otolith.errors import DataError, unknown
from otolith.live import protocol
from otolith.live.batcher import Batcher
from otolith.live.keeping import Keeping
from otolith.live.protocol import Closed, Discard, Label, Ping, Replay, Samples, Start, Stop
from otolith.live.recorder import Recorder
from otolith.live.recordings import Playable
from otolith.model import Model
from otolith.streaming import StreamingRecogniser
from otolith.streaming.values import Cut

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Samples (channels, n) and their times (n,)."""


@dataclass(frozen=True)
class Limits:
    """Bounds on one client."""

    idle_s: float = 30.0
    """Seconds without samples (while a recording plays, without any message) after which a connection is closed."""
    send_s: float = 10.0
    """Seconds within which a client has to take a message."""
    inbox: int = 50
    """Messages with samples that may wait for their turn: five seconds of a phone."""
    outbox: int = 100
    """Messages that may wait for a slow client: some eight seconds of a replay."""
    messages_hz: float = 500.0
    """Messages of all kinds a second, on average over `BURST_S`: fifty times as many as the page sends."""


MOST_KEPT = 5
"""Messages that are kept for one cut, as none of them completes a window: half a second of a phone."""
BURST_S = 5.0
CLOSE_S = 1.0
"""Seconds for a client to take the reason why it is closed."""


class Outbox(asyncio.Queue[dict[str, Any]]):
    """Messages on their way to a client. A full queue loses its oldest message, which is counted."""

    dropped = 0

    def send(self, message: dict[str, Any]) -> None:
        """Append a message; it never waits."""
        if self.full():
            self.get_nowait()
            self.task_done()
            self.dropped += 1
        self.put_nowait(message)


@dataclass(eq=False)
class Session:
    """Serves an accepted connection until it ends; `run` returns whatever the client does."""

    socket: WebSocket
    model: Model
    recordings: dict[str, Playable]
    batcher: Batcher
    limits: Limits = field(default_factory=Limits)
    recorder: Recorder | None = None

    def __post_init__(self) -> None:
        self._outbox = Outbox(self.limits.outbox)
        self._keeping = Keeping(self.recorder, self._outbox.send)
        self._inbox: asyncio.Queue[tuple[float, list[Samples]] | None] = asyncio.Queue()
        self._kept: list[Samples] = []
        self._waiting = 0
        self._dropped = 0
        self._mode: Start | Replay | None = None
        self._recogniser: StreamingRecogniser | None = None
        self._heard = self._counted = time.monotonic()
        self._allowed = BURST_S * self.limits.messages_hz

    async def run(self) -> None:
        ending, gone = Closed(1000, ""), False
        broken: BaseExceptionGroup[Exception] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write())
                watch = group.create_task(self._watch_idle())
                await self._converse(group)
                await self._outbox.join()
                for task in (writer, watch):
                    task.cancel()
        except* Closed as several:
            ending = _first(several)
        except* WebSocketDisconnect:
            gone = True
        except* Exception as several:
            broken, ending = several, Closed(protocol.BROKEN, "the server failed; its terminal says how. Connect again")
        finally:
            await self._keeping.end()
        if not gone:
            await self._close(ending.code, ending.reason)
        if broken is not None:
            raise broken

    async def _close(self, code: int, reason: str) -> None:
        """Send the reason, and close, but do not wait for a client that does not read."""
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_S):
                if code != 1000 and code != protocol.SLOW:
                    await self.socket.send_json({"type": "error", "code": code, "reason": reason})
                # a close frame has room for 123 bytes
                await self.socket.close(code, reason.encode()[:120].decode("utf-8", "ignore"))

    async def _converse(self, group: asyncio.TaskGroup) -> None:
        worker: asyncio.Task[None] | None = None
        while True:
            text = await self._receive()
            self._count()
            message = protocol.parse(text)
            await asyncio.sleep(0)  # many messages at once do not keep the other clients waiting
            playing = isinstance(self._mode, Replay) and worker is not None and not worker.done()
            if playing or not isinstance(message, Ping):
                self._heard = time.monotonic()
            if isinstance(message, Ping):
                self._send_counts({"type": "pong", "sent": message.sent})
                continue
            if isinstance(message, Start | Replay):
                if self._mode is not None:
                    raise Closed(protocol.MALFORMED, "this connection has started already; open another one")
                self._mode = message
                if isinstance(message, Start) and message.record is not None:
                    await self._keeping.begin(message, message.record, group)
                worker = group.create_task(self._begin(message))
            elif self._mode is None:
                raise Closed(
                    protocol.MALFORMED, f"{message.type!r} came before 'start' or 'replay'; send one of those first"
                )
            elif isinstance(message, Stop):
                break
            elif isinstance(self._mode, Replay):
                raise Closed(protocol.MALFORMED, "samples came during a replay; open another connection for them")
            elif isinstance(message, Label):
                self._keeping.label(message)
            elif isinstance(message, Discard):
                await self._keeping.discard()
            else:
                self._take(message)
        assert worker is not None
        if isinstance(self._mode, Replay):
            if not worker.done():
                worker.cancel()
                self._send_counts({"type": "end"})
        else:
            await self._keeping.end()
            self._pass_on()
            self._inbox.put_nowait(None)
            await worker

    async def _receive(self) -> str | bytes:
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text: str | bytes | None = message.get("text")
        if text is None:
            raise Closed(protocol.MALFORMED, "the message is binary; send JSON as text")
        return text

    def _count(self) -> None:
        """Refuse more messages than `messages_hz` on average, and `BURST_S` of them at once."""
        now, rate = time.monotonic(), self.limits.messages_hz
        self._allowed = min(BURST_S * rate, self._allowed + rate * (now - self._counted)) - 1
        self._counted = now
        if self._allowed < 0:
            raise Closed(protocol.CROWDED, f"more than {rate:g} messages came in a second; send more samples in each")

    async def _watch_idle(self) -> None:
        while True:
            left = self._heard + self.limits.idle_s - time.monotonic()
            if left <= 0:
                raise Closed(protocol.IDLE, f"nothing came for {self.limits.idle_s:g} s; connect again to go on")
            await asyncio.sleep(left)

    async def _write(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                async with asyncio.timeout(self.limits.send_s):
                    await self.socket.send_json(message)
            except TimeoutError:
                raise Closed(protocol.SLOW, "the client does not read the messages that it is sent") from None
            except RuntimeError:  # closed from the other side in between
                raise WebSocketDisconnect from None
            self._outbox.task_done()

    def _take(self, message: Samples) -> None:
        assert isinstance(self._mode, Start)
        if len(message.x) != len(self._mode.channels):
            raise Closed(
                protocol.MALFORMED,
                f"x has {len(message.x)} rows for {len(self._mode.channels)} channels; send one row for each",
            )
        protocol.refuse_sparse(message.t, self._mode.rate_hz)
        self._keeping.add(message)
        if self._waiting >= self.limits.inbox:
            self._dropped += len(message.t)
            return
        self._kept.append(message)
        due_s = -np.inf if self._recogniser is None else self._recogniser.due_s
        if message.t[-1] >= due_s or len(self._kept) >= MOST_KEPT or not _increase(self._kept[-2:]):
            self._pass_on()

    def _pass_on(self) -> None:
        """Hand the samples on that came since the last time: none of them but the last ones completes a window."""
        if self._kept:
            self._waiting += len(self._kept)
            self._inbox.put_nowait((time.monotonic(), self._kept))
            self._kept = []

    async def _begin(self, mode: Start | Replay) -> None:
        try:
            if isinstance(mode, Start):
                self._recogniser = StreamingRecogniser(self.model, mode.rate_hz, channels=mode.channels)
                self._outbox.send(protocol.ready(mode.channels, mode.rate_hz))
                await self._recognise(self._recogniser)
            else:
                await self._play(mode)
        except DataError as error:
            raise Closed(protocol.REFUSED, str(error)) from None

    async def _recognise(self, recogniser: StreamingRecogniser) -> None:
        while (item := await self._inbox.get()) is not None:
            came, messages = item
            self._waiting -= len(messages)
            await self._predict(recogniser, recogniser.cut(*_joined(messages)), time.monotonic() - came)
        await self._finish(recogniser)

    async def _play(self, mode: Replay) -> None:
        if mode.recording not in self.recordings:
            raise DataError(unknown("recording", mode.recording, self.recordings))
        recording = self.recordings[mode.recording]
        recogniser = StreamingRecogniser(self.model, recording.rate_hz, channels=recording.channels)
        self._outbox.send(protocol.ready(recording.channels, recording.rate_hz))
        began = time.monotonic()
        for times, values in recording.pieces():
            # a piece exists once its last sample is taken
            await asyncio.sleep(max(0.0, began + float(times[-1]) / mode.speed - time.monotonic()))
            rows = np.round(values, 4) if mode.recognise else values
            self._outbox.send(protocol.signals(times.tolist(), rows.tolist()))
            if mode.recognise:
                await self._predict(recogniser, recogniser.cut(values, times), 0.0)
        if mode.recognise:
            await self._finish(recogniser)
        else:
            self._send_counts({"type": "end"})

    async def _predict(self, recogniser: StreamingRecogniser, cut: Cut | None, queued_s: float) -> None:
        """Send the predictions of cut windows. Cutting took little time; the shared network computes in a thread."""
        if cut is None:
            return
        done = await self.batcher.compute(cut.x)
        for found in recogniser.predict(cut, done.out, done.compute_s):
            self._outbox.send(protocol.prediction(found, queued_s + done.queued_s))

    async def _finish(self, recogniser: StreamingRecogniser) -> None:
        await self._predict(recogniser, recogniser.cut_rest(), 0.0)
        self._send_counts({"type": "end"})

    def _send_counts(self, message: dict[str, Any]) -> None:
        """Send a message that tells how much was lost, with the message that it displaces itself."""
        self._outbox.send(message)
        message |= {"dropped_samples": self._dropped, "dropped_messages": self._outbox.dropped}


def _increase(messages: Sequence[Samples]) -> bool:
    times = [time for message in messages for time in message.t]
    return all(earlier < later for earlier, later in pairwise(times))


def _joined(messages: Sequence[Samples]) -> Arrays:
    values = [np.array(message.x) for message in messages]
    times = [time for message in messages for time in message.t]
    return np.concatenate(values, 1), np.array(times)


def _first(group: BaseExceptionGroup[Closed]) -> Closed:
    error = group.exceptions[0]
    return error if isinstance(error, Closed) else _first(error)
