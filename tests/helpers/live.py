"""A running server of `otolith live` on loopback, clients that talk to it over real sockets, and signals for it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from otolith.datasets import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.live.app import Live, build
from otolith.live.protocol import MAX_BYTES
from otolith.model import Model
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.serving import serve
from tests.helpers.processes import Told

SMALL_BYTES = 8 * 1024
"""Bytes that the system may keep for a connection, so that it is soon full."""
PATIENCE_S = 5.0
"""Seconds for what has to happen: more than any limit here, less than uvicorn's own."""


class Served:
    """A running server; clients that `connect` made are closed with it."""

    def __init__(self, place: serve.Place, clients: ExitStack) -> None:
        self.place, self._clients = place, clients
        self.host = place.hosts[0]
        self.origin = f"http://{self.host}"

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (in small letters) and content of an answer."""
        with closing(http.client.HTTPConnection(self.host, timeout=20)) as caller:
            caller.putrequest(method, path, skip_host=True)
            for name, value in ({"host": self.host} | headers).items():
                caller.putheader(name, value)
            caller.endheaders()
            answer = caller.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def upgrade(self, path: str = "/stream", **headers: str) -> int:
        """Return the status with which a WebSocket is admitted (101) or refused."""
        asked = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        return self.get(path, **asked, **{"sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg=="}, **headers)[0]

    def talk(self, path: str = "/stream") -> ClientConnection:
        """Open a WebSocket."""
        return connect(f"ws://{self.host}{path}", origin=self.origin, compression=None)  # type: ignore[arg-type]

    def connect(self) -> socket.socket:
        """Open a connection for which the client's system keeps little, too."""
        one = self._clients.enter_context(socket.socket())
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BYTES)
        one.settimeout(PATIENCE_S)
        one.connect(("127.0.0.1", self.place.port))
        return one

    def asking(self, path: str, *lines: str, method: str = "GET") -> bytes:
        """Return a request with further header lines."""
        return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {self.host}", *lines, "", "")).encode()

    def talking(self, path: str) -> Talker:
        """Open a WebSocket that reads and writes only when it is told to."""
        return Talker(self.connect(), self.host, path)


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
        """Yield the frames that come until the connection ends. It answers none by itself."""
        while came := self.socket.recv(1 << 16):
            self._protocol.receive_data(came)
            for event in self._protocol.events_received():
                assert isinstance(event, Frame)
                yield event


ENDS_S = 20.0
"""Seconds that a server is given to end by itself."""


def _standing(thread: threading.Thread) -> str:
    """The stack of a thread, of the threads that it may wait for, and the tasks of its loop."""
    names = {each.ident: each.name for each in threading.enumerate()}
    told = []
    for ident, frame in sys._current_frames().items():
        if ident == thread.ident or "asyncio" in str(names.get(ident)) or "worker" in str(names.get(ident)):
            stack = " < ".join(line.strip() for line in reversed(traceback.format_stack(frame)[-8:]))
            told.append(f"{names.get(ident)}: {stack}")
    told += [repr(each) for each in getattr(asyncio.tasks, "_all_tasks", ()) if not each.done()]
    return "; ".join(told)


@contextmanager
def running(make: Callable[[serve.Place], Any]) -> Iterator[Served]:
    """Run the server of `otolith live` in a thread; `make` builds the application for its place."""
    place = serve.listen(0)
    for kind in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        place.listening.setsockopt(socket.SOL_SOCKET, kind, SMALL_BYTES)
    server = serve.server(make(place), place, MAX_BYTES)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place.listening]}, daemon=True)
    thread.start()
    try:
        assert happens(lambda: server.started)
        with ExitStack() as clients:
            yield Served(place, clients)
    finally:
        server.should_exit = True
        thread.join(ENDS_S)
        if thread.is_alive():  # seen once, under load; ending with open connections is tested by itself
            warnings.warn(f"a server did not end; it stands at {_standing(thread)}", stacklevel=1)
            server.force_exit = True
            thread.join(ENDS_S)
        place.listening.close()


@contextmanager
def running_live(model: Model, **options: Any) -> Iterator[Served]:
    """Run the server of `otolith live` with options of `Live`."""
    with running(lambda place: build(Live(model, "Tiny", **({"hosts": place.hosts} | options)))) as served:
        yield served


class Command:
    """`otolith live` in a process of its own, and the address that it shows."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self._shown, self._complaints = Told(process.stdout), Told(process.stderr)
        self.url = ""

    def started(self) -> None:
        """Wait until it shows its address."""
        self.url = self._shown.find(r"https?://\S+/")[0]

    def ended(self, seconds: float = 30.0) -> tuple[str, str]:
        """Wait until it has ended by itself: return what it printed, and its complaints."""
        self.process.wait(seconds)
        return self._shown.rest(), self._complaints.rest()

    def close(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self._shown.close()
        self._complaints.close()


@contextmanager
def running_command(saved: Path | str | None, *options: str, folder: Path | None = None) -> Iterator[Command]:
    """Run the command in a process of its own, started in `folder`."""
    port = [] if "--port" in options else ["--port", "0"]
    command = [sys.executable, "-m", "otolith", "live", *([] if saved is None else [str(saved)]), *port, *options]
    with closing(
        Command(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ, cwd=folder
            )
        )
    ) as one:
        one.started()
        yield one


def say(talk: ClientConnection, *messages: dict[str, Any] | str | bytes) -> None:
    """Send messages; those given as values as JSON of version 1."""
    for message in messages:
        talk.send(json.dumps({"v": 1} | message) if isinstance(message, dict) else message)


def hear(talk: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    message: dict[str, Any] = json.loads(talk.recv(20))
    return message


def hear_all(talk: ClientConnection) -> list[dict[str, Any]]:
    """Return all messages up to the one of type `end`."""
    came = [hear(talk)]
    while came[-1]["type"] != "end":
        came.append(hear(talk))
    return came


def ending(talk: ClientConnection) -> tuple[int, str]:
    """Return code and reason with which a connection ends; the error before says the same."""
    error: dict[str, Any] = {}
    while True:
        try:
            message = hear(talk)
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
            break
        error = message if message["type"] == "error" else error
    assert error.get("code", code) == code
    return code, error.get("reason", reason)


def frame(content: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    return Frame(opcode, content).serialize(mask=True)


def flood(one: socket.socket, what: bytes, most: int = 4_000_000) -> tuple[int, bytes]:
    """Send it again and again until it is no longer taken, or the connection ends: return how often, and the rest."""
    one.settimeout(0.1)
    for n in range(most // len(what)):
        left = what
        try:
            while left:
                left = left[one.send(left) :]
        except (TimeoutError, ConnectionError):
            return n, left
    raise AssertionError(f"{most:,} bytes were taken from a client that does not read")


def cut_off(one: socket.socket) -> bool:
    """Return True if the server has ended the connection; what came before does not count."""
    one.settimeout(0.005)
    try:
        while one.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def happens(what: Callable[[], bool]) -> bool:
    """Return True once it comes true, False if it does not for long."""
    end = time.monotonic() + PATIENCE_S
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def signal(n: int, rate_hz: float, seed: int = 0) -> np.ndarray:
    """Return (6, n) in m/s² and rad/s, with gravity."""
    rng = np.random.default_rng(seed)
    time = np.arange(n) / rate_hz
    swing = np.sin(2 * np.pi * 2 * time * (1 + np.floor(time / 3) % 3)) * np.arange(1, 7)[:, None]
    return swing + rng.normal(0, 0.3, (6, n)) + np.array([0, 0, 9.81, 9, 12, 15])[:, None]


def write_walks(folder: Path, walks: dict[str, np.ndarray]) -> Path:
    """Write a data set folder of recordings at 50 Hz: name -> (6, n)."""
    info = DatasetInfo(
        name=folder.name,
        title="Walks",
        rate_hz=50.0,
        activities=("still",),
        channels=CHANNELS,
        n_subjects=None,
        n_recordings=None,
        licence="none",
        terms="For tests.",
        citation="",
        homepage="",
        how_to_get="A test writes it.",
    )
    recordings = [
        Recording(name, 1, (Stream(CHANNELS, values, 50.0),), (Segment(0, values.shape[1] / 50, "still"),))
        for name, values in walks.items()
    ]
    return write_folder(folder, info, recordings)
