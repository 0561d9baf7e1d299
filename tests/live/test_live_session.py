"""Connections: what streams in comes out as the recogniser says it, and every abuse ends with its code."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from otolith.live import protocol
from otolith.live.app import Live, build
from otolith.live.recordings import Playable
from otolith.live.session import Limits
from otolith.model import Model
from otolith.prediction import predict_recordings
from otolith.recording import CHANNELS, Recording
from otolith.streaming import StreamingRecogniser
from tests.helpers.livetools import HOST, ORIGIN, STREAM, signal

Serving = Callable[..., TestClient]
START = {"v": 1, "type": "start", "channels": list(CHANNELS), "rate_hz": 50.0}


def until_end(socket: WebSocketTestSession) -> list[dict[str, Any]]:
    """All messages up to `end`."""
    came = []
    while not came or came[-1]["type"] != "end":
        came.append(socket.receive_json())
    return came


def pinging(socket: WebSocketTestSession) -> int:
    """Code with which a connection ends that nothing but pings keeps busy."""
    while True:
        socket.send_json({"v": 1, "type": "ping", "sent": 0})
        try:
            socket.receive_json()
        except WebSocketDisconnect as closed:
            return closed.code


def ending(socket: WebSocketTestSession) -> int:
    """Code with which a connection ends, whatever comes before."""
    while True:
        try:
            socket.receive_json()
        except WebSocketDisconnect as closed:
            return closed.code


def closing(socket: WebSocketTestSession) -> tuple[int, str]:
    """Code and reason with which a connection ends; the error that goes before says the same."""
    error: dict[str, Any] = {}
    while True:
        try:
            message = socket.receive_json()
        except WebSocketDisconnect as closed:
            code = closed.code
            break
        error = message if message["type"] == "error" else error
    assert error.get("code") == code
    return code, error["reason"]


def test_a_stream_gives_what_the_recogniser_gives(serving: Serving, model: Model) -> None:
    values, times = signal(400, 50.0), np.arange(400) / 50 + 12.5
    recogniser = StreamingRecogniser(model, 50.0)
    expected = [*recogniser.push(values, times), *recogniser.finish()]
    with serving(limits=Limits(inbox=1000)).websocket_connect(STREAM, headers=ORIGIN) as socket:
        socket.send_json(START)
        for at in range(0, 400, 6):
            piece = slice(at, at + 6)
            socket.send_json({"v": 1, "type": "samples", "t": times[piece].tolist(), "x": values[:, piece].tolist()})
        socket.send_json({"v": 1, "type": "stop"})
        came = until_end(socket)
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert ended.value.code == 1000
    assert came[0] == {"type": "ready", "v": 1, "channels": list(CHANNELS), "rate_hz": 50.0}
    assert came[-1] == {"type": "end", "dropped_samples": 0, "dropped_messages": 0}
    found = [message for message in came if message["type"] == "prediction"]
    assert [p["activity"] for p in found] == [p.activity for p in expected]
    assert [p["start_s"] for p in found] == [p.start_s for p in expected]
    np.testing.assert_allclose([p["p"] for p in found], [p.probabilities for p in expected], atol=2e-6)
    np.testing.assert_allclose([p["belief"] for p in found], [p.belief for p in expected], atol=2e-6)
    assert all(p["compute_ms"] > 0 and p["queued_ms"] >= 0 and p["waited_ms"] >= 0 for p in found)


@pytest.mark.parametrize("name", ["walk <b>", "odd"])
def test_a_replay_gives_what_prediction_gives(
    name: str, serving: Serving, model: Model, recordings: dict[str, Recording]
) -> None:
    (found,) = predict_recordings(model, [recordings[name]], smoothing="causal")
    timeline = found.timeline
    assert timeline is not None
    with serving().websocket_connect(STREAM, headers=ORIGIN) as socket:
        socket.send_json({"v": 1, "type": "replay", "recording": name, "speed": 100})
        came = until_end(socket)
    predictions = [message for message in came if message["type"] == "prediction"]
    assert [p["activity"] for p in predictions] == timeline.activity
    np.testing.assert_allclose([p["belief"] for p in predictions], timeline.belief, atol=2e-6)
    begin = min(float(stream.times[0]) if stream.times is not None else 0.0 for stream in recordings[name].streams)
    begin = max(float(s.times[0]) if s.times is not None else 0.0 for s in recordings[name].streams) if begin else begin
    np.testing.assert_allclose([p["start_s"] + begin for p in predictions], timeline.start_s, atol=1e-9)
    signals = [message for message in came if message["type"] == "signals"]
    assert sum(len(message["t"]) for message in signals) > 200
    assert all(len(row) == len(message["t"]) for message in signals for row in message["x"])


def test_a_replay_can_be_stopped_and_a_ping_is_answered(serving: Serving) -> None:
    with serving().websocket_connect(STREAM, headers=ORIGIN) as socket:
        socket.send_json({"v": 1, "type": "replay", "recording": "walk <b>"})
        socket.send_json({"v": 1, "type": "ping", "sent": 7.25})
        socket.send_json({"v": 1, "type": "stop"})
        came = until_end(socket)
    pong = {"type": "pong", "sent": 7.25, "dropped_samples": 0, "dropped_messages": 0}
    assert pong in came


@pytest.mark.parametrize(
    ("messages", "code", "named"),
    [
        (["nonsense"], protocol.MALFORMED, "JSON"),
        ([" " * 70_000], protocol.TOO_LARGE, "more than 65536 bytes"),
        ([{"v": 1, "type": "stop"}], protocol.MALFORMED, "'stop' came before 'start'"),
        ([START, START], protocol.MALFORMED, "started already"),
        ([START, {"v": 1, "type": "samples", "t": [0], "x": [[0]]}], protocol.MALFORMED, "1 rows for 6 channels"),
        ([START, {"v": 1, "type": "samples", "t": [1, 0], "x": [[0, 0]] * 6}], protocol.REFUSED, "have to increase"),
        (
            [
                START | {"rate_hz": 1000},
                {"v": 1, "type": "samples", "t": [0.25 * i for i in range(10)], "x": [[0] * 10] * 6},
            ],
            protocol.MALFORMED,
            "10 samples over 2 s are not 1000 Hz",
        ),
        ([START | {"channels": list(CHANNELS[:3])}], protocol.REFUSED, "has no gyro_x, gyro_y, gyro_z"),
        ([START | {"channels": ["acc_x"] * 6}], protocol.REFUSED, "named twice"),
        ([START | {"rate_hz": 3}], protocol.REFUSED, "the model expects 12 Hz"),
        ([{"v": 1, "type": "replay", "recording": "walc"}], protocol.REFUSED, "unknown recording 'walc'"),
        (
            [{"v": 1, "type": "replay", "recording": "odd"}, {"v": 1, "type": "samples", "t": [0], "x": [[0]]}],
            protocol.MALFORMED,
            "came during a replay",
        ),
    ],
)
def test_abuse_ends_with_its_code(serving: Serving, messages: list[Any], code: int, named: str) -> None:
    client = serving()
    with client.websocket_connect(STREAM, headers=ORIGIN) as socket:
        for message in messages:
            socket.send_text(message if isinstance(message, str) else json.dumps(message))
        found, reason = closing(socket)
    assert found == code
    assert named in reason
    assert client.get("/about.json").status_code == 200


def test_binary_messages_are_refused(serving: Serving) -> None:
    with serving().websocket_connect(STREAM, headers=ORIGIN) as socket:
        socket.send_bytes(b"\x00\x01")
        assert closing(socket) == (protocol.MALFORMED, "the message is binary; send JSON as text")


def test_signals_without_gravity_are_refused_with_a_cure(serving: Serving) -> None:
    values = signal(600, 50.0)
    values[2] -= 9.81
    with serving().websocket_connect(STREAM, headers=ORIGIN) as socket:
        socket.send_json(START)
        for at in range(0, 600, 100):
            rows = values[:, at : at + 100].tolist()
            socket.send_json({"v": 1, "type": "samples", "t": (np.arange(at, at + 100) / 50).tolist(), "x": rows})
        code, reason = closing(socket)
    assert code == protocol.REFUSED
    assert "trained with gravity" in reason


def test_idle_clients_are_closed_and_pings_do_not_keep_them(serving: Serving) -> None:
    client = serving(limits=Limits(idle_s=0.3))
    with client.websocket_connect(STREAM, headers=ORIGIN) as socket:
        assert pinging(socket) == protocol.IDLE
    with client.websocket_connect(STREAM, headers=ORIGIN) as socket:
        socket.send_json(START)
        assert pinging(socket) == protocol.IDLE
    with client.websocket_connect(STREAM, headers=ORIGIN) as socket:
        # pings keep it while the recording plays, however long that takes, and no longer
        socket.send_json({"v": 1, "type": "replay", "recording": "walk <b>", "speed": 100})
        assert pinging(socket) == protocol.IDLE


def test_more_messages_than_allowed_close_their_connection_alone(serving: Serving) -> None:
    client = serving(limits=Limits(messages_hz=0.5))  # two at once
    with (
        client.websocket_connect(STREAM, headers=ORIGIN) as other,
        client.websocket_connect(STREAM, headers=ORIGIN) as one,
    ):
        for _ in range(4):
            one.send_json({"v": 1, "type": "ping", "sent": 0})
        code, reason = closing(one)
        assert code == protocol.CROWDED
        assert "more than 0.5 messages came in a second" in reason
        other.send_json({"v": 1, "type": "ping", "sent": 4})
        assert other.receive_json()["sent"] == 4


def test_no_more_clients_than_allowed(serving: Serving) -> None:
    client = serving(max_clients=1)
    with client.websocket_connect(STREAM, headers=ORIGIN) as first:
        with client.websocket_connect(STREAM, headers=ORIGIN) as second, pytest.raises(WebSocketDisconnect) as caught:
            second.receive_json()
        assert caught.value.code == protocol.CROWDED
        first.send_json({"v": 1, "type": "ping", "sent": 1})
        assert first.receive_json()["type"] == "pong"
    with client.websocket_connect(STREAM, headers=ORIGIN) as third:
        third.send_json({"v": 1, "type": "ping", "sent": 2})
        assert third.receive_json()["sent"] == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_the_server_goes_on(serving: Serving, data: st.DataObject) -> None:
    client = serving()
    number = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)
    rows = st.lists(st.lists(number, min_size=3, max_size=3), min_size=5, max_size=6)
    samples = st.builds(
        lambda t, x: json.dumps({"v": 1, "type": "samples", "t": t, "x": x}),
        st.lists(number, min_size=3, max_size=3) | st.lists(number, min_size=3, max_size=3, unique=True).map(sorted),
        rows,
    )
    start = st.sampled_from([json.dumps(START), json.dumps(START | {"rate_hz": 1000.0})])
    sent = data.draw(st.lists(start | samples | st.text(max_size=30), max_size=8))
    with client.websocket_connect(STREAM, headers=ORIGIN) as socket:
        for message in sent:
            socket.send_text(message)
        socket.send_text(json.dumps({"v": 1, "type": "stop"}))
        assert ending(socket) in (1000, protocol.MALFORMED, protocol.REFUSED)
    assert client.get("/about.json").status_code == 200


class Wire:
    """An ASGI connection by hand: `lines` come in, and `taking` says whether anyone reads what goes out."""

    def __init__(self, lines: list[str]) -> None:
        self.lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.lines.put_nowait({"type": "websocket.connect"})
        for line in lines:
            self.lines.put_nowait({"type": "websocket.receive", "text": line})
        self.taking = asyncio.Event()
        self.out: list[dict[str, Any]] = []

    async def send(self, message: Any) -> None:
        if message["type"] != "websocket.accept":
            await self.taking.wait()
        self.out.append(message)

    async def serve(self, live: Live) -> None:
        headers = [(b"host", HOST.encode()), (b"origin", f"http://{HOST}".encode())]
        scope = {
            "type": "websocket",
            "path": "/stream",
            "raw_path": b"/stream",
            "query_string": b"",
            "headers": headers,
        }
        scope |= {"scheme": "ws", "subprotocols": [], "root_path": "", "extensions": {}}
        await build(live)(scope, self.lines.get, self.send)


def live_of(model: Model, recordings: dict[str, Recording], **limits: Any) -> Live:
    known = {name: Playable.of(one, model) for name, one in recordings.items()}
    return Live(model=model, title="Tiny", recordings=known, hosts=(HOST,), limits=Limits(**limits))


def test_a_client_that_does_not_read_is_closed(model: Model, recordings: dict[str, Recording]) -> None:
    async def scene() -> list[dict[str, Any]]:
        wire = Wire([json.dumps({"v": 1, "type": "replay", "recording": "walk <b>", "speed": 100})])
        task = asyncio.create_task(wire.serve(live_of(model, recordings, send_s=0.3)))
        await asyncio.wait_for(task, 20)
        return wire.out

    assert [message["type"] for message in asyncio.run(scene())] == ["websocket.accept"]


def test_a_slow_client_loses_the_oldest_messages_and_is_told(model: Model, recordings: dict[str, Recording]) -> None:
    async def scene() -> list[dict[str, Any]]:
        wire = Wire([json.dumps({"v": 1, "type": "replay", "recording": "walk <b>", "speed": 100})])
        task = asyncio.create_task(wire.serve(live_of(model, recordings, outbox=5)))
        await asyncio.sleep(1.0)
        wire.taking.set()
        while not any("end" in message.get("text", "")[:20] for message in wire.out):
            await asyncio.sleep(0.05)
        wire.lines.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(task, 20)
        return wire.out

    texts = [json.loads(message["text"]) for message in asyncio.run(scene()) if message["type"] == "websocket.send"]
    (end,) = [message for message in texts if message["type"] == "end"]
    assert end["dropped_messages"] > 20
    assert len(texts) < 30


def test_samples_beyond_what_can_wait_are_dropped_and_counted(
    model: Model, recordings: dict[str, Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = signal(300, 50.0)
    lines = [json.dumps(START)]
    for at in range(0, 300, 10):
        rows = values[:, at : at + 10].tolist()
        t = (np.arange(at, at + 10) / 50).tolist()
        lines.append(json.dumps({"v": 1, "type": "samples", "t": t, "x": rows}))
    lines.append(json.dumps({"v": 1, "type": "stop"}))

    async def scene() -> list[dict[str, Any]]:
        wire = Wire(lines)
        wire.taking.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wire.serve(live_of(model, recordings, inbox=4)), 20)
        return wire.out

    texts = [json.loads(message["text"]) for message in asyncio.run(scene()) if message["type"] == "websocket.send"]
    assert texts[-1]["type"] == "end"
    assert texts[-1]["dropped_samples"] >= 100  # all lines lay there at once, and four could wait
    assert texts[-1]["dropped_samples"] % 10 == 0
