"""One open page: its messages change the work, and it is told what came of them; everything is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from otolith.errors import OtolithError
from otolith.labelling import protocol
from otolith.labelling.protocol import Activity, Closed, Keep, Label, Next, Offset, Ping, Skip, Undo
from otolith.labelling.work import Work

CLOSE_S = 1.0
MOST_CORRECTIONS = 50


@dataclass(frozen=True)
class Limits:
    """Bounds on one page.

    Attributes:
        idle_s: seconds without a message, after which a connection is closed; an open page sends one every 20 s.
        send_s: seconds within which a page has to take a message.
        messages_hz: messages a second, on average over five.
        outbox: messages that may wait for a page.
    """

    idle_s: float = 90.0
    send_s: float = 10.0
    messages_hz: float = 40.0
    outbox: int = 100


class Room:
    """All pages that are open, on one work; `changed` lets the head learn, and tells all of them.

    Args:
        work: what they work on.
        videos: names of the videos.
    """

    def __init__(self, work: Work, videos: tuple[str, ...] = ()) -> None:
        self.work, self.videos = work, videos
        self.sessions: set[Session] = set()
        self._fitting: asyncio.Task[None] | None = None
        self._again = False

    def changed(self) -> None:
        """Tell all pages the new state, and have the head learn from it, in a thread."""
        self.tell()
        self._again = True
        if self._fitting is None or self._fitting.done():
            self._fitting = asyncio.create_task(self._learn())

    def tell(self) -> None:
        message = self.state()
        for session in self.sessions:
            session.send(message)

    def state(self) -> dict[str, Any]:
        """Return all that a page shows beside signals."""
        work = self.work
        last = work.journal.last()
        return {
            "type": "state",
            "activities": work.activities,
            "counts": work.counts(),
            "labels": sum(1 for _ in work.journal.standing("label")),
            "stretches": len(work.stretches),
            "curve": [list(point) for point in work.curve[-400:]],
            "corrections": work.learnt.corrections[:MOST_CORRECTIONS],
            "learnt_s": round(work.learnt.seconds, 3),
            "last": last and {key: last[key] for key in ("do", "recording", "start", "stop")},
            "offsets": [
                [self.videos.index(video), work.stretches.names.index(name), seconds]
                for (video, name), seconds in work.offsets().items()
                if video in self.videos and name in work.stretches.names
            ],
        }

    async def _learn(self) -> None:
        while self._again:
            self._again = False
            await asyncio.to_thread(self.work.refit)
            self.tell()


class Session:
    """Serves an accepted connection until it ends; `run` returns whatever the page does."""

    def __init__(self, socket: WebSocket, room: Room, limits: Limits) -> None:
        self.socket, self.room, self.limits = socket, room, limits
        self._outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._allowed = 5 * limits.messages_hz
        self._counted = time.monotonic()

    def send(self, message: dict[str, Any]) -> None:
        """Have a message sent; a page that does not read is closed by `_write`, and waits no more than its share."""
        if self._outbox.qsize() < self.limits.outbox:
            self._outbox.put_nowait(message)

    async def run(self) -> None:
        self.room.sessions.add(self)
        self.send(self.room.state())
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write())
                await self._converse()
                writer.cancel()
        except* Closed as several:
            await self._close(_first(several))
        except* WebSocketDisconnect:
            pass
        finally:
            self.room.sessions.discard(self)

    async def _close(self, ending: Closed) -> None:
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_S):
                # a close frame has room for 123 bytes
                await self.socket.close(ending.code, ending.reason.encode()[:120].decode("utf-8", "ignore"))

    async def _converse(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.limits.idle_s):
                    came = await self.socket.receive()
            except TimeoutError:
                raise Closed(protocol.IDLE, f"nothing came for {self.limits.idle_s:g} s; connect again") from None
            if came["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(came.get("code", 1000))
            self._count()
            message = protocol.parse(came.get("text"))
            try:
                await self._do(message)
            except OtolithError as error:
                self.send({"type": "refused", "reason": str(error)})

    async def _do(self, message: protocol.Message) -> None:
        work = self.room.work
        saved = "Saved"
        match message:
            case Ping():
                self.send({"type": "pong"})
                return
            case Next():
                self._propose()
                return
            case Label():
                work.label(message.recording, message.start, message.stop, message.activity)
            case Skip():
                work.skip(message.recording, message.start, message.stop)
            case Keep():
                work.keep(message.recording, message.start, message.stop)
            case Undo():
                saved = "Taken back" if work.undo() else "There is nothing to take back"
            case Activity():
                saved = f"Added: {work.add_activity(message.name)}"
            case Offset():
                if message.video >= len(self.room.videos):
                    raise Closed(protocol.MALFORMED, f"there is no video {message.video}")
                work.set_offset(self.room.videos[message.video], message.recording, message.seconds)
        self.send({"type": "saved", "text": saved})
        self.room.changed()

    def _propose(self) -> None:
        self.send({"type": "proposal", "proposal": self.room.work.propose()})

    def _count(self) -> None:
        now, rate = time.monotonic(), self.limits.messages_hz
        self._allowed = min(5 * rate, self._allowed + rate * (now - self._counted)) - 1
        self._counted = now
        if self._allowed < 0:
            raise Closed(protocol.CROWDED, f"more than {rate:g} messages came in a second")

    async def _write(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                async with asyncio.timeout(self.limits.send_s):
                    await self.socket.send_json(message)
            except TimeoutError:
                raise Closed(protocol.SLOW, "the page does not read what it is sent") from None
            except RuntimeError:  # closed from the other side in between
                raise WebSocketDisconnect from None


def _first(group: BaseExceptionGroup[Closed]) -> Closed:
    error = group.exceptions[0]
    return error if isinstance(error, Closed) else _first(error)
