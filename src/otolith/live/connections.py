"""Connections that cannot be held open or made to hold memory by a client that is silent or does not read.

uvicorn bounds what one request or message is, but waits without end for a first request, for a client to take what it
was sent before it closes, and answers control pings whether or not their sender reads. These forms of its two
protocols do not.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ASK_S = 10.0
"""For a whole request, from the connection on."""
STALL_S = 20.0
"""Without taking anything of an answer."""
LINGER_S = 3.0
"""Between the end of a WebSocket's session and cutting it off, whether it has read the reason or not."""


class Http(H11Protocol):
    """HTTP; gives up on those who do not ask, and on those who do not take their answer."""

    _asking: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._asking = self.loop.call_later(ASK_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.scope is not None and self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def pause_writing(self) -> None:
        self.flow.pause_writing()
        self._stalled = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    def _forget(self) -> None:
        for timer in (self._asking, self._stalled):
            if timer is not None:
                timer.cancel()


class WebSocket(WebSocketsSansIOProtocol):
    """WebSockets; does not listen to those who do not read, and cuts them off once their session is over."""

    _full = False

    def pause_writing(self) -> None:
        super().pause_writing()
        # else the answers to their pings would pile up
        self._full = True
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._full = False
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    async def receive(self) -> Any:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if not self._full:
                self.transport.resume_reading()
        return message

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(LINGER_S, self.transport.abort)
