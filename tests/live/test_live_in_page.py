"""Recognition in the page: what is handed over, and that the browser says what the server says."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith.live import in_page, runtime
from otolith.live.in_page import InPage
from otolith.live.recordings import Playable
from otolith.model import Model, bundle
from otolith.prediction import predict_recordings
from otolith.recording import CHANNELS, Recording, Stream
from otolith.streaming import StreamingRecogniser
from otolith.streaming.grid import Grid
from otolith.streaming.sensor import Sensor
from otolith.windows import resample
from tests.helpers.browser import Browser, Page, ready, recognised
from tests.helpers.live import Served, hear_all, running_command, say, signal, write_walks

with_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on the path")
FILES = {"some.mjs": (b"export {}", "text/javascript"), "some.wasm": (b"\0asm", "application/wasm")}
WALK = "a walk"


def test_what_is_handed_over_is_served_and_may_run(serving: Callable[..., Served], model: Model) -> None:
    served = serving(in_page=InPage(FILES))
    for name, (content, kind) in FILES.items():
        _, headers, found = served.get(f"/recogniser/{name}")
        assert found == content
        assert headers["content-type"].startswith(kind)
    assert "script-src 'self' 'wasm-unsafe-eval';" in served.get("/")[1]["content-security-policy"]
    told = json.loads(served.get("/about.json")[2])["in_page"]
    assert told["why_not"] == ""
    assert told["files"] == list(FILES)
    assert told["n_bytes"] == sum(len(content) for content, _ in FILES.values())
    matrix = np.frombuffer(served.get("/recogniser/resampling/50")[2], "<f8").reshape(50, -1)
    x = signal(50, 50.0)
    np.testing.assert_allclose(x @ matrix, resample(x, model.meta.n_steps), atol=1e-12)
    for path in ("resampling/0", "resampling/1025", "resampling/-1", "resampling/x", "other"):
        assert served.get(f"/recogniser/{path}")[0] == 404


def test_without_it_nothing_more_is_allowed_and_the_reason_is_told(serving: Callable[..., Served]) -> None:
    served = serving(in_page=InPage(why_not="so it is"))
    assert "wasm" not in served.get("/")[1]["content-security-policy"]
    assert served.get("/recogniser/resampling/50")[0] == 404
    told = json.loads(served.get("/about.json")[2])["in_page"]
    assert (told["why_not"], told["files"]) == ("so it is", [])


def test_what_is_missing_is_named_with_its_cure(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path))
    assert "run `otolith live-runtime`" in in_page.prepare(model).why_not
    monkeypatch.setattr(runtime, "load", lambda: dict(FILES))
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    found = in_page.prepare(model)
    assert found.files == {}
    assert 'python -m pip install "otolith[onnx]"' in found.why_not


def test_the_file_is_tried_on_a_recording_that_is_long_enough(model: Model) -> None:
    short, long = (
        Playable.of(Recording(name, 1, (Stream(CHANNELS, signal(n, 50.0), 50.0),)), model)
        for name, n in (("short", 40), ("long", 100))
    )
    assert in_page.trial(model, [short]) is None
    found = in_page.trial(model, [short, long])
    assert found is not None
    assert found.source == "3 windows of long"
    expected = resample(signal(100, 50.0)[:, 25:75], model.meta.n_steps)
    np.testing.assert_allclose(found.x[1], expected, rtol=1e-5)


def test_signals_to_be_recognised_in_the_page_are_exact(served: Served, known: dict[str, Playable]) -> None:
    one = known["odd"]
    with served.talk() as talk:
        say(talk, {"type": "replay", "recording": "odd", "speed": 100, "recognise": False})
        came = hear_all(talk)
    pieces = [message for message in came if message["type"] == "signals"]
    assert [p["t"] for p in pieces] == [times.tolist() for times, _ in one.pieces()]
    assert [p["x"] for p in pieces] == [values.tolist() for _, values in one.pieces()]
    assert not any(message["type"] == "prediction" for message in came)


@pytest.fixture(scope="module")
def url(able: Model, runtime_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose page may compute."""
    folder = tmp_path_factory.mktemp("in-page")
    write_walks(folder / "walks", {WALK: signal(3000, 50.0)})
    saved = bundle.save(able, folder / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTOLITH_HOME", str(runtime_home))
        with running_command(saved, "--replay", str(folder / "walks")) as command:
            yield command.url


def test_the_model_is_kept_for_the_next_start(url: str, runtime_home: Path) -> None:
    with urllib.request.urlopen(f"{url}recogniser/{in_page.GRAPH}", timeout=20) as answer:
        content = answer.read()
    (kept,) = (runtime_home / "live" / "exported").glob(f"*-{hashlib.sha256(content).hexdigest()}.onnx")
    assert kept.read_bytes() == content


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A tab for all tests here."""
    with browser.tab() as opened:
        yield opened


@with_browser
def test_a_replay_is_recognised_in_the_page_as_offline(page: Page, url: str, able: Model) -> None:
    ready(page, url)
    found = recognised(page, {"type": "replay", "recording": WALK, "speed": 100})
    recording = Recording(WALK, 1, (Stream(CHANNELS, signal(3000, 50.0), 50.0),))
    (expected,) = predict_recordings(able, [recording], smoothing="causal")
    assert expected.timeline is not None
    line = expected.timeline
    assert [one["start_s"] for one in found] == line.start_s.tolist()
    assert [one["activity"] for one in found] == line.activity
    assert len(set(line.activity)) > 1  # else equality would say little
    assert [one["unknown"] for one in found] == line.flagged.tolist()
    np.testing.assert_allclose([one["p"] for one in found], line.probabilities, atol=1e-4)
    np.testing.assert_allclose([one["belief"] for one in found], line.belief, atol=1e-4)
    assert page.complaints == []


@with_browser
def test_irregular_sensors_with_a_gap_are_recognised_as_by_the_server(page: Page, url: str, able: Model) -> None:
    rng = np.random.default_rng(5)
    times = 3 + np.cumsum((1 + 0.3 * rng.uniform(-1, 1, 900)) / 25)  # windows begin every 12.5 points
    times[500:] += 0.9
    values = signal(900, 25.0)
    rows = [3, 4, 5, 0, 1, 2]  # a device's order need not be the model's
    channels = [CHANNELS[i] for i in rows]
    stream = StreamingRecogniser(able, 25.0, channels=channels)
    expected = [*stream.push(values[rows], times), *stream.finish()]
    edges = [0, *sorted(rng.choice(np.arange(1, 900), 80, replace=False).tolist()), 900]
    pieces = [(times[a:b].tolist(), values[rows, a:b].tolist()) for a, b in pairwise(edges)]
    ready(page, url)
    page.run("window.WebSocket = class { constructor() { throw new Error('something would be sent'); } }; 1")
    found = recognised(page, {"type": "start", "channels": channels, "rate_hz": 25.0}, pieces)
    assert [one["start_s"] for one in found] == [one.start_s for one in expected]
    assert [one["activity"] for one in found] == [one.activity for one in expected]
    np.testing.assert_allclose([one["p"] for one in found], [one.probabilities for one in expected], atol=1e-4)
    np.testing.assert_allclose([one["belief"] for one in found], [one.belief for one in expected], atol=1e-4)
    assert page.complaints == []


@with_browser
def test_the_switch_computes_in_the_page(page: Page, url: str) -> None:
    ready(page, url)
    page.run(
        "window.asked = []; WebSocket.prototype.send = new Proxy(WebSocket.prototype.send, {"
        " apply(send, to, [text]) { asked.push(JSON.parse(text)); return Reflect.apply(send, to, [text]); } }); 1"
    )
    page.run("document.querySelector('input[value=page]').click()")
    page.wait_for("document.getElementById('where').textContent.endsWith('this browser recognises.')")
    page.run("document.getElementById('speed').value = '20'")
    page.run("document.getElementById('go').click()")
    page.wait_for("document.getElementById('state').textContent === 'Ended'")
    assert page.run("document.getElementById('activity').textContent") in ("still", "swing", "shake", "unknown")
    assert "ms" in page.run("document.getElementById('computing').textContent")
    (asked,) = page.run("asked.filter(({ type }) => type === 'replay')")
    assert asked["recognise"] is False
    # and sensors, of which nothing is sent
    page.run("asked.length = 0; document.querySelector('input[value=sensors]').click()")
    assert "nothing is sent" in page.run("document.getElementById('where').textContent")
    page.run(
        "setInterval(() => window.dispatchEvent(new DeviceMotionEvent('devicemotion', {"
        " accelerationIncludingGravity: {x: 0.1 * Math.random(), y: 0, z: 9.8},"
        " rotationRate: {alpha: 520, beta: 690, gamma: 860 + Math.random()}})), 16); 1"
    )
    page.run("document.getElementById('activity').textContent = ''; document.getElementById('go').click()")
    page.wait_for("document.getElementById('activity').textContent")
    page.run("document.getElementById('go').click()")
    page.wait_for("document.getElementById('state').textContent === 'Ended'")
    assert page.run("asked") == []
    assert page.run("document.getElementById('network').textContent") == "–"
    assert page.complaints == []


@with_browser
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"channels": list(CHANNELS[:3])}, "no gyro_x, gyro_y, gyro_z"),
        ({"rate_hz": 3.0}, "3 samples come in a second"),
        ({"lift": -9.81}, "trained with gravity"),
        ({"turn": 100.0}, "look like degrees"),
        ({"rate_hz": 5000.0}, "too many for this page"),
    ],
)
def test_what_the_server_would_refuse_the_page_refuses(
    page: Page, url: str, changed: dict[str, Any], named: str
) -> None:
    first = {"type": "start", "channels": list(CHANNELS), "rate_hz": 50.0} | changed
    values = signal(600, 50.0)[: len(first["channels"])]
    values[2] += changed.get("lift", 0.0)
    values[-1] += changed.get("turn", 0.0)
    if page.run("location.href") != url:
        ready(page, url)
    said = page.run(
        f"""(async () => {{
          const about = await (await fetch("about.json")).json();
          const {{ Local }} = await import("./local.js");
          return new Promise((closed) => {{
            const local = new Local({json.dumps(first)}, {{ closed }}, about);
            local.samples({json.dumps((np.arange(600) / 50).tolist())}, {json.dumps(values.tolist())});
          }});
        }})()"""
    )
    assert named in said


@with_browser
def test_the_clock_is_that_of_the_server(page: Page, url: str) -> None:
    """Points and values to the last bit, whatever gaps and pieces; no runtime takes part."""
    rng = np.random.default_rng(11)
    cases, expected = [], []
    for rate in (20.0, 33.3, 59.9, 100.0):
        steps = (1 + 0.4 * rng.uniform(-1, 1, 200)) / rate
        steps[rng.choice(200, 4, replace=False)] += 0.3
        times, values = rng.uniform(0, 1e4) + np.cumsum(steps), rng.normal(0, 5, (2, 200))
        edges = [0, *sorted(rng.choice(np.arange(1, 200), 15, replace=False).tolist()), 200]
        pieces = [(times[a:b], values[:, a:b]) for a, b in pairwise(edges)]
        cases.append({"rate": rate, "pieces": [(t.tolist(), x.tolist()) for t, x in pieces]})
        sensor = Sensor("", ("acc_x", "acc_y"), rate, 0.0)
        grid = Grid([sensor], 30.0)
        came = []
        for t, x in pieces:
            sensor.push(x, t)
            came += list(grid.advance())
        came += list(grid.finish())
        expected.append([(piece.start_s, piece.new, piece.values.tolist()) for piece in came])
        assert sum(piece.new for piece in came) > 3
    ready(page, url)
    found = page.run(
        f"""(async () => {{
          const {{ Clock }} = await import("./clock.js");
          return {json.dumps(cases)}.map(({{ rate, pieces }}) => {{
            const clock = new Clock(rate, 0.25);
            const came = pieces.flatMap(([t, x]) => clock.push(t, x));
            return [...came, ...clock.finish()].map(({{ start, fresh, rows }}) => [start, fresh, rows]);
          }});
        }})()"""
    )
    assert whole(found) == whole(expected)


def whole(cases: Any) -> list[list[Any]]:
    """Pieces joined to stretches: into how many pieces a stretch comes is nobody's business."""
    out = []
    for pieces in cases:
        stretches: list[Any] = []
        for start, new, rows in pieces:
            if new:
                stretches.append([start, [[] for _ in rows]])
            for row, more in zip(stretches[-1][1], rows, strict=True):
                row.extend(more)
        out.append(stretches)
    return out
