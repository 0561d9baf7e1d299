"""The page in a real browser: a replay, sensors, and what it says where there are none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from otolith import datasets
from otolith.live.recordings import Playable
from otolith.model import Model, bundle
from otolith.recording import CHANNELS, Recording, Stream
from otolith.report.colours import of_activities
from otolith.report.style import MANY
from tests.helpers.browser import Page
from tests.helpers.labelling import ACTIVITIES
from tests.helpers.live import running_command, running_live, signal

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on the path")


@pytest.fixture(scope="module")
def url(model: Model) -> Iterator[str]:
    walk = Recording("walk <img src=x>", 1, (Stream(CHANNELS, signal(3000, 50.0), 50.0),))
    with running_live(model, recordings={walk.name: Playable.of(walk, model)}) as served:
        yield served.place.url


ACTIVITY = "document.getElementById('activity')?.textContent"
STATES = "[...document.querySelectorAll('#bars .name')].map((one) => one.textContent)"
STATE = "document.getElementById('state')?.textContent"
RECOGNISED = f"['still', 'swing', 'shake', 'unknown'].includes({ACTIVITY})"


def turn(page: Page) -> None:
    """Start recognition of a device that turns, and wait for the first answer."""
    page.run("document.querySelector('input[value=sensors]').click()")
    page.run(
        "window.turning = setInterval(() => window.dispatchEvent(new DeviceMotionEvent('devicemotion', {"
        "interval: 16, accelerationIncludingGravity: {x: 0.1 * Math.random(), y: 0, z: 9.8},"
        " rotationRate: {alpha: 520, beta: 690, gamma: 860 + Math.random()}})), 16); 1"
    )
    page.run("document.getElementById('go').click()")
    page.wait_for(RECOGNISED)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_a_replay_is_shown(page: Page, url: str, tmp_path: Path, width: int, height: int) -> None:
    page.open(url + "#play=walk%20%3Cimg%20src%3Dx%3E&speed=20", width, height)
    found = page.wait_for(f"['still', 'swing', 'shake', 'unknown'].includes({ACTIVITY}) && {ACTIVITY}")
    assert found
    page.wait_for(f"{STATE} === 'Ended'")
    assert page.wait_for("Number(document.getElementById('acc').dataset.until) > 59.9", 10)  # its last seconds, too
    for scheme in ("dark", "light"):  # the heading follows a change
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        drawn = page.run("(([a, b]) => [a.color, b.color])(['#activity', 'body'].map((one) => "
                         "getComputedStyle(document.querySelector(one))))")  # fmt: skip
        assert drawn[0] == drawn[1] == ("rgb(230, 234, 240)" if scheme == "dark" else "rgb(29, 39, 51)")
    lists = [
        list(ACTIVITIES),
        ["running", "Sit", "stairs up", "walking_downstairs", "x", "StandingStill", "lying down"],
    ]
    lists += [[f"a{i}" for i in range(14)], ["walking fast", "walking", "nordic walking", "cycling", "sit to stand"]]
    places = page.run(f"import('./colours.js').then((m) => {json.dumps(lists)}.map(m.placesOf))")
    assert [[MANY[i] for i in found] for found in places] == [of_activities(names) for names in lists]
    bar = f"document.querySelectorAll('#bars progress')[{STATES}.indexOf({ACTIVITY})]"
    assert page.run(
        f"getComputedStyle({bar}).color === getComputedStyle(document.getElementById('activity')).borderLeftColor"
    )
    assert page.run("document.querySelectorAll('#bars li').length") == 4
    shares = page.run("[...document.querySelectorAll('#bars progress')].map((bar) => bar.value)")
    assert sum(shares) == pytest.approx(1.0, abs=0.02)  # shares below half a percent have no bar
    assert "ms" in page.run("document.getElementById('computing').textContent")
    assert page.run("document.querySelectorAll('option img').length") == 0  # a name is text, not markup
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    (tmp_path / "page.png").write_bytes(page.screenshot())
    assert imread(tmp_path / "page.png").shape[:2] == (height, width)
    drawn = page.run(
        "[...document.querySelectorAll('canvas')].map((c) => new Set(new Uint32Array("
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)"
    )
    assert len(drawn) == 3
    assert min(drawn) > 5  # colours in each picture
    assert page.complaints == []


def test_sensors_are_turned_into_si_units_and_recognised(page: Page, url: str) -> None:
    page.open(url, 390, 844)
    page.wait_for("document.querySelectorAll('#bars li').length")
    event = (
        "({accelerationIncludingGravity: {x: 1, y: 2, z: 9.5}, acceleration: {x: 0, y: 0, z: 1},"
        " rotationRate: {alpha: 180, beta: 90, gamma: null}})"
    )
    got = page.run(
        f"import('./motion.js').then((m) => [m.values({event}, true, false), m.values({event}, false, true)])"
    )
    assert got[0][:3] == [1, 2, 9.5]
    assert got[0][3:] == [pytest.approx(np.pi), pytest.approx(np.pi / 2), None]
    assert got[1][2] == -1  # iOS has the opposite sign
    assert got[1][3] == pytest.approx(np.pi)  # in acceleration only
    page.run("document.querySelector('input[value=sensors]').click()")
    page.run(
        "window.turning = setInterval(() => window.dispatchEvent(new DeviceMotionEvent('devicemotion', {interval: 16,"
        " accelerationIncludingGravity: {x: 0.1 * Math.random(), y: 0, z: 9.8},"
        " rotationRate: {alpha: 520, beta: 690, gamma: 860 + Math.random()}})), 16); 1"
    )
    page.run("document.getElementById('go').click()")
    page.wait_for(RECOGNISED)
    assert page.run(STATE) == "Listening"
    page.run("document.getElementById('go').click()")
    page.wait_for(f"{STATE} === 'Ended'")
    assert page.complaints == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("#play=nothing", "no recording is called “nothing”; those in the list can be played"),
        ("#speed=7&compute=moon", "speed is “7”, and may be 1, 2, 5, 20; compute is “moon”, and may be server, page"),
        ("#pley=walk", "“pley” means nothing here; play, speed and compute do"),
        ("#speed=2&compute=server", ""),
    ],
)
def test_an_address_without_sense_is_told(page: Page, url: str, address: str, words: str) -> None:
    page.open(url + address, 390, 844)
    page.wait_for("document.querySelectorAll('#bars li').length")
    assert page.run("document.getElementById('message').hidden") == (not words)
    assert words in page.run("document.getElementById('message').textContent")
    assert page.complaints == []


def test_without_sensors_it_says_so(page: Page, url: str) -> None:
    page.open(url, 390, 844)
    page.wait_for("document.querySelectorAll('#bars li').length")
    page.run("document.querySelector('input[value=sensors]').click()")
    page.run("document.getElementById('go').click()")
    said = page.wait_for("!document.getElementById('message').hidden && document.getElementById('message').textContent")
    assert "phone" in said
    assert page.run("document.getElementById('go').textContent") != "Stop"


def test_the_page_keeps_its_session_through_a_lost_connection(page: Page, model: Model, tmp_path: Path) -> None:
    """The server is started again on its port: what was seen stays, and recognition goes on by itself."""
    saved = bundle.save(model, tmp_path / "model")
    states = "document.querySelectorAll('#bars li').length && performance.now()"
    with running_command(saved) as command:
        page.open(command.url, 390, 844)
        page.wait_for(states)
        page.run("window.same = 1")
        turn(page)
        port = command.url.rpartition(":")[2].strip("/")
    assert "tried again" in page.wait_for("document.getElementById('message').textContent")
    assert page.run(STATE) == "Listening"
    with running_command(saved, "--port", port) as command:
        page.wait_for("document.getElementById('message').hidden")
        page.run("document.getElementById('activity').textContent = ''")
        page.wait_for(RECOGNISED)
        assert page.run("window.same") == 1
        assert page.run(STATE) == "Listening"
        page.wait_for("document.getElementById('network').textContent.includes('ms')")
        command.process.terminate()  # one that ends by itself is noticed, too
        assert page.wait_for("!document.getElementById('message').hidden")


def test_a_session_is_recorded_with_consent_labels_and_a_sign(page: Page, model: Model, tmp_path: Path) -> None:
    saved, folder = bundle.save(model, tmp_path / "model"), tmp_path / "kept"
    words = "document.getElementById('{}').textContent"
    shown = "!document.getElementById('made').hidden"
    with running_command(saved, "--record", str(folder), "--own-labels") as command:
        page.open(command.url, 390, 844)
        page.wait_for("document.querySelectorAll('#labels button').length")
        kept = page.run(words.format("kept"))
        assert all(
            part in kept for part in ("If you agree", "“kept”", "labels", "no sound", "12 hours", "throw it away")
        )
        turn(page)
        assert not page.run(shown)
        page.run("document.getElementById('go').click()")
        page.wait_for(f"{STATE} === 'Ended'")
        assert not (folder / "card.json").exists()  # nobody agreed

        page.run("document.getElementById('agree').click()")
        page.run("document.getElementById('who').value = 'ada'")
        page.run("document.getElementById('go').click()")
        page.wait_for(shown)
        page.run("[...document.querySelectorAll('#labels button')].find((b) => b.textContent === 'swing').click()")
        page.run(
            "document.getElementById('own-label').value = 'hop & skip'; document.getElementById('own').requestSubmit()"
        )
        assert page.run("document.querySelector('#labels [aria-pressed=true]').textContent") == "hop & skip"
        assert "hop & skip" in page.run(words.format("labelled"))
        page.wait_for(f"/Recording · 0:0[2-9]/.test({words.format('sign')})")
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        page.run("document.getElementById('keep').click()")
        page.wait_for(f"{STATE} === 'Ended'")
        assert page.run(words.format("outcome")).startswith("Kept: “20")
        assert page.run(f"!({shown})")

        page.run("document.getElementById('go').click()")
        page.wait_for(shown)
        page.run("document.getElementById('discard').click()")
        page.wait_for(f"{words.format('outcome')}.startsWith('Thrown away')")
        assert page.run(STATE) == "Listening"
        page.run("document.getElementById('go').click()")
        page.wait_for(f"{STATE} === 'Ended'")
        page.run("document.getElementById('go').click()")
        page.wait_for(f"/Recording · 0:0[1-9]/.test({words.format('sign')})")
        assert page.complaints == []
        command.process.kill()
        told = page.wait_for(f"!document.getElementById('outcome').hidden && {words.format('outcome')}")
        assert "nothing is recorded now" in told
        assert page.run(f"!({shown}) && !document.body.hasAttribute('data-recording')")
    first, second = datasets.load(folder).recordings()
    assert first.subject == "ada"
    assert [each.activity for each in first.segments][-1] == "hop & skip"
    assert first.streams[0].n_samples > 60
    assert second.streams[0].n_samples > 30
