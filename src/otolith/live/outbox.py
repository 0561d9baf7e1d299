"""Messages on their way to a client: a bounded queue that forgets the oldest, and counts what it forgot."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

MOST = 100
"""Messages that wait for a slow client: some eight seconds of a replay."""


class Outbox:
    """One producer or more, one consumer; `put` never waits."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: deque[dict[str, Any]] = deque()
        self._some = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.dropped = 0

    def put(self, message: dict[str, Any]) -> None:
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._some.set()
        self._empty.clear()

    async def get(self) -> dict[str, Any]:
        """The oldest message; call `done` once it is sent."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()

    def done(self) -> None:
        if not self._waiting:
            self._empty.set()

    async def emptied(self) -> None:
        """Wait until everything is sent."""
        await self._empty.wait()
