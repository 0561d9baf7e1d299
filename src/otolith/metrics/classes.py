"""Further scores of single windows, as the field gives them beside macro F1."""

from __future__ import annotations

import numpy as np

from otolith.metrics.scores import confusion_matrix
from otolith.metrics.spec import Metric, Predictions

LEAST = 1e-7
"""Probability below which log-loss does not look: half precision, as predictions are kept, goes no further."""


def _counts(p: Predictions) -> np.ndarray:
    return confusion_matrix(p.y_true, p.y_pred, len(p.activities)).astype(np.float64)


def weighted_f1(p: Predictions) -> float:
    """Return the mean of the F1 of the activities that occur, each by the number of its windows.

    >>> round(weighted_f1(Predictions.of([0, 0, 0, 1], [0, 0, 1, 1], ["still", "walk"])), 4)
    0.7667
    """
    counts = _counts(p)
    support, total = counts.sum(1), counts.sum(1) + counts.sum(0)
    f1 = np.divide(2 * np.diag(counts), total, out=np.zeros(len(total)), where=total > 0)
    return float((f1 * support).sum() / support.sum())


def balanced_accuracy(p: Predictions) -> float:
    """Return the mean recall of the activities that occur (Brodersen et al. 2010).

    >>> balanced_accuracy(Predictions.of([0, 0, 0, 1], [0, 0, 0, 0], ["still", "walk"]))
    0.5
    """
    counts = _counts(p)
    support = counts.sum(1)
    return float((np.diag(counts)[support > 0] / support[support > 0]).mean())


def kappa(p: Predictions) -> float | None:
    """Return Cohen's kappa (Cohen 1960): accuracy beyond what the shares of the activities alone would give.

    None where chance alone is always right.

    >>> round(kappa(Predictions.of([0, 0, 1, 1], [0, 1, 1, 1], ["still", "walk"])), 3)
    0.5
    """
    counts = _counts(p)
    n = counts.sum()
    chance = float((counts.sum(1) * counts.sum(0)).sum() / n**2)
    return None if chance >= 1 else float((np.trace(counts) / n - chance) / (1 - chance))


def mcc(p: Predictions) -> float:
    """Return Matthews' correlation coefficient for several classes (Gorodkin 2004); 0 where it is not defined.

    >>> round(mcc(Predictions.of([0, 0, 1, 1], [0, 1, 1, 1], ["still", "walk"])), 4)
    0.5774
    """
    counts = _counts(p)
    true, pred, n, right = counts.sum(1), counts.sum(0), counts.sum(), np.trace(counts)
    below = (n**2 - (pred**2).sum()) * (n**2 - (true**2).sum())
    return float((right * n - (true * pred).sum()) / np.sqrt(below)) if below > 0 else 0.0


def log_loss(p: Predictions) -> float | None:
    """Return the mean negative logarithm (nats) of the probability of the true activity; None without probabilities.

    >>> proba = np.array([[0.5, 0.5], [0.25, 0.75]])
    >>> round(log_loss(Predictions.of([0, 1], [0, 1], ["still", "walk"], proba=proba)), 4)
    0.4904
    """
    if p.proba is None:
        return None
    given = np.asarray(p.proba, np.float64)[np.arange(len(p.y_true)), p.y_true]
    return abs(float(np.log(np.clip(given, LEAST, 1.0)).mean()))


SPECS = (
    Metric("weighted_f1", "Weighted F1", weighted_f1, "mean F1, each activity by its windows", order=10),
    Metric(
        "balanced_accuracy", "Balanced accuracy", balanced_accuracy, "mean recall (Brodersen et al. 2010)", order=20
    ),
    Metric("kappa", "Cohen's kappa", kappa, "agreement beyond chance (Cohen 1960)", percent=False, order=30),
    Metric("mcc", "MCC", mcc, "Matthews' correlation for several classes (Gorodkin 2004)", percent=False, order=40),
    Metric(
        "log_loss",
        "Log-loss",
        log_loss,
        "mean negative logarithm of the true activity's probability, in nats",
        percent=False,
        higher_is_better=False,
        order=50,
    ),
)
