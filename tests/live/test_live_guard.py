"""Who comes in, by host, origin and token; what every answer forbids; and that only the packaged files are served."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from otolith.live.app import PAGE
from tests.helpers.livetools import HOST, ORIGIN, STREAM

Serving = Callable[..., TestClient]


def test_the_page_and_its_files_are_served(serving: Serving) -> None:
    client = serving()
    for path, (_, kind) in PAGE.items():
        found = client.get(path)
        assert found.status_code == 200
        assert found.headers["content-type"].startswith(kind)
        policy = found.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in policy
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["referrer-policy"] == "no-referrer"
    about = client.get("/about.json").json()
    assert about["activities"] == ["still", "swing", "shake"]
    assert about["gravity"] is True
    assert {each["name"] for each in about["recordings"]} == {"walk <b>", "odd"}


def test_the_page_refers_to_nothing_outside_and_has_no_script_or_style_within() -> None:
    from importlib.resources import files

    folder = files("otolith.live") / "page"
    text = {name: (folder / name).read_text("utf-8") for name, _ in PAGE.values()}
    for name, content in text.items():
        content = content.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in content, name
        assert "https://" not in content, name
        assert "innerHTML" not in content, name
        assert "eval(" not in content, name
    assert "style=" not in text["index.html"]
    assert "onclick" not in text["index.html"]
    assert {entry.name for entry in folder.iterdir()} == set(text)


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/..%2fapp.py",
        "/%2e%2e/app.py",
        "//etc/passwd",
        "/page/index.html",
        "/index.html",
        "/style.css%00",
        "/stream",
        "/certificate.crt",
    ],
)
def test_no_path_leads_anywhere_else(serving: Serving, path: str) -> None:
    assert serving().get(path).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "localhost:8765.evil.example", ""])
def test_other_hosts_are_refused(serving: Serving, host: str) -> None:
    client = serving()
    found = client.get("/", headers={"host": host})
    assert found.status_code == 421
    assert "default-src 'none'" in found.headers["content-security-policy"]
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(STREAM, headers=ORIGIN | {"host": host}),
    ):
        pass


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", f"https://{HOST}", "http://127.0.0.1", f"http://{HOST}.evil.example"],
)
def test_other_origins_are_refused(serving: Serving, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    with pytest.raises(WebSocketDisconnect), serving().websocket_connect(STREAM, headers=headers):
        pass


def test_only_get_is_answered(serving: Serving) -> None:
    client = serving()
    assert client.post("/", content=b"x" * 1000).status_code == 405
    assert client.delete("/about.json").status_code == 405
    assert client.head("/").status_code == 200


def test_without_the_token_there_is_nothing(serving: Serving) -> None:
    client = serving(token="right-token", scheme="https")
    secure = {"origin": f"https://{HOST}"}
    for path in (
        "/",
        "/about.json",
        "/wrong-token/",
        "/right-token",
        "/right-tokenx/",
        "/right-toke/",
        "/x/right-token/",
    ):
        assert client.get(path).status_code == 404, path
    for path in ("/stream", "/wrong/stream", "/right-tokené/stream"):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect(f"wss://{HOST}{path}", headers=secure),
        ):
            pass
    for path in PAGE:
        found = client.get("/right-token" + path)
        assert found.status_code == 200
        assert f"connect-src 'self' wss://{HOST}" in found.headers["content-security-policy"]
    with client.websocket_connect(f"wss://{HOST}/right-token/stream", headers=secure) as socket:
        socket.send_json({"v": 1, "type": "ping", "sent": 1})
        assert socket.receive_json()["type"] == "pong"


def test_further_files_are_served_as_they_are(serving: Serving) -> None:
    found = serving(files={"/certificate.crt": (b"-----BEGIN", "application/x-x509-ca-cert")}).get("/certificate.crt")
    assert found.content == b"-----BEGIN"
    assert found.headers["content-type"] == "application/x-x509-ca-cert"
