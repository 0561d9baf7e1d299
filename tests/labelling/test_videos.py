"""Videos are sent by ranges, in pieces of bounded size, and only the files that were named."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `live` is not installed")

from otolith.errors import DataError
from otolith.labelling import videos
from otolith.labelling.videos import Video, wanted


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=90-200", (90, 99)),
        ("bytes=-1", (99, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=100-", None),
        ("bytes=5-2", None),
        ("bytes=-0", None),
        ("bytes=-", (0, 99)),
        ("lines=1-2", (0, 99)),
        ("bytes=1-3,7-9", (1, 3)),
    ],
)
def test_ranges(asked: str, expected: tuple[int, int] | None) -> None:
    assert wanted(asked, 100) == expected


def test_pieces_make_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "PIECE", 7)
    content = bytes(range(50))
    (tmp_path / "walk.mp4").write_bytes(content)
    video = Video.of(str(tmp_path / "walk.mp4"), ("a",))
    got = b""
    while len(got) < 50:
        answer = videos._piece(video, f"bytes={len(got)}-")
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {len(got)}-{len(got) + len(answer.body) - 1}/50"
        assert answer.media_type == "video/mp4"
        got += bytes(answer.body)
    assert got == content
    assert videos._piece(video, "bytes=50-").status_code == 416


def test_a_video_may_belong_to_a_recording(tmp_path: Path) -> None:
    (tmp_path / "a=b.webm").write_bytes(b"x")
    assert Video.of(str(tmp_path / "a=b.webm"), ()).recording is None
    assert Video.of(f"ada/walk={tmp_path / 'a=b.webm'}", ("ada/walk",)).recording == "ada/walk"
    with pytest.raises(DataError, match="no recording 'bob'"):
        Video.of(f"bob={tmp_path / 'a=b.webm'}", ("ada/walk",))
    with pytest.raises(DataError, match="convert"):
        Video.of(str(tmp_path / "walk.avi"), ())
    with pytest.raises(DataError, match="cannot be read"):
        Video.of(str(tmp_path / "absent.mp4"), ())
