"""The scikit-learn face."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from otolith import Recogniser, splits
from otolith.errors import ArrayError, DataError, ParameterError, RecipeError
from otolith.pipeline import evaluate, finetune, pretrain
from otolith.windows import Windows
from tests.helpers import tiny

NAMES = np.array(["walk", "sit", "jump"])


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=5, per_activity=8)


def own_windows(w: Windows) -> Windows:
    """The windows as `fit` numbers their labels."""
    order = np.searchsorted(np.sort(NAMES), NAMES)
    return Windows.from_arrays(
        w.x, order[w.y], w.subject, rate_hz=tiny.RATE_HZ, activities=tuple(sorted(NAMES.tolist()))
    )


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


def test_values_of_the_recipe_are_parameters_in_a_grid_as_well(w: Windows) -> None:
    it = recogniser(method="random").set_params(recipe__finetune__epochs=3, seed=4)
    assert (it.recipe.finetune.epochs, it.seed) == (3, 4)  # type: ignore[union-attr]
    with pytest.raises(ParameterError, match=r"finetune.epoch") as refused:
        it.set_params(recipe__finetune__epoch=3)
    assert isinstance(refused.value, RecipeError)
    assert isinstance(refused.value, ValueError)
    assert issubclass(ArrayError, DataError)
    assert issubclass(ArrayError, ValueError)
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        it.set_params(epochs=3)
    grid = GridSearchCV(
        recogniser(method="random"), {"recipe__finetune__epochs": [1, 2]}, cv=[(np.arange(72), np.arange(72, 120))]
    ).fit(w.x, w.y, groups=w.subject)
    assert grid.best_estimator_.recipe.finetune.epochs in (1, 2)


def test_values_in_g_are_told_and_refused(w: Windows, fitted: Recogniser) -> None:
    x = 0.1 * w.x
    x[:, 2] += 9.80665 - x[:, 2].mean(1, keepdims=True)
    with pytest.warns(UserWarning, match="looks as if it were in g"):
        recogniser(method="random").fit(x / 9.80665, w.y, groups=w.subject)
    swung = x / 9.80665
    swung[::3, 2] += 0.3  # of a wrist that moves, where a window's mean is not that of gravity
    with pytest.warns(UserWarning, match="looks as if it were in g"):
        recogniser(method="random").fit(swung, w.y, groups=w.subject)
    heavy = recogniser(method="random").fit(x, w.y, groups=w.subject)
    for use in (heavy.predict, heavy.predict_proba, heavy.transform):
        with pytest.raises(DataError, match=r"X: .*look like g: convert them"):
            use(x / 9.80665)


def test_it_tells_scikit_learn_the_truth(fitted: Recogniser, w: Windows) -> None:
    tags = get_tags(fitted)
    assert (tags.input_tags.three_d_array, tags.input_tags.two_d_array) == (True, False)
    names = fitted.get_feature_names_out()
    assert names.shape == (fitted.transform(w.x[:2]).shape[1],)
    frame = clone(fitted).set_output(transform="polars")
    frame.__dict__.update({key: value for key, value in fitted.__dict__.items() if key.endswith("_")})
    assert frame.transform(w.x[:2]).columns == names.tolist()


def test_scikit_learn_checks_what_applies() -> None:
    """The check that scikit-learn has for estimators that take no tables: it gives all others tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tells which checks need a table
        done = check_estimator(recogniser(method="random"), on_skip=None)
    assert [(each["check_name"], each["status"]) for each in done] == [("check_estimator_cloneable", "passed")]


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
    own = own_windows(w)
    split = splits.untested(own, 3)
    model = finetune(pretrain(own, split, tiny.recipe(), "dynamic", 3), own, split)
    np.testing.assert_array_equal(fitted.predict_proba(w.x), model.predict_proba(w.x))


def test_groups_are_kept_apart(fitted: Recogniser, w: Windows) -> None:
    trained, validated = (set(w.subject[part]) for part in (fitted.split_.train, fitted.split_.val))
    assert fitted.split_.name == "holdout"
    assert len(validated) == 1
    assert trained == set(w.subject) - validated  # all but those who validate


def test_no_window_is_left_unused(fitted: Recogniser, w: Windows) -> None:
    used = np.union1d(fitted.split_.train, fitted.split_.val)
    np.testing.assert_array_equal(used, np.arange(len(w)))
    automatic = splits.automatic(w, 3)
    np.testing.assert_array_equal(fitted.split_.val, automatic.val)
    with pytest.raises(DataError, match="test"):
        evaluate(fitted.model_, own_windows(w), fitted.split_)


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
        (lambda y: NAMES[y].astype(object), np.nan, ["jump", "sit", "walk"]),
        (lambda y: y * 0.5, np.nan, [0, 0.5, 1]),
    ],
)
def test_unlabelled_marks_join_pre_training_only(labels: Any, unlabelled: Any, classes: list[Any], w: Windows) -> None:
    """Also in a plain list such as ["walk", -1], of which numpy makes strings."""
    y = labels(w.y).tolist()
    for row in range(0, len(y), 3):
        y[row] = unlabelled
    marker = -1 if unlabelled is np.nan else unlabelled
    it = recogniser(method="csshar", unlabelled=marker).fit(w.x, y, groups=w.subject)
    assert it.classes_.tolist() == classes
    marked = np.arange(0, len(y), 3)
    assert not np.isin(marked, np.concatenate([it.split_.val, it.split_.test])).any()
    assert np.isin(marked, it.split_.train).any()
    assert set(it.predict(w.x).tolist()) <= set(classes)


def test_a_text_like_nan_is_a_label(w: Windows) -> None:
    y = np.array(["nan", "sit", "jump"])[w.y].tolist()
    assert recogniser(method="random").fit(w.x, y, groups=w.subject).classes_.tolist() == ["jump", "nan", "sit"]


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
    with pytest.raises(ArrayError, match=r"expected X \(n, channels, time\)"):
        recogniser().fit(w.x[:, 0], w.y)
    with pytest.raises(ArrayError, match=r"got shapes \(120, 6, 12\) and \(119,\)"):
        recogniser().fit(w.x, w.y[:-1])
    with pytest.raises(ArrayError, match="expected windows"):
        fitted.predict(w.x[:, :3])
    x = w.x.copy()
    x[2, 1, 0] = np.nan
    with pytest.raises(ArrayError, match="not finite"):
        recogniser().fit(x, w.y, groups=w.subject)
    with pytest.raises(ArrayError, match="window 2 holds nan"):
        fitted.predict(x)
    with pytest.raises(ArrayError):
        recogniser().fit(w.x, np.full(len(w), -1), groups=w.subject)


def test_the_same_seed_gives_the_same_recogniser(fitted: Recogniser, w: Windows) -> None:
    again = clone(fitted).fit(w.x, NAMES[w.y], groups=w.subject)
    np.testing.assert_array_equal(again.predict_proba(w.x), fitted.predict_proba(w.x))
    assert 0 <= fitted.score(w.x, NAMES[w.y]) <= 1
