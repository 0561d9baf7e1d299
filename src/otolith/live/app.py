"""The routes: the page's files, a description of the model, and the WebSocket. No request names a file to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from otolith.live import in_page, protocol
from otolith.live.batcher import Batcher
from otolith.live.in_page import InPage
from otolith.live.recorder import Recorder
from otolith.live.recordings import Playable
from otolith.live.session import Limits, Session
from otolith.model import Model
from otolith.serving import pages
from otolith.serving.guard import Guard

PAGE = pages.page("otolith.live")
"""The page's files, {path: (content, type)}."""


@dataclass(frozen=True, eq=False)
class Live:
    """Everything that the server is built from.

    Attributes:
        title, terms: name and terms of the model's data, shown on the page.
        recordings: recordings that it may play, by name.
        hosts, scheme, token: see `guard.Guard`.
        files: further files to serve, {path: (content, type)}.
        in_page: files with which the page recognises by itself, or the reason why there are none.
        recorder: keeps sessions whose people agree to it; None: nothing is kept.
        code: the address of this server as a picture that a phone's camera reads (SVG); None: it has none to show.
    """

    model: Model
    title: str
    terms: Sequence[str] = ()
    recordings: dict[str, Playable] = field(default_factory=dict)
    hosts: Sequence[str] = ()
    scheme: str = "http"
    token: str | None = None
    max_clients: int = 200
    limits: Limits = field(default_factory=Limits)
    files: Mapping[str, tuple[bytes, str]] = field(default_factory=dict)
    in_page: InPage = field(default_factory=lambda: InPage(why_not="this server hands out no recogniser"))
    recorder: Recorder | None = None
    code: bytes | None = None


def build(live: Live) -> ASGIApp:
    """Return the ASGI application."""
    files = PAGE | dict(live.files)
    if live.code is not None:
        files["/code.svg"] = (live.code, "image/svg+xml")
    files |= {f"/recogniser/{name}": found for name, found in live.in_page.files.items()}
    about = describe(live)
    batcher = Batcher(live.model)
    clients = 0

    async def description(request: Request) -> Response:
        return JSONResponse(about)

    def resampling(request: Request) -> Response:
        n_in = request.path_params["n_in"]
        if not 1 <= n_in <= in_page.MAX_STEPS:
            return PlainTextResponse(f"A window has 1 to {in_page.MAX_STEPS} samples here, not {n_in}.", 404)
        content = in_page.resampling(n_in, live.model.meta.n_steps)
        return Response(content, media_type="application/octet-stream")

    async def stream(socket: WebSocket) -> None:
        nonlocal clients
        await socket.accept()
        if clients >= live.max_clients:
            await socket.close(protocol.CROWDED, f"{live.max_clients} clients are connected already; try again later")
            return
        clients += 1
        try:
            await Session(socket, live.model, live.recordings, batcher, live.limits, live.recorder).run()
        finally:
            clients -= 1

    routes = [*pages.routes(files), Route("/about.json", description)]
    if live.in_page.files:
        routes += [Route("/recogniser/resampling/{n_in:int}", resampling)]
    return Guard(
        Starlette(routes=[*routes, WebSocketRoute("/stream", stream)]),
        hosts=live.hosts,
        scheme=live.scheme,
        token=live.token,
        wasm=bool(live.in_page.files),
    )


def describe(live: Live) -> dict[str, Any]:
    """Describe the model to the page, which shows it and sends the signals that it needs."""
    return in_page.about(live.model, live.title, live.terms, live.in_page) | {
        "v": protocol.VERSION,
        "recordings": [{"name": each.name, "seconds": each.seconds} for each in live.recordings.values()],
        "code": live.code is not None,
        "record": None if live.recorder is None else live.recorder.about(),
    }
