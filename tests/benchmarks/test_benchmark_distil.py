"""The table of docs/distill.md: its lines are those of real forms, scored on the windows that it names."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks import distil
from otolith import pipeline, splits
from otolith.export.integers import as_integers
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Model
from otolith.pipeline.distillation import distill
from otolith.windows import Windows
from tests.helpers import tiny


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=6)


@pytest.fixture(scope="module")
def student(w: Windows) -> Model:
    split = splits.holdout(w, 0)
    encoder = pipeline.pretrain(w, split, tiny.recipe(encoder__kind="conv"), "random", device="cpu")
    teacher = pipeline.finetune(encoder, w, split, settings=FinetuneSettings(head="linear", solver="lbfgs"))
    return distill(teacher, w, overrides={"method.distilled.epochs": 1, "encoder.width": 8})


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler `cc` here")
def test_the_line_of_c_is_what_the_compiled_header_says(student: Model, w: Windows, tmp_path: Path) -> None:
    said, seconds = distil.in_c(student, w.x, tmp_path, repeats=3)
    np.testing.assert_allclose(said, as_integers(student).predict_proba(w.x), atol=1e-4)
    assert 0 <= seconds < 1


def test_the_rival_learns_the_labels_that_it_is_given_alone(
    student: Model, w: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = splits.holdout(w, 0)
    seen: list[Windows] = []
    monkeypatch.setattr(distil.pipeline, "pretrain", lambda w, *rest, **more: student.encoder)
    monkeypatch.setattr(distil.pipeline, "finetune", lambda encoder, w, *rest, **more: seen.append(w) or student)
    rows = split.train[:5]
    distil.direct(student, w, split, rows, 1, distil.LiveProgress())
    assert set(np.flatnonzero(seen[0].y >= 0)) == {*rows, *split.val, *split.test}
    np.testing.assert_array_equal(seen[0].y[rows], w.y[rows])


def test_scores_are_of_the_parts(w: Windows) -> None:
    judge = distil.Judge({"val": w.x[:24], "test": w.x[24:48]}, {"val": w.y[:24], "test": w.y[24:48]}, (0, 1, 2), 3)
    still = np.tile(np.eye(3, dtype=np.float32)[0], (24, 1))
    assert judge.scores(lambda x: np.eye(3, dtype=np.float32)[w.y[:24]] if x is judge.x["val"] else still) == [
        1.0,
        pytest.approx(1 / 6),  # one of three activities, at half precision
    ]
