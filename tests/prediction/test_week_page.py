"""The page of a week in a real browser: rows of days, zoom, legend, phone and laptop; and what it is made of."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from otolith.prediction import page, rows
from otolith.prediction.colours import states_of
from otolith.prediction.folder import Writer
from otolith.prediction.signals import NONE, signals_of
from otolith.recording import CHANNELS, Recording, Stream
from tests.helpers import weeks
from tests.helpers.browser import Browser, Page

needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
HOUR = 3600.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one week."""
    place = tmp_path_factory.mktemp("week")
    writer = Writer(place, single=True, terms=["No <b>use</b>."])
    writer.add(weeks.week("ada </script>"))
    writer.finish([("Model", "m")], ["A note."])
    return place


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Page]:
    """A tab for all tests here."""
    with browser.tab() as opened:
        yield opened


def opened(browser: Page, folder: Path, width: int) -> None:
    browser.call("Page.navigate", url="about:blank")
    browser.open((folder / "timeline.html").as_uri(), width, 900)
    browser.wait_for("document.getElementById('zoom')?.dataset.to")


def shown(browser: Page) -> tuple[float, float]:
    found = browser.run("[document.getElementById('zoom').dataset.from, document.getElementById('zoom').dataset.to]")
    return float(found[0]), float(found[1])


def data_of(path: Path) -> dict[str, list[dict[str, float]]]:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert text is not None
    found: dict[str, list[dict[str, float]]] = json.loads(text[1])
    return found


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_rows_and_zoom_are_clicked(browser: Page, folder: Path, width: int) -> None:
    opened(browser, folder, width)
    assert browser.run("document.documentElement.scrollWidth") <= width
    whole = shown(browser)
    assert whole[1] - whole[0] > 6.9 * 86400
    data = data_of(folder / "timeline.html")
    browser.run("document.querySelectorAll('.day')[2].click()")
    assert shown(browser) == (data["days"][2]["from"], data["days"][2]["to"])
    assert shown(browser)[1] - shown(browser)[0] == 23 * HOUR  # clocks were put forward
    pressed = "[...document.querySelectorAll('.day')].map((row) => row.getAttribute('aria-pressed'))"
    assert browser.run(pressed) == ["true" if i == 2 else "false" for i in range(8)]
    assert browser.run("document.getElementById('range').textContent") == "Sun 29 Mar 00:00 – Sun 29 Mar 24:00"
    middle = sum(shown(browser)) / 2
    browser.run("document.querySelector('[data-span=\"60\"]').click()")
    assert shown(browser) == (middle - 30, middle + 30)
    assert re.search(r"12:29:30 – Sun 29 Mar 12:30:30", browser.run("document.getElementById('range').textContent"))
    browser.run("document.querySelector('[data-move=\"0.5\"]').click()")
    assert shown(browser) == (middle, middle + 60)
    browser.run("document.querySelector('[data-zoom=\"2\"]').click()")
    assert shown(browser) == (middle - 30, middle + 90)
    box = browser.run("document.getElementById('zoom').getBoundingClientRect().width")
    browser.run(
        "(() => { const c = document.getElementById('zoom'), b = c.getBoundingClientRect();"
        "c.dispatchEvent(new MouseEvent('click', {clientX: b.left + 34, clientY: b.top + 9})); })()"
    )
    assert box > 250
    assert shown(browser)[1] - shown(browser)[0] == pytest.approx(20)
    assert shown(browser)[0] == pytest.approx(middle - 40, abs=1)
    assert browser.complaints == []


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overlaps_and_the_legend_stays_in_view(browser: Page, folder: Path, width: int) -> None:
    opened(browser, folder, width)
    overlaps = browser.run(
        """(() => {
          const boxes = [...document.querySelectorAll('.day > *, .tools > *, .legend > span, main > h1, main > h2')]
            .filter((e) => e.getClientRects().length && !e.closest('[hidden]'))
            .map((e) => [e, e.getBoundingClientRect()]);
          const found = [];
          boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
            if (a.contains(b) || b.contains(a)) return;
            if (p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1)
              found.push(a.textContent + ' / ' + b.textContent);
          }));
          return found;
        })()"""
    )
    assert overlaps == []
    cut = browser.run(
        """[...document.querySelectorAll('.legend > span, .day > span, .axis span')].filter((e) => {
          const box = e.getBoundingClientRect();
          const hidden = e.clientWidth && e.scrollWidth > e.clientWidth + 1;
          return box.width && (box.left < 0 || box.right > innerWidth || hidden);
        }).map((e) => e.textContent)"""
    )
    assert cut == []  # the whole legend, each day and its hours
    assert len(browser.run("[...document.querySelectorAll('.legend > span')].map((e) => e.textContent)")) == 8
    stays = browser.run(
        """[...document.querySelectorAll('.scroll')].filter((e) => e.clientWidth).map((e) => {
          e.scrollLeft = 9999;
          return e.querySelector('td').getBoundingClientRect().left - e.getBoundingClientRect().left;
        })"""
    )
    assert stays
    assert min(stays) >= 0  # days stay beside their totals
    browser.run("scrollTo(0, 1500)")
    top = browser.run("document.getElementById('legend').getBoundingClientRect().top")
    assert -1 <= top <= 1
    drawn = browser.run(
        """(() => {
          const c = document.getElementById('zoom'), d = c.getContext('2d').getImageData(0, 0, c.width, 20).data;
          return new Set(Array.from({length: c.width}, (_, x) => d.slice(4 * x, 4 * x + 3).join())).size;
        })()"""
    )
    assert drawn >= 4  # several colours in the band of activities


def test_a_week_is_small_and_safe(folder: Path) -> None:
    path = folder / "timeline.html"
    text = path.read_text("utf-8")
    assert path.stat().st_size < 3e6
    assert "ada &lt;/script&gt;" in text
    assert text.count("</script>") == 2
    assert "No &lt;b&gt;use&lt;/b&gt;." in text
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_a_row_shows_the_hour_of_the_wall_on_a_day_on_which_clocks_change() -> None:
    stored = weeks.week(days=3)
    t = stored.timeline
    intervals = list(t.intervals())
    found = rows.rows_of(t, intervals, states_of(t.states, 6))
    assert [row["label"] for row in found] == ["Fri 27 Mar", "Sat 28 Mar", "Sun 29 Mar", "Mon 30 Mar"]
    assert [round((row["to"] - row["from"]) / HOUR, 6) for row in found] == [24, 24, 23, 24]
    runs = re.findall(r"M(\d+) 0h(\d+)", "".join(path["path"] for path in found[2]["paths"]))
    filled = np.zeros(1440, bool)
    for first, length in runs:
        filled[int(first) : int(first) + int(length)] = True
    assert not filled[120:180].any()
    assert filled[:120].all()
    assert filled[180:].mean() > 0.7  # but for the gap


def test_signals_keep_extremes_and_gaps() -> None:
    x = np.zeros((6, 1000))
    x[2] = 9.81
    x[0, 500] = 30.0
    times = np.arange(1000) / 50 + np.where(np.arange(1000) < 600, 0, 100)
    found = signals_of(Recording("r", 1, (Stream(CHANNELS, x, 50.0, times),)))
    assert found.step_s == 0.05
    assert (found.acc[0, 1] == 254).sum() == 1
    at = int(np.flatnonzero(found.acc[0, 1] == 254)[0])
    assert found.start_s + at * found.step_s == pytest.approx(10.0, abs=0.051)
    assert (found.acc[:, :, 300:2100] == NONE).all()
    low, high = found.acc_range
    assert low + (high - low) * found.acc[2, 0, 0] / 254 == pytest.approx(9.81, abs=(high - low) / 254)
    alone = signals_of(Recording("r", 1, (Stream(CHANNELS[:3], x[:3], 50.0),)))
    assert alone.gyro.size == 0
    long = signals_of(Recording("r", 1, (Stream(CHANNELS, np.zeros((6, 604_800)), 1.0),)))
    assert long.step_s == 2.5
    assert long.acc.shape[2] <= 250_000


SEEN = {
    "usual": "1 0 0 0 1 0 0 0 1",
    "protan": "0.152286 1.052583 -0.204868 0.114503 0.786281 0.099216 -0.003882 -0.048116 1.051998",
    "deutan": "0.367322 0.860646 -0.227968 0.280085 0.672501 0.047413 -0.01182 0.04294 0.968881",
    "tritan": "1.255528 -0.076749 -0.178779 -0.078411 0.930809 0.147602 0.004733 0.691367 0.3039",
}
"""Linear RGB as people see it who lack a kind of cone (Machado, Oliveira and Fernandes 2009, severity 1)."""


@pytest.mark.parametrize("eyes", SEEN)
def test_colours_tell_apart(eyes: str) -> None:
    """Six activities, unknown and not worn differ by 15 and more in CIELAB for any colour vision."""
    names = tuple("abcdef")

    def lab(colour: str) -> np.ndarray:
        c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        linear = np.clip(np.array(SEEN[eyes].split(), float).reshape(3, 3) @ linear, 0, 1)
        to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        f = np.cbrt(to_xyz @ linear / np.array([0.9505, 1, 1.089]))
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    states = states_of((*names, "unknown"), 6)
    near = {(a.name, b.name): float(np.linalg.norm(lab(a.colour) - lab(b.colour))) for a, b in combinations(states, 2)}
    assert min(near.values()) >= 15, min(near, key=lambda pair: near[pair])
    assert states[-1].hatched


def test_an_index_of_fifty_is_small(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    one = weeks.week(days=0.02, rate_hz=5)
    writer.add(one)
    entry = page.entry(one, "recordings/ada & co.html")
    entries = [entry] * 50
    path = page.write_index(tmp_path / "i.html", entries, states_of(one.timeline.states, 6), [], [], [])
    assert path.stat().st_size < 100_000
    assert 'href="recordings/ada%20%26%20co.html"' in path.read_text("utf-8")
