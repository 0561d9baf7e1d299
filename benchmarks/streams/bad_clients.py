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
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed, InvalidStatus

from benchmarks.streams.fleet import opened
from benchmarks.streams.script import Script
from benchmarks.streams.server import Server

RECORDING = "long"
"""Name of the recording that the server can play."""
FASTEST = 100
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
    except OSError:
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


async def _drain(one: object) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in one:  # type: ignore[attr-defined]
            pass


def frame(payload: bytes, opcode: int = 0x1) -> bytes:
    """A whole masked frame of fewer than 65536 bytes, as a client sends it (RFC 6455, 5.2)."""
    n, mask = len(payload), os.urandom(4)
    size = bytes([0x80 | n]) if n < 126 else bytes([0x80 | 126]) + n.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


async def _deaf(server: Server, first: bytes, often: bytes, every_s: float) -> str:
    """Open a WebSocket by hand that reads nothing after the handshake; it learns of its end by writing."""
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
        return await asyncio.to_thread(talk)
    finally:
        over.set()
