"""Clients that are silent or do not read are cut off, and others are served beside them."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.frames import Opcode

from otolith.live import session
from otolith.live.app import Live, build
from otolith.live.session import Limits
from otolith.model import Model
from otolith.recording import CHANNELS
from otolith.serving import connections
from otolith.serving.serve import Place
from tests.helpers.live import PATIENCE_S, Served, cut_off, flood, frame, happens, hear, running, say, signal

LARGE = np.random.default_rng(0).bytes(4_000_000)
SHORT = LARGE[:40_000]
"""Less than what an asyncio transport takes before it says that it is too much; more than these systems' buffers."""
PING = json.dumps({"v": 1, "type": "ping", "sent": 1}).encode()


@pytest.fixture(scope="module")
def server(model: Model) -> Iterator[Served]:
    """Two applications: /patient leaves clients that do not read to their connection, /hasty ends their session."""

    def make(place: Place) -> Any:
        limits = {"patient": Limits(messages_hz=1e6), "hasty": Limits(messages_hz=1e6, send_s=0.1)}
        kind = "application/octet-stream"
        files = {"/large": (LARGE, kind), "/short": (SHORT, kind)}
        apps = {
            token: build(Live(model, "Tiny", hosts=place.hosts, token=token, limits=limit, files=files))
            for token, limit in limits.items()
        }

        async def either(scope: Any, receive: Any, send: Any) -> None:
            await apps[scope["path"].split("/")[1]](scope, receive, send)

        return either

    with running(make) as found:
        yield found


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, seconds in (
        (connections, "ASK_S", 0.25),
        (connections, "STALL_S", 0.4),
        (connections, "LINGER_S", 0.2),
        (session, "CLOSE_S", 0.1),
    ):
        monkeypatch.setattr(module, name, seconds)


def answered(one: socket.socket, method: str = "GET") -> http.client.HTTPResponse:
    """Return the whole answer, read from a connection that stays open."""
    answer = http.client.HTTPResponse(one, method=method)
    answer.begin()
    answer.read()
    return answer


def test_a_client_that_asks_slowly_or_never_is_cut_off(server: Served) -> None:
    never, first, later, body = (server.connect() for _ in range(4))
    later.sendall(server.asking("/patient/about.json"))
    assert answered(later).status == 200
    body.sendall(server.asking("/patient/about.json", "Content-Length: 1000000", method="POST"))
    assert answered(body, "POST").status == 405
    first.sendall(b"GET /patient/about.json HTTP/1.1\r\nX: ")
    left = {first, later, body}

    def another_byte() -> bool:
        for one in tuple(left):
            try:
                one.send(b"G")
            except ConnectionError:
                left.discard(one)
            else:
                if cut_off(one):
                    left.discard(one)
        return not left

    assert happens(another_byte), f"{len(left)} of them could go on"
    assert never.recv(1) == b""


def test_a_client_that_does_not_take_its_answer_is_cut_off(server: Served) -> None:
    """An answer of which more is to come, one after which the connection closes, and the answers to control pings."""
    asked = {
        server.asking("/patient/large"): len(LARGE),
        server.asking("/patient/short", "Connection: close"): len(SHORT),
    }
    ones = []
    for request in asked:
        ones.append(server.connect())
        ones[-1].sendall(request)
    silent = server.talking("/patient/stream")
    flood(silent.socket, frame(bytes(125), Opcode.PING))
    assert happens(lambda: disconnected(silent.socket))
    for one, n in zip(ones, asked.values(), strict=True):
        came = bytearray()
        with contextlib.suppress(ConnectionError):
            while more := one.recv(1 << 16):
                came += more
        assert 0 < len(came) < n


def disconnected(one: socket.socket) -> bool:
    """Return True once the server refuses bytes, because it has cut the connection off."""
    try:
        one.send(b"x")
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return False


def test_nothing_is_lost_of_what_a_client_sends_that_reads_late(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it does not read, the server takes a bounded number of its messages (`flood` asserts so)."""
    monkeypatch.setattr(connections, "STALL_S", 600.0)
    talker = server.talking("/patient/stream")
    n, left = flood(talker.socket, 5 * frame(bytes(125), Opcode.PING) + frame(PING))
    talker.socket.settimeout(PATIENCE_S)
    last = frame(PING.replace(b"1}", b"2}"))
    sending = threading.Thread(target=lambda: talker.socket.sendall(left + last))
    sending.start()
    pongs = 0
    for came in talker.frames():
        pongs += came.opcode is Opcode.PONG
        if came.opcode is Opcode.TEXT and json.loads(came.data)["sent"] == 2:
            break
    sending.join()
    assert pongs == 5 * (n + 1)


def test_a_client_whose_session_is_over_is_cut_off_whether_it_reads_or_not(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_S", 600.0)
    deaf = server.talking("/hasty/stream")
    flood(deaf.socket, 20 * frame(PING))  # the answers are messages, which a session gives up on
    reader = server.talking("/patient/stream")
    reader.send(b"nonsense")
    said = list(reader.frames())  # without an answer to the close frame
    assert [one.opcode for one in said] == [Opcode.TEXT, Opcode.CLOSE]
    assert json.loads(said[0].data)["type"] == "error"
    assert happens(lambda: disconnected(deaf.socket))


def test_others_are_served_beside_all_of_these(server: Served) -> None:
    values, times = signal(2_000, 50.0), np.arange(2_000) / 50
    bad = [server.connect() for _ in range(3)]
    bad[1].sendall(b"GET /patient/about.json HTTP/1.1\r\nX: ")
    bad[2].sendall(server.asking("/patient/large"))
    deaf, over = server.talking("/patient/stream"), server.talking("/patient/stream")
    over.send(b"nonsense")
    found: list[dict[str, Any]] = []
    with server.talk("/patient/stream") as phone:
        say(phone, {"type": "start", "channels": list(CHANNELS), "rate_hz": 50.0})
        assert hear(phone)["type"] == "ready"
        flood(deaf.socket, frame(bytes(125), Opcode.PING))
        for n in range(80):
            piece = slice(25 * n, 25 * n + 25)
            say(phone, {"type": "samples", "t": times[piece].tolist(), "x": values[:, piece].tolist()})
            while len(found) < n - 4:
                found.append(hear(phone))
            assert server.get("/patient/about.json")[2].startswith(b"{")
        assert server.get("/patient/large")[2] == LARGE
        say(phone, {"type": "stop"})
        while not found or found[-1]["type"] != "end":
            found.append(hear(phone))
    assert found[-1]["dropped_samples"] == found[-1]["dropped_messages"] == 0
    assert [one["start_s"] for one in found[:-1]] == [0.5 * i for i in range(79)]
    assert all(happens(lambda one=one: cut_off(one)) for one in bad)
