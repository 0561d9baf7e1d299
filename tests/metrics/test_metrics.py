"""Scores against scikit-learn, plain loops and hand counts."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from otolith import metrics
from otolith.errors import DataError

NAMES = ("walking", "upstairs", "sitting", "standing", "lying")


def random_case(seed: int, n: int = 400, n_subjects: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 5, n)
    pred = np.where(rng.random(n) < 0.7, true, rng.integers(0, 5, n))
    return true, pred, rng.integers(1, n_subjects + 1, n)


def test_agrees_with_scikit_learn() -> None:
    true, pred, who = random_case(0)
    got = metrics.evaluate(true, pred, who, NAMES, range(5))
    assert got["macro_f1"] == pytest.approx(f1_score(true, pred, average="macro"))
    assert got["accuracy"] == pytest.approx((true == pred).mean())
    assert list(got["per_class_f1"].values()) == pytest.approx(list(f1_score(true, pred, average=None)))
    assert got["support"] == {name: int((true == c).sum()) for c, name in enumerate(NAMES)}
    assert np.array(got["confusion"])[2, 3] == ((true == 2) & (pred == 3)).sum()
    for s in range(1, 9):
        mine = who == s
        occurring = np.unique(true[mine])
        expected = f1_score(true[mine], pred[mine], labels=occurring, average="macro", zero_division=0)
        assert got["per_subject"][str(s)] == pytest.approx(expected)
    assert (got["n_windows"], got["n_subjects"], got["interval_note"], got["notes"]) == (400, 8, None, [])


def test_mean_is_over_training_activities_that_occur() -> None:
    # 0 is perfect, 1 occurs and is never found (F1 0), 2 was never trained, 3 was trained but does not occur.
    true = np.array([0, 0, 1, 1, 2])
    pred = np.array([0, 0, 3, 3, 0])
    got = metrics.evaluate(true, pred, ["a"] * 5, NAMES, [0, 1, 3])
    # Class 0: 2 true positives, 1 false positive from the untrained class: F1 = 4 / (2 + 3).
    assert got["macro_f1"] == pytest.approx((0.8 + 0.0) / 2)
    assert got["accuracy"] == pytest.approx(2 / 5)
    assert set(got["per_class_f1"]) == {"walking", "upstairs", "sitting"}
    notes = " ".join(got["notes"])
    assert "sitting" in notes
    assert "standing" in notes
    assert "lying" not in notes


def test_macro_f1_alone_is_that_of_evaluate() -> None:
    true, pred, who = random_case(6, n=40)
    for classes in ([0, 1, 2, 3, 4], [0, 3]):
        assert metrics.macro_f1(true, pred, classes, 5) == metrics.evaluate(true, pred, who, NAMES, classes)["macro_f1"]
    with pytest.raises(DataError, match="no window to score"):
        metrics.macro_f1([0, 0], [0, 1], [2], 5)
    with pytest.raises(DataError, match="2 and 1 entries"):
        metrics.macro_f1([0, 0], [0], [0], 5)


def test_interval_follows_a_plain_loop_over_subjects() -> None:
    true, pred, who = random_case(1, n=150, n_subjects=6)
    true[who == 3] = 0  # a subject with one activity only, so that draws differ in the classes that occur
    got = metrics.evaluate(true, pred, who, NAMES, range(5), seed=11)["interval"]
    drawn = np.random.default_rng(11).integers(0, 6, size=(metrics.DRAWS, 6))
    scores = []
    for draw in drawn[:300]:
        chosen = np.concatenate([np.flatnonzero(who == s + 1) for s in draw])
        occurring = np.unique(true[chosen])
        scores.append(f1_score(true[chosen], pred[chosen], labels=occurring, average="macro", zero_division=0))
    # The generator fills draw after draw, so 300 draws are the first 300 of 2000.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics.scores, "DRAWS", 300)
        short = metrics.evaluate(true, pred, who, NAMES, range(5), seed=11)["interval"]
    assert short["low"] == pytest.approx(np.quantile(scores, 0.025))
    assert short["high"] == pytest.approx(np.quantile(scores, 0.975))
    assert got["low"] == pytest.approx(short["low"], abs=0.02)
    assert (got["draws"], got["n_subjects"], got["level"], got["seed"]) == (2000, 6, 0.95, 11)


def test_interval_survives_a_subject_without_trained_activities() -> None:
    true = np.array([0, 1, 0, 1, 0, 1, 0, 1, 4, 4])
    who = np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    got = metrics.evaluate(true, np.zeros(10, int), who, NAMES, [0, 1])
    assert got["interval"]["n_subjects"] == 5
    assert "5" not in got["per_subject"]
    assert any("Without a score of their own" in note and "5" in note for note in got["notes"])


def test_few_subjects_give_no_interval_and_say_so() -> None:
    true, pred, who = random_case(2, n_subjects=4)
    got = metrics.evaluate(true, pred, who, NAMES, range(5))
    assert got["interval"] is None
    assert "4 test subjects" in got["interval_note"]
    one = metrics.evaluate(true, pred, np.zeros_like(who), NAMES, range(5))
    assert "1 test subject," in one["interval_note"]


def test_is_plain_json_and_repeatable() -> None:
    case = random_case(3)
    first = json.dumps(metrics.evaluate(*case, NAMES, range(5)), allow_nan=False)
    assert first == json.dumps(metrics.evaluate(*case, NAMES, range(5)), allow_nan=False)
    assert first != json.dumps(metrics.evaluate(*case, NAMES, range(5), seed=1), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y_pred": [0, 1]}, "3, 2 and 3 entries"),
        ({"y_true": [0, -1, 1]}, r"y_true\[1\] is -1"),
        ({"y_true": [0, 9, 1]}, "9; expected 0..4"),
        ({"y_true": [0.0, 1.0, 1.0]}, "integers"),
        ({"y_true": np.zeros(0, int), "y_pred": np.zeros(0, int), "subject": []}, "no test window"),
        ({"training_classes": [4]}, "no window to score is of an activity"),
        ({"activities": ("a", "a", "b", "c", "d")}, "differ"),
    ],
)
def test_bad_input_is_refused(change: dict, words: str) -> None:
    given = {
        "y_true": [0, 1, 1],
        "y_pred": [0, 1, 1],
        "subject": [1, 1, 2],
        "activities": NAMES,
        "training_classes": [0, 1],
    }
    with pytest.raises(DataError, match=words):
        metrics.evaluate(**(given | change))


def test_spread() -> None:
    got = metrics.spread([0.9, 0.8, 0.7])
    assert (got["n"], got["min"], got["max"]) == (3, 0.7, 0.9)
    assert (got["mean"], got["sd"]) == (pytest.approx(0.8), pytest.approx(0.1))
    assert metrics.spread([0.5])["sd"] is None
    for bad in ([], [0.1, math.nan]):
        with pytest.raises(DataError):
            metrics.spread(bad)


def loop_similarity(h: np.ndarray) -> np.ndarray:
    n = len(h)
    out = np.empty((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        norms = np.linalg.norm(h[i]) * np.linalg.norm(h[j])
        cosine = float(h[i] @ h[j]) / norms if norms else 0.0
        out[i, j] = 1 - math.acos(max(-1.0, min(1.0, cosine))) / math.pi
    return out


def test_angular_similarity_follows_equation_6() -> None:
    h = np.random.default_rng(0).normal(size=(6, 3))
    h[1] = 2 * h[0]
    h[2] = -h[0]
    h[3] = 0
    got = metrics.angular_similarity(h)
    np.testing.assert_allclose(got, loop_similarity(h), atol=1e-7)
    assert (got[3] == 0.5).all()
    large = metrics.angular_similarity(1e200 * h)
    np.testing.assert_allclose(large, got, atol=1e-7)


def test_teacher_separation_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    y = rng.integers(-1, 3, 90)
    h = rng.normal(size=(90, 5)) + 2.0 * np.eye(3, 5)[np.maximum(y, 0)]
    got = metrics.teacher_separation(h, y, ("a", "b", "c"))

    kept = np.flatnonzero(y >= 0)
    similarity = loop_similarity(h[kept])
    pairs = list(itertools.combinations(range(len(kept)), 2))
    values = np.array([similarity[i, j] for i, j in pairs])
    alike = np.array([y[kept[i]] == y[kept[j]] for i, j in pairs])
    assert got["auc"] == pytest.approx(roc_auc_score(alike, values))
    assert got["mean_same"] == pytest.approx(values[alike].mean())
    assert got["mean_different"] == pytest.approx(values[~alike].mean())
    with_b = np.array([1 in (y[kept[i]], y[kept[j]]) for i, j in pairs])
    assert got["auc_per_activity"]["b"] == pytest.approx(roc_auc_score(alike[with_b], values[with_b]))
    assert sum(got["histogram"]["same"]) == got["pairs_same"] == alike.sum()
    assert sum(got["histogram"]["different"]) == got["pairs_different"]
    assert got["n_windows"] == len(kept)
    assert metrics.teacher_separation(similarity, y[kept], ("a", "b", "c"), precomputed=True)["auc"] == pytest.approx(
        got["auc"]
    )
    json.dumps(got, allow_nan=False)


def test_teacher_separation_counts_ties_half_and_finds_perfect_order() -> None:
    y = np.array([0, 0, 1, 1])
    assert metrics.teacher_separation(np.ones((4, 2)), y)["auc"] == 0.5
    perfect = metrics.teacher_separation(np.repeat(np.eye(2), 2, axis=0), y)
    assert (perfect["auc"], perfect["mean_same"], perfect["mean_different"]) == (1.0, 1.0, 0.5)
    assert perfect["auc_per_activity"] == {"0": 1.0, "1": 1.0}


def test_teacher_separation_draws_a_seeded_share() -> None:
    rng = np.random.default_rng(5)
    h, y = rng.normal(size=(300, 4)), rng.integers(0, 3, 300)
    few = metrics.teacher_separation(h, y, max_windows=40, seed=1)
    assert few["n_windows"] == 40
    assert few == metrics.teacher_separation(h, y, max_windows=40, seed=1)
    assert few["auc"] != metrics.teacher_separation(h, y, max_windows=40, seed=2)["auc"]


@pytest.mark.parametrize(
    ("h", "y", "words"),
    [
        (np.ones((3, 2)), [0, 0, 0], "1 activities"),
        (np.ones((3, 2)), [0, 1, 2], "3 activities"),
        (np.ones((3, 2)), [0, 1], "shapes"),
        (np.full((3, 2), np.nan), [0, 0, 1], "not finite"),
    ],
)
def test_teacher_separation_refuses(h: np.ndarray, y: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        metrics.teacher_separation(h, y)
