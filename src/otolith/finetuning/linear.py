"""Multinomial logistic regression with an L2 penalty, fitted to convergence: a linear head without rate and epochs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

TOLERANCE = 1e-4
"""Largest component of the gradient of the mean loss at which a fit has converged; scikit-learn's, too."""
MOST_ITERATIONS = 1000


@torch.no_grad()
def fit_linear(layer: nn.Linear, x: Tensor, y: Tensor, penalty: float, weight: Tensor | None = None) -> float:
    """Fit a linear layer in place, by L-BFGS from zero, and return the mean cross-entropy of its rows.

    The objective is that of scikit-learn's `LogisticRegression` with C = 1 / penalty: the weighted sum of the rows'
    cross-entropies plus penalty / 2 times the squared weights; biases are free. It is convex, and the result depends on
    no seed.

    Args:
        layer: (n_features -> n_classes).
        x: (n, n_features).
        y: (n,) int64 classes, or (n, n_classes) shares of each class, that sum to 1.
        penalty: positive.
        weight: (n,) of each row; None: all 1.

    >>> layer = nn.Linear(3, 3)
    >>> loss = fit_linear(layer, torch.eye(3), torch.arange(3), penalty=0.01)
    >>> layer(torch.eye(3)).argmax(1)
    tensor([0, 1, 2])
    """
    from scipy.optimize import minimize

    n_classes, n_features = layer.weight.shape
    shares = torch.zeros(len(x), n_classes, dtype=x.dtype, device=x.device)
    shares = shares.scatter_(1, y[:, None], 1.0) if y.ndim == 1 else shares.copy_(y)
    share_of_row = torch.ones(len(x), dtype=x.dtype, device=x.device) if weight is None else weight.to(x)
    share_of_row = (share_of_row / share_of_row.sum())[:, None]
    strength = penalty / (len(x) if weight is None else float(weight.sum()))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        both = torch.from_numpy(flat).view(n_features + 1, n_classes)
        weights, bias = both[:-1].to(x), both[-1].to(x)
        logs = torch.addmm(bias, x, weights).log_softmax(1)
        mean = -(logs * shares * share_of_row).sum(dtype=torch.float64)
        error = (logs.exp_() - shares).mul_(share_of_row)
        gradient = torch.cat([x.T @ error, error.sum(0, keepdim=True)]).double().cpu()
        gradient[:-1] += strength * both[:-1]
        return float(mean) + 0.5 * strength * float(both[:-1].square().sum()), gradient.flatten().numpy()

    start = np.zeros((n_features + 1) * n_classes)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"gtol": TOLERANCE, "ftol": 1e-9, "maxiter": MOST_ITERATIONS}
    )
    both = torch.from_numpy(found.x).view(n_features + 1, n_classes)
    layer.weight.data = both[:-1].t().to(layer.weight).contiguous()
    layer.bias.data = both[-1].to(layer.bias)
    return float(found.fun) - 0.5 * strength * float(both[:-1].square().sum())
