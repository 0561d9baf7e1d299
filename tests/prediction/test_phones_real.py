"""Real recordings, rewritten as the exports of phones, are predicted as they are in their native form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from otolith import datasets, importing, pipeline, splits
from otolith.model import Model
from otolith.prediction import Timeline, predict_recordings
from otolith.recipes import load_recipe
from otolith.recording import Recording
from tests.helpers.phones import FORMATS, compare, exported, timelines

pytestmark = pytest.mark.realdata

QUICK = {
    "encoder.maps": [16, 32, 64],
    "encoder.heads": 4,
    "encoder.feed_forward": 64,
    "method.supervised.epochs": 4,
}
"""A network that is good enough within seconds to be wrong about few windows by chance."""


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
