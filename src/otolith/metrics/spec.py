"""The description of a metric, and the predictions that every metric is computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.metrics.scores import evaluate
from otolith.system.registry import Registry


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers of a model on labelled windows, all that a metric may look at.

    Attributes:
        y_true, y_pred: (n,) class indices.
        proba: (n, n_classes) probabilities; None where the model gave none.
        subject, recording: (n,) identities, numbers or strings.
        start: (n,) seconds from the beginning of the recording.
        seconds: length of a window.
        activities: names of the classes.
        training_classes: indices of the classes with labelled training windows.

    Raises:
        DataError: arrays of different lengths.

    >>> p = Predictions.of([0, 1, 1], [0, 1, 0], ["still", "walk"])
    >>> p.start, p.training_classes
    (array([0., 1., 2.]), (0, 1))
    """

    y_true: NDArray[np.int64]
    y_pred: NDArray[np.int64]
    proba: NDArray[np.float64] | None
    subject: NDArray[np.generic]
    recording: NDArray[np.generic]
    start: NDArray[np.float64]
    seconds: float
    activities: tuple[str, ...]
    training_classes: tuple[int, ...]

    def __post_init__(self) -> None:
        parts = ("y_true", "y_pred", "proba", "subject", "recording", "start")
        sizes = {name: len(value) for name in parts if (value := getattr(self, name)) is not None}
        if len(set(sizes.values())) > 1:
            raise DataError(f"predictions need an entry for each window; got {sizes}")

    @classmethod
    def of(cls, y_true: object, y_pred: object, activities: tuple[str, ...] | list[str], **more: object) -> Predictions:
        """Return predictions of one recording of one person, windows of a second in a row, or as `more` says."""
        true, pred = np.asarray(y_true, np.int64), np.asarray(y_pred, np.int64)
        n = len(true)
        given: dict[str, object] = {
            "proba": None,
            "subject": np.zeros(n, np.int64),
            "recording": np.zeros(n, np.int64),
            "start": np.arange(n, dtype=np.float64),
            "seconds": 1.0,
            "training_classes": tuple(range(len(activities))),
        }
        return cls(true, pred, activities=tuple(activities), **(given | more))  # type: ignore[arg-type]

    @property
    def counted(self) -> NDArray[np.int64]:
        """Return the training classes that occur in y_true, which means over classes are taken over."""
        return np.intersect1d(self.training_classes, self.y_true)


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are.

    Args:
        name: its name in rows and commands: letters, digits and underscores.
        title: in tables.
        compute: predictions -> the figure; None where it is not defined for them.
        definition: in words, with its source.
        percent: whether it is a share of one, which tables show in percent.
        higher_is_better: whether more is better.

    >>> Metric("errors", "Errors", lambda p: float((p.y_true != p.y_pred).mean()), "share of wrong windows").percent
    True
    """

    name: str
    title: str
    compute: Callable[[Predictions], float | None]
    definition: str
    percent: bool = True
    higher_is_better: bool = True
    order: int = 1000


METRICS: Registry[Metric] = Registry(
    "metric",
    "otolith.metrics",
    DataError,
    order=lambda each: (each.order, each.name),
    takes=lambda each: isinstance(each, Metric),
)
"""All metrics beside macro F1 and accuracy, which every row has (`otolith.metrics.evaluate`)."""


def further(predictions: Predictions, names: tuple[str, ...] | list[str] | None = None) -> dict[str, float]:
    """Return metrics by name; those that are not defined for these predictions are left out.

    Args:
        names: of `METRICS`; None: all.

    Raises:
        DataError: an unknown name, or a metric that fails or gives no finite number.

    >>> further(Predictions.of([0, 0, 1], [0, 0, 0], ["still", "walk"]), ["balanced_accuracy"])
    {'balanced_accuracy': 0.5}
    """
    found = {}
    for metric in METRICS if names is None else [METRICS.get(name) for name in names]:
        try:
            value = metric.compute(predictions)
        except Exception as error:
            raise DataError(f"the metric {metric.name} fails: {type(error).__name__}: {error}") from error
        if value is None:
            continue
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise DataError(f"the metric {metric.name} gives {value!r}; expected a finite number, or None")
        found[metric.name] = float(value)
    return found


def score(predictions: Predictions) -> dict[str, Any]:
    """Return the scores that a row holds: those of `evaluate`, and all further metrics as `metrics`.

    Raises:
        DataError: as `evaluate` and `further` do.

    >>> found = score(Predictions.of([0, 1, 1], [0, 1, 1], ["still", "walk"]))
    >>> found["macro_f1"], found["metrics"]["kappa"]
    (1.0, 1.0)
    """
    p = predictions
    found = evaluate(p.y_true, p.y_pred, p.subject, p.activities, p.training_classes)
    return found | {"metrics": further(p)}
