"""The files of a page: its own and those that all pages share, and how they are sent."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

PIECE_BYTES = 64 * 1024
_TYPES = {"html": "text/html", "css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}


def page(package: str) -> dict[str, tuple[bytes, str]]:
    """Return the files of a page, {path: (content, type)}: the folder `page` of a package, and what all pages share."""
    found: dict[str, tuple[bytes, str]] = {}
    for each in ("otolith.serving", package):
        for file in sorted((importlib.resources.files(each) / "page").iterdir(), key=lambda file: file.name):
            path = f"/{file.name}".replace("/index.html", "/")
            found[path] = (file.read_bytes(), _TYPES[file.name.rpartition(".")[2]])
    return found


class Pieces(Response):
    """Content that is sent as the client takes it: one piece at most waits in memory for those who do not read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for at in range(0, max(1, len(self.body)), PIECE_BYTES):
            more = at + PIECE_BYTES < len(self.body)
            await send({"type": "http.response.body", "body": self.body[at : at + PIECE_BYTES], "more_body": more})


def routes(files: Mapping[str, tuple[bytes, str]]) -> list[Route]:
    """Return a route for each file."""

    def sender(content: bytes, kind: str) -> Any:
        async def send(request: Request) -> Response:
            return Pieces(content, media_type=kind)

        return send

    return [Route(path, sender(*found)) for path, found in files.items()]
