"""The server over real sockets: who is let in, what it answers, and that no message ends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra `live` is not installed")

from websockets.sync.client import ClientConnection

from otolith.labelling import protocol
from otolith.labelling.app import PAGE, Labelling, build
from otolith.labelling.session import Limits
from otolith.labelling.videos import Video
from otolith.labelling.work import Work
from tests.helpers.labelling import ACTIVITIES, work
from tests.helpers.live import Served, ending, running


@pytest.fixture
def done(tmp_path: Path) -> Work:
    return work(tmp_path / "labels", activities=ACTIVITIES)


@pytest.fixture
def serving(done: Work) -> Iterator[Callable[..., Served]]:
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(
            running(lambda place: build(Labelling(done, "Walks", **({"hosts": place.hosts} | changes))))
        )


@pytest.fixture
def served(serving: Callable[..., Served]) -> Served:
    return serving()


def say(talk: ClientConnection, **message: Any) -> None:
    talk.send(json.dumps({"v": 1} | message))


def hear(talk: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(talk.recv(20))
        if message["type"] == kind:
            return message


def test_the_page_and_its_files_are_served_and_refer_to_nothing_outside(served: Served) -> None:
    for path, (content, kind) in PAGE.items():
        status, headers, got = served.get(path)
        assert (status, got) == (200, content)
        assert headers["content-type"].startswith(kind)
        assert "media-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        for bad in ("http://", "https://", "innerHTML", "eval(", "style=", "onclick"):
            assert bad not in text, path
    assert served.get("/")[0] == 200
    about = json.loads(served.get("/about.json")[2])
    assert about["recordings"] == ["monday", "tuesday"]
    assert about["labeller"] == "ann"


def test_without_the_token_nothing_is_served(serving: Callable[..., Served]) -> None:
    served = serving(token="secret")
    for path in [*PAGE, "/about.json", "/labels.csv", "/signals?recording=0&start=0&stop=4"]:
        assert served.get(path)[0] == 404
        assert served.get("/secret" + path)[0] == 200
    assert served.upgrade("/work", origin=served.origin) == 403
    assert served.upgrade("/secret/work", origin="http://elsewhere") == 403
    assert served.upgrade("/secret/work", origin=served.origin) == 101
    assert served.get("/secret/", host="elsewhere:80")[0] == 421
    assert served.get("/secret/", "POST")[0] == 405


def test_a_label_is_on_the_disk_before_it_is_confirmed(served: Served, done: Work) -> None:
    with served.talk("/work") as talk:
        say(talk, type="next")
        proposal = hear(talk, "proposal")["proposal"]
        say(talk, type="label", recording=0, start=proposal["start"], stop=proposal["stop"], activity="walking")
        hear(talk, "saved")
        (line,) = [json.loads(each) for each in done.journal.path.read_text("utf-8").splitlines()]
        assert (line["do"], line["start"], line["activity"]) == ("label", proposal["start"], "walking")
        say(talk, type="undo")
        assert hear(talk, "saved")["text"] == "Taken back"
        assert hear(talk, "state")["counts"] == {}
        say(talk, type="activity", name="stairs up")
        while hear(talk, "state")["activities"] != [*ACTIVITIES, "stairs up"]:
            pass
    assert served.get("/labels.csv")[2].decode() == "recording,start,end,activity\n"


def test_all_pages_are_told_what_the_head_learnt(served: Served, done: Work) -> None:
    with served.talk("/work") as one, served.talk("/work") as other:
        hear(other, "state")
        for i, activity in enumerate(("still", "walking")):
            say(one, type="label", recording=0, start=4.0 * i, stop=4.0 * i + 4, activity=activity)
            hear(one, "saved")
        while hear(other, "state")["learnt_s"] == 0 or done.learnt.head is None:
            pass
        say(other, type="next")
        assert [name for name, _ in hear(other, "proposal")["proposal"]["guesses"]] != []
        assert len(json.loads(served.get("/labels/0")[2])["guesses"]) == 20
        assert json.loads(served.get("/labels/0")[2])["own"] == [[0, 4, "still"], [4, 8, "walking"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{" * 3000,
        b"\x00",
        "x" * 5000,
        '{"v": 1, "type": "format"}',
        '{"v": 2, "type": "undo"}',
        '{"v": 1, "type": "label", "recording": 0, "start": 0, "stop": 4}',
        '{"v": 1, "type": "label", "recording": -1, "start": 0, "stop": 4, "activity": "still"}',
        '{"v": 1, "type": "label", "recording": 0, "start": NaN, "stop": 4, "activity": "still"}',
        '{"v": 1, "type": "offset", "video": 3, "recording": 0, "seconds": 1}',
    ],
)
def test_what_is_no_message_ends_the_connection_alone(served: Served, done: Work, text: str | bytes) -> None:
    with served.talk("/work") as talk:
        talk.send(text)
        assert ending(talk)[0] in (protocol.MALFORMED, 1009)
    assert done.journal.lines == []
    assert served.get("/about.json")[0] == 200


def test_what_cannot_be_done_is_refused_and_the_page_goes_on(served: Served, done: Work) -> None:
    with served.talk("/work") as talk:
        for message in (
            {"type": "label", "recording": 0, "start": 0, "stop": 4, "activity": "flying"},
            {"type": "label", "recording": 7, "start": 0, "stop": 4, "activity": "still"},
            {"type": "skip", "recording": 0, "start": 4, "stop": 0},
            {"type": "activity", "name": "unknown"},
        ):
            say(talk, **message)
            assert hear(talk, "refused")["reason"]
        say(talk, type="ping")
        hear(talk, "pong")
    assert done.journal.lines == []


def test_a_page_is_bounded(serving: Callable[..., Served]) -> None:
    served = serving(limits=Limits(idle_s=0.3, messages_hz=2))
    with served.talk("/work") as talk:
        assert ending(talk)[0] == protocol.IDLE
    with served.talk("/work") as talk:
        for _ in range(12):
            say(talk, type="ping")
        assert ending(talk)[0] == protocol.CROWDED


@pytest.mark.parametrize("query", ["", "recording=0", "recording=5&start=0&stop=4", "recording=0&start=4&stop=0",
                                   "recording=0&start=nan&stop=4", "recording=a&start=0&stop=4"])  # fmt: skip
def test_signals_that_are_not_there_are_refused(served: Served, query: str) -> None:
    assert served.get(f"/signals?{query}")[0] == 400


def test_signals_are_few_and_keep_their_peaks(served: Served) -> None:
    found = json.loads(served.get("/signals?recording=0&start=0&stop=80&points=100")[2])
    (stream,) = found["streams"]
    assert len(stream["t"]) <= 110
    whole = json.loads(served.get("/signals?recording=0&start=0&stop=80&points=1000")[2])["streams"][0]
    assert len(whole["t"]) == 2000
    for few, all_of in zip(stream["x"], whole["x"], strict=True):
        assert (min(few), max(few)) == (min(all_of), max(all_of))
    assert json.loads(served.get("/signals?recording=0&start=-500&stop=-400")[2])["streams"][0]["channels"]


def test_a_video_is_sent_by_ranges(serving: Callable[..., Served], tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(bytes(range(200)))
    served = serving(videos=[Video(tmp_path / "walk.mp4")])
    status, headers, content = served.get("/video/0", range="bytes=10-19")
    assert (status, content) == (206, bytes(range(10, 20)))
    assert headers["content-range"] == "bytes 10-19/200"
    assert served.get("/video/0", range="bytes=200-")[0] == 416
    assert served.get("/video/1")[0] == 404
    with served.talk("/work") as talk:
        say(talk, type="offset", video=0, recording=1, seconds=-3.25)
        hear(talk, "saved")
        assert hear(talk, "state")["offsets"] == [[0, 1, -3.25]]
