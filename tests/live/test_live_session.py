"""Connections: the predictions for a stream are the recogniser's, and every abuse ends with its code."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection

from otolith.live import protocol
from otolith.live.recordings import Playable
from otolith.live.session import Limits
from otolith.model import Model
from otolith.prediction import predict_recordings
from otolith.recording import CHANNELS, Recording, Stream
from otolith.streaming import StreamingRecogniser
from tests.helpers.live import Served, ending, hear, hear_all, running_live, say, signal

START: dict[str, Any] = {"type": "start", "channels": list(CHANNELS), "rate_hz": 50.0}
STOP: dict[str, Any] = {"type": "stop"}


def samples(times: np.ndarray, values: np.ndarray, each: int) -> list[dict[str, Any]]:
    """Return messages of `each` samples."""
    return [
        {"type": "samples", "t": times[at : at + each].tolist(), "x": values[:, at : at + each].tolist()}
        for at in range(0, len(times), each)
    ]


def pinging(talk: ClientConnection) -> int:
    """Return the code with which a connection ends on which only pings come."""
    with contextlib.suppress(ConnectionClosed):
        say(talk, {"type": "ping", "sent": 0})
        while hear(talk)["type"] != "error":
            say(talk, {"type": "ping", "sent": 0})
    return ending(talk)[0]


@pytest.mark.parametrize("of", ["model", "convolutional"])
def test_a_stream_gives_what_the_recogniser_gives(of: str, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(of)
    values, times = signal(400, 50.0), np.arange(400) / 50 + 12.5
    recogniser = StreamingRecogniser(model, 50.0)
    expected = [*recogniser.push(values, times), *recogniser.finish()]
    with running_live(model, limits=Limits(inbox=1000)) as served, served.talk() as talk:
        say(talk, START, *samples(times, values, 6), STOP)
        came = hear_all(talk)
        assert ending(talk) == (1000, "")
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
    name: str, served: Served, model: Model, recordings: dict[str, Recording]
) -> None:
    (found,) = predict_recordings(model, [recordings[name]], smoothing="causal")
    timeline = found.timeline
    assert timeline is not None
    with served.talk() as talk:
        say(talk, {"type": "replay", "recording": name, "speed": 100})
        came = hear_all(talk)
    predictions = [message for message in came if message["type"] == "prediction"]
    assert [p["activity"] for p in predictions] == timeline.activity
    np.testing.assert_allclose([p["belief"] for p in predictions], timeline.belief, atol=2e-6)
    begin = max(float(s.times[0]) if s.times is not None else 0.0 for s in recordings[name].streams)
    np.testing.assert_allclose([p["start_s"] + begin for p in predictions], timeline.start_s, atol=1e-9)
    signals = [message for message in came if message["type"] == "signals"]
    assert sum(len(message["t"]) for message in signals) > 200
    assert all(len(row) == len(message["t"]) for message in signals for row in message["x"])


def test_a_replay_can_be_stopped_and_a_ping_is_answered(served: Served) -> None:
    with served.talk() as talk:
        say(talk, {"type": "replay", "recording": "walk <b>"}, {"type": "ping", "sent": 7.25}, STOP)
        came = hear_all(talk)
    assert {"type": "pong", "sent": 7.25, "dropped_samples": 0, "dropped_messages": 0} in came


@pytest.mark.parametrize(
    ("messages", "code", "named"),
    [
        (["nonsense"], protocol.MALFORMED, "JSON"),
        (["[" * 30_000], protocol.MALFORMED, "JSON"),
        (["[]"], protocol.MALFORMED, "object"),
        (["{}"], protocol.MALFORMED, "type"),
        (['{"v": 2, "type": "stop"}'], protocol.MALFORMED, "v"),
        (['{"type": "stop"}'], protocol.MALFORMED, "v"),
        ([{"type": "shout"}], protocol.MALFORMED, "shout"),
        ([{"type": "stop", "more": 1}], protocol.MALFORMED, "more"),
        ([START | {"channels": ["acc_w"]}], protocol.MALFORMED, "channels"),
        ([START | {"channels": []}], protocol.MALFORMED, "channels"),
        ([START | {"rate_hz": "60"}], protocol.MALFORMED, "rate_hz"),
        ([START | {"rate_hz": 1e6}], protocol.MALFORMED, "rate_hz"),
        ([START | {"rate_hz": 0}], protocol.MALFORMED, "rate_hz"),
        (['{"v": 1, "type": "samples", "t": [NaN], "x": [[1]]}'], protocol.MALFORMED, "t.0"),
        (['{"v": 1, "type": "samples", "t": [0], "x": [[1e400]]}'], protocol.MALFORMED, "x.0.0"),
        ([{"type": "samples", "t": [0, 1], "x": [[1]]}], protocol.MALFORMED, "another length"),
        ([{"type": "samples", "t": [], "x": []}], protocol.MALFORMED, "t"),
        ([{"type": "samples", "t": [0] * 501, "x": [[0] * 501]}], protocol.MALFORMED, "t"),
        ([{"type": "samples", "t": [0], "x": [[0]] * 7}], protocol.MALFORMED, "x"),
        ([{"type": "samples", "t": [True], "x": [[0]]}], protocol.MALFORMED, "t.0"),
        ([{"type": "replay", "recording": "x" * 1001}], protocol.MALFORMED, "recording"),
        ([{"type": "replay", "recording": "x", "speed": 0}], protocol.MALFORMED, "speed"),
        ([b"\x00\x01"], protocol.MALFORMED, "the message is binary; send JSON as text"),
        ([STOP], protocol.MALFORMED, "'stop' came before 'start'"),
        ([START, START], protocol.MALFORMED, "started already"),
        ([START, {"type": "samples", "t": [0], "x": [[0]]}], protocol.MALFORMED, "1 rows for 6 channels"),
        ([START, {"type": "samples", "t": [1, 0], "x": [[0, 0]] * 6}], protocol.REFUSED, "have to increase"),
        (
            [START | {"rate_hz": 1000}, *samples(0.25 * np.arange(10), np.zeros((6, 10)), 10)],
            protocol.MALFORMED,
            "10 samples over 2 s are not 1000 Hz",
        ),
        ([START | {"channels": list(CHANNELS[:3])}], protocol.REFUSED, "has no gyro_x, gyro_y, gyro_z"),
        ([START | {"channels": ["acc_x"] * 6}], protocol.REFUSED, "named twice"),
        ([START | {"rate_hz": 3}], protocol.REFUSED, "the model expects 12 Hz"),
        ([{"type": "replay", "recording": "walc"}], protocol.REFUSED, "unknown recording 'walc'"),
        (
            [{"type": "replay", "recording": "odd"}, {"type": "samples", "t": [0], "x": [[0]]}],
            protocol.MALFORMED,
            "came during a replay",
        ),
    ],
)
def test_abuse_ends_with_its_code(served: Served, messages: list[Any], code: int, named: str) -> None:
    with served.talk() as talk:
        say(talk, *messages)
        found, reason = ending(talk)
    assert found == code
    assert named.lower() in reason.lower()


@pytest.mark.parametrize("sent", [" " * (protocol.MAX_BYTES + 1), "é" * (protocol.MAX_BYTES // 2 + 1)])
def test_a_message_of_too_many_bytes_is_refused(served: Served, sent: str) -> None:
    with served.talk() as talk:
        say(talk, sent)
        assert ending(talk)[0] in (1009, protocol.TOO_LARGE)
    with served.talk() as talk:
        say(talk, json.dumps({"v": 1, "type": "stop"}) + " " * (protocol.MAX_BYTES - 30))
        assert ending(talk)[0] == protocol.MALFORMED  # not too large: a stop before a start


def test_signals_without_gravity_are_refused_with_a_cure(served: Served) -> None:
    values = signal(600, 50.0)
    values[2] -= 9.81
    with served.talk() as talk:
        with contextlib.suppress(ConnectionClosed):  # the first window suffices to refuse it
            say(talk, START, *samples(np.arange(600) / 50, values, 100))
        code, reason = ending(talk)
    assert code == protocol.REFUSED
    assert "trained with gravity" in reason


def test_idle_clients_are_closed_and_pings_do_not_keep_them(serving: Callable[..., Served]) -> None:
    served = serving(limits=Limits(idle_s=0.3, messages_hz=1e6))
    with served.talk() as talk:
        assert pinging(talk) == protocol.IDLE
    with served.talk() as talk:
        say(talk, START)
        assert pinging(talk) == protocol.IDLE
    with served.talk() as talk:
        # pings keep it while the recording plays, however long that takes, and no longer
        say(talk, {"type": "replay", "recording": "walk <b>", "speed": 100})
        assert pinging(talk) == protocol.IDLE


def test_more_messages_than_allowed_close_their_connection_alone(serving: Callable[..., Served]) -> None:
    served = serving(limits=Limits(messages_hz=0.5))  # two at once
    with served.talk() as other, served.talk() as one:
        say(one, *(4 * [{"type": "ping", "sent": 0}]))
        code, reason = ending(one)
        assert code == protocol.CROWDED
        assert "more than 0.5 messages came in a second" in reason
        say(other, {"type": "ping", "sent": 4})
        assert hear(other)["sent"] == 4


def test_no_more_clients_than_allowed(serving: Callable[..., Served]) -> None:
    served = serving(max_clients=1)
    with served.talk() as first:
        with served.talk() as second:
            assert ending(second)[0] == protocol.CROWDED
        say(first, {"type": "ping", "sent": 1})
        assert hear(first)["type"] == "pong"
        say(first, "nonsense")
        assert ending(first)[0] == protocol.MALFORMED
    with served.talk() as third:
        say(third, {"type": "ping", "sent": 2})
        assert hear(third)["sent"] == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_the_server_goes_on(served: Served, data: st.DataObject) -> None:
    number = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)
    rows = st.lists(st.lists(number, min_size=3, max_size=3), min_size=5, max_size=6)
    pieces = st.builds(
        lambda t, x: json.dumps({"v": 1, "type": "samples", "t": t, "x": x}),
        st.lists(number, min_size=3, max_size=3) | st.lists(number, min_size=3, max_size=3, unique=True).map(sorted),
        rows,
    )
    start = st.sampled_from([json.dumps({"v": 1} | START), json.dumps({"v": 1} | START | {"rate_hz": 1000.0})])
    text = st.text(st.characters(codec="utf-8"), max_size=30)
    sent = data.draw(st.lists(start | pieces | text, max_size=8))
    with served.talk() as talk:
        with contextlib.suppress(ConnectionClosed):
            say(talk, *sent, STOP)
        assert ending(talk)[0] in (1000, protocol.MALFORMED, protocol.REFUSED)
    with served.talk() as talk:
        say(talk, {"type": "ping", "sent": 1})
        assert hear(talk)["type"] == "pong"


def test_a_slow_client_loses_the_oldest_messages_and_is_told(serving: Callable[..., Served], model: Model) -> None:
    long = Recording("long", 1, (Stream(CHANNELS, signal(10_000, 50.0), 50.0),))
    served = serving(recordings={"long": Playable.of(long, model)}, limits=Limits(outbox=5))
    talker = served.talking("/stream")
    talker.send(json.dumps({"v": 1, "type": "replay", "recording": "long", "speed": 100, "recognise": False}).encode())
    came: list[dict[str, Any]] = []
    for each in talker.frames():
        if each.opcode is Opcode.TEXT:
            came.append(json.loads(each.data))
            if len(came) == 2:  # afterwards nothing is read until all has been played
                time.sleep(2.5)
            if came[-1]["type"] == "end":
                break
    dropped = came[-1]["dropped_messages"]
    assert dropped > 20
    assert len(came) + dropped == 10_000 / 5 + 2  # with `ready` and `end`
    times = [message["t"][0] for message in came if message["type"] == "signals"]
    assert times == sorted(times)


def test_samples_beyond_what_can_wait_are_dropped_and_counted(serving: Callable[..., Served]) -> None:
    values = signal(5_000, 50.0)
    with serving(limits=Limits(inbox=1, messages_hz=1e6)).talk() as talk:
        say(talk, START, *samples(np.arange(5_000) / 50, values, 10), STOP)
        end = hear_all(talk)[-1]
    assert 0 < end["dropped_samples"] < 5_000
    assert end["dropped_samples"] % 10 == 0
