"""The messages between page and server over the WebSocket `work`. Each is one JSON object, as text.

From the page (each with `"v": 1`); times are seconds on the recording's clock, recordings are numbers of `about.json`:

    {"type": "next"}                                                              asks for a proposal
    {"type": "label", "recording": 0, "start": 8, "stop": 12, "activity": NAME}   "" takes labels away
    {"type": "skip" or "keep", "recording": 0, "start": 8, "stop": 12}
    {"type": "undo"}
    {"type": "activity", "name": NAME}
    {"type": "offset", "video": 0, "recording": 0, "seconds": 3.2}                where the video's second 0 is
    {"type": "ping"}

From the server:

    {"type": "saved", "text": TEXT}          what a message asked for is on the disk
    {"type": "state", ...}                   after each change, and once the head has learnt from it
    {"type": "proposal", "proposal": {"recording", "start", "stop", "guesses": [[NAME, p], ...]} or null}
    {"type": "refused", "reason": TEXT}      of the last message; the connection goes on
    {"type": "pong"}

A connection that breaks these rules is closed with one of the codes below.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_BYTES = 4096
MALFORMED, IDLE, CROWDED, SLOW = 4400, 4408, 4429, 4503
"""Close codes, after the HTTP codes that they resemble."""

Seconds = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e10)]
Number = Annotated[int, Field(ge=0, le=10**7)]


class Closed(Exception):
    """Ends a connection with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    v: Literal[1]


class _Stretch(_Message):
    recording: Number
    start: Seconds
    stop: Seconds


class Next(_Message):
    type: Literal["next"]


class Label(_Stretch):
    type: Literal["label"]
    activity: Annotated[str, Field(max_length=200)]


class Skip(_Stretch):
    type: Literal["skip"]


class Keep(_Stretch):
    type: Literal["keep"]


class Undo(_Message):
    type: Literal["undo"]


class Activity(_Message):
    type: Literal["activity"]
    name: Annotated[str, Field(max_length=200)]


class Offset(_Message):
    type: Literal["offset"]
    video: Number
    recording: Number
    seconds: Seconds


class Ping(_Message):
    type: Literal["ping"]


Message = Next | Label | Skip | Keep | Undo | Activity | Offset | Ping
_ANY: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(text: str | bytes | None) -> Message:
    """Parse one message from the page.

    Raises:
        Closed: it is binary, too large, not JSON, of another version, or not one of the messages above.

    >>> parse('{"v": 1, "type": "undo"}').type
    'undo'
    """
    if text is None or len(text) > MAX_BYTES:
        raise Closed(MALFORMED, f"a message is JSON as text, of at most {MAX_BYTES} bytes")
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Closed(MALFORMED, f"{place + ': ' if place else ''}{first['msg']}") from None
