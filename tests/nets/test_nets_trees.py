"""Decision trees as a head: the answers of scikit-learn's trees, and arrays of strangers."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from torch import Tensor

from otolith.nets import Tree, TreeEnsemble
from otolith.nets.trees import LEAST_SHARE, MOST_ROWS, rounded_down

STUMP = Tree(
    feature=np.array([1, -1, 0, -1, -1]),
    threshold=np.array([0.5, 0.0, -2.0, 0.0, 0.0]),
    left=np.array([1, 0, 3, 0, 0]),
    right=np.array([2, 0, 4, 0, 0]),
    value=np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.5, 0.5], [0.25, 0.75]]),
)
"""x1 <= 0.5: class 0; else x0 <= -2: half and half; else mostly class 1."""


def plain(trees: list[Tree], x: np.ndarray) -> np.ndarray:
    """The mean value of the leaves that each window reaches, walked node by node."""
    found = []
    for row in x:
        total = 0.0
        for tree in trees:
            node = 0
            while tree.feature[node] >= 0:
                below = tree.left if row[tree.feature[node]] <= tree.threshold[node] else tree.right
                node = below[node]
            total = total + tree.value[node]
        found.append(total / len(trees))
    return np.array(found)


def grown(kind: type = ExtraTreesClassifier, n_trees: int = 7, **options: Any) -> tuple[Any, list[Tree], np.ndarray]:
    """A forest of scikit-learn, its trees, and float32 windows of which many lie exactly on a threshold."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 300)
    x = (rng.standard_normal((300, 5)) + rng.standard_normal((4, 5))[y]).astype(np.float32)
    forest = kind(n_trees, random_state=0, **options).fit(x, y)
    trees = []
    for each in forest.estimators_:
        t = each.tree_
        inner = t.children_left >= 0
        trees.append(
            Tree(np.where(inner, t.feature, -1), t.threshold, t.children_left, t.children_right, t.value[:, 0])
        )
    x = np.repeat(x, 2, axis=0)
    inner = [(f, limit) for tree in trees for f, limit in zip(tree.feature, tree.threshold, strict=True) if f >= 0]
    for row, (feature, limit) in zip(x, inner * 2, strict=False):
        row[feature] = np.float32(limit)
    return forest, trees, x


@pytest.mark.parametrize("kind", [ExtraTreesClassifier, RandomForestClassifier])
def test_shares_are_those_of_scikit_learn_also_on_a_threshold(kind: type) -> None:
    forest, trees, x = grown(kind)
    ours = TreeEnsemble(5, 4, "shares", trees)
    np.testing.assert_allclose(ours.mean_or_sum(torch.from_numpy(x)).numpy(), forest.predict_proba(x), atol=1e-6)
    np.testing.assert_allclose(plain(trees, x), forest.predict_proba(x), atol=1e-12)


def test_thresholds_are_rounded_down_and_not_to_the_nearest() -> None:
    limit = np.float64(np.float32(0.1)) - 1e-12  # the nearest float32 lies above it
    tree = STUMP._replace(threshold=np.array([limit, 0.0, -2.0, 0.0, 0.0]))
    x = np.array([[0.0, np.float32(0.1)], [0.0, np.nextafter(np.float32(0.1), np.float32(0))]], np.float32)
    found = TreeEnsemble(2, 2, "shares", [tree]).mean_or_sum(torch.from_numpy(x))
    np.testing.assert_allclose(found, plain([tree], x), atol=1e-7)
    assert found[:, 0].tolist() == [0.25, 1.0]


def test_rounding_down_keeps_what_float32_holds() -> None:
    exact = np.array([0.5, -3.25, 0.0, 1e30], np.float32)
    assert (rounded_down(exact.astype(np.float64)) == exact).all()
    huge = rounded_down(np.array([1e300]))
    assert np.isfinite(huge).all()


def test_logits_are_logarithms_of_the_shares_bounded_below() -> None:
    logits = TreeEnsemble(2, 2, "shares", [STUMP])(torch.tensor([[0.0, 0.0], [0.0, 1.0]]))
    expected = np.log([[1.0, LEAST_SHARE], [0.25, 0.75]])
    np.testing.assert_allclose(logits, expected, rtol=1e-6, atol=1e-7)


def test_scores_are_summed_by_class_in_turn() -> None:
    x = torch.tensor([[0.0, 0.0], [-3.0, 1.0], [0.0, 1.0]])
    column = STUMP._replace(value=STUMP.value[:, :1])
    twice = column._replace(value=2 * column.value)
    in_turn = TreeEnsemble(2, 2, "scores", [column, twice, column, twice])(x)
    np.testing.assert_allclose(in_turn, [[2.0, 4.0], [1.0, 2.0], [0.5, 1.0]])
    with pytest.raises(ValueError, match="as many trees for each class"):
        TreeEnsemble(2, 2, "scores", [column])


def test_deep_trees_end_where_they_do_one_level_at_a_time() -> None:
    depth = 40  # a chain: leaf i for i - 1 < x <= i
    inner = np.arange(depth)
    chain = Tree(
        feature=np.concatenate([np.zeros(depth), -np.ones(depth + 1)]).astype(np.int64),
        threshold=np.concatenate([inner, np.zeros(depth + 1)]).astype(np.float64),
        left=np.concatenate([depth + inner, np.zeros(depth + 1)]).astype(np.int64),
        right=np.concatenate([inner[1:], [2 * depth], np.zeros(depth + 1)]).astype(np.int64),
        value=np.concatenate([np.zeros(depth), np.arange(depth + 1)])[:, None],
    )
    short = Tree(*(np.array(each) for each in ([0, -1, -1], [7.5, 0, 0], [1, 0, 0], [2, 0, 0], [[0], [1.0], [2.0]])))
    x = torch.linspace(-1, depth, 200)[:, None]
    ours = TreeEnsemble(1, 2, "scores", [chain, short])
    expected = np.concatenate([plain([chain], x.numpy()), plain([short], x.numpy())], axis=1)
    np.testing.assert_allclose(ours(x), expected)
    assert ours.depth == depth


def test_many_windows_are_walked_in_parts_with_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    _, trees, x = grown()
    ours, windows = TreeEnsemble(5, 4, "shares", trees), torch.from_numpy(x)
    whole = ours(windows)
    monkeypatch.setattr("otolith.nets.trees.TOGETHER", 50)
    assert torch.equal(ours(windows), whole)
    assert ours(windows[:0]).shape == (0, 4)


def test_leaves_with_too_many_different_values_are_rounded_a_little() -> None:
    n = 3 * MOST_ROWS
    values = np.random.default_rng(0).standard_normal(n)
    single = [Tree(*(np.array([each]) for each in (-1, 0.0, 0, 0)), np.array([[v]])) for v in values]
    ours = TreeEnsemble(1, 3, "scores", single)
    assert len(ours.table) <= MOST_ROWS
    assert (ours.table[ours.leaf.long(), 0] - torch.from_numpy(values)).abs().max() < np.ptp(values) / MOST_ROWS
    torch.testing.assert_close(
        ours(torch.zeros(1, 1))[0], torch.from_numpy(values).float().view(-1, 3).sum(0), rtol=0, atol=0.05
    )


def test_an_empty_ensemble_takes_the_state_of_another_and_says_so_before() -> None:
    _, trees, x = grown()
    ours, windows = TreeEnsemble(5, 4, "shares", trees), torch.from_numpy(x)
    empty = TreeEnsemble(5, 4, "shares")
    with pytest.raises(ValueError, match="holds no trees yet"):
        empty(windows)
    empty.load_state_dict(ours.state_dict())
    assert torch.equal(empty(windows), ours(windows))
    assert torch.equal(copy.deepcopy(empty)(windows), ours(windows))
    nested = torch.nn.Sequential(torch.nn.Identity(), TreeEnsemble(5, 4, "shares"))
    nested.load_state_dict({f"1.{name}": tensor for name, tensor in ours.state_dict().items()})
    assert torch.equal(nested(windows), ours(windows))


def changed(name: str, at: int, to: float) -> dict[str, Tensor]:
    state = {key: tensor.clone() for key, tensor in TreeEnsemble(2, 2, "shares", [STUMP, STUMP]).state_dict().items()}
    state[name].view(-1)[at] = to
    return state


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (changed("feature", 0, 2), "features from 0 to 1"),
        (changed("feature", 0, -2), "features from 0 to 1"),
        (changed("feature", 0, -1), "as many thresholds as inner nodes"),
        (changed("leaf", 0, 3), "rows from 0 to 2"),
        (changed("leaf", 0, -1), "rows from 0 to 2"),
        (changed("threshold", 0, float("nan")), "thresholds that are finite"),
        (changed("threshold", 1, float("inf")), "thresholds that are finite"),
        (changed("table", 0, 1.5), "at most 1"),
        (changed("table", 0, float("nan")), "at most 1"),
        (changed("table", 0, -0.5), "not negative"),
    ],
)
def test_values_that_no_forest_has_are_refused(state: dict[str, Tensor], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TreeEnsemble(2, 2, "shares").load_state_dict(state)


def test_a_node_that_would_be_its_own_child_is_refused() -> None:
    state = TreeEnsemble(2, 2, "shares", [STUMP]).state_dict()
    state["feature"] = torch.tensor([-1, 0, 0, -1, -1], dtype=torch.int16)  # node 1 is the root's child, without a root
    with pytest.raises(ValueError, match="children after their parents"):
        TreeEnsemble(2, 2, "shares").load_state_dict(state)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("feature", (4,)), ("feature", (0,)), ("threshold", (3,)), ("leaf", (2,)), ("table", (3, 3)), ("table", (3,))],
)
def test_sizes_that_no_forest_has_are_refused(name: str, shape: tuple[int, ...]) -> None:
    state = TreeEnsemble(2, 2, "shares", [STUMP]).state_dict()
    state[name] = torch.zeros(shape, dtype=state[name].dtype)
    with pytest.raises(ValueError, match=r"trees have up to|trees are kept as|a leaf of"):
        TreeEnsemble(2, 2, "shares").load_state_dict(state)


def test_a_tree_that_runs_in_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="levels"):
        TreeEnsemble(2, 2, "shares", [STUMP._replace(right=np.array([0, 0, 0, 0, 0]))])


def test_too_many_features_are_refused() -> None:
    with pytest.raises(ValueError, match="32,767 features; got 40,000"):
        TreeEnsemble(40_000, 2, "shares", [STUMP])
