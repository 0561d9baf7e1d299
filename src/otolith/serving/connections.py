"""Connections that cannot be held open or made to hold memory by a client that is silent or does not read.

uvicorn bounds the size of a request or message, but it waits without end for a first request, for the rest of a later
one and for a client to take its answer before a close, and it answers control pings whether or not their sender reads.
These forms of its two protocols do not.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ASK_S = 10.0
"""Seconds for a whole request, from the connection on or from the first byte since the last answer."""
STALL_S = 20.0
"""Seconds for taking the bytes that wait in this process to be sent, some 64 KiB at most."""
LINGER_S = 3.0
"""Seconds from the end of a WebSocket's session to cutting it off, whether the client has read the reason or not."""


class _Impatient(asyncio.Protocol):
    """Cuts off clients that do not take the bytes that they are sent."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _stalled: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken()

    def connection_lost(self, exc: Exception | None) -> None:
        self._taken()
        super().connection_lost(exc)

    def _taken(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()


class Http(_Impatient, H11Protocol):
    """HTTP; gives up on clients that do not ask, and on clients that do not take their answer."""

    _asking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.scheme == "http":
            # a closed transport waits until its last byte is taken; TLS does so for half a minute
            transport.set_write_buffer_limits(high=0)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asked()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._asked()
        elif self in self.connections:  # still HTTP, and the request is not whole
            self._await_request()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._asked()
        if self.flow.write_paused:  # the answer before was not taken, which a WebSocket would not notice
            self.transport.abort()
        else:
            super().handle_websocket_upgrade(event)

    def _await_request(self) -> None:
        if self._asking is None:
            self._asking = self.loop.call_later(ASK_S, self.transport.abort)

    def _asked(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None


class WebSocket(_Impatient, WebSocketsSansIOProtocol):
    """WebSockets; does not listen to clients that do not read, and cuts them off once their session is over."""

    _full = False

    def pause_writing(self) -> None:
        super().pause_writing()
        # otherwise the answers to its pings would pile up
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
