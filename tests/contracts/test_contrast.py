"""Texts of all pages have a contrast of 4.5 and more in both schemes, and one activity one colour on all of them."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from otolith.prediction.colours import states_of
from otolith.prediction.picture import colours_of
from otolith.report import style
from otolith.report.colours import of_activities
from tests.helpers.contrast import LEAST, faults, ratio, schemes
from tests.helpers.pages import MARKUP, SOURCE

BASES = {"report.css", "base.css"}
SHEETS = sorted(SOURCE.rglob("*.css"))
SCRIPTS = sorted(path for path in SOURCE.rglob("*.js") if ".min." not in path.name)
LOCAL = (SOURCE / "serving" / "page" / "base.css").read_text("utf-8")
REPORT = (SOURCE / "report" / "templates" / "report.css").read_text("utf-8")


def whole(path: Path) -> str:
    """A sheet after the one that its pages share."""
    if path.name in BASES:
        return path.read_text("utf-8")
    return (REPORT if path.is_relative_to(SOURCE / "report") else LOCAL) + path.read_text("utf-8")


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_texts_of_style_sheets_can_be_read(path: Path) -> None:
    assert faults(whole(path)) == []


def test_a_pale_text_is_found() -> None:
    pale = whole(SHEETS[0]) + ":root { --pale: #999999; } .new { color: var(--pale); } .old { color: #777; }"
    found = faults(pale)
    assert any("pale on paper has 2.85 in the light" in each for each in found)
    assert any("#777" in each for each in found)
    assert any("fades" in each for each in faults(LOCAL + ".dim { opacity: .5; }"))


@pytest.mark.parametrize("path", MARKUP, ids=lambda path: path.name)
def test_markup_leaves_colours_of_text_to_the_sheets(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"(?<![\w-])color\s*[:=]", text.replace("color-scheme", "")), path
    assert not re.search(r"<(text|font)\b", text), path


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_texts_in_canvases_have_colours_for_text(path: Path) -> None:
    text = path.read_text("utf-8")
    assert ".style.color" not in text
    for found in re.finditer(r"\bfillText\(", text):
        before = re.findall(r"fillStyle = ([^;]+);", text[: found.start()])
        assert before, path
        assert re.fullmatch(r'colour\("(ink|muted)"\)|colour\("accent"\)|muted|state\.text|upon\(.*\)', before[-1]), (
            before[-1]
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_of_figures_can_be_read(scheme: str) -> None:
    values = schemes(style._CSS)[scheme]
    for name in ("ink", "muted"):
        assert ratio(values[name], values["paper"]) >= LEAST


def test_names_of_states_can_be_read_upon_them() -> None:
    for state in states_of([*map(str, range(12)), "unknown"], 12):
        assert ratio(state.text, state.colour) >= LEAST, state


def test_an_activity_keeps_its_colour_in_other_lists() -> None:
    wide = ["walking", "walking_upstairs", "walking_downstairs", "sitting", "standing", "laying", "cycling", "jogging"]
    known = dict(zip(wide, of_activities(wide), strict=True))
    assert len(set(known.values())) == len(wide)
    for names in (wide[::-1], ["shake", "jogging", "sitting"], ["nordic walking", "walking", "sit to stand"]):
        for name, colour in zip(names, of_activities(names), strict=True):
            assert known.get(name, colour) == colour
        assert len(set(of_activities(names))) == len(names)
    alike = ["Walk", "StairsUp", "stairs down", "Sit", "stand", "lying", "bike", "run"]
    assert of_activities(alike) == of_activities(wide)
    assert [state.colour for state in states_of([*alike, "unknown"], 8)][:8] == of_activities(alike)
    assert of_activities(["up", "hands down", ""]) == list(style.MANY[:3])


def test_an_activity_has_one_colour_on_all_pages_and_no_axis_has_it() -> None:
    names = [f"a{i}" for i in range(12)]
    timeline = [state.colour for state in states_of([*names, "unknown"], 12)]
    picture = colours_of([*names, "unknown"], 12)
    for values in schemes(LOCAL).values():
        assert [values[f"c{i}"] for i in range(12)] == list(style.MANY) == timeline[:12]
        assert values["unknown"] == timeline[12] == style.UNKNOWN
    assert [picture[name] for name in (*names, "unknown")] == timeline[:13]
    for few in range(1, 13):  # however many activities there are
        assert of_activities(names[:few]) == timeline[:few]
    for scheme in ("light", "dark"):
        axes = [schemes(LOCAL)[scheme][name] for name in "xyz"]
        assert axes == [schemes(REPORT)[scheme][name] for name in "xyz"]
        for axis, colour in product(axes, style.MANY):
            assert distance(axis, colour) > 20, (axis, colour)
    assert tuple(schemes(LOCAL)["light"][name] for name in "xyz") == style.AXES


def distance(one: str, other: str) -> float:
    """Difference in CIELAB."""
    seen = []
    for colour in (one, other):
        c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        f = np.cbrt(to_xyz @ linear / np.array([0.9505, 1, 1.089]))
        seen.append(np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]))
    return float(np.linalg.norm(seen[0] - seen[1]))
