"""The messages between page and server over the WebSocket `stream`. Each is one JSON object, as text.

From the page (each with `"v": 1`):

    {"type": "start", "channels": ["acc_x", ...], "rate_hz": 60}     sensors follow; or
    {"type": "replay", "recording": NAME, "speed": 1, "recognise": true}
    {"type": "start", ..., "record": {"consent": true, "who": NAME, "zone": "Europe/Amsterdam"}}   keep a recording, too
    {"type": "label", "at": s, "activity": NAME or null}             of a recording: from `at` on, on the samples' clock
    {"type": "discard"}                                              throw the recording away; recognition goes on
    {"type": "samples", "t": [s, ...], "x": [[...], ...]}            after start: rows are the channels, m/s² and rad/s
    {"type": "ping", "sent": ms}                                     answered at once, whatever is being computed
    {"type": "stop"}                                                 last predictions, then `end`

From the server:

    {"type": "ready", "v": 1, "channels": [...], "rate_hz": 50}
    {"type": "signals", "t": [...], "x": [...]}                      of a replay; exact if the page recognises itself
    {"type": "prediction", "start_s", "stop_s", "activity", "probability" (null: a flag has none), "unknown",
     "p": one for each activity, of the window by itself, "belief": one for each state, smoothed, "score",
     "waited_ms", "queued_ms", "compute_ms"}
    {"type": "recording", "state": "on" (each second), "kept", "discarded", "ended" or "refused", "name", "seconds",
     "reason"}
    {"type": "pong", "sent": ms, "dropped_samples": n, "dropped_messages": n}
    {"type": "end", "dropped_samples": n, "dropped_messages": n}
    {"type": "error", "code": n, "reason": TEXT}                     followed by a close with that code

`t` is in seconds on any clock and increases; a step of more than a quarter of a second is a gap, which no window spans.
`t` counts from 0 in a replay. A client that sends faster than the server computes loses whole `samples` messages, one
that reads too slowly the oldest messages; both are counted. No message may exceed `MAX_BYTES`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from otolith.recording import CHANNELS
from otolith.streaming import Prediction
from otolith.windows.clock import MAX_GAP_S

VERSION = 1
MAX_BYTES = 64 * 1024
MAX_SAMPLES = 500
"""Samples of one message: many seconds of a phone, which sends ten messages a second."""
MAX_RATE_HZ = 1000.0

MALFORMED, TOO_LARGE, REFUSED, IDLE, CROWDED, SLOW, BROKEN = 4400, 4413, 4422, 4408, 4429, 4503, 4500
"""Close codes, after the HTTP codes that they resemble; CROWDED stands for too many clients or too many messages."""
MAX_POINTS = 4 * MAX_SAMPLES
"""Points of the regular clock in the time of one message without its gaps: few samples do not become many windows."""


class Closed(Exception):
    """Ends a connection with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("characters that cannot be seen, or blanks around a name; send letters, digits and signs")
    return text


Text = Annotated[str, Field(max_length=60), AfterValidator(_plain)]


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    v: Literal[1]


class Record(BaseModel):
    """The wish that a session is kept; `who` wears the device, `zone` is the time zone of the page."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    consent: Literal[True]
    who: Text = ""
    zone: Text = ""


class Start(_Message):
    type: Literal["start"]
    channels: Annotated[list[Literal[CHANNELS]], Field(min_length=1, max_length=len(CHANNELS))]  # type: ignore[valid-type]
    rate_hz: Annotated[float, Field(allow_inf_nan=False, gt=0, le=MAX_RATE_HZ)]
    record: Record | None = None


class Replay(_Message):
    type: Literal["replay"]
    recording: Annotated[str, Field(max_length=1000)]
    speed: Annotated[float, Field(allow_inf_nan=False, ge=0.1, le=100)] = 1.0
    recognise: bool = True


class Samples(_Message):
    type: Literal["samples"]
    t: Annotated[list[Number], Field(min_length=1, max_length=MAX_SAMPLES)]
    x: Annotated[list[Annotated[list[Number], Field(max_length=MAX_SAMPLES)]], Field(max_length=len(CHANNELS))]

    @model_validator(mode="after")
    def _rectangular(self) -> Samples:
        if any(len(row) != len(self.t) for row in self.x):
            raise ValueError("a row of x has another length than t; send a value for each time")
        return self


class Label(_Message):
    type: Literal["label"]
    at: Number
    activity: Annotated[Text, Field(min_length=1)] | None


class Discard(_Message):
    type: Literal["discard"]


class Ping(_Message):
    type: Literal["ping"]
    sent: Number


class Stop(_Message):
    type: Literal["stop"]


Message = Start | Replay | Samples | Label | Discard | Ping | Stop
_ANY: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(text: str | bytes) -> Message:
    """Parse one message from the page.

    Raises:
        Closed: it is too large, not JSON, of another version, or not one of the messages above.
    """
    # a character has at least one byte: long texts are not encoded only to be measured
    if len(text) > MAX_BYTES or (isinstance(text, str) and len(text.encode("utf-8", "replace")) > MAX_BYTES):
        raise Closed(TOO_LARGE, f"a message has more than {MAX_BYTES} bytes; send fewer samples at a time")
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Closed(
            MALFORMED, f"{place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}"
        ) from None


def refuse_sparse(times: Sequence[float], rate_hz: float) -> None:
    """Raise Closed where samples lie much further apart than `rate_hz` says; gaps do not count."""
    steps = (b - a for a, b in pairwise(times))
    covered_s = sum(step for step in steps if 0 < step <= MAX_GAP_S)
    if covered_s * rate_hz > MAX_POINTS:
        reason = (
            f"{len(times)} samples over {covered_s:.0f} s are not {rate_hz:g} Hz; start with the rate of the samples"
        )
        raise Closed(MALFORMED, reason)


def recording(state: str, name: str = "", seconds: float = 0.0, reason: str = "") -> dict[str, Any]:
    """Return the message about the recording that is made of a session."""
    return {"type": "recording", "state": state, "name": name, "seconds": round(seconds, 1), "reason": reason}


def ready(channels: Sequence[str], rate_hz: float) -> dict[str, Any]:
    """Return the message that samples or a replay may begin."""
    return {"type": "ready", "v": VERSION, "channels": list(channels), "rate_hz": rate_hz}


def signals(times: Sequence[float], rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return the message with samples of a replay."""
    return {"type": "signals", "t": list(times), "x": [list(row) for row in rows]}


def prediction(found: Prediction, queued_s: float) -> dict[str, Any]:
    """Return the message of a prediction whose last samples waited `queued_s` on the server for their turn."""
    return {
        "type": "prediction",
        "start_s": found.start_s,
        "stop_s": found.stop_s,
        "activity": found.activity,
        "probability": None if math.isnan(found.probability) else found.probability,
        "unknown": found.unknown,
        "p": [round(float(p), 6) for p in found.probabilities],
        "belief": None if found.belief is None else [round(float(p), 6) for p in found.belief],
        "score": found.score,
        "waited_ms": 1000 * found.waited_s,
        "queued_ms": 1000 * queued_s,
        "compute_ms": 1000 * found.compute_s,
    }
