"""Video files beside the signals, sent a piece at a time as browsers ask for them (RFC 9110, Section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from otolith.errors import DataError
from otolith.system.reading import open_regular

TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg"}
PIECE = 1 << 20
"""Bytes of one answer at most; a browser asks for the next when it needs them."""
MOST_BYTES = 1 << 40


@dataclass(frozen=True)
class Video:
    """A video file, and the recording that it shows; None: any."""

    path: Path
    recording: str | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def of(cls, text: str, recordings: tuple[str, ...]) -> Video:
        """Read FILE, or RECORDING=FILE.

        Raises:
            DataError: no such recording or file, or a kind that browsers do not play.
        """
        path, recording = Path(text).expanduser(), None
        if not path.exists() and "=" in text:
            named, _, file = text.partition("=")
            path, recording = Path(file).expanduser(), named
            if recording not in recordings:
                few = ", ".join(recordings[:5])
                raise DataError(f"--video {text}: there is no recording {named!r}; there are {few}, for example")
        if path.suffix.lower() not in TYPES:
            raise DataError(f"{path}: browsers play {', '.join(TYPES)}; convert the video to one of them, such as .mp4")
        try:
            open_regular(path, MOST_BYTES).close()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error}). Name a video file.") from None
        return cls(path, recording)


async def send(video: Video, request: Request) -> Response:
    """Answer with the bytes that were asked for, `PIECE` of them at most."""
    try:
        return await anyio.to_thread.run_sync(_piece, video, request.headers.get("range", ""))
    except OSError as error:
        return PlainTextResponse(f"{video.name} cannot be read ({error.strerror or error})", 404)


def _piece(video: Video, asked: str) -> Response:
    with open_regular(video.path, MOST_BYTES) as file:
        size = file.seek(0, 2)
        found = wanted(asked, size)
        if found is None:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        first, last = found
        last = min(last, first + PIECE - 1)
        file.seek(first)
        content = file.read(last - first + 1)
    headers = {"accept-ranges": "bytes", "content-range": f"bytes {first}-{first + len(content) - 1}/{size}"}
    return Response(content, 206, headers, media_type=TYPES[video.path.suffix.lower()])


def wanted(asked: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a Range header, of the first range that it names; None where there is none.

    >>> wanted("bytes=10-", 100), wanted("bytes=-5", 100), wanted("", 100), wanted("bytes=200-", 100)
    ((10, 99), (95, 99), (0, 99), None)
    """
    found = re.match(r"bytes=\s*(\d{0,18})-(\d{0,18})", asked)
    if size == 0:
        return None
    if found is None or found.groups() == ("", ""):
        return 0, size - 1
    low, high = found.groups()
    first, last = (int(low), int(high or size - 1)) if low else (max(0, size - int(high)), size - 1)
    last = min(last, size - 1)
    return (first, last) if first <= last else None
