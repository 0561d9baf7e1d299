"""A metric: the recall of the activity that is recognised worst, for a device that must not miss any."""

from __future__ import annotations

from otolith.metrics import Metric, Predictions


def worst_recall(p: Predictions) -> float | None:
    # p.counted are the activities that occur and were trained; p.proba, p.subject, p.start and more are there, too
    recalls = [float((p.y_pred[p.y_true == c] == c).mean()) for c in p.counted]
    return min(recalls) if recalls else None  # None: not defined here, and left out


SPEC = Metric("worst_recall", "Worst recall", worst_recall, "least recall of an activity")
