"""Public values at a prompt and in a notebook: a short line each, and HTML that is well-formed, escaped and small."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import otolith
from otolith import showing
from otolith.datasets import Dataset, DatasetInfo, names
from otolith.datasets.folder import FolderDataset, write_folder
from otolith.finetuning.settings import FinetuneSettings
from otolith.recording import Recording, Segment, Stream

NASTY = "<script>alert(1)</script>\x1b[31m\u202e&\"'" + "long " * 100
MOST_TEXT, MOST_HTML = 220, 20_000


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return a value of every kind, all of whose names come from a stranger."""
    activities = (f"walk{NASTY}", f"sit{NASTY}")
    x = np.random.default_rng(0).normal(size=(60, 6, 50)) + np.array([0, 0, 9.8, 0, 0, 0])[:, None]
    own = {"activities": activities, "rate_hz": 50.0, "dataset": f"set{NASTY}"}
    people = np.array([f"{number // 6}{NASTY}" for number in range(60)])
    w = otolith.Windows.from_arrays(x, np.arange(60) % 2, people, **own)
    split = otolith.splits.holdout(w, 0)
    encoder = otolith.pretrain(w, split, method="random", device="cpu")
    model = otolith.finetune(encoder, w, split, settings=FinetuneSettings(epochs=1))
    stream = Stream(w.meta.channels, np.hstack(x[:20]), 50.0)
    recording = Recording(f"rec{NASTY}", f"ann{NASTY}", (stream,), (Segment(0.0, 5.0, activities[0]),), (NASTY,))
    info = replace(otolith.load("synthetic").info, name="mine", title=NASTY, licence=NASTY, activities=activities)
    place = tmp_path_factory.mktemp("prompt") / "mine"
    write_folder(place, info, [recording])
    predicted = next(iter(otolith.predict_recordings(model, [recording])))
    return {
        "data set": FolderDataset(place),
        "info": info,
        "windows": w,
        "no windows": w[:0],
        "window": w[0],
        "split": replace(split, name=NASTY),
        "shared": replace(split, allow_shared_subjects=True),
        "encoder": encoder,
        "model": model,
        "stream": stream,
        "recording": recording,
        "bare recording": Recording("r", 1, ()),
        "features": otolith.features(encoder, w),
        "timeline": predicted.timeline,
        "predicted": predicted,
        "streaming": otolith.StreamingRecogniser(model, 50),
        "recogniser": otolith.Recogniser(),
    }


KINDS = (
    "data set",
    "info",
    "windows",
    "no windows",
    "window",
    "split",
    "shared",
    "encoder",
    "model",
    "stream",
    "recording",
    "bare recording",
    "features",
    "timeline",
    "predicted",
    "streaming",
    "recogniser",
)


def test_every_kind_is_looked_at(values: dict[str, Any]) -> None:
    assert tuple(values) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_short_and_dumps_nothing(kind: str, values: dict[str, Any]) -> None:
    text = repr(values[kind])
    assert len(text) <= MOST_TEXT, text
    assert text.isprintable()
    assert "array(" not in text
    assert "tensor(" not in text


@pytest.mark.parametrize("name", names())
def test_every_data_set_has_a_short_text_without_its_files(name: str) -> None:
    info = otolith.datasets.info(name)  # type: ignore[attr-defined]
    assert isinstance(info, DatasetInfo)
    assert len(repr(info)) <= MOST_TEXT


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["uci-har", "usc-had+", "sp-sw-har-phone"])
def test_lengths_of_published_data_sets_are_those_of_their_recordings(name: str, real_root: Path) -> None:
    assert_length(otolith.load(name))


def test_the_length_of_the_computed_data_set_is_that_of_its_recordings() -> None:
    assert_length(otolith.load("synthetic"))


def assert_length(data: Dataset) -> None:
    found = sum(max(stream.length_s for stream in each.streams) for each in data.recordings())
    assert data.length_s() == pytest.approx(found, abs=0.5)


HTML = ("data set", "windows", "no windows", "split", "shared", "encoder", "model", "recording", "bare recording")


def html_of(value: Any) -> str:
    draw: Callable[[], str] = value._repr_html_
    return draw()


@pytest.mark.parametrize("kind", HTML)
def test_html_is_well_formed_escaped_and_small(kind: str, values: dict[str, Any]) -> None:
    html = html_of(values[kind])
    assert len(html) <= MOST_HTML
    tree = ElementTree.fromstring(html)  # every tag closed, no bare & or <
    tags = {each.tag.rpartition("}")[2] for each in tree.iter()}
    assert tags <= {"div", "strong", "table", "tr", "th", "td", "svg", "polyline", "span"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", html)
    assert "color:" not in html  # text and paper are the page's own
    assert "http" not in html.replace('xmlns="http://www.w3.org/2000/svg"', "")


@pytest.mark.parametrize("kind", ["data set", "windows", "recording"])
def test_signals_are_drawn_with_a_name_for_those_who_do_not_see_them(kind: str, values: dict[str, Any]) -> None:
    pictures = re.findall("<svg.*?</svg>", html_of(values[kind]))
    assert pictures
    assert all('role="img" aria-label="' in each and each.count("<polyline") == 6 for each in pictures)


def test_cards_say_what_and_how_much(values: dict[str, Any]) -> None:
    windows, data, model = (html_of(values[kind]) for kind in ("windows", "data set", "model"))
    assert "60 windows of 1 s at 50 Hz" in windows
    assert "10 people" in windows
    assert ">60 s<" in windows
    assert ">20 s<" in data
    assert "1 person" in data
    assert "macro F1" in model
    assert "random" in model


def test_a_data_set_without_its_files_still_shows_itself(values: dict[str, Any], tmp_path: Any) -> None:
    data = values["data set"]
    gone = FolderDataset(data.root)
    gone.root = tmp_path / "gone"
    assert "<svg" not in html_of(gone)
    assert "mine" in html_of(gone)


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("colour", showing.COLOURS)
def test_lines_are_seen_in_light_and_dark_notebooks(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 3
    assert (luminance(colour) + 0.05) / (luminance("#111111") + 0.05) >= 3


def test_pictures_leave_out_missing_sensors_and_gaps() -> None:
    x = np.zeros((6, 30))
    x[3:] = np.nan
    x[0, 5] = np.nan
    picture = showing.signal(x, otolith.WindowMeta("own", ()).channels)
    assert picture.count("<polyline") == 3
    assert "nan" not in picture
    assert showing.signal(np.full((1, 30), np.nan), ["acc_x"]) == ""
