"""The scikit-learn face."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from otolith import Recogniser, splits
from otolith.errors import DataError
from otolith.pipeline import finetune, pretrain
from otolith.windows import Windows
from tests.helpers import tiny

NAMES = np.array(["walk", "sit", "jump"])


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=5, per_activity=8)


def recogniser(**changes: Any) -> Recogniser:
    return Recogniser(**({"recipe": tiny.recipe(), "rate_hz": tiny.RATE_HZ, "seed": 3} | changes))


@pytest.fixture(scope="module")
def fitted(w: Windows) -> Recogniser:
    return recogniser().fit(w.x, NAMES[w.y], groups=w.subject)


def test_parameters_are_kept_cloned_and_set() -> None:
    it = Recogniser(recipe="paper", method="csshar", rate_hz=50.0, unlabelled="none", seed=7)
    expected = {
        "recipe": "paper",
        "method": "csshar",
        "channels": None,
        "rate_hz": 50.0,
        "unlabelled": "none",
        "seed": 7,
    }
    assert it.get_params() == expected
    twin = clone(it)
    assert twin is not it
    assert twin.get_params() == expected
    assert twin.set_params(seed=8).seed == 8
    assert it.seed == 7


def test_a_fitted_one_clones_unfitted(fitted: Recogniser, w: Windows) -> None:
    with pytest.raises(NotFittedError):
        clone(fitted).predict(w.x)
    for use in ("predict", "predict_proba", "transform"):
        with pytest.raises(NotFittedError):
            getattr(recogniser(), use)(w.x)


def test_string_labels_come_back_sorted(fitted: Recogniser, w: Windows) -> None:
    assert fitted.classes_.tolist() == ["jump", "sit", "walk"]
    predicted = fitted.predict(w.x)
    assert predicted.shape == (len(w),)
    assert set(predicted) <= set(NAMES)
    probabilities = fitted.predict_proba(w.x)
    assert probabilities.shape == (len(w), 3)
    np.testing.assert_array_equal(predicted, fitted.classes_[probabilities.argmax(1)])
    features = fitted.transform(w.x)
    np.testing.assert_array_equal(features, fitted.model_.encoder.features(w.x))
    assert fitted.n_features_in_ == 6


def test_it_is_the_pipeline_on_arrays(fitted: Recogniser, w: Windows) -> None:
    order = np.searchsorted(np.sort(NAMES), NAMES)
    own = Windows.from_arrays(
        w.x, order[w.y], w.subject, rate_hz=tiny.RATE_HZ, activities=tuple(sorted(NAMES.tolist()))
    )
    split = splits.automatic(own, 3)
    model = finetune(pretrain(own, split, tiny.recipe(), "dynamic", 3), own, split)
    np.testing.assert_array_equal(fitted.predict_proba(w.x), model.predict_proba(w.x))


def test_groups_are_kept_apart(fitted: Recogniser, w: Windows) -> None:
    parts = [set(w.subject[part]) for part in (fitted.split_.train, fitted.split_.val, fitted.split_.test)]
    assert fitted.split_.name == "holdout"
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_without_groups_the_windows_are_split_by_time(w: Windows) -> None:
    one = tiny.windows(n_subjects=1, per_activity=40)
    it = recogniser(method="random").fit(one.x, one.y)
    assert it.split_.name == "time"
    recordings = np.repeat(np.arange(10), 12)
    order = np.random.default_rng(0).permutation(120)
    it = recogniser(method="random").fit(one.x[order], one.y[order], recording=recordings)
    assert it.split_.name == "recording"


@pytest.mark.parametrize(
    ("labels", "unlabelled", "classes"),
    [
        (lambda y: y, -1, [0, 1, 2]),
        (lambda y: y + 10, -1, [10, 11, 12]),
        (lambda y: y * 0.5, -1, [0, 0.5, 1]),
        (lambda y: NAMES[y], -1, ["jump", "sit", "walk"]),
        (lambda y: NAMES[y], "?", ["jump", "sit", "walk"]),
        (lambda y: NAMES[y].astype(object), None, ["jump", "sit", "walk"]),
    ],
)
def test_unlabelled_marks_join_pre_training_only(labels: Any, unlabelled: Any, classes: list[Any], w: Windows) -> None:
    """Also in a plain list such as ["walk", -1], of which numpy makes strings."""
    y = labels(w.y).tolist()
    for row in range(0, len(y), 3):
        y[row] = unlabelled
    it = recogniser(method="csshar", unlabelled=unlabelled).fit(w.x, y, groups=w.subject)
    assert it.classes_.tolist() == classes
    marked = np.arange(0, len(y), 3)
    assert not np.isin(marked, np.concatenate([it.split_.val, it.split_.test])).any()
    assert np.isin(marked, it.split_.train).any()
    assert set(it.predict(w.x).tolist()) <= set(classes)


def test_other_channels_are_named_or_guessed() -> None:
    three = tiny.windows(channels=("acc_x", "acc_y", "acc_z"))
    it = recogniser(method="random").fit(three.x, three.y, groups=three.subject)
    assert it.model_.meta.channels == ("acc_x", "acc_y", "acc_z")
    named = ("left", "right", "up")
    it = recogniser(method="random", channels=named).fit(three.x, three.y, groups=three.subject)
    assert it.model_.meta.channels == named
    nine = tiny.windows(channels=tuple("abcdefghi"))
    with pytest.raises(DataError, match="9 channels, but 6 are named"):
        recogniser().fit(nine.x, nine.y, groups=nine.subject)


def test_bad_arrays_are_refused(w: Windows, fitted: Recogniser) -> None:
    with pytest.raises(DataError, match=r"expected X \(n, channels, time\)"):
        recogniser().fit(w.x[:, 0], w.y)
    with pytest.raises(DataError, match=r"got shapes \(120, 6, 12\) and \(119,\)"):
        recogniser().fit(w.x, w.y[:-1])
    with pytest.raises(DataError, match="expected windows"):
        fitted.predict(w.x[:, :3])
    x = w.x.copy()
    x[2, 1, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        recogniser().fit(x, w.y, groups=w.subject)
    with pytest.raises(DataError, match="window 2 holds nan"):
        fitted.predict(x)
    with pytest.raises(DataError):
        recogniser().fit(w.x, np.full(len(w), -1), groups=w.subject)


def test_the_same_seed_gives_the_same_recogniser(fitted: Recogniser, w: Windows) -> None:
    again = clone(fitted).fit(w.x, NAMES[w.y], groups=w.subject)
    np.testing.assert_array_equal(again.predict_proba(w.x), fitted.predict_proba(w.x))
    assert 0 <= fitted.score(w.x, NAMES[w.y]) <= 1
