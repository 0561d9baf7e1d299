"""Clients that behave badly beside the measured ones, each until the server closes its connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from benchmarks.streams.fleet import opened
from benchmarks.streams.script import Script
from benchmarks.streams.server import Server

RECORDING = "long"
"""Name of the recording that the server can play."""
FASTEST = 100
_THREADS = ThreadPoolExecutor(100)
"""For clients that block: in asyncio's own few threads they would keep the others from connecting."""
SMALL_BYTES = 4096
"""Receive buffer of a client that does not read."""
CHUNK_FRAMES = 200


@dataclass(frozen=True)
class Ending:
    """End of a bad client: seconds until the server closed, and how; "stayed" if it had not by the end."""

    seconds: float
    how: str


Kind = Callable[[Server, Script], Awaitable[str]]
KINDS: dict[str, Kind] = {}


def kind(name: str) -> Callable[[Kind], Kind]:
    def put(function: Kind) -> Kind:
        KINDS[name] = function
        return function

    return put


async def misbehave(name: str, server: Server, said: Script, seconds: float) -> Ending:
    """Run one client of this kind for `seconds` at most."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(seconds):
            how = await KINDS[name](server, said)
    except TimeoutError:
        how = "stayed"
    except ConnectionClosed as closed:
        how = f"closed, {closed.rcvd.code}" if closed.rcvd else "cut off"
    except InvalidStatus as refused:
        how = f"refused, {refused.response.status_code}"
    except (OSError, EOFError, InvalidHandshake):
        how = "cut off"
    return Ending(time.perf_counter() - began, how)


@kind("plays and does not read")
async def _plays(server: Server, said: Script) -> str:
    begin = {"v": 1, "type": "replay", "recording": RECORDING, "speed": FASTEST, "recognise": False}
    return await _deaf(server, frame(json.dumps(begin).encode()), frame(b"", 0x9), 1.0)


@kind("sends control pings and does not read")
async def _pings(server: Server, said: Script) -> str:
    return await _deaf(server, b"", frame(b"x" * 125, 0x9) * CHUNK_FRAMES, 0.01)


@kind("connects and says nothing")
async def _silent(server: Server, said: Script) -> str:
    async with await opened(server) as one:
        await one.recv()
        await one.recv()
    return "answered"


@kind("never asks for anything")
async def _mute(server: Server, said: Script) -> str:
    reader, writer = await asyncio.open_connection(*server.address, ssl=server.trusting)
    try:
        await reader.read()
        return "closed"
    finally:
        writer.transport.abort()


@kind("sends a thousand messages a second")
async def _floods(server: Server, said: Script) -> str:
    async with await opened(server) as one:
        await one.send(said.start)
        reading = asyncio.create_task(_drain(one))
        try:
            while True:
                await one.send('{"v": 1, "type": "ping", "sent": 0}')
                await asyncio.sleep(0.0005)  # a send that need not wait lets nobody else run
        finally:
            reading.cancel()


@kind("sends nonsense, and comes again")
async def _nonsense(server: Server, said: Script) -> str:
    while True:
        async with await opened(server) as one:
            with contextlib.suppress(ConnectionClosed):
                await one.send(said.start)
                await one.send('{"v": 1, "type": "samples", "t": [0, "x"], "x": [[]]}')
                while True:
                    await one.recv()
        await asyncio.sleep(0.5)


@kind("sends a frame that claims 4 GB")
async def _giant(server: Server, said: Script) -> str:
    return await _deaf(server, giant(4 * 10**9), os.urandom(64 * 1024), 0.0)


@kind("sends one message in pieces without end")
async def _endless(server: Server, said: Script) -> str:
    return await _deaf(server, frame(b"[" * 1000, 0x1, last=False), frame(b"0," * 1000, 0x0, last=False), 0.001)


@kind("stays half open: half a request, a byte at a time")
async def _half_open(server: Server, said: Script) -> str:
    _, writer = await asyncio.open_connection(*server.address, ssl=server.trusting)
    try:
        for letter in b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10**6:
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(0.2)
        return "answered"
    finally:
        writer.transport.abort()


@kind("connects without TLS and waits")
async def _plain(server: Server, said: Script) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.address[1])
    try:
        await reader.read()
        return "closed"
    finally:
        writer.transport.abort()


@kind("has a wrong token, and comes again")
async def _token(server: Server, said: Script) -> str:
    wrong = server.socket.rsplit("/", 2)[0] + "/" + "A" * 22 + "/stream"
    return await _refused_again(server, wrong, server.origin)


@kind("comes from another site, again and again")
async def _origin(server: Server, said: Script) -> str:
    return await _refused_again(server, server.socket, "https://elsewhere.example")


async def _refused_again(server: Server, address: str, origin: str) -> str:
    """Try to connect four times a second; the last refusal is what is raised."""
    for _ in range(20):
        try:
            async with await opened(server, address=address, origin=origin):
                return "let in"
        except InvalidStatus as refused:
            last = refused
        await asyncio.sleep(0.25)
    raise last


async def _drain(one: object) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in one:  # type: ignore[attr-defined]
            pass


def giant(n: int) -> bytes:
    """The head of a masked frame that claims `n` bytes."""
    return bytes([0x81, 0x80 | 127]) + n.to_bytes(8, "big") + os.urandom(4)


def frame(payload: bytes, opcode: int = 0x1, *, last: bool = True) -> bytes:
    """A masked frame of fewer than 65536 bytes, as a client sends it (RFC 6455, 5.2)."""
    n, mask = len(payload), os.urandom(4)
    size = bytes([0x80 | n]) if n < 126 else bytes([0x80 | 126]) + n.to_bytes(2, "big")
    return bytes([(0x80 if last else 0) | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


async def _deaf(server: Server, first: bytes, often: bytes, every_s: float) -> str:
    """Open a WebSocket by hand that reads nothing after the handshake; it learns of its end by writing `often`."""
    over = threading.Event()

    def talk() -> str:
        host, port = server.address
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        plain.settimeout(10.0)
        plain.connect(("127.0.0.1", port))
        with server.trusting.wrap_socket(plain, server_hostname=host) as one:
            path = "/" + server.socket.split("/", 3)[3]
            asked = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {server.origin}\r\nUpgrade: websocket\r\n"
            asked += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            asked += "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
            one.sendall(asked.encode() + first)
            one.recv(1)
            one.settimeout(0.5)
            while not over.wait(every_s):
                with contextlib.suppress(TimeoutError):
                    one.send(often)
        return "stayed"

    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, talk)
    finally:
        over.set()
