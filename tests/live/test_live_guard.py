"""Host, origin and token admit a client or refuse it; answers bind the page; only packaged files are served."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from otolith.live.app import PAGE
from tests.helpers.live import Served, hear, say


def test_the_page_and_its_files_are_served(served: Served) -> None:
    for path, (_, kind) in PAGE.items():
        status, headers, _ = served.get(path)
        assert status == 200
        assert headers["content-type"].startswith(kind)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert f"connect-src 'self' ws://{served.host}" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
    about = json.loads(served.get("/about.json")[2])
    assert about["activities"] == ["still", "swing", "shake"]
    assert about["gravity"] is True
    assert {each["name"] for each in about["recordings"]} == {"walk <b>", "odd"}


def test_the_page_refers_to_nothing_outside_and_has_no_script_or_style_within(served: Served) -> None:
    text = {path: served.get(path)[2].decode() for path in PAGE}
    for name, content in text.items():
        content = content.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in content, name
        assert "https://" not in content, name
        assert "innerHTML" not in content, name
        assert "eval(" not in content, name
    assert "style=" not in text["/"]
    assert "onclick" not in text["/"]


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/..%2fapp.py",
        "/..%2f..%2fapp.py",
        "/%2e%2e/app.py",
        "/page/../../app.py",
        "/./style.css",
        "//etc/passwd",
        "/page/index.html",
        "/index.html",
        "/style.css%00",
        "/stream",
        "/certificate.crt",
    ],
)
def test_no_path_leads_anywhere_else(served: Served, path: str) -> None:
    assert served.get(path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "localhost:8765.evil.example", ""])
def test_other_hosts_are_refused(served: Served, host: str) -> None:
    status, headers, _ = served.get("/", host=host)
    assert status == 421
    assert "default-src 'none'" in headers["content-security-policy"]
    assert served.upgrade(host=host, origin=served.origin) == 403


def test_other_origins_are_refused(served: Served) -> None:
    for origin in (
        "null",
        "https://evil.example",
        f"https://{served.host}",
        "http://127.0.0.1",
        f"{served.origin}.evil.example",
    ):
        assert served.upgrade(origin=origin) == 403, origin
    assert served.upgrade() == 403
    assert served.upgrade(origin=served.origin) == 101


def test_only_get_is_answered(served: Served) -> None:
    assert served.get("/", "POST")[0] == 405
    assert served.get("/about.json", "DELETE")[0] == 405
    assert served.get("/", "HEAD")[0] == 200


def test_without_the_token_there_is_nothing(serving: Callable[..., Served]) -> None:
    served = serving(token="right-token")
    for path in (
        "/",
        "/about.json",
        "/wrong-token/",
        "/right-token",
        "/right-tokenx/",
        "/right-toke/",
        "/x/right-token/",
    ):
        assert served.get(path)[0] == 404, path
    for path in ("/stream", "/wrong/stream", "/right-token%C3%A9/stream"):
        assert served.upgrade(path, origin=served.origin) == 403
    for path in PAGE:
        assert served.get("/right-token" + path)[0] == 200
    with served.talk("/right-token/stream") as talk:
        say(talk, {"type": "ping", "sent": 1})
        assert hear(talk)["type"] == "pong"
