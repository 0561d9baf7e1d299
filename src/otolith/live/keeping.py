"""Keeping of a session as a recording, which never stops recognition, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from otolith.errors import StorageError
from otolith.live import protocol
from otolith.live.protocol import Closed, Label, Record, Samples, Start
from otolith.live.recorder import Recorder
from otolith.live.track import Ended, Track

EVERY_S = 1.0
"""Seconds between two times at which what came is put on the disk: so much is lost where the server is killed."""


class Keeping:
    """The recording of one session; without consent there is none, and nothing is written.

    Args:
        recorder: of the server; None: it keeps nothing.
        send: sends a message to the page.
    """

    def __init__(self, recorder: Recorder | None, send: Callable[[dict[str, Any]], None]) -> None:
        self._recorder, self._send = recorder, send
        self._track: Track | None = None
        self._writing: asyncio.Task[None] | None = None

    async def begin(self, start: Start, record: Record, group: asyncio.TaskGroup) -> None:
        """Begin the recording that the page asks for, or say why there is none."""
        if self._recorder is None:
            self._send(protocol.recording("refused", reason="this server records nothing; start it with --record DIR"))
            return
        if len(set(start.channels)) < len(start.channels):
            return  # the recogniser refuses it
        try:
            begin = self._recorder.begin
            self._track = await asyncio.to_thread(begin, start.channels, start.rate_hz, record.who, record.zone)
        except Ended as error:
            self._send(protocol.recording("refused", reason=str(error)))
            return
        self._send(protocol.recording("on", self._track.name))
        self._writing = group.create_task(self._write(self._track))

    def add(self, message: Samples) -> None:
        """Take samples; their disk is waited for elsewhere."""
        if self._track is not None:
            self._track.add(message.t, message.x)

    def label(self, message: Label) -> None:
        """Take a label.

        Raises:
            Closed: it is not one that the page offers.
        """
        if self._track is None or self._recorder is None:
            return  # of a recording that has just ended
        offered = self._recorder.activities
        if message.activity not in (None, *offered) and not self._recorder.own_labels:
            raise Closed(protocol.MALFORMED, f"{message.activity!r} is no label here; take one of {', '.join(offered)}")
        if not self._track.label(message.at, message.activity):
            raise Closed(protocol.CROWDED, "more labels came than a recording may have; begin another one")

    async def discard(self) -> None:
        """Throw the recording away."""
        track = await self._stopped()
        if track is None:
            return
        try:
            await asyncio.to_thread(track.discard)
        except (StorageError, OSError):
            reason = "it could not be removed; ask whoever runs the server"
            self._send(protocol.recording("ended", track.name, track.seconds, reason))
        else:
            self._send(protocol.recording("discarded", track.name))

    async def end(self) -> None:
        """Keep the recording, if there is one."""
        track = await self._stopped()
        if track is None:
            return
        kept = await asyncio.shield(asyncio.to_thread(track.end))
        state = "ended" if track.over or not kept else "kept"
        reason = track.over or ("" if kept else "it is too short to be kept")
        self._send(protocol.recording(state, track.name, track.seconds if kept else 0.0, reason))

    async def _stopped(self) -> Track | None:
        track, self._track = self._track, None
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})
        return track

    async def _write(self, track: Track) -> None:
        while not track.over:
            await asyncio.sleep(EVERY_S)
            await asyncio.to_thread(track.flush)
            if not track.over:
                self._send(protocol.recording("on", track.name, track.seconds))
        if self._track is track:
            self._track = None
            await asyncio.to_thread(track.end)
            self._send(protocol.recording("ended", track.name, track.seconds, track.over))
