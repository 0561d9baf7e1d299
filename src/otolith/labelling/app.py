"""The routes: the page's files, what it labels, signals, labels, videos, and the WebSocket. No request names a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from otolith import __version__
from otolith.errors import OtolithError
from otolith.labelling import drawing, protocol, videos
from otolith.labelling.intervals import to_csv
from otolith.labelling.session import Limits, Room, Session
from otolith.labelling.videos import Video
from otolith.labelling.work import Work
from otolith.serving import pages
from otolith.serving.guard import Guard

PAGE = pages.page("otolith.labelling")
"""The page's files, {path: (content, type)}."""
MOST_PAGES = 8


@dataclass(frozen=True, eq=False)
class Labelling:
    """Everything that the server is built from.

    Attributes:
        title: name of the data set, shown on the page.
        hosts, scheme, token: see `otolith.serving.guard.Guard`.
    """

    work: Work
    title: str
    videos: Sequence[Video] = ()
    hosts: Sequence[str] = ()
    scheme: str = "http"
    token: str | None = None
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


def build(given: Labelling) -> ASGIApp:
    """Return the ASGI application."""
    work = given.work
    room = Room(work, tuple(video.name for video in given.videos))
    about = _describe(given)
    open_pages = 0

    async def description(request: Request) -> Response:
        return JSONResponse(about)

    async def signals(request: Request) -> Response:
        asked = request.query_params
        try:
            number, points = int(asked["recording"]), int(asked.get("points", "600"))
            start, stop = float(asked["start"]), float(asked["stop"])
            if not (0 <= number < work.signals.n and math.isfinite(start) and math.isfinite(stop) and start < stop):
                raise ValueError
        except (KeyError, ValueError, OverflowError):
            return PlainTextResponse("expected the recording's number, start and stop in seconds, and points", 400)
        try:
            content = await anyio.to_thread.run_sync(_signals, work, number, start, stop, points)
        except OtolithError as error:
            return PlainTextResponse(str(error), 500)
        return JSONResponse(content)

    async def labels(request: Request) -> Response:
        try:
            return JSONResponse(work.of_recording(int(request.path_params["number"])))
        except OtolithError as error:
            return PlainTextResponse(str(error), 404)

    async def export(request: Request) -> Response:
        headers = {"content-disposition": f'attachment; filename="{work.labeller}.csv"'}
        return Response(to_csv(work.spans()), headers=headers, media_type="text/csv")

    async def video(request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(given.videos):
            return PlainTextResponse(f"there is no video {number}", 404)
        return await videos.send(given.videos[number], request)

    async def converse(socket: WebSocket) -> None:
        nonlocal open_pages
        await socket.accept()
        if open_pages >= MOST_PAGES:
            await socket.close(protocol.CROWDED, f"{MOST_PAGES} pages are open already; close one")
            return
        open_pages += 1
        try:
            await Session(socket, room, given.limits).run()
        finally:
            open_pages -= 1

    routes = [
        *pages.routes(PAGE | given.files),
        Route("/about.json", description),
        Route("/signals", signals),
        Route("/labels/{number:int}", labels),
        Route("/labels.csv", export),
        Route("/video/{number:int}", video),
        WebSocketRoute("/work", converse),
    ]
    return Guard(Starlette(routes=routes), hosts=given.hosts, scheme=given.scheme, token=given.token, media=True)


def _signals(work: Work, number: int, start: float, stop: float, points: int) -> dict[str, Any]:
    recording = work.signals(number)
    first, last = drawing.span_of(recording)
    return {"first": first, "last": last, "streams": drawing.drawn(recording, start, stop, points)}


def _describe(given: Labelling) -> dict[str, Any]:
    work = given.work
    return {
        "v": 1,
        "version": __version__,
        "title": given.title,
        "labeller": work.labeller,
        "others": sorted(work.others),
        "damaged": work.journal.damaged,
        "recordings": list(work.stretches.names),
        "videos": [{"name": video.name, "recording": video.recording} for video in given.videos],
    }
