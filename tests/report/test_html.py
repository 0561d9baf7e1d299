"""The page: whole, self-contained, escaped, and honest about what it lacks."""

from __future__ import annotations

import base64
import json
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from otolith import report
from otolith.errors import CheckpointError
from otolith.report.answers import answer, answers
from otolith.report.figures.scores import FULL
from otolith.report.groups import group
from otolith.report.style import ACCENT, WARM
from otolith.rows import Row, append
from tests.helpers.browser import Browser
from tests.helpers.contrast import LEAST, ratio, schemes


class Page(HTMLParser):
    """Tags, headings and visible text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.text = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] != "style":
            self.text += data + " "

    def pictures(self) -> dict[str, ET.Element]:
        found = {}
        for image in self.images:
            head, _, body = (image["src"] or "").partition(",")
            assert head == "data:image/svg+xml;base64"
            found[image["alt"] or ""] = ET.fromstring(base64.b64decode(body))
        return found


@pytest.fixture(scope="module")
def page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(report.write([run_folder], tmp_path_factory.mktemp("page") / "report.html"))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("method", "finetune", "words"),
    [
        ("dynamic", {}, "Then it was frozen, and a small classifier"),
        (
            "dynamic",
            {"encoder": "trained"},
            "Then it was trained on with the labels, together with a small classifier.",
        ),
        ("random", {"encoder": "trained"}, "trained on labels without any pre-training, together with a small"),
        ("supervised", {"keep": "last"}, "The weights are those of the last epoch."),
        ("dynamic", {"solver": "adam"}, "The epoch was chosen on"),
        ("dynamic", {"solver": "lbfgs"}, "calibrate its probabilities; nothing was chosen by them."),
    ],
)
def test_says_how_the_encoder_was_trained(
    method: str, finetune: dict[str, str], words: str, tmp_path: Path, make_run: Any
) -> None:
    run = make_run(tmp_path / "run", method=method)
    (run / "model" / "card.json").write_text(json.dumps({"finetune": finetune}), encoding="utf-8")
    page = Page(report.write([run], tmp_path / "report.html"))
    assert words in " ".join(page.text.split())


def test_holds_every_figure_and_fact(page: Page, run_folder: Path) -> None:
    assert list(page.pictures()) == [
        "Confusion matrix",
        "F1 score of each activity",
        "Macro F1 of each test subject",
        "t-SNE before training",
        "t-SNE after training",
        "The same points coloured by person",
        "Similarity of pairs of windows under the frozen teacher",
        "Area under the ROC curve for each activity",
        "Training curve: Autoencoder",
        "Training curve: Pre-training",
        "Training curve: Fine-tuning",
    ]
    flat = " ".join(page.text.split())
    for words in (
        "UCI-HAR: Dynamic temperature",
        "the authors' fixed subjects, seed 0; compact recipe",
        "resampling the 6 test subjects",
        "18,015 windows of 19 people without looking at their labels",
        "No one in the test set had a part in training",
        "The paper, Table I",
        "No commercial use, says the data set's own README.",
        "Licence: as the README says",
        'otolith.load_model("model")',
        "(n, 6, 30)",
        "acc_x (m/s^2)",
        "13.4 min",
    ):
        assert words in flat
    assert "Mind the split" not in flat


def test_needs_no_network_and_runs_no_script(page: Page) -> None:
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert "default-src 'none'" in page.source
    for attribute in re.findall(r"""(?:src|href)\s*=\s*["']([^"']{0,40})""", page.source):
        assert attribute.startswith("data:")
    assert not re.search(r"url\(|@import", page.source.split("</style>")[0])
    assert 'name="viewport"' in page.source


def test_shows_no_place_on_the_machine(page: Page, run_folder: Path) -> None:
    assert str(run_folder.parent) not in page.source
    assert str(Path.home()) not in page.source


def test_hostile_names_are_escaped(tmp_path: Path, make_run: Any) -> None:
    bad = "<script>alert(1)</script>"
    run = make_run(
        tmp_path / "run",
        dataset=f"{bad}d",
        split=f"{bad}s",
        activities=(f"{bad}a", '"><img src=x onerror=alert(2)>', "sit"),
        subjects=(f"{bad}p", "b"),
        warning=f"{bad}w",
        recipe_name=f"{bad}r",
        n=200,
    )
    (run / "recipe.toml").write_text(f"# {bad}", encoding="utf-8")
    (run / "environment.json").write_text('{"<script>": "</script>"}', encoding="utf-8")
    (run / "model" / "card.json").write_text(
        '{"input": {"channels": ["<script>"]}, "data": {"terms": "<script>"}}', encoding="utf-8"
    )
    for folders in ([run], [run, make_run(tmp_path / "other", rows_only=True)]):
        page = Page(report.write(folders, tmp_path / "report.html"))
        assert "script" not in page.tags
        assert "<script" not in page.source
        for image in page.images:
            assert set(image) == {"src", "alt"}
        for root in page.pictures().values():
            assert not [node.tag for node in root.iter() if node.tag.endswith("script")]
        assert f"{bad}d" in page.text
        assert f"{bad}w" in page.text


SECTIONS = {
    "arrays/tsne_after.npy": "Features before and after training",
    "arrays/teacher.json": "Does the teacher tell activities apart?",
    "curves.jsonl": "Training",
    "model/card.json": "Use the model",
    "rows.jsonl": "Scores of each person",
}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", SECTIONS)
def test_a_missing_file_drops_only_its_section(name: str, tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    (run / name).unlink()
    page = Page(report.write([run], tmp_path / "report.html"))
    headings = re.findall(r"<h2>(.*?)</h2>", page.source)
    for other, heading in SECTIONS.items():
        assert (heading.replace("'", "&#39;") in headings or heading in headings) == (other != name)
    assert "Not everything could be read" not in page.text


@pytest.mark.usefixtures("undrawn")
def test_damaged_files_are_named_on_the_page(tmp_path: Path, run_folder: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    with (run / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('not a row\n{"schema": 1, "key"')
    (run / "arrays" / "teacher.json").write_text("{", encoding="utf-8")
    page = Page(report.write([run], tmp_path / "report.html"))
    assert "Not everything could be read" in page.text
    for words in ("rows.jsonl, line 2", "rows.jsonl, line 3", "teacher.json cannot be shown"):
        assert words in page.text
    assert "Confusion matrix" in page.pictures()


@pytest.mark.usefixtures("undrawn")
def test_a_split_within_people_is_a_warning(tmp_path: Path, make_run: Any) -> None:
    run = make_run(tmp_path / "told", split="time", warning="Split by time: see here.", subjects=("me",), n=200)
    page = Page(report.write([run], tmp_path / "report.html"))
    assert "Mind the split." in page.text
    assert "Split by time: see here." in page.text
    assert "No interval: 1 test subject" in page.text
    assert "no stage of training has seen" not in page.text
    assert "No one in the test set" not in page.text
    silent = make_run(tmp_path / "silent", split="recording", subjects=("me",), rows_only=True)
    assert "nothing follows for other people" in Page(report.write([silent], tmp_path / "r.html")).text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("supervised", "trained together on labelled windows"),
        ("random", "floor that pre-training has to rise above"),
    ],
)
def test_the_summary_fits_the_method(method: str, words: str, tmp_path: Path, make_run: Any) -> None:
    page = Page(report.write([make_run(tmp_path / "run", method=method, rows_only=True)], tmp_path / "report.html"))
    assert words in page.text
    assert "was pre-trained on" not in page.text


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, make_run: Any) -> Page:
    root = tmp_path_factory.mktemp("several")
    runs = [
        make_run(root / f"{method}-{seed}", method=method, seed=seed, n=200, skill=skill)
        for method, skill in (("angular", 0.85), ("dynamic", 0.92))
        for seed in (0, 1)
    ]
    runs.append(make_run(root / "other", dataset="watch", split="holdout", subjects=(1, 2), n=200))
    return Page(report.write(runs, root / "report.html"))


def test_several_runs_stand_side_by_side(compared: Page) -> None:
    flat = " ".join(compared.text.split())
    for words in (
        "Comparison: UCI-HAR, Watch exercises",
        "5 results of 5 runs",
        "Watch exercises, random hold-out of subjects, compact recipe, split seed 0",
        "seeds 0, 1",
        "93.0 (Table I)",
        "92.4 (Table I)",
        "prints neither seeds nor intervals",
        "No interval: 2 test subjects",
        "Macro F1 within each test subject (%)",
        "No commercial use",
    ):
        assert words in flat
    shown = compared.pictures()
    fig5 = [name for name in shown if name.startswith("t-SNE")]
    assert fig5 == ["t-SNE, UCI-HAR, AS, seed 0", "t-SNE, UCI-HAR, DT, seed 0"]
    assert "UCI-HAR, DT, seed 0" in "".join(shown[fig5[1]].itertext())
    assert "script" not in compared.tags


def test_no_score_without_split_seed_and_interval_or_spread(compared: Page, page: Page) -> None:
    for source in (compared.source, page.source):
        captions = [
            text
            for text in re.findall(r"<figcaption>(.*?)</figcaption>", source)
            if "acro F1 w" in text or "F1 s" in text
        ]
        assert captions
        for text in captions:
            assert "subjects" in text
            assert re.search(r"seeds? \d", text)
            assert re.search("interval|mean over the runs", text)


@pytest.mark.usefixtures("undrawn")
def test_several_rows_in_one_folder_are_a_comparison(tmp_path: Path) -> None:
    for seed in (0, 1):
        key = {"dataset": "watch", "split": "holdout", "method": "dynamic", "seed": seed}
        append(tmp_path / "rows.jsonl", Row(key, {"macro_f1": 0.5 + seed / 10}))
    page = Page(report.write([tmp_path], tmp_path / "report.html"))
    assert "2 results of 1 run." in " ".join(page.text.split())
    assert "55.0" in page.text


def test_refuses_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a run folder"):
        report.write([tmp_path], tmp_path / "report.html")
    with pytest.raises(ValueError, match="at least one"):
        report.write([], tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("choice", "words", "absent"),
    [
        (
            {"name": "vote <b>", "by": "validation", "labels": 3002.4, "scores": {"linear": 0.912, "vote <b>": 0.934}},
            ["knows 2 ways to use 3002 labelled windows", "vote <b> . Way to use", "vote <b> 93.4 linear 91.2"],
            "by their number alone",
        ),
        (
            {"name": "linear", "by": "labels", "labels": 5.0, "scores": {}},
            ["by their number alone, 5 windows an activity", "No validation label"],
            "knows 2 ways",
        ),
        ({"name": 7}, [], "by their number alone"),
        (None, [], "ways to use"),
    ],
)
def test_says_what_was_chosen_and_what_each_scored(
    tmp_path: Path, make_run: Any, choice: Any, words: list[str], absent: str
) -> None:
    run = make_run(tmp_path / "run")
    row = Row(**{name: getattr(report.folder.load(run).rows[0], name) for name in ("key", "result", "meta")})
    (run / "rows.jsonl").unlink()
    append(run / "rows.jsonl", Row(row.key, row.result, row.meta | ({"choice": choice} if choice else {})))
    page = Page(report.write([run], tmp_path / "report.html"))
    flat = " ".join(page.text.split())
    for each in words:
        assert each in flat
    assert absent not in flat


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_in_figures_can_be_read(page: Page, scheme: str) -> None:
    """Contrast of 4.5 and more on the page's ground; figures upon areas have dark and light texts of their own."""
    checked = 0
    for name, drawing in page.pictures().items():
        values = schemes("".join(drawing.itertext()))[scheme]
        for each in drawing.iter():
            if not each.tag.endswith("}text"):
                continue
            fill = re.search(r"fill: ([^;]+)", each.get("style", ""))
            assert fill is not None, name
            colour = re.sub(r"var\(--(\w+)\)", lambda found, known=values: known[found[1]], fill[1])
            grounds = [values["paper"]]
            if name == "Confusion matrix" and "".join(each.itertext()).strip("<").isdecimal():
                grounds += [blend(pair, values["paper"], FULL) for pair in (ACCENT, WARM)]
            if colour == "#ffffff":  # upon a bar
                grounds = [ACCENT]
            for ground in grounds:
                assert ratio(colour, ground) >= LEAST, (name, "".join(each.itertext()), colour, ground)
            checked += 1
    assert checked > 20


def blend(over: str, ground: str, opacity: float) -> str:
    parts = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (over, ground)]
    return "#" + "".join(f"{round(opacity * a + (1 - opacity) * b):02x}" for a, b in zip(*parts, strict=True))


def test_a_comparison_opens_with_its_answer(compared: Page) -> None:
    """Before any table: who is best, by how much, how sure; every single run is folded away."""
    opening, rest = compared.source.split("<table>", 1)
    told = " ".join(re.sub("<[^>]+>", " ", opening).split())
    assert re.search(r"Dynamic temperature has the highest mean macro F1, \d\d\.\d % \(2 runs\); the next,", told)
    assert re.search(r"by test subject \+\d+\.\d points, 95 % interval .* p 0\.\d{3}, 6 subjects", told)
    assert rest.index("<details><summary>In detail</summary>") < rest.index("Every run")
    assert "<details" not in opening


def scored(method: str, scores: dict[str, float]) -> Row:
    key = {"dataset": "watch", "split": "holdout", "method": method, "seed": 0}
    return Row(key, {"macro_f1": sum(scores.values()) / len(scores), "per_subject": scores})


@pytest.mark.parametrize(
    ("gains", "words"),
    [
        ([0.1, 0.12, 0.09, 0.11, 0.1, 0.13, 0.1], "It is clearly better: by test subject +10.7 points, 95 % interval"),
        ([0.3, -0.2, 0.1, -0.1, 0.2, -0.2, 0.0], "The difference is not clear: by test subject +1.4 points"),
        ([0.1, 0.1, 0.1], "Whether it is better is open: by test subject +10.0 points, with 3 subjects too few"),
    ],
)
def test_an_answer_says_how_sure_it_is(gains: list[float], words: str) -> None:
    plain = {str(i): 0.6 for i in range(len(gains))}
    better = {person: plain[person] + gain for person, gain in zip(plain, gains, strict=True)}
    (found,) = group([scored("random", plain), scored("csshar", better)])
    assert answer(found).startswith("CSSHAR has the highest mean macro F1, ")
    assert words in answer(found)


def test_answers_of_many_comparisons_are_counted() -> None:
    rows = [
        Row({"dataset": f"d{i}", "split": "holdout", "method": method, "seed": 0}, {"macro_f1": 0.5})
        for i in range(10)
        for method in ("random", "csshar")
    ]
    found = answers(group(rows), most=3)
    assert len(found) == 4
    assert found[-1] == ("More", "7 further comparisons stand below.")
    assert "not known" in found[0][1]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_comparison_is_legible_on_a_phone(compared: Page, browser: Browser, tmp_path: Path) -> None:
    """At 390 pixels nothing is cut off, no figure is made much smaller than it was drawn, and names of lines stay."""
    path = tmp_path / "page.html"
    path.write_text(compared.source, encoding="utf-8")
    with browser.tab() as tab:
        tab.open(path.as_uri(), 390, 844)
        tab.wait_for("document.readyState === 'complete' && document.images[0].naturalWidth")
        assert tab.run("document.documentElement.scrollWidth") <= 390
        assert tab.run("document.querySelector('.score').getBoundingClientRect().top") < 300
        small = "[...document.images].filter((i) => i.clientWidth && i.clientWidth < 0.84 * i.naturalWidth).length"
        assert tab.run(small) == 0
        opened = "[...document.querySelectorAll('details')].forEach((each) => { each.open = true; }), " + small
        assert tab.run(opened) == 0
        assert tab.run("document.documentElement.scrollWidth") <= 390
        stays = tab.run(
            "(() => { const box = document.querySelector('.scroll'); box.scrollLeft = 999;"
            "return [box.scrollLeft, box.querySelector('td').getBoundingClientRect().left]; })()"
        )
        assert stays[1] >= 0, stays
