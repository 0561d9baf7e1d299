"""The server: its socket, its names, and its run from start to Ctrl-C."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith.errors import DataError
from otolith.system import extras

if TYPE_CHECKING:
    import uvicorn

PORT = 8765
EXTRA = ("starlette", "uvicorn", "websockets", "cryptography", "segno")


@dataclass(frozen=True)
class Place:
    """A socket that listens, and its names.

    `url` is the address to open; `token` is None where none is asked for, and `address` (of this machine in its
    network) on loopback.
    """

    listening: socket.socket
    hosts: tuple[str, ...]
    scheme: str
    token: str | None
    address: str | None

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    @property
    def url(self) -> str:
        path = f"{self.token}/" if self.token else ""
        return f"{self.scheme}://{_bracketed(self.address or '127.0.0.1')}:{self.port}/{path}"


def need_extra(doing: str) -> None:
    """Raise RecipeError, with the command that installs them, unless the packages of the extra `live` are there."""
    for name in EXTRA:
        extras.need(name, doing, "live")


def listen(port: int = PORT, *, lan: bool = False, address: str | None = None, token: bool = False) -> Place:
    """Bind to loopback, or with `lan` to all networks, where a random token is asked for.

    Args:
        port: 0 takes a free one.
        address: IP address or name of this machine in its network; None: it is found out.
        token: ask for a token on loopback, too.

    Raises:
        DataError: the port is taken, or there is no network.
    """
    # on loopback a page served in clear is secure to browsers; elsewhere only TLS is
    found = (address or lan_address()) if lan else None
    try:
        listening = socket.create_server(("0.0.0.0" if lan else "127.0.0.1", port))
    except OSError as error:
        raise DataError(
            f"port {port} cannot be used ({error.strerror or error}); choose another: --port {port + 1}"
        ) from None
    names = ["127.0.0.1", "localhost", *([found] if found else [])]
    number = listening.getsockname()[1]
    hosts = tuple(f"{_bracketed(name)}:{number}" for name in names)
    return Place(
        listening, hosts, "https" if lan else "http", secrets.token_urlsafe(16) if lan or token else None, found
    )


def lan_address() -> str:
    """Return the address of the interface by which packets would leave this machine; none is sent.

    Raises:
        DataError: there is no network.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737)
            found = str(probe.getsockname()[0])
        except OSError:
            found = "0.0.0.0"
    if ipaddress.ip_address(found).is_unspecified or ipaddress.ip_address(found).is_loopback:
        raise DataError(
            "this machine has no address in a network; connect it to the phone's network, or name it with --address"
        )
    return found


def run(app: Any, place: Place, max_bytes: int, pem: Path | None = None, max_connections: int = 256) -> None:
    """Serve until Ctrl-C, and return once every connection is closed. The arguments are those of `server`."""
    try:
        server(app, place, max_bytes, pem, max_connections).run(sockets=[place.listening])
    except KeyboardInterrupt:  # which the server raises again once it has shut down
        pass
    finally:
        place.listening.close()


def server(
    app: Any, place: Place, max_bytes: int, pem: Path | None = None, max_connections: int = 256
) -> uvicorn.Server:
    """Return the server with its limits, not running yet.

    Args:
        app: an ASGI application.
        max_bytes: of a message over a WebSocket.
        pem: file with key and certificate; None: without TLS.
        max_connections: connections of all kinds; further ones are told to come again (HTTP 503).
    """
    import uvicorn

    from otolith.serving.connections import Http, WebSocket

    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Http,
            ws=WebSocket,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=16 * 1024,
            ws_max_size=max_bytes,
            ws_per_message_deflate=False,
            timeout_keep_alive=20,
            limit_concurrency=max_connections,
            timeout_graceful_shutdown=2,
            backlog=128,
            ssl_keyfile=None if pem is None else str(pem),
            ssl_certfile=None if pem is None else str(pem),
        )
    )


def qr_code(url: str) -> str:
    """Draw the address as a QR code that a phone's camera reads from a terminal."""
    import io

    import segno

    out = io.StringIO()
    segno.make(url, error="l").terminal(out, compact=True, border=2)
    return out.getvalue()


def qr_picture(url: str) -> bytes:
    """Return the address as a QR code, as SVG: dark on light, whatever the page's colours are."""
    import io

    import segno

    out = io.BytesIO()
    segno.make(url, error="l").save(out, kind="svg", border=3, dark="#000", light="#fff", omitsize=True, xmldecl=False)
    return out.getvalue()


def names_of(place: Place) -> Sequence[str]:
    """Return the names that a certificate has to cover, the network's address first."""
    return list(dict.fromkeys([*([place.address] if place.address else []), "localhost", "127.0.0.1"]))


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
