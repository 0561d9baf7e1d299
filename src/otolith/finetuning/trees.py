"""Trees on features: a classifier that scikit-learn fits in seconds, kept as arrays."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from otolith.errors import TrainingError
from otolith.finetuning.heads import Labelled, class_weights, unfitted
from otolith.finetuning.linear import fit_linear
from otolith.finetuning.settings import TreeSettings
from otolith.nets import PredictionMLP
from otolith.nets.standards import ROUNDING
from otolith.nets.trees import MOST_DEPTH, Tree, TreeEnsemble

TRIED = (1000, 4)
"""Windows and trees from which the time of a fit is told."""
HISTOGRAMS = 20_000
"""Number of windows at which boosting spends as much time on windows as on histograms."""
WINDOWS_OF_A_LEAF = 1000
"""Number of labelled windows that a leaf has to hold; where there are fewer, it may hold fewer."""
CHECKED = 256
"""Windows on which the arrays are held against scikit-learn's own answers."""
NEVER = 14.0
"""Distance of the logit of an activity without a training window below all others, about the logarithm of a million."""


def fit(layers: nn.Module, train: Labelled, settings: TreeSettings, seed: int, n_classes: int) -> None:
    """Fit in place what `unfitted` gives, on features with mean 0 and deviation 1.

    Args:
        train: (n, n_features), with labels of two activities at least.
        seed: of all that is drawn.

    Raises:
        TrainingError: see `fit_trees`.

    >>> layers = unfitted(3, 3, TreeSettings(model="logistic", penalty=0.01))
    >>> fit(layers, Labelled(torch.eye(3), torch.arange(3)), TreeSettings(model="logistic", penalty=0.01), 0, 3)
    >>> layers(torch.eye(3)).argmax(1)
    tensor([0, 1, 2])
    """
    if isinstance(layers, PredictionMLP):
        weight = class_weights(train.y, n_classes)[train.y] if settings.class_balanced else None
        fit_linear(layers.linear_layers()[0], train.inputs, train.y, settings.penalty, weight)
    else:
        layers.load_state_dict(fit_trees(train, settings, seed, n_classes).state_dict())
    layers.eval()


def fit_trees(train: Labelled, settings: TreeSettings, seed: int, n_classes: int) -> TreeEnsemble:
    """Fit trees on features (n, n_features) of labelled windows, in as many threads as PyTorch takes.

    Args:
        train: labels from 0 to `n_classes` - 1, of two activities at least.
        settings: of one of the models with trees.
        seed: of all that is drawn; the result does not depend on the number of threads.

    Raises:
        TrainingError: one tree alone is larger than `settings.most_megabytes`, or the installed scikit-learn keeps its
            trees in another way than this function reads them.

    >>> train = Labelled(torch.eye(3).repeat(4, 1), torch.arange(3).repeat(4))
    >>> head = fit_trees(train, TreeSettings(trees=5), seed=0, n_classes=3)
    >>> head(torch.eye(3)).argmax(1)
    tensor([0, 1, 2])
    """
    from threadpoolctl import threadpool_limits

    device = train.inputs.device
    x, y = train.inputs.cpu().numpy(), train.y.cpu().numpy()
    x = np.where(np.ptp(x, axis=0) > ROUNDING, x, np.float32(0))  # no tree asks for what is nothing but rounding
    with threadpool_limits(torch.get_num_threads()):
        fitted = _model(settings, len(y), seed).fit(x, y)
    n_features = x.shape[1]
    rounds = _rounds(fitted, n_classes) if settings.model == "boosting" else _forest(fitted, n_classes)
    all_of_them = list(rounds)
    keep, most = len(all_of_them), int(1e6 * settings.most_megabytes)
    while True:
        trees = [tree for each in all_of_them[:keep] for tree in each]
        head = TreeEnsemble(n_features, n_classes, settings.kind, trees)
        if keep == len(all_of_them):
            _refuse_other_answers(head, fitted, x[:: len(x) // CHECKED + 1])
        if head.n_bytes <= most:
            return head.to(device).eval()
        if keep == 1:
            raise TrainingError(
                f"one tree takes {head.n_bytes / 1e6:.3g} MB, and most_megabytes is {settings.most_megabytes:g}. Allow "
                "more, or take larger leaves."
            )
        keep = max(1, min(keep - 1, keep * most // head.n_bytes))


def seconds_of_fit(settings: TreeSettings, n: int, n_features: int, n_classes: int) -> float:
    """Return about how long `fit` takes for `n` windows, from fits of a few trees to fewer.

    >>> 0 < seconds_of_fit(TreeSettings(trees=10), n=100, n_features=5, n_classes=3) < 60
    True
    """
    some = min(n, TRIED[0])
    x = torch.randn(some, n_features, generator=torch.Generator().manual_seed(0))
    train = Labelled(x, (x[:, :4].sum(1) * n_classes).long() % n_classes)
    if settings.model == "boosting":  # most of it goes into histograms, which are as large for few windows
        longer = (HISTOGRAMS + n) / (HISTOGRAMS + some)
    else:
        longer = n / some * (1.0 if settings.model == "logistic" else math.log2(n + 1) / math.log2(some + 1))

    def spent(trees: int) -> float:
        tried = replace(settings, trees=trees)
        layers = unfitted(n_features, n_classes, tried)
        began = time.perf_counter()
        fit(layers, train, tried, 0, n_classes)
        return (time.perf_counter() - began) * longer

    spent(1)  # scikit-learn is imported
    one = spent(1)
    if settings.model == "logistic":
        return one
    return one + (settings.n_trees - 1) * max(spent(1 + TRIED[1]) - one, 0.0) / TRIED[1]


def _model(settings: TreeSettings, n: int, seed: int) -> Any:
    """Return the classifier of scikit-learn, to be fitted on `n` windows."""
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

    weight = "balanced" if settings.class_balanced else None
    if settings.model == "boosting":
        return HistGradientBoostingClassifier(
            learning_rate=settings.rate,
            max_iter=settings.n_trees,
            max_leaf_nodes=settings.leaves,
            min_samples_leaf=max(1, min(20, n // 50)),  # 20 is usual, and more than few labels have
            max_features=settings.share or 1.0,
            early_stopping=False,
            class_weight=weight,
            random_state=seed,
        )
    kind = RandomForestClassifier if settings.model == "forest" else ExtraTreesClassifier
    return kind(
        settings.n_trees,
        min_samples_leaf=max(1, min(settings.leaf, n // WINDOWS_OF_A_LEAF)),
        max_features=settings.share or "sqrt",
        max_depth=MOST_DEPTH,
        class_weight=weight,
        n_jobs=torch.get_num_threads(),
        random_state=seed,
    )


def _forest(fitted: Any, n_classes: int) -> Iterator[list[Tree]]:
    """Yield the trees of a forest, each alone, with shares of all classes at the leaves."""
    for each in fitted.estimators_:
        tree = each.tree_
        shares = np.zeros((tree.node_count, n_classes))
        shares[:, fitted.classes_] = tree.value[:, 0] / tree.value[:, 0].sum(1, keepdims=True)
        inner = tree.children_left >= 0
        yield [Tree(np.where(inner, tree.feature, -1), tree.threshold, tree.children_left, tree.children_right, shares)]


def _rounds(fitted: Any, n_classes: int) -> Iterator[list[Tree]]:
    """Yield the rounds of boosting, a tree for each class; what the first trees add holds the constant start, too.

    Of two classes the second alone has trees.
    """
    start = fitted._baseline_prediction.reshape(-1)
    classes = fitted.classes_[-len(start) :]
    low = min(0.0, start.min()) - NEVER
    for number, predictors in enumerate(fitted._predictors):
        constant = np.where(np.isin(np.arange(n_classes), fitted.classes_), 0.0, low if number == 0 else 0.0)
        trees = [_leaf(value) for value in constant]
        for at, predictor, shift in zip(classes, predictors, start, strict=True):
            trees[at] = _boosted(predictor.nodes, shift if number == 0 else 0.0)
        yield trees


def _leaf(value: float) -> Tree:
    none = np.zeros(1, np.int64)
    return Tree(none - 1, np.zeros(1), none, none, np.array([[value]]))


def _boosted(nodes: NDArray[Any], shift: float) -> Tree:
    whole = {name: nodes[name].astype(np.int64) for name in ("feature_idx", "left", "right", "is_leaf")}
    feature = np.where(whole["is_leaf"] == 1, -1, whole["feature_idx"])
    return Tree(feature, nodes["num_threshold"], whole["left"], whole["right"], nodes["value"][:, None] + shift)


def _refuse_other_answers(head: TreeEnsemble, fitted: Any, x: NDArray[np.float32]) -> None:
    """Refuse arrays that give other probabilities than the classifier that they come from."""
    theirs = np.zeros((len(x), head.n_classes))
    theirs[:, fitted.classes_] = fitted.predict_proba(x)
    ours = torch.softmax(head(torch.from_numpy(x)), 1).numpy()
    if not np.abs(ours - theirs).max() < 0.01:
        import sklearn

        raise TrainingError(
            f"scikit-learn {sklearn.__version__} keeps its trees in another way than otolith reads them. Take another "
            "version of scikit-learn, and please report this."
        )
