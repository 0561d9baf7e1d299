"""What the page may say: everything else is refused with a code, and with nothing but a code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette")

from otolith.live import protocol
from otolith.live.protocol import MALFORMED, TOO_LARGE, Closed, Message, Ping, Replay, Samples, Start, Stop, parse


def text(**message: Any) -> str:
    return json.dumps({"v": 1} | message)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"type": "start", "channels": ["acc_x", "gyro_z"], "rate_hz": 60}, Start),
        ({"type": "replay", "recording": "walk", "speed": 5}, Replay),
        ({"type": "samples", "t": [0, 0.02], "x": [[1, 2.5], [3, 4]]}, Samples),
        ({"type": "ping", "sent": 12.5}, Ping),
        ({"type": "stop"}, Stop),
    ],
)
def test_every_message_is_understood(message: dict[str, Any], kind: type) -> None:
    found = parse(text(**message))
    assert isinstance(found, kind)
    assert parse(text(**message).encode()) == found


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ("", "JSON"),
        ("nonsense", "JSON"),
        ("[]", "object"),
        ("{}", "type"),
        ('{"v": 2, "type": "stop"}', "v"),
        ('{"type": "stop"}', "v"),
        (text(type="shout"), "shout"),
        (text(type="stop", more=1), "more"),
        (text(type="start", channels=["acc_w"], rate_hz=60), "channels"),
        (text(type="start", channels=[], rate_hz=60), "channels"),
        (text(type="start", channels=["acc_x"], rate_hz="60"), "rate_hz"),
        (text(type="start", channels=["acc_x"], rate_hz=1e6), "rate_hz"),
        (text(type="start", channels=["acc_x"], rate_hz=0), "rate_hz"),
        ('{"v": 1, "type": "samples", "t": [NaN], "x": [[1]]}', "t.0"),
        ('{"v": 1, "type": "samples", "t": [0], "x": [[1e400]]}', "x.0.0"),
        (text(type="samples", t=[0, 1], x=[[1]]), "another length"),
        (text(type="samples", t=[], x=[]), "t"),
        (text(type="samples", t=[0] * 501, x=[[0] * 501]), "t"),
        (text(type="samples", t=[0], x=[[0]] * 7), "x"),
        (text(type="samples", t=[True], x=[[0]]), "t.0"),
        (text(type="replay", recording="x" * 1001), "recording"),
        (text(type="replay", recording="x", speed=0), "speed"),
        ("[" * 30_000, "JSON"),
        ('"\ud800"', "unicode"),
    ],
)
def test_what_is_no_message_is_refused_and_named(sent: str, named: str) -> None:
    with pytest.raises(Closed) as caught:
        parse(sent)
    assert caught.value.code == MALFORMED
    assert named.lower() in caught.value.reason.lower()


def test_size_is_measured_in_bytes() -> None:
    limit = protocol.MAX_BYTES
    for sent in (" " * (limit + 1), "é" * (limit // 2 + 1), b" " * (limit + 1)):
        with pytest.raises(Closed) as caught:
            parse(sent)
        assert caught.value.code == TOO_LARGE
    assert isinstance(parse(text(type="stop") + " " * (limit - 30)), Stop)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
    max_leaves=30,
)
messages = st.fixed_dictionaries(
    {"v": st.just(1), "type": st.sampled_from(["start", "replay", "samples", "ping", "stop"])},
    optional={
        "t": json_values,
        "x": json_values,
        "channels": json_values,
        "rate_hz": json_values,
        "recording": json_values,
        "speed": json_values,
        "sent": json_values,
    },
)


@settings(max_examples=400, deadline=None)
@given(st.text() | st.binary() | json_values.map(json.dumps) | messages.map(json.dumps))
def test_anything_gives_a_message_or_a_code(sent: str | bytes) -> None:
    try:
        assert isinstance(parse(sent), Message)
    except Closed as refusal:
        told = refusal.code, refusal.reason
    else:
        return
    assert told[0] in (MALFORMED, TOO_LARGE)
    assert told[1]
