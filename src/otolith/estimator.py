"""Recogniser with the interface of scikit-learn, for people who bring their own windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from otolith import splits
from otolith.errors import DataError
from otolith.model import Model
from otolith.pipeline import finetune, pretrain
from otolith.recording import CHANNELS
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe


class Recogniser(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Recogniser that pre-trains on all windows, fine-tunes on those with a label, and predicts activities.

    Windows are arrays (n, channels, time), unscaled, in m/s² and rad/s. Labels are any values that sort; the value
    `unlabelled` marks windows without one.

    Args:
        recipe: name of a shipped recipe, a TOML file, or a `Recipe`.
        method: name of a registered method.
        channels: names of axis 1; None takes the paper's six, or the first of them if there are fewer.
        rate_hz: of the windows.
        unlabelled: the label that means none.
        seed: of everything random.

    Attributes after `fit`:
        classes_: the labels, sorted. model_: the `otolith.model.Model`. split_: the windows that trained,
        validated and were held out (the test part is used for nothing).

    >>> from otolith.recipes import load_recipe
    >>> short = load_recipe("compact", "arrays", {"finetune.epochs": 2})
    >>> x = np.random.default_rng(0).standard_normal((60, 6, 30)).astype(np.float32)
    >>> y = np.where(np.arange(60) % 2, "still", "walk")
    >>> Recogniser(short, method="random").fit(x, y, groups=np.arange(60) // 6).predict(x).shape
    (60,)
    """

    def __init__(
        self,
        recipe: str | Path | Recipe = "best",
        method: str = "dynamic",
        channels: Sequence[str] | None = None,
        rate_hz: float = 30.0,
        unlabelled: Any = -1,
        seed: int = 0,
    ) -> None:
        self.recipe = recipe
        self.method = method
        self.channels = channels
        self.rate_hz = rate_hz
        self.unlabelled = unlabelled
        self.seed = seed

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        recording: ArrayLike | None = None,
        start: ArrayLike | None = None,
    ) -> Recogniser:
        """Pre-train on all windows, fine-tune on those with a label, and return the recogniser itself.

        Args:
            X: (n, channels, time), unscaled, in m/s² and rad/s.
            y: (n,) labels.
            groups: (n,) subjects, so that validation subjects are kept out of training; None: one subject, whose
                windows are then split by recording or time.
            recording, start: (n,) name and start in seconds of each window's recording; None: one recording, whose
                windows follow each other without overlap.

        Raises:
            DataError: shapes that do not match, values that are not finite, too few labels.
        """
        x = np.asarray(X, np.float32)
        labels = np.asarray(y)
        if x.ndim != 3 or labels.shape != (len(x),):
            raise DataError(
                f"expected X (n, channels, time) and a label of each window, y (n,); got shapes {x.shape} and "
                f"{labels.shape}"
            )
        # numpy turns a list such as ["walk", -1] into strings
        known = labels != (str(self.unlabelled) if labels.dtype.kind == "U" else self.unlabelled)
        self.classes_ = np.unique(labels[known])
        codes = np.full(len(x), -1, np.int64)
        codes[known] = np.searchsorted(self.classes_, labels[known])
        channels = tuple(self.channels) if self.channels is not None else CHANNELS[: x.shape[1]]
        windows = Windows.from_arrays(
            x,
            codes,
            subject=groups,
            recording=recording,
            start=start,
            channels=channels,
            rate_hz=self.rate_hz,
            activities=tuple(str(label) for label in self.classes_),
        )
        self.split_ = splits.automatic(windows, self.seed)
        encoder = pretrain(windows, self.split_, self.recipe, self.method, self.seed)
        self.model_: Model = finetune(encoder, windows, self.split_)
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return features (n, n_features) of the frozen encoder for windows X (n, channels, time)."""
        check_is_fitted(self)
        return self.model_.encoder.features(X)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return probabilities (n, n_classes), in the order of `classes_`, of windows X (n, channels, time)."""
        check_is_fitted(self)
        return self.model_.predict_proba(X)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each window of X (n, channels, time): (n,)."""
        check_is_fitted(self)
        return self.classes_[self.model_.predict(X)]
