"""The page in a real browser: thirty labels by keys, a server that is killed in between, corrections, and a phone."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `live` is not installed")

from otolith.datasets import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.recording import CHANNELS, Segment
from tests.helpers.browser import Page
from tests.helpers.labelling import ACTIVITIES, RATE_HZ, STRETCH_S, recording, running_label, truth

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on the path")

PLACE = "document.getElementById('place').textContent"
QUESTION = "document.getElementById('question').textContent"
ASKS = f"document.querySelectorAll('#keys button').length > 2 && {QUESTION} === 'What is this?'"


INFO = DatasetInfo(
    name="walks", title="Walks <b>", rate_hz=RATE_HZ, activities=(), channels=CHANNELS, n_subjects=None,
    n_recordings=None, licence="none", terms="For tests.", citation="", homepage="", how_to_get="A test writes it.",
)  # fmt: skip


@pytest.fixture
def walks(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "walks", INFO, [recording(name, 30) for name in ("mon <img src=x>", "tuesday")])


def press(page: Page, key: str, code: str = "", shift: bool = False) -> None:
    text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
    page.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, modifiers=8 * shift, **text)
    page.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code, modifiers=8 * shift)


def moved(page: Page, act: Callable[[], None]) -> None:
    """Do something, and wait until another stretch is shown."""
    before = page.run(PLACE)
    act()
    page.wait_for(f"{PLACE} !== {json.dumps(before)}")


def answer(page: Page) -> str:
    """Press the key of the activity that the stretch shows."""
    name, at = page.run(PLACE).split(" · ")
    minutes, seconds = at.split(",")[0].split(":")
    activity = truth(name, 30)[round((60 * int(minutes) + float(seconds)) / STRETCH_S)]
    digit = str(1 + ACTIVITIES.index(activity))
    moved(page, lambda: press(page, digit, f"Digit{digit}"))
    return activity


def written(walks: Path, do: str = "label") -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (walks / "labels" / "ann.jsonl").read_text("utf-8").splitlines()]
    gone = {line["of"] for line in lines if line["do"] == "undo"}
    return [line for line in lines if line["do"] == do and line["id"] not in gone]


def test_thirty_labels_by_keys_survive_a_kill(walks: Path, page: Page, tmp_path: Path) -> None:
    said = []
    with running_label(walks, "--by", "ann") as command:
        page.open(command.url, 1280, 900)
        page.wait_for("document.getElementById('keys')?.textContent.includes('first activity')")
        for activity in ACTIVITIES:  # named by keys alone, the key n itself is not part of the name
            press(page, "n")
            page.call("Input.insertText", text=activity)
            press(page, "Enter")
            page.wait_for(f"document.getElementById('keys').textContent.includes('{activity}')")
        page.wait_for(ASKS)
        said += [answer(page) for _ in range(14)]
        moved(page, lambda: press(page, "s"))
        command.process.kill()
        command.process.wait(30)
        assert page.wait_for("!document.getElementById('message').hidden")
        press(page, "1", "Digit1")  # is not taken for saved
        assert len(written(walks)) == 14
    with running_label(walks, "--by", "ann") as command:
        page.open(command.url, 1280, 900)
        page.wait_for(ASKS)
        page.complaints.clear()  # of the page before, whose server was gone
        said += [answer(page) for _ in range(16)]
        assert [line["activity"] for line in written(walks)] == said
        assert len({(line["recording"], line["start"]) for line in written(walks)}) == 30
        page.wait_for("document.getElementById('agreement').textContent.includes('%')")
        shown = page.run("[...document.querySelectorAll('#counts b')].map((each) => Number(each.textContent))")
        assert sorted(shown) == sorted(said.count(each) for each in set(said))
        press(page, "u")
        page.wait_for("document.getElementById('state').textContent === 'Taken back'")
        assert len(written(walks)) == 29
        assert page.run("document.querySelectorAll('option img, p img').length") == 0  # a name is text, not markup
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        page.open(command.url, 390, 844)
        page.wait_for(ASKS)
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        drawn = page.run(
            "new Promise((done) => setTimeout(() => done([...document.querySelectorAll('canvas')].map((c) => new Set("
            "new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)), 1000))"
        )
        assert len(drawn) == 5
        assert min(drawn) > 3  # colours in each picture
        assert page.complaints == []


def test_stretches_are_marked_by_mouse_and_by_keys(walks: Path, page: Page) -> None:
    with running_label(walks, "--by", "ann", "--activity", *ACTIVITIES) as command:
        page.open(command.url, 1280, 900)
        page.wait_for(ASKS)
        choice = "document.getElementById('recording')"
        page.run(f"{choice}.value = '1'; {choice}.dispatchEvent(new Event('change'))")
        page.wait_for(f"{PLACE}.startsWith('tuesday')")
        page.wait_for("document.getElementById('acc').getBoundingClientRect().width > 300")
        box = page.run("JSON.parse(JSON.stringify(document.getElementById('acc').getBoundingClientRect()))")
        for kind, share in (("mousePressed", 0.6), ("mouseMoved", 0.7), ("mouseMoved", 0.9), ("mouseReleased", 0.9)):
            x, y = box["left"] + share * box["width"], box["top"] + box["height"] / 2
            page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
        page.wait_for(f"{QUESTION} === 'What is the marked stretch?'")
        press(page, "2", "Digit2")
        page.wait_for("document.getElementById('state').textContent === 'Saved'")
        (line,) = written(walks)
        assert line["recording"] == "tuesday"
        assert line["activity"] == "walking"
        length = float(line["stop"]) - float(line["start"])  # type: ignore[arg-type]
        press(page, "ArrowRight", shift=True)
        press(page, "ArrowRight", shift=True)
        press(page, "3", "Digit3")
        end = time.monotonic() + 20
        while len(written(walks)) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        last = written(walks)[-1]
        assert float(last["stop"]) - float(last["start"]) == pytest.approx(length + 2, abs=0.01)  # type: ignore[arg-type]
        assert last["activity"] == "running"
        assert page.complaints == []


def test_what_is_labelled_already_is_shown(tmp_path: Path, page: Page) -> None:
    segments = [Segment(0.0, 30 * STRETCH_S, "walking")]
    folder = write_folder(
        tmp_path / "done", replace(INFO, activities=("walking",)), [recording("monday", 30, segments)]
    )
    with running_label(folder, "--by", "ann") as command:
        page.open(command.url, 1280, 900)
        page.wait_for("document.body?.textContent.includes('All stretches are labelled or skipped')")
        page.wait_for("performance.getEntriesByType('resource').some((each) => each.name.includes('signals?'))")
        assert page.complaints == []
