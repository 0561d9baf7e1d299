"""Clients that are silent or do not read: each is cut off, none holds memory, and beside them others are served."""

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
from websockets.sync.client import connect

from otolith.live import connections, session
from otolith.live.app import Live, build
from otolith.live.serve import Place
from otolith.live.session import Limits
from otolith.model import Model
from otolith.recording import CHANNELS
from tests.helpers.callers import PATIENCE_S, Running, flood, frame, happens, running
from tests.helpers.livetools import signal

LARGE = np.random.default_rng(0).bytes(4_000_000)
SHORT = LARGE[:40_000]
"""Less than what an asyncio transport takes before it says that it is too much; more than these systems' buffers."""
NEVER_S = 600.0
TO_STALL, TO_CLOSE = "/patient", "/hasty"
"""Applications of which the first leaves those who do not read to their connection, the other ends their session."""
PING = json.dumps({"v": 1, "type": "ping", "sent": 1}).encode()
START = json.dumps({"v": 1, "type": "start", "channels": CHANNELS, "rate_hz": 50.0})


@pytest.fixture(scope="module")
def server(model: Model) -> Iterator[Running]:
    def make(place: Place) -> Any:
        limits = {TO_STALL: Limits(messages_hz=1e6), TO_CLOSE: Limits(messages_hz=1e6, send_s=0.1)}
        kind = "application/octet-stream"
        files = {"/large": (LARGE, kind), "/short": (SHORT, kind)}
        apps = {
            path: build(Live(model, "Tiny", hosts=place.hosts, token=path.removeprefix("/"), limits=limit, files=files))
            for path, limit in limits.items()
        }

        async def either(scope: Any, receive: Any, send: Any) -> None:
            await apps["/" + scope["path"].split("/")[1]](scope, receive, send)

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
        assert getattr(module, name) > seconds
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture(autouse=True)
def _nobody_is_left(server: Running, _short_limits: None) -> Iterator[None]:
    assert server.knows(0)
    yield
    server.hang_up()


def cut_off(one: socket.socket) -> bool:
    """Whether the server has ended the connection; what came before does not count."""
    one.settimeout(0.005)
    try:
        while one.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def answered(one: socket.socket, method: str = "GET") -> http.client.HTTPResponse:
    """The whole answer, read from a connection that stays open."""
    answer = http.client.HTTPResponse(one, method=method)
    answer.begin()
    answer.read()
    return answer


def test_who_never_asks_is_cut_off(server: Running) -> None:
    one = server.connect()
    assert one.recv(1) == b""


def test_who_asks_slowly_is_cut_off(server: Running) -> None:
    first, later, body = (server.connect() for _ in range(3))
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


def test_who_does_not_take_what_he_is_sent_is_cut_off(server: Running) -> None:
    """Whether more is to come, or all was said and it is time to close; and over a WebSocket."""
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
    assert server.knows(0)
    for one, n in zip(ones, asked.values(), strict=True):
        came = bytearray()
        with contextlib.suppress(ConnectionError):
            while more := one.recv(1 << 16):
                came += more
        assert 0 < len(came) < n


@pytest.mark.parametrize("messages", [0, 1])  # a message leads to reading on, once it is worked off
def test_who_does_not_read_is_not_listened_to_until_he_does(
    server: Running, messages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_S", NEVER_S)
    talker = server.talking("/patient/stream")
    pings = 5 * frame(bytes(125), Opcode.PING) + messages * frame(PING)
    n, left = flood(talker.socket, pings)
    assert server.waiting_bytes() < 500_000
    # and nothing is lost
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


def test_whose_session_is_over_is_cut_off_whether_he_reads_or_not(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_S", NEVER_S)
    deaf = server.talking("/hasty/stream")
    flood(deaf.socket, 20 * frame(PING))  # to which the answers are messages, that a session gives up on
    reader = server.talking("/patient/stream")
    reader.send(b"nonsense")
    said = list(reader.frames())  # without the answer to its close frame that it is owed
    assert [one.opcode for one in said] == [Opcode.TEXT, Opcode.CLOSE]
    assert json.loads(said[0].data)["type"] == "error"
    assert server.knows(0)


def test_who_asks_for_a_websocket_behind_an_answer_that_he_did_not_take_gets_none(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_S", NEVER_S)
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    named = (f"Origin: http://{server.place.hosts[0]}", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==")
    one = server.connect()
    one.sendall(server.asking("/patient/short") + server.asking("/patient/stream", *upgrade, *named))
    assert one.recv(1) == b"H"
    assert server.knows(0)


def test_who_hangs_up_is_forgotten_before_his_time_is_over(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ASK_S", NEVER_S)
    monkeypatch.setattr(connections, "STALL_S", NEVER_S)
    server.connect()
    server.connect().sendall(server.asking("/patient/large"))
    assert happens(lambda: server.known() == 2 and server.waiting_bytes() > 0)
    assert server.forgets_those_who_hang_up()


def test_beside_all_of_these_others_are_served(server: Running) -> None:
    host = server.place.hosts[0]
    steady = server.connect()
    steady.sendall(server.asking("/patient/large"))
    alone, came, found = threading.Event(), bytearray(), []
    values = signal(5_000, 50.0)

    def download() -> None:
        with contextlib.closing(http.client.HTTPResponse(steady)) as answer:
            answer.begin()
            while more := answer.read1(1 << 14):
                came.extend(more)
                alone.wait(0.005)

    with (
        contextlib.closing(http.client.HTTPConnection(host, timeout=PATIENCE_S)) as asker,
        connect(f"ws://{host}/patient/stream", origin=f"http://{host}") as phone,  # type: ignore[arg-type]
    ):
        phone.send(START)
        assert json.loads(phone.recv(PATIENCE_S))["type"] == "ready"
        downloading = threading.Thread(target=download)
        downloading.start()
        bad = [server.connect() for _ in range(3)]
        bad[1].sendall(b"GET /patient/about.json HTTP/1.1\r\nX: ")
        bad[2].sendall(server.asking("/patient/large"))
        deaf, over = server.talking("/patient/stream"), server.talking("/patient/stream")
        flood(deaf.socket, frame(bytes(125), Opcode.PING))
        over.send(b"nonsense")
        for n in range(200):
            piece = slice(25 * n, 25 * n + 25)
            samples = {"type": "samples", "t": (np.arange(5_000)[piece] / 50).tolist(), "x": values[:, piece].tolist()}
            phone.send(json.dumps({"v": 1} | samples))
            while len(found) < n - 4:
                found.append(json.loads(phone.recv(PATIENCE_S)))
            asker.request("GET", "/patient/about.json")
            assert asker.getresponse().read().startswith(b"{")
            if server.known() == 3:
                break
        alone.set()
        downloading.join()
        assert server.known() == 3
        phone.send('{"v": 1, "type": "stop"}')
        while not found or found[-1]["type"] != "end":
            found.append(json.loads(phone.recv(PATIENCE_S)))
    assert bytes(came) == LARGE
    assert found[-1]["dropped_samples"] == found[-1]["dropped_messages"] == 0
    assert [one["start_s"] for one in found[:-1]] == [0.5 * i for i in range(len(found) - 1)]
