"""A running server on loopback, and clients by hand, that read and write only when a test says so."""

from __future__ import annotations

import gc
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from otolith.live import serve

SMALL_BYTES = 8 * 1024
"""Bytes that the system may keep for a connection, few enough to be full soon."""
PATIENCE_S = 5.0
"""For what has to happen: longer than any limit here, shorter than the one of uvicorn that would do the same."""


class Running:
    """The server; a client that connects is closed with it."""

    def __init__(self, place: serve.Place, server: Any, clients: ExitStack) -> None:
        self.place, self._server, self._clients = place, server, clients

    def connect(self) -> socket.socket:
        """A connection for which the client's system keeps little, too."""
        one = self._clients.enter_context(socket.socket())
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BYTES)
        one.settimeout(PATIENCE_S)
        one.connect(("127.0.0.1", self.place.port))
        return one

    def asking(self, path: str, *lines: str, method: str = "GET") -> bytes:
        """A request with further header lines."""
        head = (f"{method} {path} HTTP/1.1", f"Host: {self.place.hosts[0]}", *lines, "", "")
        return "\r\n".join(head).encode()

    def talking(self, path: str) -> Talker:
        """A WebSocket that is open."""
        return Talker(self.connect(), self.place.hosts[0], path)

    def waiting_bytes(self) -> int:
        """Bytes that wait in the server's own memory to be taken."""
        return sum(one.transport.get_write_buffer_size() for one in tuple(self._server.server_state.connections))

    def hang_up(self) -> None:
        """Close all clients."""
        self._clients.close()

    def knows(self, n: int) -> bool:
        """Return True once the server has so many connections."""
        return happens(lambda: self.known() == n)

    def forgets_those_who_hang_up(self) -> bool:
        """Close all clients; whether nothing of their connections stays in memory, not even for a timer."""
        kept = weakref.WeakSet(one.transport for one in self._server.server_state.connections)
        assert kept
        self.hang_up()

        def gone() -> bool:
            gc.collect()
            return not kept

        return self.knows(0) and happens(gone)

    def known(self) -> int:
        return len(self._server.server_state.connections)


class Talker:
    """A WebSocket whose frames go out and come in when they are asked for."""

    def __init__(self, one: socket.socket, host: str, path: str) -> None:
        self.socket = one
        self._protocol = ClientProtocol(parse_uri(f"ws://{host}{path}"), origin=f"http://{host}")  # type: ignore[arg-type]
        self._protocol.send_request(self._protocol.connect())
        one.sendall(b"".join(self._protocol.data_to_send()))
        while not self._protocol.events_received():
            self._protocol.receive_data(one.recv(4096))
        assert self._protocol.handshake_exc is None

    def send(self, content: bytes, opcode: Opcode = Opcode.TEXT) -> None:
        self.socket.sendall(frame(content, opcode))

    def frames(self) -> Iterator[Frame]:
        """Return all that comes until the connection ends. It answers nothing by itself."""
        while came := self.socket.recv(1 << 16):
            self._protocol.receive_data(came)
            for event in self._protocol.events_received():
                assert isinstance(event, Frame)
                yield event


def frame(content: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    return Frame(opcode, content).serialize(mask=True)


def flood(one: socket.socket, what: bytes, most: int = 4_000_000) -> tuple[int, bytes]:
    """Send it again and again until nobody takes it any more, or the connection ends: how often, and what is left."""
    one.settimeout(0.1)
    for n in range(most // len(what)):
        left = what
        try:
            while left:
                left = left[one.send(left) :]
        except (TimeoutError, ConnectionError):
            return n, left
    raise AssertionError(f"{most:,} bytes were taken from a client that does not read")


def happens(what: Callable[[], bool]) -> bool:
    """Return True once it comes true."""
    end = time.monotonic() + PATIENCE_S
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def running(make: Callable[[serve.Place], Any]) -> Iterator[Running]:
    """The server of `otolith live` in a thread; `make` builds the application for its place."""
    place = serve.listen(0)
    for kind in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        place.listening.setsockopt(socket.SOL_SOCKET, kind, SMALL_BYTES)
    server = serve.server(make(place), place)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place.listening]})
    thread.start()
    try:
        assert happens(lambda: server.started)
        with ExitStack() as clients:
            yield Running(place, server, clients)
    finally:
        server.should_exit = True
        thread.join()
        place.listening.close()
