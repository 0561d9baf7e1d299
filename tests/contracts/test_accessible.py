"""All pages can be used by everybody, as far as axe-core sees: WCAG 2.2 A and AA and best practice, without exception.

Each page is opened as a person meets it, with all that it can show unfolded, in both colour schemes and at two widths.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra `live` is not installed")

import otolith
from otolith import protocols, report
from otolith.datasets.demo import FOLDER
from otolith.importing.quality import page as quality_page
from otolith.labelling import app as labelling
from otolith.live.recorder import opened
from otolith.live.recordings import Playable
from otolith.prediction.folder import Writer
from otolith.rows import Row, append
from otolith.serving import serve
from tests.helpers import axe, weeks
from tests.helpers.browser import Browser, Page
from tests.helpers.labelling import ACTIVITIES, STRETCH_S, truth, work
from tests.helpers.live import running, running_live
from tests.helpers.pages import PAGES, SOURCE
from tests.helpers.run_folders import build_run

needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium on the path")
WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
DRAWING = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='640' height='400'/%3E"


@dataclass(frozen=True)
class Visit:
    """A page's address, what a person does there, and what is true once it shows all, and once it has begun."""

    url: str
    act: str = ""
    ready: str = "document.readyState === 'complete'"
    begun: str = "true"


def comparison(folder: Path, stack: ExitStack) -> Visit:
    small: dict[str, Any] = {"n": 60, "warning": "Mind this."}
    runs = [build_run(folder / f"{seed}", seed=seed, rows_only=seed > 0, **small) for seed in (0, 1)]
    runs.append(build_run(folder / "angular", method="angular", rows_only=True, **small))
    for method in ("random", "dynamic"):
        other: dict[str, Any] = {"dataset": "watch", "split": "holdout", "subjects": (1, 2), "method": method}
        runs.append(build_run(folder / f"watch-{method}", rows_only=True, **other, **small))
    key = {"protocol": protocols.PROTOCOLS.get("few-labels").in_rows, "dataset": "uci-har", "split": "fixed", "seed": 0}
    for k, method, draw in product((1, 5), ("random", "dynamic"), (0, 1)):
        row = Row(key | {"k": k, "method": method, "draw": draw}, {"macro_f1": 0.5 + k / 10, "per_subject": {"2": 0.5}})
        append(runs[1] / "rows.jsonl", row)
    with (runs[0] / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write("not a row\n")
    return Visit(report.write(runs, folder / "comparison.html", protocols.sections).as_uri())


def single(folder: Path, stack: ExitStack) -> Visit:
    run = build_run(folder / "run", warning="Mind this.", n=100)
    (run / "arrays" / "teacher.json").write_text("{", encoding="utf-8")
    return Visit(report.write([run], folder / "single.html").as_uri())


def quality(folder: Path, stack: ExitStack) -> Visit:
    rows = [f"{row / 50 + (row > 150)},0.1,0.2,9.8" for row in range(300)]
    (folder / "walk.csv").write_text("\n".join(["time (s),acc_x,acc_y,acc_z", *rows, rows[-1]]), encoding="utf-8")
    (folder / "broken.csv").write_text("time (s),acc_x,acc_y,acc_z\n0,a,b,c\n", encoding="utf-8")
    (folder / "notes.csv").write_text("name,age\nada,7\n", encoding="utf-8")
    options = otolith.ImportOptions(accept_guess=True, leave_out=True)
    imported = otolith.read_recordings(folder, options)
    path = folder / "quality.html"
    path.write_text(quality_page.page("Walks", imported), encoding="utf-8")
    return Visit(path.as_uri())


def predicted(folder: Path, *, single: bool) -> Path:
    place = folder / "predicted"
    place.mkdir()
    writer = Writer(place, single=single, terms=["No commercial use."])
    for name in ("ada",) if single else ("ada", "bob"):
        writer.add(weeks.week(name, days=1.1, hop_s=60.0))
    writer.finish([("Model", "m")], ["A note."])
    return place / "timeline.html"


def week(folder: Path, stack: ExitStack) -> Visit:
    act = "document.querySelector('.day').click()"
    return Visit(predicted(folder, single=True).as_uri(), act, "document.getElementById('zoom').dataset.to")


def index(folder: Path, stack: ExitStack) -> Visit:
    return Visit(predicted(folder, single=False).as_uri())


def live(folder: Path, stack: ExitStack) -> Visit:
    model = otolith.load_model("phone", "cpu")
    (recording,) = otolith.datasets.folder.FolderDataset(FOLDER).recordings()
    known = {"walk": Playable.of(recording, model)}
    recorder = stack.enter_context(opened(folder / "kept", model.activities, True, "included"))
    options: dict[str, Any] = {"recorder": recorder, "code": serve.qr_picture("https://192.0.2.1:8765/token/")}
    served = stack.enter_context(running_live(model, recordings=known, terms=["No commercial use."], **options))
    unfolded = (
        "for (const id of ['made', 'own', 'who-row', 'outcome']) document.getElementById(id).hidden = false;"
        "document.querySelector('#labels button').setAttribute('aria-pressed', 'true');"
        "document.getElementById('outcome').textContent = 'Kept.';"
        "document.body.toggleAttribute('data-recording', true)"
    )
    shows = "document.querySelectorAll('#bars li[data-top]').length && !document.getElementById('message').hidden"
    buttons = "document.querySelector('#labels button') !== null"  # they come with what the server says first
    return Visit(f"{served.origin}/#play=walk&speed=20&pley=1", unfolded, shows, begun=buttons)


def label(folder: Path, stack: ExitStack) -> Visit:
    done = work(folder / "labels", activities=ACTIVITIES)
    for at, activity in enumerate(truth("monday")):
        start, wrong = STRETCH_S * at, ACTIVITIES[(ACTIVITIES.index(activity) + 1) % 3]
        done.label(0, start, start + STRETCH_S, wrong if at == 9 else activity)
        done.refit()
    served = stack.enter_context(
        running(lambda place: labelling.build(labelling.Labelling(done, "Walks", hosts=place.hosts)))
    )
    return Visit(f"{served.origin}/", ready="document.querySelectorAll('#keys small, #corrections button').length > 1")


def example(folder: Path, stack: ExitStack) -> Visit:
    path = SOURCE / "live" / "package" / "example.html"
    return Visit(path.as_uri(), "document.getElementById('said').value = 'walking, 93 %'")


MAKERS: dict[str, Callable[[Path, ExitStack], Visit]] = {
    "labelling/page/index.html": label,
    "live/package/example.html": example,
    "live/page/index.html": live,
    "report/templates/comparison.html.j2": comparison,
    "report/templates/quality.html.j2": quality,
    "report/templates/single.html.j2": single,
    "report/templates/timeline.html.j2": index,
    "report/templates/week.html.j2": week,
}


def test_every_page_is_looked_at() -> None:
    assert MAKERS.keys() == PAGES.keys(), "a page came or went: write its maker above"


@pytest.fixture(scope="module")
def script(pytestconfig: pytest.Config) -> str:
    """axe-core; without npm or network there is none, which in CI is a failure."""
    assert pytestconfig.cache is not None
    try:
        return axe.source(pytestconfig.cache.mkdir("axe-core"))
    except (FileNotFoundError, RuntimeError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Page]:
    """A tab for all tests here."""
    with browser.tab() as opened:
        yield opened


def shown(browser: Page, visit: Visit, width: int) -> None:
    """Open a page as `visit` says, with everything unfolded."""
    browser.call("Page.navigate", url="about:blank")
    browser.open(visit.url, width, 900)
    browser.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")
    browser.wait_for(visit.begun)
    if visit.act:
        browser.run(f"{visit.act}; 0")
    browser.wait_for(visit.ready)
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


@needs_browser
@pytest.mark.parametrize("name", MAKERS)
def test_nothing_keeps_people_from_using_a_page(
    name: str, browser: Page, script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otolith.report.pictures.data_uri", lambda *_: DRAWING)  # axe does not look into pictures
    found: list[Any] = []
    with ExitStack() as stack:
        visit = MAKERS[name](tmp_path, stack)
        for width in WIDTHS:
            shown(browser, visit, width)
            for scheme in SCHEMES:
                media = [{"name": "prefers-color-scheme", "value": scheme}]
                browser.call("Emulation.setEmulatedMedia", features=media)
                again = scheme != SCHEMES[0]  # all that a scheme changes is colours
                found += [(width, scheme, each) for each in axe.violations(browser, script, colours_only=again)]
    assert found == [], "\n".join(f"{width} px, {scheme}: {each}" for width, scheme, each in found)


@needs_browser
def test_a_fault_is_found(browser: Page, script: str, tmp_path: Path) -> None:
    shown(browser, example(tmp_path, ExitStack()), 1280)
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=\"x.png\"><p style=\"color:#aaa\">pale</p>')")
    found = axe.violations(browser, script)
    assert any(each.startswith("image-alt: img") for each in found)
    assert any(each.startswith("color-contrast: p") for each in found)
