"""Many phones at once, in real time: each connection sends its script, and notes the times of all messages."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.streams.script import Script
from benchmarks.streams.server import Server
from otolith.progress import SILENT, Progress

OPENING = 16
"""Connections that are opened at once."""
PATIENCE_S = 20.0
"""Longest wait for the last answers after the stop."""


@dataclass(eq=False)
class Heard:
    """One phone's protocol: times are of `time.perf_counter`."""

    sent_s: list[float] = field(default_factory=list)
    """Times at which each message with samples went out, and the stop after them."""
    late_s: list[float] = field(default_factory=list)
    """Seconds later than the script says."""
    came_s: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    samples: int = 0
    """Samples that went out."""
    ended: bool = False
    failure: str = ""

    def dropped(self) -> int:
        """Return how many samples and messages the server says it has dropped."""
        end = json.loads(self.texts[-1]) if self.ended else {}
        return int(end.get("dropped_samples", 0)) + int(end.get("dropped_messages", 0))

    def predictions(self) -> list[tuple[float, dict[str, Any]]]:
        """Return the time and the content of each prediction."""
        read = ((at, json.loads(text)) for at, text in zip(self.came_s, self.texts, strict=True))
        return [(at, message) for at, message in read if message["type"] == "prediction"]


async def opened(
    server: Server, *, address: str | None = None, origin: str | None = None, **options: Any
) -> ClientConnection:
    """A connection as the page makes it; `address` and `origin`: others than the server's."""
    context = server.trusting
    return await connect(
        address or server.socket,
        ssl=context,
        origin=origin or server.origin,  # type: ignore[arg-type]
        compression=None,
        open_timeout=60,
        close_timeout=1,
        proxy=None,
        **options,
    )


async def drive(server: Server, scripts: Sequence[Script], hop_s: float, progress: Progress = SILENT) -> list[Heard]:
    """Open a connection for each script, let all of them speak at once, with phases spread over a hop, and end them."""
    gate = asyncio.Semaphore(OPENING)
    with progress.stage("opening", len(scripts), "streams") as stage:

        async def open_one() -> ClientConnection:
            async with gate:
                one = await opened(server)
                stage.advance()
                return one

        sockets = await asyncio.gather(*(open_one() for _ in scripts))
    heard = [Heard() for _ in scripts]
    phases = np.random.default_rng(0).uniform(0, hop_s, len(scripts)).tolist()
    begin = time.perf_counter() + 0.2
    seconds = max(script.due_s[-1] for script in scripts) + max(phases)
    parties = zip(sockets, scripts, heard, phases, strict=True)
    with progress.stage("streaming", round(seconds), "s") as stage:
        clock = asyncio.create_task(_clock(stage, round(seconds)))
        await asyncio.gather(*(_phone(socket, said, to, begin + phase) for socket, said, to, phase in parties))
        clock.cancel()
    return heard


async def _clock(stage: Any, seconds: int) -> None:
    for _ in range(seconds):
        await asyncio.sleep(1)
        stage.advance()


async def _phone(socket: ClientConnection, said: Script, heard: Heard, begin: float) -> None:
    listening = asyncio.create_task(_listen(socket, heard))
    try:
        await socket.send(said.start)
        for text, due, piece in zip(said.texts, said.due_s, said.pieces, strict=True):
            left = begin + due - time.perf_counter()
            if left > 0:
                await asyncio.sleep(left)
            now = time.perf_counter()
            heard.sent_s.append(now)
            heard.late_s.append(now - begin - due)
            await socket.send(text)
            heard.samples += piece.stop - piece.start
        heard.sent_s.append(time.perf_counter())
        await socket.send('{"v": 1, "type": "stop"}')
        await asyncio.wait_for(asyncio.shield(listening), PATIENCE_S)
    except (ConnectionClosed, TimeoutError) as error:
        heard.failure = str(error) or f"no end within {PATIENCE_S:g} s"
    finally:
        await socket.close()
        await asyncio.wait([listening])


async def _listen(socket: ClientConnection, heard: Heard) -> None:
    try:
        async for text in socket:
            heard.came_s.append(time.perf_counter())
            heard.texts.append(str(text))
            if str(text).startswith('{"type":"end"'):
                heard.ended = True
                return
    except ConnectionClosed as error:
        heard.failure = heard.failure or str(error)
