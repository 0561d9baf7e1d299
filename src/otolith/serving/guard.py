"""Admit requests by host, origin and token before they reach a route, and bind every answer to its own page.

The token is the first part of the path, so that the page's own files and its WebSocket carry it without a line of
script, and it is compared in constant time. A page of another site gets in neither by its WebSocket, which has another
origin, nor by a name that is pointed at this machine (DNS rebinding), which is not one of the hosts. (Starlette's
TrustedHostMiddleware does not compare ports.)
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Guard:
    """ASGI middleware.

    Args:
        hosts: values of the Host header that name this server, such as "127.0.0.1:8765".
        scheme: "http" or "https", the scheme of their origins.
        token: first part of every path; None: no token is asked for.
        wasm: True lets the page compile WebAssembly, which it needs to run a network by itself.
        media: True lets the page play videos of this server.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Iterable[str],
        scheme: str = "http",
        token: str | None = None,
        wasm: bool = False,
        media: bool = False,
    ) -> None:
        self.app, self.token = app, token
        self._scripts = "'self' 'wasm-unsafe-eval'" if wasm else "'self'"
        self._media = "media-src 'self'; " if media else ""
        self.hosts = frozenset(host.lower() for host in hosts)
        self.origins = frozenset(f"{scheme}://{host}" for host in self.hosts)
        self._socket_scheme = "wss" if scheme == "https" else "ws"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return  # the server runs without lifespan events
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        status, path = self._judge(scope, headers, host)
        if status and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: HTTP 403
        elif status:
            await PlainTextResponse(status[1], status[0])(scope, receive, self._sealed(send, ""))
        else:
            inner = {**scope, "path": path, "raw_path": path.encode()}
            await self.app(inner, receive, send if scope["type"] == "websocket" else self._sealed(send, host))

    def _judge(self, scope: Scope, headers: Headers, host: str) -> tuple[tuple[int, str] | None, str]:
        """Return a refusal (status, text), or the path behind the token."""
        path: str = scope["path"]
        if len(headers.getlist("host")) != 1 or host not in self.hosts:
            return (421, "This server does not have that name. Open the address that its terminal shows."), ""
        if self.token is not None:
            given, slash, rest = path.removeprefix("/").partition("/")
            right = secrets.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode())
            if not (right and slash):
                return (
                    404,
                    "Nothing is at this address. Open the whole address that the terminal shows, with its token.",
                ), ""
            path = "/" + rest
        if scope["type"] == "websocket" and headers.get("origin", "").lower() not in self.origins:
            return (403, ""), ""
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return (405, "This server answers GET requests alone."), ""
        return None, path

    def _sealed(self, send: Send, host: str) -> Send:
        """Return `send` with headers that bind the page to its own files and its own WebSocket."""
        # some browsers do not count WebSockets of the same host as 'self'
        socket = f" {self._socket_scheme}://{host}" if host else ""
        policy = (
            f"default-src 'none'; script-src {self._scripts}; style-src 'self'; img-src 'self'; "
            f"{self._media}connect-src 'self'{socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        rules: dict[str, str] = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "accelerometer=(self), gyroscope=(self), camera=(), microphone=(), geolocation=()",
        }

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                found: Any = MutableHeaders(scope=message)
                found.update(rules)
            await send(message)

        return sending
