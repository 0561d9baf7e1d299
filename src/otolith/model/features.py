"""Features of windows with their names, and with whose and when the windows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith import showing
from otolith.errors import DataError
from otolith.model.values import Model, must_fit
from otolith.progress import HERE, Progress

if TYPE_CHECKING:
    import polars as pl

    from otolith.model.values import PretrainedEncoder
    from otolith.windows import Windows

FACTS = ("subject", "recording", "start_s", "stop_s", "label")
"""Columns that stand before the features in tables."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features of windows: an array for numpy, and columns by name for tables.

    Attributes:
        values: (n, n_features) float32.
        names: of the features, in order.
        facts: `subject`, `recording`, `start_s`, `stop_s` (seconds of the recording's clock) and `label` (None where
            there is none), (n,) each.

    >>> given = {name: np.zeros(2) for name in FACTS}
    >>> found = Features(np.ones((2, 1), np.float32), ("mean",), given)
    >>> np.asarray(found).shape, found.get_feature_names_out().tolist(), list(found.columns())[-1]
    ((2, 1), ['mean'], 'mean')
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]
    facts: dict[str, NDArray[Any]]

    def __repr__(self) -> str:
        named = showing.plain(", ".join(self.names[:3]), 60) + (", ..." if len(self.names) > 3 else "")
        size = f"{showing.count(len(self), 'window')} x {showing.count(len(self.names), 'feature')}"
        return f"<Features: {size} ({named})>"

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype, copy=copy if copy else None)

    def get_feature_names_out(self) -> NDArray[Any]:
        """Return the names of the features, (n_features,) objects, as scikit-learn's transformers do."""
        return np.array(self.names, dtype=object)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return all columns by name, facts first: `pandas.DataFrame(features.columns())`."""
        return self.facts | {name: self.values[:, i] for i, name in enumerate(self.names)}

    def to_polars(self) -> pl.DataFrame:
        """Return a table with a row for each window."""
        import polars as pl

        text = {"subject": str, "recording": str}
        facts = {name: values.astype(text[name]) if name in text else values for name, values in self.facts.items()}
        labels = pl.Series("label", facts.pop("label").tolist(), dtype=pl.String)
        values = [pl.Series(name, np.ascontiguousarray(self.values[:, i])) for i, name in enumerate(self.names)]
        return pl.DataFrame([*(pl.Series(name, each) for name, each in facts.items()), labels, *values])


def features(model: Model | PretrainedEncoder, w: Windows | ArrayLike, progress: Progress = HERE) -> Features:
    """Return the features of windows under the encoder of a model, as its head sees them.

    Args:
        model: a recogniser, or an encoder alone.
        w: windows, or an array (n, channels, time) of them, unscaled, in m/s² and rad/s.

    Raises:
        DataError: windows of other channels, rate or length, or samples that are not finite.

    >>> import otolith
    >>> x = np.random.default_rng(0).normal(size=(20, 6, 30))
    >>> w = otolith.Windows.from_arrays(x, np.tile([0, 1], 10), np.repeat([1, 2, 3, 4], 5), activities=("sit", "walk"))
    >>> encoder = otolith.pretrain(w, otolith.splits.holdout(w, 0), method="classical", device="cpu")
    >>> found = features(encoder, w)
    >>> found.names[0], found.facts["label"][1], found.values.shape == (20, len(found.names))
    ('acc_x_mean', 'walk', True)
    """
    from otolith.windows import Windows
    from otolith.windows.described import columns

    encoder = model.encoder if isinstance(model, Model) else model
    if not isinstance(w, Windows):
        w = Windows.from_arrays(np.asarray(w, np.float32), channels=encoder.meta.channels, rate_hz=encoder.meta.rate_hz)
    must_fit(w.meta, encoder.meta, "the windows")
    values = encoder.features(w.x, progress)
    names = encoder.network.feature_names()
    if len(set(names)) != values.shape[1] or set(names) & set(FACTS):
        raise DataError(f"the encoder gives {values.shape[1]} features under {len(set(names))} names of their own")
    return Features(values, names, columns(w))
