"""Fit temperature and threshold on validation windows, and the space of distances on training windows."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from otolith import metrics
from otolith.calibration.scores import DEFAULT, PARTS, Space, parts_of, total
from otolith.calibration.value import TENSORS, Calibration
from otolith.errors import DataError

FALSE_UNKNOWNS = 0.05
MIN_WINDOWS = 20
"""Validation windows below which nothing is fitted: 5 % of fewer is less than one window."""
COMPONENTS = 24
"""Principal components of the space of distances. On uci-har some encoders do badly with 16, others with 48."""
DRAWN = 4000
"""Training windows that the principal components are taken from."""
ROUNDING = 1e-4
"""Spread of a part of the score that is rounding alone. Where logits are logarithms of shares, whose sum is one, the
energy is 0 at a temperature of 1."""
LIMITS = (0.5, 10.0)
"""Bounds of the temperature: validation windows without a mistake would ask for one of 0, and for certainty."""


def fit_temperature(logits: Tensor, y: Tensor) -> float:
    """Return the temperature with the least cross-entropy (Guo et al. 2017, Section 4.2), between 0.5 and 10.

    A bounded scalar search over its logarithm finds it: the loss has one minimum in 1 / T.

    Args:
        logits: (n, n_classes).
        y: (n,) int64 class indices, or (n, n_classes) float64 probabilities.

    >>> y = torch.tensor([0, 0, 0, 1])  # three of four are right: 2 / T is log 3
    >>> round(fit_temperature(torch.tensor([[2.0, 0.0]] * 4), y), 2)
    1.82
    """
    from scipy.optimize import minimize_scalar

    wide = logits.double()

    def loss(log_t: float) -> float:
        return float(F.cross_entropy(wide / np.exp(log_t), y))

    bounds = (float(np.log(LIMITS[0])), float(np.log(LIMITS[1])))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def fit_calibration(
    train: tuple[Tensor, Tensor],
    val: tuple[Tensor, Tensor],
    val_logits: Tensor,
    *,
    dataset: str = "",
    score: str = DEFAULT,
    false_unknowns: float = FALSE_UNKNOWNS,
    soft: Tensor | None = None,
) -> Calibration | None:
    """Fit temperature, score and threshold.

    Args:
        train: features (n, n_features) and class indices (n,) of training windows.
        val: the same of validation windows; those of activities that `train` lacks are left out.
        val_logits: (n_val, n_classes).
        dataset: name of the data set, for the card.
        score: name of a score, see `names`.
        false_unknowns: share of the validation windows whose score may exceed the threshold, in (0, 1).
        soft: probabilities (n_val, n_classes) that the temperature is fitted to in place of the class indices: where a
            model stands in for labels, how sure it is, too.

    Returns:
        None where there are fewer than `MIN_WINDOWS` validation windows, or too few training windows for a covariance.

    Raises:
        DataError: an unknown score, or a rate outside (0, 1).

    >>> y = torch.arange(60) % 3
    >>> features = torch.eye(3)[y] * 5 + torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    >>> found = fit_calibration((features, y), (features, y), features, score="distance", false_unknowns=0.1)
    >>> found.score, found.n_windows, found.temperature > 0
    ('distance', 60, True)
    """
    parts = parts_of(score)
    if not 0 < false_unknowns < 1:
        raise DataError(f"the rate of false unknowns is {false_unknowns}; give a share between 0 and 1, such as 0.05")
    # windows of activities that were not trained are not known ones
    seen = torch.isin(val[1], torch.unique(train[1]))
    features, y, val_logits = val[0][seen], val[1][seen], val_logits[seen]
    n = len(y)
    space = _space(*train) if n >= MIN_WINDOWS else None
    if space is None:
        return None
    temperature = fit_temperature(val_logits, y if soft is None else soft[seen].double())
    weights = {}
    for name in parts:
        spread = float(PARTS[name](features, val_logits, space, temperature).double().std())
        weights[name] = 1.0 / spread if len(parts) > 1 and spread > ROUNDING else 1.0
    scores = total(weights, features, val_logits, space, temperature)
    before, after = (
        metrics.expected_calibration_error(torch.softmax(val_logits / t, 1).cpu().numpy(), y.cpu().numpy())
        for t in (1.0, temperature)
    )
    return Calibration(
        temperature=temperature,
        score=score,
        weights=weights,
        threshold=_threshold(scores.cpu().numpy(), false_unknowns),
        false_unknowns=false_unknowns,
        dataset=dataset,
        n_windows=n,
        ece_before=before,
        ece_after=after,
        **{name: part.cpu() for name, part in zip(TENSORS, space, strict=True)},
    )


def _threshold(scores: NDArray[np.float32], share: float) -> float:
    """Return a number that at most `share` of the scores exceed, halfway between two of them against rounding."""
    ordered = np.sort(scores.astype(np.float64))
    above = int(share * len(ordered) + 1e-9)
    last = len(ordered) - 1 - above
    if above == 0:
        return float(ordered[-1] + 1e-3 * max(1e-6, np.ptp(ordered)))
    return float((ordered[last] + ordered[last + 1]) / 2)


@torch.no_grad()
def _space(features: Tensor, y: Tensor) -> Space | None:
    """Return principal components of training features, whitened by the spread within activities, and the means.

    None where there are fewer windows than a covariance needs, or where features do not vary.
    """
    from sklearn.utils.extmath import randomized_svd

    n, width = features.shape
    classes = torch.unique(y)
    k = min(COMPONENTS, width, (n - len(classes)) // 2)
    if k < 1:
        return None
    some = features
    if n > DRAWN:
        drawn = np.sort(np.random.default_rng(0).choice(n, DRAWN, replace=False))
        some = features[torch.from_numpy(drawn).to(features.device)]
    mean = some.mean(0)
    _, strength, axes = randomized_svd((some - mean).cpu().numpy(), k, random_state=0)
    if not strength[0] > 1e-6 * len(some) ** 0.5 * max(1e-12, float(mean.abs().max())):
        return None
    components = torch.from_numpy(np.ascontiguousarray(axes)).to(features)
    at = ((features @ components.T) - components @ mean).double()
    centres = torch.stack([at[y == c].mean(0) for c in classes])
    rest = at - centres[torch.searchsorted(classes, y)]
    within = rest.T @ rest / (n - len(classes))
    # a thousandth of the mean variance on top: where training windows agree by chance, little is no proof
    ridge = 1e-3 * torch.trace(within) / k + 1e-12
    whiten = torch.linalg.inv(torch.linalg.cholesky(within + ridge * torch.eye(k).to(within)))
    projection = whiten @ components.double()
    return projection.float(), (projection @ mean.double()).float(), (centres @ whiten.T).float()
