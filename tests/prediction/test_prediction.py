"""Prediction of whole recordings: windows as in training, channels by name, refusals, tables and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from otolith import pipeline, splits
from otolith.errors import DataError, StorageError
from otolith.importing.grouping.people import NO_SUBJECT
from otolith.model import Model, bundle
from otolith.prediction import Predicted, Timeline, folder, open_sources, predict_recordings, tables
from otolith.prediction.matching import expects_gravity, fitting, refuse_removed_gravity
from otolith.prediction.picture import POINTS, envelope
from otolith.prediction.sources import chosen
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows import cut
from tests.helpers import tiny

RATE = 25.0


@pytest.fixture(scope="session")
def model() -> Model:
    """Windows overlap by half, and gravity is in them."""
    torch.set_num_threads(1)
    w = tiny.windows_with_gravity()
    split = splits.holdout(w, 0)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(), "random"), w, split)


def values(n: int = 250, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (6, n)) + np.array([0, 0, 9.81, 9, 12, 15])[:, None]


def recording(name: str = "r", n: int = 250, **more: Any) -> Recording:
    return Recording(name, 1, (Stream(CHANNELS, values(n), RATE),), **more)


def timeline(model: Model, given: Recording, **options: Any) -> Timeline:
    (found,) = predict_recordings(model, [given], **options)
    assert found.timeline is not None, found.why_not
    return found.timeline


def test_windows_are_those_of_training(model: Model) -> None:
    """The whole recording as one labelled segment, cut by the path that training takes."""
    whole = recording(segments=(Segment(0, None, "still"),))
    w = cut([whole], model.meta)
    found = timeline(model, whole, smoothing="none")
    np.testing.assert_array_equal(found.start_s, w.start)
    np.testing.assert_allclose(found.probabilities, model.predict_proba(w.x), atol=1e-6)
    assert found.labels.tolist() == ["still"] * len(w)


def test_labels_do_not_change_what_is_said(model: Model) -> None:
    bare = timeline(model, recording())
    labelled = timeline(model, recording(segments=(Segment(1.0, 4.0, "swing"),)))
    np.testing.assert_array_equal(bare.probabilities, labelled.probabilities)
    inside = (labelled.start_s >= 1.0) & (labelled.start_s + 1.0 <= 4.0)
    assert (labelled.labels == np.where(inside, "swing", "")).all()


def test_reordered_channels_are_put_right_and_others_left_out(model: Model) -> None:
    order = [5, 0, 3, 2, 1, 4]
    names = (*(CHANNELS[i] for i in order), "light")
    mixed = np.concatenate([values()[order], np.zeros((1, 250))])
    slow = Stream(("pressure",), np.zeros((1, 3)), 0.1)  # a sensor of no concern, slower than any gap
    other = Recording("r", 1, (Stream(names, mixed, RATE), slow))
    np.testing.assert_array_equal(timeline(model, recording()).probabilities, timeline(model, other).probabilities)


def change(rows: slice, factor: float = 1.0, offset: float = 0.0) -> Recording:
    x = values()
    x[rows] = x[rows] * factor + offset
    return Recording("walk", 1, (Stream(CHANNELS, x, RATE),))


REFUSED: dict[str, tuple[Callable[[], Recording], str]] = {
    "no gyroscope": (
        lambda: Recording("walk", 1, (Stream(CHANNELS[:3], values()[:3], RATE),)),
        "has no gyro_x, gyro_y, gyro_z: it has acc_x, acc_y, acc_z",
    ),
    "too slow": (lambda: Recording("walk", 1, (Stream(CHANNELS, values(), 5.0),)), "5 Hz, and the model expects 12 Hz"),
    "no gravity": (lambda: change(slice(2, 3), 1, -9.81), "Gravity seems to have been removed"),
    "in g": (lambda: change(slice(0, 3), 1 / 9.80665), "look like g"),
    "in degrees": (lambda: change(slice(3, 6), 57.3), "look like degrees"),
    "too short": (lambda: recording("walk", 20), "shorter than one window"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_what_is_missing(name: str, model: Model) -> None:
    make, message = REFUSED[name]
    (found,) = predict_recordings(model, [make()])
    assert found.timeline is None
    assert message in found.why_not
    assert "walk" in found.why_not


def test_a_model_without_gravity_refuses_gravity(model: Model) -> None:
    scaler = replace(model.encoder.scaler, mean=np.zeros(6), std=np.ones(6))
    assert expects_gravity(model.meta, model.encoder.scaler) is True
    assert expects_gravity(model.meta, scaler) is False
    assert expects_gravity(replace(model.meta, channels=("gyro_x", *CHANNELS[:2])), scaler) is None
    with pytest.raises(DataError, match="gravity is in it, and the model was trained without"):
        fitting(recording(), model.meta, scaler)


def test_wrong_smoothing_is_refused_before_the_work(model: Model) -> None:
    with pytest.raises(DataError, match="unknown smoothing 'offlin'; did you mean 'offline'"):
        next(predict_recordings(model, iter([recording()]), smoothing="offlin"))


@pytest.mark.parametrize("smoothing", ["offline", "causal", "none"])
def test_intervals_tile_each_stretch_and_reach_over_no_gap(smoothing: str, model: Model) -> None:
    times = np.r_[np.arange(100) / RATE, 7.0 + np.arange(150) / RATE]
    found = timeline(model, Recording("r", 1, (Stream(CHANNELS, values(), RATE, times),)), smoothing=smoothing)
    intervals = list(found.intervals())
    for one, next_ in pairwise(intervals):
        assert one.stop_s == next_.start_s or (one.stop_s < 4.1 and next_.start_s == 7.0)
        assert one.stop_s != next_.start_s or one.activity != next_.activity
    assert sum(i.n_windows for i in intervals) == len(found)
    covered = sum(i.stop_s - i.start_s for i in intervals)
    breaks = np.flatnonzero(np.diff(found.start_s) > 1)
    assert len(breaks) == 1
    first, last = found.start_s[[0, breaks[0] + 1]], found.start_s[[breaks[0], -1]] + 1.0
    assert covered == pytest.approx((last - first).sum())
    for interval in intervals:
        middle = found.start_s + 0.5
        inside = (middle >= interval.start_s - 0.02) & (middle < interval.stop_s - 0.02)
        assert {found.activity[i] for i in np.flatnonzero(inside)} == {interval.activity}


def made(states: list[int], started: datetime | None = None, flagged: bool = False) -> Timeline:
    """Windows of a second, half overlapping, that say what a test wants."""
    n = len(states)
    p = np.eye(2, dtype=np.float32)[np.minimum(states, 1)] * 0.8 + 0.1
    flags = np.array(states) == 2
    return Timeline(
        "night",
        7,
        ("a", "b", "unknown"),
        0.5 * np.arange(n),
        1.0,
        0.5,
        p,
        None,
        flags,
        None,
        np.array([""] * n),
        started,
    )


def test_totals_are_split_at_midnight() -> None:
    t = made([0] * 10 + [1] * 10, datetime(2024, 2, 29, 23, 59, 58))
    rows = tables.totals([t]).to_dicts()
    assert [(r["day"], r["recording"], r["activity"]) for r in rows] == [
        ("2024-02-29", None, "a"),
        ("2024-03-01", None, "b"),
        ("2024-03-01", None, "a"),
    ]
    assert [r["seconds"] for r in rows] == pytest.approx([2.0, 5.25, 3.25])
    assert sum(r["seconds"] for r in rows) == pytest.approx(10.5)
    assert tables.intervals([t])["start_local"].to_list() == ["2024-02-29T23:59:58.000", "2024-03-01T00:00:03.250"]


def test_without_a_date_totals_are_by_recording() -> None:
    rows = tables.totals([made([0, 0, 2])]).to_dicts()
    assert [(r["day"], r["recording"], r["activity"]) for r in rows] == [
        (None, "night", "a"),
        (None, "night", "unknown"),
    ]
    assert sum(r["share"] for r in rows) == pytest.approx(1)


def test_a_flag_is_no_probability() -> None:
    t = made([0, 2, 1])
    assert t.activity == ["a", "unknown", "b"]
    assert np.isnan(t.probability).tolist() == [False, True, False]
    assert tables.windows([t])["probability"].to_list() == pytest.approx([0.9, None, 0.9])


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_tables_by_suffix(suffix: str, tmp_path: Path) -> None:
    frame = tables.windows([made([0, 1, 2])])
    (tmp_path / "deep").mkdir()
    path = tables.write(frame, tmp_path / "deep" / f"windows{suffix}")
    read: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".csv": pl.read_csv, ".parquet": pl.read_parquet, ".json": pl.read_json,
    }  # fmt: skip
    again = read[suffix](path)
    assert again.columns == frame.columns
    assert again["activity"].to_list() == ["a", "b", "unknown"]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    with pytest.raises(DataError, match=r"give the file one of \.csv, \.parquet, \.json"):
        tables.write(frame, tmp_path / "windows.xlsx")


def test_a_folder_holds_all_that_belongs_together(model: Model, tmp_path: Path) -> None:
    given = [recording("a/../b <i>"), recording("a_.._b_i"), recording("short", 20)]
    timelines, skipped = folder.write(
        tmp_path / "out", model, predict_recordings(model, given), facts=[("Model", "m")], terms=["<No> use."]
    )
    assert (len(timelines), len(skipped)) == (2, 1)
    names = {entry.name for entry in (tmp_path / "out").iterdir()}
    assert names == {"a_.._b_i.svg", "a_.._b_i-2.svg", "about.json", "timeline.html", "recordings"} | {
        f"{name}.csv" for name in ("intervals", "hours", "days", "recordings", "totals")
    }
    page = (tmp_path / "out" / "timeline.html").read_text("utf-8")
    assert "a/../b &lt;i&gt;" in page
    assert "&lt;No&gt; use." in page
    pages = sorted(path.name for path in (tmp_path / "out" / "recordings").iterdir())
    assert pages == ["a_.._b_i-2.html", "a_.._b_i.html"]
    assert all(f'href="recordings/{name}"' in page for name in pages)
    assert "&lt;No&gt; use." in (tmp_path / "out" / "recordings" / pages[0]).read_text("utf-8")
    assert "is shorter than one window" in page
    assert json.loads((tmp_path / "out" / "about.json").read_text("utf-8"))["facts"] == {"Model": "m"}
    with pytest.raises(DataError, match="shorter than one window"):
        folder.write(tmp_path / "none", model, predict_recordings(model, given[2:]))
    assert not (tmp_path / "none").exists()


def test_all_of_a_folder_appears_or_nothing(model: Model, tmp_path: Path) -> None:
    def breaks_off() -> Iterator[Predicted]:
        yield from predict_recordings(model, [recording()])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write(tmp_path / "out", model, breaks_off())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()  # an empty one loses nothing
    folder.write(tmp_path / "out", model, predict_recordings(model, [recording()]))
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["", "file"])
def test_nothing_that_is_there_is_replaced(name: str, model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    def asked() -> Iterator[Predicted]:
        raise AssertionError("refused before the work")
        yield

    with pytest.raises(DataError, match=r"exists already\. Choose another place with --out"):
        folder.write(tmp_path / name, model, asked())
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("file", "mine")]


def test_a_place_that_cannot_be_written_is_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match=r"file/out cannot be written \(.*choose another folder"):
        folder.write(tmp_path / "file" / "out", model, predict_recordings(model, [recording()]))


def test_an_uncalibrated_model_knows_no_unknown(model: Model) -> None:
    plain = replace(model, calibration=None)
    found = timeline(plain, recording())
    assert found.states == model.activities
    assert tables.windows([found])["unknown_score"].null_count() == len(found)


def test_unknown_has_a_name_of_its_own(model: Model) -> None:
    names = ("unknown", "swing", "shake")
    other = replace(model, activities=names, encoder=replace(model.encoder, meta=replace(model.meta, activities=names)))
    assert timeline(other, recording()).states == (*names, "otherwise unknown")


def test_long_signals_keep_their_extremes() -> None:
    signal = np.random.default_rng(0).normal(size=(1, 50_000))
    time, drawn = envelope(Stream(("acc_x",), signal, 100.0), 0)
    assert len(time) == len(drawn) == 2 * POINTS
    assert (drawn.min(), drawn.max()) == (signal.min(), signal.max())


def test_it_survives_a_bundle(model: Model, tmp_path: Path) -> None:
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    np.testing.assert_array_equal(timeline(loaded, recording()).belief, timeline(model, recording()).belief)


def test_exports_are_read_together_by_the_importer(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`otolith.importing.read_recordings` gives recordings and findings; here a small one stands for it."""
    asked: list[Any] = []

    def read_recordings(paths: list[Path], *_: object) -> Any:
        asked.append(paths)
        found = {"walk": SimpleNamespace(started="2024-05-01T10:00:00+02:00"), "two": SimpleNamespace(started=None)}
        recordings = [recording("walk"), recording("two")]
        return SimpleNamespace(
            recordings=recordings, findings=found, gravity="included", notes=("One person.", NO_SUBJECT)
        )

    monkeypatch.setattr("otolith.importing.read.read_recordings", read_recordings)
    files = [tmp_path / "acc.csv", tmp_path / "gyro.csv"]
    for file in files:
        file.write_text("1")
    (opened,) = open_sources(files)
    assert asked == [files]
    assert (opened.name, opened.n_recordings, opened.gravity) == ("acc.csv, gyro.csv", 2, "included")
    joined = chosen([opened, *open_sources(files[:1])])
    found = list(predict_recordings(model, joined.recordings, started=joined.started))
    assert [each.recording.name for each in found] == ["walk", "two", "acc.csv/walk", "acc.csv/two"]
    days = tables.totals([each.timeline for each in found if each.timeline is not None])
    assert set(days["day"]) == {"2024-05-01", None}
    assert joined.notes == ["One person.", "One person."]


def test_a_source_that_says_that_gravity_was_removed_is_refused(model: Model) -> None:
    refuse_removed_gravity("included", model.meta, model.encoder.scaler, "walks")
    refuse_removed_gravity(None, model.meta, model.encoder.scaler, "walks")
    with pytest.raises(DataError, match="walks: gravity was removed, and the model was trained on signals with it"):
        refuse_removed_gravity("removed", model.meta, model.encoder.scaler, "walks")


def test_a_model_of_the_accelerometer_alone(tmp_path: Path) -> None:
    w = tiny.windows(n_subjects=6, channels=CHANNELS[:3])
    x = w.x - w.x.mean((0, 2), keepdims=True) + np.array([0, 0, 9.81], np.float32)[:, None]
    w = replace(w, x=x, meta=replace(w.meta, overlap=0.5))
    split = splits.holdout(w, 0)
    light = pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(), "random"), w, split)
    both = timeline(light, recording())
    alone = timeline(light, Recording("r", 1, (Stream(CHANNELS[:3], values()[:3], RATE),)))
    np.testing.assert_array_equal(both.probabilities, alone.probabilities)
    timelines, _ = folder.write(tmp_path / "out", light, predict_recordings(light, [recording()]))
    assert "Rotation" not in (tmp_path / "out" / "r.svg").read_text("utf-8")
    assert len(timelines) == 1
