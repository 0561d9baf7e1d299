"""Further metrics: those of windows against scikit-learn, those over time against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from otolith.errors import DataError
from otolith.metrics import METRICS, Predictions, further, score
from otolith.metrics.events import event_counts, segment_errors

NAMES = ["still", "walk", "run"]


def timeline(true: str, pred: str, **more: object) -> Predictions:
    """One letter a window: s, w or r."""
    index = {letter: c for c, letter in enumerate("swr")}
    return Predictions.of([index[c] for c in true], [index[c] for c in pred], NAMES, **more)


def test_windows_are_scored_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 300)
    pred = np.where(rng.random(300) < 0.7, true, rng.integers(0, 3, 300))
    proba = rng.dirichlet([1, 1, 1], 300)
    found = further(Predictions.of(true, pred, NAMES, proba=proba))
    assert found["weighted_f1"] == pytest.approx(sk.f1_score(true, pred, average="weighted"))
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(true, pred))
    assert found["kappa"] == pytest.approx(sk.cohen_kappa_score(true, pred))
    assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(true, pred))
    assert found["log_loss"] == pytest.approx(sk.log_loss(true, proba))


def test_what_is_not_defined_is_left_out() -> None:
    found = further(timeline("sss", "sss"))
    assert "kappa" not in found
    assert "log_loss" not in found
    assert found["mcc"] == 0
    assert set(found) < set(METRICS.names())


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        ("sswwwwss", "sssswwss", {"underfill": 2, "overfill": 2}),
        ("sswwwwss", "ssssssss", {"deletion": 4, "merge": 4}),
        ("wwsssswww", "wwwwwwwww", {"merge": 4, "deletion": 4}),
        ("ssssss", "sswwss", {"fragmentation": 2}),
        ("wwwsss", "wswsss", {"fragmentation": 1, "insertion": 1}),
        ("wwwwrr", "wwrwrr", {"fragmentation": 1, "insertion": 1}),
    ],
)
def test_each_wrong_stretch_has_its_kind(true: str, pred: str, expected: dict[str, int]) -> None:
    found = segment_errors(timeline(true, pred))
    assert {name: round(share * len(true)) for name, share in found.items() if share} == expected


def test_events_are_counted_one_by_one() -> None:
    #                          s: one event, fragmented by w; w: deleted, correct; r: merged twice
    found = event_counts(timeline("sssssswwssswwwrrsrr", "ssswsssssssswwrrrrr"))
    kinds = {name: found[name] for name in ("deleted", "fragmented", "merged", "fragmented and merged", "correct")}
    assert kinds == {"deleted": 2, "fragmented": 0, "merged": 3, "fragmented and merged": 1, "correct": 1}
    assert (found["events"], found["returned"], found["inserted"]) == (7, 5, 1)


def test_events_end_with_their_recording_and_at_gaps() -> None:
    whole = timeline("wwwwww", "wwwwww")
    assert event_counts(whole)["events"] == 1
    apart = timeline("wwwwww", "wwwwww", start=np.array([0, 1, 2, 10, 11, 12.0]))
    assert event_counts(apart)["events"] == 2
    two = timeline("wwwwww", "wwwwww", recording=np.repeat(["a", "b"], 3))
    assert event_counts(two)["events"] == 2
    mixed = timeline("wswsws", "wswsws", recording=np.tile(["a", "b"], 3), start=np.repeat(np.arange(3.0), 2))
    assert event_counts(mixed)["events"] == 2


def test_untrained_activities_are_not_scored_over_time() -> None:
    assert event_counts(timeline("ssrr", "ssss", training_classes=(0, 1)))["events"] == 1


def test_scores_are_those_of_rows() -> None:
    found = score(timeline("sswwww", "sswwss", subject=np.repeat([1, 2], 3)))
    assert found["macro_f1"] == pytest.approx((2 * 2 / 6 + 4 / 6) / 2)
    assert found["metrics"]["event_f1"] == pytest.approx(6 / 7)  # one person has three events, the other four
    with pytest.raises(DataError, match="need an entry for each window"):
        timeline("ssw", "ssw", start=np.zeros(2))
    with pytest.raises(DataError, match="unknown metric 'kapa'; did you mean 'kappa'"):
        further(timeline("s", "s"), ["kapa"])
