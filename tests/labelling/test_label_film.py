"""A video beside the signals in a real browser: two clicks say where it stands, and it follows from then on."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `live` is not installed")

from tests.helpers.browser import Page
from tests.helpers.labelling import ACTIVITIES, running_label
from tests.labelling.test_label_page import ASKS, PLACE, press, walks, written

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on the path")
__all__ = ["walks"]  # a fixture

RECORD = """
new Promise((done) => {
  const canvas = document.createElement("canvas"), begun = performance.now();
  [canvas.width, canvas.height] = [64, 48];
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1]);
    reader.readAsDataURL(new Blob(parts));
  };
  const paint = () => {
    const seconds = (performance.now() - begun) / 1000;
    const context = canvas.getContext("2d");
    context.fillStyle = `rgb(${120 * seconds}, 90, 200)`;
    context.fillRect(0, 0, 64, 48);
    if (seconds < 2) requestAnimationFrame(paint); else recorder.stop();
  };
  recorder.start();
  paint();
})
"""
AT = "document.getElementById('video').currentTime"


def filmed(page: Page, path: Path) -> Path:
    """Write a film of two seconds, which the browser itself makes."""
    page.open("data:text/html,<p>film", 300, 200)
    path.write_bytes(base64.b64decode(page.run(RECORD)))
    return path


def click(page: Page, id_: str, share: float = 0.5) -> None:
    """Click in the middle of an element, or at a share of its width."""
    page.run(f"document.getElementById({id_!r}).scrollIntoView({{ block: 'center' }})")
    box = page.run(f"JSON.parse(JSON.stringify(document.getElementById({id_!r}).getBoundingClientRect()))")
    x, y = box["left"] + share * box["width"], box["top"] + box["height"] / 2
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


def test_two_clicks_set_where_a_video_stands(walks: Path, page: Page, tmp_path: Path) -> None:
    film = filmed(page, tmp_path / "walk.webm")
    options = ("--by", "ann", "--video", f"tuesday={film}", "--activity", *ACTIVITIES)
    choice = "document.getElementById('recording')"
    with running_label(walks, *options) as command:
        page.open(command.url, 1280, 1000)
        page.wait_for(ASKS)
        page.run(f"{choice}.value = '0'; {choice}.dispatchEvent(new Event('change'))")
        page.wait_for(f"!{PLACE}.startsWith('tuesday')")
        assert page.run("document.getElementById('film').hidden")  # it shows another recording
        page.run(f"{choice}.value = '1'; {choice}.dispatchEvent(new Event('change'))")
        page.wait_for(f"{PLACE}.startsWith('tuesday') && !document.getElementById('film').hidden")
        assert page.run("document.getElementById('film-name').textContent") == "walk.webm"
        page.wait_for("document.getElementById('video').readyState >= 1")
        assert page.run("document.getElementById('video').duration") == pytest.approx(2, abs=0.5)
        page.run(f"{AT} = 0.75")
        page.wait_for(f"Math.abs({AT} - 0.75) < 0.05 && !document.getElementById('video').seeking")

        click(page, "offset")
        page.wait_for("document.getElementById('picture').hasAttribute('data-asking')")
        click(page, "acc", 0.5)
        page.wait_for("document.getElementById('state').textContent === 'Saved'")
        (line,) = written(walks, "offset")
        assert (line["video"], line["recording"]) == ("walk.webm", "tuesday")
        offset = float(line["seconds"])  # type: ignore[arg-type]
        assert not page.run("document.getElementById('picture').hasAttribute('data-asking')")

        click(page, "acc", 0.5)  # the moment that was named is the one that the video shows
        page.wait_for(f"Math.abs({AT} - 0.75) < 0.05")
        click(page, "acc", 0.52)
        page.wait_for(f"Math.abs({AT} - 0.75) > 0.05")
        later = page.run(AT)
        press(page, "o")
        press(page, "Escape")  # asks, and thinks better of it
        click(page, "acc", 0.5)
        page.wait_for(f"Math.abs({AT} - 0.75) < 0.05")
        assert len(written(walks, "offset")) == 1
        assert 0.75 < later < 2
    with running_label(walks, *options) as command:  # it is kept
        page.open(command.url, 1280, 1000)
        page.wait_for(ASKS)
        page.complaints.clear()  # of the page before, whose server was gone
        page.run(f"{choice}.value = '1'; {choice}.dispatchEvent(new Event('change'))")
        page.wait_for(f"{PLACE}.startsWith('tuesday') && document.getElementById('video').readyState >= 1")
        start = page.run(f"{PLACE}.split(' · ')[1].split(',')[0]")
        minutes, seconds = start.split(":")
        wanted = min(max(0.0, 60 * int(minutes) + float(seconds) - offset), page.run("video.duration"))
        page.wait_for(f"Math.abs({AT} - {wanted}) < 0.1")
        assert page.complaints == []
