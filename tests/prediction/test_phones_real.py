"""Real recordings, rewritten as the exports of phones, are predicted as they are in their native form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import phyphox, physics_toolbox, recorded, sensor_logger

from otolith import datasets, importing, pipeline, splits
from otolith.metrics import macro_f1
from otolith.model import Model
from otolith.prediction import Timeline, open_sources, predict_recordings
from otolith.prediction.sources import chosen
from otolith.recipes import load_recipe
from otolith.recording import Recording

pytestmark = pytest.mark.realdata

QUICK = {
    "encoder.maps": [16, 32, 64],
    "encoder.heads": 4,
    "encoder.feed_forward": 64,
    "method.supervised.epochs": 4,
}
"""A network that is good enough within seconds to be wrong about few windows by chance."""
FORMATS: dict[str, tuple[str, Callable[..., Path], dict[str, object]]] = {
    "sensor logger": ("zip", sensor_logger, {}),
    "sensor logger, gravity apart": ("zip", sensor_logger, {"total": False}),
    "phyphox": ("zip", phyphox, {}),
    "phyphox, German": ("zip", phyphox, {"separator": ";", "decimal": ","}),
    "physics toolbox, in g": ("csv", physics_toolbox, {}),
    "physics toolbox, modern and German": ("csv", physics_toolbox, {"separator": ";", "decimal": ",", "modern": True}),
}
MATCHED_WITHIN_S = 0.05


def exported(recordings: Sequence[Recording], form: str, folder: Path) -> list[Path]:
    """A file for each recording, named as it is: other units, clocks, rates, and samples missing."""
    suffix, write, options = FORMATS[form]
    paths = []
    for seed, each in enumerate(recordings):
        (stream,) = each.streams
        signal = recorded(stream.values[:3], stream.values[3:], stream.rate_hz, seed=seed)
        paths.append(write(folder / f"{each.name}.{suffix}", signal, **options))
    return paths


def timelines(model: Model, source: str | Path, only: Sequence[str]) -> dict[str, Timeline]:
    """What `otolith predict MODEL SOURCE --only ...` finds, by the name of the recording."""
    opened = chosen(open_sources([source]), list(only))
    found = list(predict_recordings(model, opened.recordings, started=opened.started))
    assert [each.why_not for each in found] == [""] * len(only)
    return {each.recording.name: each.timeline for each in found if each.timeline is not None}


def pairs(native: Timeline, phone: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both timelines whose windows start at the same time."""
    nearest = np.abs(phone.start_s[None] - native.start_s[:, None]).argmin(1)
    matched = np.abs(phone.start_s[nearest] - native.start_s) <= MATCHED_WITHIN_S
    return np.flatnonzero(matched), nearest[matched]


def compare(native: dict[str, Timeline], phone: dict[str, Timeline]) -> dict[str, float]:
    """Share of matched windows, of those with the same class ("unknown" is one), and macro F1 of labelled ones."""
    n, labels, said, heard = 0, [], [], []
    for name, one in native.items():
        a, b = pairs(one, phone[name])
        n += len(one)
        labels += one.labels[a].tolist()
        said += [one.activity[i] for i in a]
        heard += [phone[name].activity[i] for i in b]
    names = sorted({*labels, *said, *heard} - {""})
    truth, ours, theirs = (np.array([names.index(e) if e else -1 for e in each]) for each in (labels, said, heard))
    known, classes = truth >= 0, np.unique(truth[truth >= 0]).tolist()
    f1 = [macro_f1(truth[known], each[known], classes, len(names)) for each in (ours, theirs)]
    return {
        "windows": n,
        "matched": len(said) / n,
        "same": float(np.mean(ours == theirs)),
        "native F1": f1[0],
        "F1": f1[1],
    }


@pytest.fixture(scope="module")
def model(real_root: Path) -> Model:
    """Trained end to end on the training subjects for a few epochs, and calibrated."""
    torch.set_num_threads(1)
    data = datasets.load("uci-har", real_root)
    recipe = load_recipe("compact", "uci-har", QUICK)
    w = data.windows(recipe.windows.rate_hz, recipe.windows.seconds, recipe.windows.overlap)
    split = splits.default(w, data.info)
    split = replace(split, train=split.train[::2], val=split.val[::2])
    return pipeline.finetune(pipeline.pretrain(w, split, recipe, "supervised", device="cpu"), w, split)


@pytest.fixture(scope="module")
def people(real_root: Path) -> list[Recording]:
    """A recording of each test subject; docs/own-recordings.md has the figures of all."""
    data = datasets.load("uci-har", real_root)
    assert data.info.default_split is not None
    test = set(data.info.default_split.test)  # type: ignore[union-attr]
    return list({each.subject: each for each in data.recordings() if each.subject in test}.values())


def test_phones_say_what_the_native_recordings_say(model: Model, people: list[Recording], tmp_path: Path) -> None:
    """Each subject in one of the formats."""
    native = {
        found.recording.name: found.timeline
        for found in predict_recordings(model, people)
        if found.timeline is not None
    }
    assert len(native) == len(people) == len(FORMATS)
    phone: dict[str, Timeline] = {}
    for number, (form, person) in enumerate(zip(FORMATS, people, strict=True)):
        mine = [person]
        out = tmp_path / f"set {number}"
        importing.import_recordings(exported(mine, form, tmp_path / str(number)), out)
        found = timelines(model, out, [each.name for each in mine])
        phone |= found
        one = compare({name: native[name] for name in found}, found)
        assert one["same"] >= 0.99, (form, one)
    whole = compare(native, phone)
    assert whole["native F1"] > 0.8
    assert whole["matched"] > 0.99
    assert whole["same"] >= 0.99
    assert abs(whole["F1"] - whole["native F1"]) <= 0.003


def test_an_export_is_predicted_as_the_data_set_that_it_becomes(
    model: Model, people: list[Recording], tmp_path: Path
) -> None:
    """`otolith predict MODEL walk.zip` and `otolith import walk.zip`, then `predict`, say the same."""
    (path,) = exported(people[:1], "phyphox", tmp_path)
    importing.import_recordings(path, tmp_path / "set")
    (direct,), (imported,) = (
        timelines(model, source, [people[0].name]).values() for source in (path, tmp_path / "set")
    )
    np.testing.assert_array_equal(direct.start_s, imported.start_s)
    np.testing.assert_allclose(direct.belief, imported.belief, atol=1e-5)
