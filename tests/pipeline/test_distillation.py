"""Distillation: nothing of the labels reaches the student, and the student is a model like others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from otolith import metrics, splits
from otolith.calibration import fit_temperature
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.finetuning.settings import FinetuneSettings
from otolith.jobs.distill import parts_of, split_of
from otolith.model import Model, bundle
from otolith.model.seen import seen
from otolith.nets import ResidualEncoder
from otolith.pipeline import evaluate, finetune, pretrain
from otolith.pipeline.distillation import distill
from otolith.pipeline.teacher import Teacher
from otolith.recording import CHANNELS
from otolith.streaming import StreamingRecogniser
from otolith.training import state
from otolith.windows import Windows
from tests.helpers import tiny
from tests.helpers.stops import Stopped, plain, same, stop_after

QUICK = {"method.distilled.epochs": 1, "encoder.width": 8, "method.distilled.batch_size": 32}
CONV = {"encoder__kind": "conv", "encoder__width": 8, "method__classical__trees": 5}
WAYS: dict[str, tuple[str, dict[str, Any], FinetuneSettings | None]] = {
    "linear": ("random", CONV, FinetuneSettings(head="linear", solver="lbfgs", standardise=True)),
    "vote": ("random", CONV, FinetuneSettings(head="vote", solver="lbfgs", standardise=True, features="joined")),
    "classical": ("classical", CONV, None),
    "transformer": ("random", {"encoder__kind": "transformer"}, FinetuneSettings(pool=True, hidden=(8,), epochs=2)),
    "sensors": ("random", CONV | {"windows__frame": "vertical", "robust__may_miss": ["gyro"]}, None),
}


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=6, per_activity=12, n_unlabelled=3)


def teacher_of(name: str, w: Windows) -> Model:
    method, changes, settings = WAYS[name]
    split = splits.holdout(w, 0)
    return finetune(pretrain(w, split, tiny.recipe(**changes), method, device="cpu"), w, split, settings=settings)


@pytest.fixture(scope="module")
def teacher(w: Windows) -> Model:
    return teacher_of("linear", w)


@pytest.fixture(scope="module")
def student(teacher: Model, w: Windows) -> Model:
    longer = {"method.distilled.epochs": 20, "method.distilled.lr": 2e-2, "method.distilled.augment": False}
    return distill(teacher, w, overrides=QUICK | longer | {"encoder.width": 16})


@pytest.mark.parametrize("name", [name for name in WAYS if name != "linear"])
def test_any_model_teaches(name: str, w: Windows) -> None:
    model = teacher_of(name, w)
    made = distill(model, w, overrides=QUICK)
    assert made.encoder.scaler.applied
    assert made.encoder.scaler.may_miss == model.encoder.scaler.may_miss
    assert made.activities == model.activities
    assert made.predict_proba(w.x).shape == (len(w), 3)


def test_teacher_and_student_see_the_same_windows(w: Windows) -> None:
    """A teacher of unscaled windows gets them back in m/s² and rad/s."""
    model = teacher_of("classical", w)
    scaler = replace(model.encoder.scaler, applied=True)
    z = torch.from_numpy(scaler.transform(w.x))
    _, logits = Teacher(model, scaler)(z)
    np.testing.assert_allclose(torch.softmax(logits, 1).numpy(), model.predict_proba(w.x), atol=1e-4)


def test_labels_are_not_looked_at(teacher: Model, w: Windows) -> None:
    blank = replace(w, y=np.full(len(w), -1))
    one, other = (distill(teacher, each, overrides=QUICK) for each in (w, blank))
    assert same(one.network(), other.network())
    assert one.distilled == other.distilled
    assert one.calibration is not None
    assert one.calibration.to_dict() == other.calibration.to_dict()  # type: ignore[union-attr]


def test_it_agrees_with_its_teacher_as_it_says(teacher: Model, student: Model, w: Windows) -> None:
    held = np.flatnonzero(np.isin(w.subject, [1, 2]))
    made = distill(teacher, w, held=held, overrides=QUICK)
    found = made.distilled
    assert found is not None
    assert (found.people_held, found.n_held, found.n_windows) == (2, len(held), len(w) - len(held))
    told, said = teacher.assess(w.x[held]), made.assess(w.x[held])
    assert found.same == pytest.approx((told.probabilities.argmax(1) == said.probabilities.argmax(1)).mean())
    assert found.same_unknown == pytest.approx((told.unknown == said.unknown).mean())
    truth = told.probabilities.argmax(1)
    expected = metrics.macro_f1(truth, said.probabilities.argmax(1), tuple(np.unique(truth).tolist()), 3)
    assert made.validation == pytest.approx(expected)
    assert (teacher.predict(w.x) == student.predict(w.x)).mean() > 0.85


def test_temperature_and_unknown_come_from_the_teachers_answers(teacher: Model, student: Model) -> None:
    assert student.calibration is not None
    assert teacher.calibration is not None
    assert student.calibration.false_unknowns == teacher.calibration.false_unknowns
    logits = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)) * 4
    assert fit_temperature(logits, torch.softmax(logits.double() / 3, 1)) == pytest.approx(3, rel=1e-3)


def test_a_student_is_a_model_like_others(student: Model, w: Windows, tmp_path: Path) -> None:
    folder = bundle.save(student, tmp_path / "student")
    back = bundle.load_model(folder, "cpu")
    assert back.distilled == student.distilled
    assert isinstance(back.encoder.network, ResidualEncoder)
    assert np.array_equal(back.predict_proba(w.x), student.predict_proba(w.x))
    assert bundle.read_card(folder)["method"] == "distilled"
    assert back.encoder.seen >= seen((w, None))
    assert back.encoder.seen == student.encoder.seen
    split = splits.holdout(w, 0)
    assert evaluate(back, w, split)["macro_f1"] > 0.8
    stream = StreamingRecogniser(back, rate_hz=tiny.RATE_HZ, smoothing="none")
    found = [each for x in w.x[:3] for each in stream.push(x + np.array([0, 0, 9.8, 0, 0, 0])[:, None])]
    assert len(found) == 3
    again = finetune(back.encoder, w, split, settings=FinetuneSettings(head="linear", epochs=1))
    assert again.distilled is None


def test_a_stopped_distillation_ends_as_one_that_was_not(
    teacher: Model, w: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "EVERY_S", 0.0)
    given: Mapping[str, Any] = QUICK | {"method.distilled.epochs": 3}
    whole = distill(teacher, w, overrides=given)
    with pytest.raises(Stopped):
        distill(teacher, w, overrides=given, checkpoints=tmp_path / "c", on_epoch=stop_after(2))
    resumed = distill(teacher, w, overrides=given, checkpoints=tmp_path / "c")
    assert same(whole.network(), resumed.network())
    assert plain(whole.records) == plain(resumed.records)
    with pytest.raises(CheckpointError):
        distill(teacher, w, overrides=given, checkpoints=tmp_path / "c", seed=1)


def test_several_data_sets_and_their_people(teacher: Model, w: Windows) -> None:
    other = tiny.windows(n_subjects=3, per_activity=8, dataset="other", seed=1)
    made = distill(teacher, [w, other], overrides=QUICK).distilled
    assert made is not None
    assert made.datasets == ("own", "other")
    assert made.people_held == 2  # a fifth of nine
    assert made.n_windows + made.n_held == len(w) + len(other)


def test_of_one_person_the_end_is_held_out_and_that_is_said(teacher: Model, w: Windows) -> None:
    more = w.take(np.tile(np.flatnonzero(w.subject == 1), 4))
    made = distill(teacher, more, overrides=QUICK).distilled
    assert made is not None
    assert made.people_held == 0
    assert made.n_held == len(more) // 5


def test_sizes_and_what_is_refused(teacher: Model, w: Windows) -> None:
    with pytest.raises(DataError, match=r"kB are too few for a student; give \d+ kB"):
        distill(teacher, w, kilobytes=1)
    with pytest.raises(DataError, match="the windows to learn from have channels"):
        distill(teacher, tiny.windows(channels=CHANNELS[:3]))
    with pytest.raises(DataError, match="20 of each are needed"):
        distill(teacher, w.take(np.arange(25)))
    with pytest.raises(DataError, match="numbered from 0"):
        distill(teacher, w, held=[len(w)])
    with pytest.raises(RecipeError, match=r"temprature.*temperature"):
        distill(teacher, w, overrides={"method.distilled.temprature": 3})
    with pytest.raises(RecipeError, match="'conv', not 'transformer'"):
        distill(teacher, w, overrides={"encoder.kind": "transformer"})
    with pytest.raises(RecipeError, match="no run trains the method distilled"):
        pretrain(w, splits.holdout(w, 0), tiny.recipe(), "distilled")
    narrow, wide = (distill(teacher, w, kilobytes=kb, overrides={"method.distilled.epochs": 1}) for kb in (20, 30))
    assert narrow.encoder.network.n_features < wide.encoder.network.n_features


def test_people_of_the_test_part_are_left_out_with_what_they_did_without_labels(w: Windows) -> None:
    from otolith.datasets import info

    seen, held, n_test = parts_of(w, split_of(w, replace(info("watch"), own=True)))
    split = splits.holdout(w, info("watch").default_split.seed)  # type: ignore[union-attr]
    assert set(seen.subject) == set(w.subject) - set(w.subject[split.test])
    assert n_test == len(w) - len(seen)
    assert held is not None
    assert set(seen.subject[held]) == set(w.subject[split.val])
    blank = replace(w, y=np.full(len(w), -1))
    assert split_of(blank, info("watch")) is None
    assert parts_of(blank, None) == (blank, None, 0)
