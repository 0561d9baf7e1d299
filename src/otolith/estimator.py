"""Recogniser with the interface of scikit-learn, for people who bring their own windows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils import Tags, TransformerTags
from sklearn.utils.validation import check_is_fitted

from otolith import splits
from otolith.errors import ArrayError, DataError, ParameterError, RecipeError
from otolith.model import Model
from otolith.pipeline import finetune, pretrain
from otolith.prediction.matching import ACC, refuse_gravity
from otolith.recipes import load_recipe
from otolith.recording import CHANNELS, STANDARD_GRAVITY
from otolith.windows import Windows

if TYPE_CHECKING:
    from otolith.recipes import Recipe


NESTED = "recipe__"


class Recogniser(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Recogniser that pre-trains on all windows, fine-tunes on those with a label, and predicts activities.

    Windows are arrays (n, channels, time), unscaled, in m/s² and rad/s. Labels are any values that sort; None, NaN and
    the value `unlabelled` mark windows without one.

    Args:
        recipe: name of a shipped recipe, a TOML file, or a `Recipe`.
        method: name of a registered method.
        channels: names of axis 1; None takes the paper's six, or the first of them if there are fewer.
        rate_hz: of the windows.
        unlabelled: the label that means none.
        seed: of everything random.

    Attributes after `fit`:
        classes_: the labels, sorted. model_: the `otolith.model.Model`. split_: the windows that trained and those
        that validated, about a fifth; none is held out.

    Values of the recipe are parameters, too: `set_params(recipe__pretrain__epochs=5)`, in a grid as well.

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
            ArrayError: shapes that do not match, values that are not finite, too few labels. A `DataError` and a
                ValueError, as that of the other methods.
            ParameterError: the recipe is none, or does not fit; a `RecipeError` and a ValueError.
        """
        with _as_value_errors():
            return self._fit(X, y, groups, recording, start)

    def _fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None,
        recording: ArrayLike | None,
        start: ArrayLike | None,
    ) -> Recogniser:
        x, labels, known = np.asarray(X, np.float32), *_labels(y, self.unlabelled)
        if x.ndim != 3 or labels.shape != (len(x),):
            raise DataError(
                f"expected X (n, channels, time) and a label of each window, y (n,); got shapes {x.shape} and "
                f"{labels.shape}"
            )
        self.classes_ = np.unique(labels[known].tolist()) if labels.dtype == object else np.unique(labels[known])
        codes = np.full(len(x), -1, np.int64)
        codes[known] = np.searchsorted(self.classes_, labels[known].astype(self.classes_.dtype))
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
        _warn_of_g(windows)
        self.split_ = splits.untested(windows, self.seed)
        encoder = pretrain(windows, self.split_, self.recipe, self.method, self.seed)
        self.model_: Model = finetune(encoder, windows, self.split_)
        self.n_features_in_ = x.shape[1]
        return self

    def set_params(self, **params: Any) -> Recogniser:
        """Set parameters, and return the recogniser itself; `recipe__SECTION__VALUE` changes a value of the recipe.

        Raises:
            ParameterError: the recipe has no such value, or refuses it.
            ValueError: there is no such parameter.

        >>> Recogniser("compact").set_params(recipe__pretrain__epochs=5).recipe.pretrain.epochs
        5
        """
        inner = {name: value for name, value in params.items() if name.startswith(NESTED)}
        super().set_params(**{name: value for name, value in params.items() if name not in inner})
        if inner:
            values = {name.removeprefix(NESTED).replace("__", "."): value for name, value in inner.items()}
            with _as_value_errors():
                self.recipe = load_recipe(self.recipe, overrides=values)
        return self

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return a name for each column of `transform`, such as recogniser0."""
        check_is_fitted(self)
        n = self.model_.encoder.network.n_features
        return np.array([f"recogniser{number}" for number in range(n)], object)

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that windows are three-dimensional, float32 features come out, and chance plays a part."""
        tags = super().__sklearn_tags__()
        tags.input_tags = replace(tags.input_tags, three_d_array=True, two_d_array=False)
        tags.transformer_tags = TransformerTags(preserves_dtype=["float32"])
        return tags

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return features (n, n_features) of the frozen encoder for windows X (n, channels, time)."""
        with _as_value_errors():
            x = self._checked(X)
            return self.model_.encoder.features(x)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return probabilities (n, n_classes), in the order of `classes_`, of windows X (n, channels, time)."""
        with _as_value_errors():
            x = self._checked(X)
            return self.model_.predict_proba(x)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each window of X (n, channels, time): (n,)."""
        with _as_value_errors():
            x = self._checked(X)
            return self.classes_[self.model_.predict(x)]

    def _checked(self, X: ArrayLike) -> ArrayLike:
        """Return the windows as they are, if their gravity is that of the windows it was fitted to."""
        check_is_fitted(self)
        x, meta = np.asarray(X), self.model_.meta
        if x.ndim == 3 and x.shape[1] == len(meta.channels) and len(x):
            lengths = _lengths(x, meta.channels)
            if lengths is not None and np.isfinite(lengths).all():
                refuse_gravity(lengths, meta, self.model_.encoder.scaler, "X")
        return X


@contextmanager
def _as_value_errors() -> Iterator[None]:
    """Let errors about arrays and parameters be ValueErrors as well."""
    try:
        yield
    except (DataError, RecipeError) as error:
        if isinstance(error, ValueError):
            raise
        raise (ArrayError if isinstance(error, DataError) else ParameterError)(str(error)) from error


def _labels(y: ArrayLike, unlabelled: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return labels, and which of them are known: neither `unlabelled` nor None nor NaN."""
    if hasattr(y, "dtype"):
        values = np.asarray(y)
    else:
        given = list(y)  # type: ignore[arg-type]
        values = np.empty(len(given), object)  # numpy alone turns ["walk", -1] and ["walk", nan] into strings
        values[:] = given
    if values.dtype != object:
        known = values == values if values.dtype.kind == "f" else np.ones(values.shape, np.bool_)
        marked = str(unlabelled) if values.dtype.kind == "U" else unlabelled
        return values, known & (values != marked)
    known = [not (_is_missing(each) or each == unlabelled) for each in values.flat]
    return values, np.array(known, np.bool_).reshape(values.shape)


def _is_missing(label: Any) -> bool:
    """Return True for None, NaN and what pandas writes for none; a text of these letters is a label."""
    return label is None or (not isinstance(label, str) and str(label) in ("nan", "<NA>", "NaT"))


def _lengths(x: NDArray[np.floating], channels: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the length of the mean acceleration of each window (n, channels, time); None without all three axes."""
    if not set(ACC) <= set(channels):
        return None
    means = x[:, [channels.index(channel) for channel in ACC]].mean(2, dtype=np.float64)
    lengths: NDArray[np.float64] = np.linalg.norm(means, axis=1)
    return lengths


def _warn_of_g(w: Windows) -> None:
    lengths = _lengths(w.x, w.meta.channels)
    # around 1 g as usual, whatever moves; acceleration in m/s² without gravity has no length that it keeps to
    if lengths is not None and abs(np.median(lengths) - 1) < 0.15 and np.mean(np.abs(lengths - 1) < 0.4) > 0.75:
        warnings.warn(
            f"The mean acceleration of most windows is about {np.median(lengths):.2f}, so X looks as if it were in g; "
            f"otolith expects m/s². Multiply the accelerometer's channels by {STANDARD_GRAVITY}.",
            UserWarning,
            stacklevel=3,
        )
