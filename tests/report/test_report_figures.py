"""Figures: what they show can be read back from the drawing, in any theme, for any name."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from otolith.report import figures, folder, style

SVG = "{http://www.w3.org/2000/svg}"


def words(figure: Figure) -> list[str]:
    """All text of the figure's SVG, which must be well-formed."""
    root = ET.fromstring(style.svg(figure))
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def test_confusion_shows_shares_of_rows_and_counts() -> None:
    shown = words(figures.confusion([[3, 1, 0], [0, 40, 0], [0, 0, 0]], ["walk", "sit_down", "never"]))
    for text in ("75", "25", "100", "3", "1", "40", "walk", "sit down"):
        assert text in shown
    assert "never" not in shown


def test_training_curve_marks_the_best_epoch() -> None:
    points = [{"epoch": e, "loss": 1 / e, "val_macro_f1": 0.9 - 0.01 * (e - 3) ** 2} for e in range(1, 6)]
    shown = words(figures.training_curve("finetune", points))
    assert "best 90.0 in epoch 3" in shown
    assert "Fine-tuning" in shown
    assert not any("macro F1" in text for text in words(figures.training_curve("pretrain", [{"epoch": 1, "loss": 2}])))


def test_scores_of_activities_and_subjects_are_written_out() -> None:
    assert {"87.5", "1,234"} <= set(words(figures.per_class({"walk": 0.875}, {"walk": 1234})))
    shown = words(figures.per_subject({"10": 0.71, "9": 0.93}, 0.9, {"low": 0.85, "high": 0.95}))
    assert {"71.0", "93.0", "all 90.0 (85.0–95.0)"} <= set(shown)
    assert "all 90.0" in words(figures.per_subject({"10": 0.71}, 0.9))


def test_teacher_names_the_area_and_both_means(run_folder: Path) -> None:
    separation = folder.load(run_folder).teacher
    assert separation is not None
    text = " ".join(words(figures.teacher(separation)))
    assert f"{separation['auc']:.3f}" in text
    assert f"mean {separation['mean_same']:.2f}" in text
    assert "different activities" in text
    assert "walking upstairs" in words(figures.teacher_per_activity(separation))


def test_comparison_shows_every_mean_and_the_paper() -> None:
    lines = [
        figures.Series("dynamic", "Dynamic temperature", (0.92, 0.94), (0.93,)),
        figures.Series("random", "Random encoder", (0.6,)),
    ]
    assert {"93.0", "60.0", "paper 93.0", "Random encoder"} <= set(words(figures.comparison(lines)))
    table = {"dynamic": {"2": [0.9, 0.8], "10": [0.7]}, "random": {"2": [0.4]}}
    shown = words(figures.subjects_by_method(table))
    assert "Dynamic temperature" in shown
    assert shown.index("2") < shown.index("10")


def test_embedding_names_every_activity_apart() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(12), 15)
    names = [f"activity number {c}" for c in range(12)]
    figure = figures.embedding(figures.Panel("all in one spot", rng.normal(size=(180, 2)), y, names))
    assert set(names) <= set(words(figure))
    with style.styled():
        figure.canvas.draw()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    limits = figure.axes[0].get_window_extent().expanded(1.05, 1.05)
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert limits.y0 <= box.y0
        assert box.y1 <= limits.y1


@pytest.mark.parametrize("n", [1, 2])
def test_embedding_of_almost_nothing(n: int) -> None:
    panel = figures.Panel("few", np.zeros((n, 2)), np.arange(n), ["a"])
    assert "a" in words(figures.embedding(panel))
    words(figures.subjects_embedding("few", np.zeros((n, 2)), np.array(["x"] * n)))


def nasty(name: str) -> list[Figure]:
    points, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    return [
        figures.confusion([[1, 0], [0, 1]], [name, "b"]),
        figures.per_class({name: 0.5}, {name: 1}),
        figures.per_subject({name: 0.5}, 0.5),
        figures.embedding(figures.Panel(name, points, y, [name])),
        figures.training_curve(name, [{"epoch": 1, "loss": 1.0}]),
        figures.comparison([figures.Series(name, name, (0.5,))]),
        figures.subjects_by_method({name: {name: [0.5]}}),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "--><script>",
        "$\\frac{",
        "走る 🏃",
        "a\x00b\x0b\x1b",
        "\"&'",
        "",
        "x" * 5000,
    ],
)
def test_any_name_gives_well_formed_pictures_without_script(name: str) -> None:
    for figure in nasty(name):
        root = ET.fromstring(style.svg(figure))
        assert not [node.tag for node in root.iter() if node.tag.endswith("script")]


def test_svg_follows_the_theme_and_is_repeatable() -> None:
    def draw() -> str:
        return style.svg(figures.per_class({"walk": 0.9}, {"walk": 10}))

    text = draw()
    assert text == draw()
    assert "prefers-color-scheme:dark" in text
    assert "var(--ink)" in text
    for colour in (style.INK, style.MUTED, style.GRID, style.PAPER):
        assert f": {colour}" not in text.split("</style>", 1)[1]
    assert "DejaVu" not in text


@pytest.mark.parametrize(
    "make", [lambda: figures.confusion([[1]], ["a"]), lambda: figures.per_class({"a": 0.5}, {"a": 1})]
)
def test_drawing_leaves_matplotlib_as_it_was(make: Callable[[], Figure]) -> None:
    before = dict(matplotlib.rcParams)
    figure = figures.per_class({"a": 0.5}, {"a": 1}) if make is figures.per_class else figures.confusion([[1]], ["a"])
    style.data_uri(figure)
    assert dict(matplotlib.rcParams) == before


def test_png_for_documents(tmp_path: Path) -> None:
    path = style.save_png(figures.per_class({"walk": 0.9}, {"walk": 10}), tmp_path / "a.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_palettes_do_not_repeat_up_to_twelve() -> None:
    for n in range(1, 13):
        assert len(set(style.palette(n))) == n
    assert len(style.palette(30)) == 30


def test_a_legend_reads_row_by_row() -> None:
    """matplotlib fills columns, the first ones longer: what it is given is put so that the rows are in order."""
    handles = style.in_rows("abcdefghijk", 8)
    assert "".join(handles) == "aibjckdefgh"
    assert style.in_rows("abc", 3) == ["a", "b", "c"]


def test_a_small_figure_is_the_same_drawing_with_fewer_dots_and_colours() -> None:
    rng = np.random.default_rng(0)
    with style.styled():
        figure = style.canvas(2 * style.WIDTH, 2.5)
        axes = figure.subplots()
        axes.fill_between(np.arange(1500), rng.normal(0, 1, 1500), rng.normal(3, 1, 1500), rasterized=True)
        axes.set_title('Ω "100 %" & more')
    large, small = style.data_uri(figure), style.data_uri(figure, small=True)
    assert len(small) < len(large) / 4
    head, _, body = small.partition(",")
    assert head == "data:image/svg+xml"
    assert not set(body) & set('"<>#\n')
    drawing = ET.fromstring(unquote(body))
    assert 'Ω "100 %" & more' in "".join(drawing.itertext())
    (dots,) = (each for each in drawing.iter() if each.tag.endswith("image"))
    (found,) = (value for name, value in dots.attrib.items() if name.endswith("href"))
    with Image.open(io.BytesIO(base64.b64decode(found.partition(",")[2]))) as image:
        assert image.mode == "P"
        assert image.size[0] > 600


def test_wide_intervals_leave_the_axis_where_scores_are() -> None:
    points = {"dynamic": {k: {"mean": 0.5, "low": -0.4, "high": 1.3} for k in (1, 5)}}
    low, high = figures.learning_curves(points).axes[0].get_ylim()
    assert (low, high) == (0.0, 101.0)
