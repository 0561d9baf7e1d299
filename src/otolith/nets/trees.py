"""Decision trees as a head: arrays of nodes in buffers, so that nothing is pickled and every value can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Kind = Literal["shares", "scores"]

LEAST_SHARE = 1e-6
"""Share below which the logarithm of a class's share is bounded."""
MOST_FEATURES = 2**15 - 1
MOST_ROWS = 2**15
"""Different values that the leaves of an ensemble may have; more are rounded until they are so many."""
MOST_NODES = 2**24
MOST_DEPTH = 256
MOST_SCORE = 1e9
TOGETHER = 2**18
"""Walks through a tree that are taken at a time."""


class Tree(NamedTuple):
    """One tree: node 0 is its root, and every array but `value` has a number for each node.

    A window whose feature is at most the threshold goes to the left, another to the right.

    Attributes:
        feature: number of the feature that a node asks for; negative at a leaf.
        threshold: float64; it counts where a node is no leaf.
        left, right: numbers of the nodes below.
        value: (n_nodes, width); it counts at the leaves.

    >>> arrays = [0, -1, -1], [0.5, 0, 0], [1, 0, 0], [2, 0, 0], [[0], [1], [2]]
    >>> Tree(*map(np.array, arrays)).value.shape  # one question, two leaves
    (3, 1)
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]


class TreeEnsemble(nn.Module):
    """Decision trees on features: (batch, n_features) -> logits (batch, n_classes).

    Nodes lie level by level: first the roots of all trees, then their children in the order of their parents, left
    before right, then theirs. So the number of an inner node among the inner nodes says where its children are, no
    array of children is kept, and a child always comes after its parent.

    Kept are `feature` (nodes), -1 at a leaf; `threshold` (inner nodes), `leaf` (leaves), the row of `table` that a leaf
    gives; and `table` (rows, width). An ensemble without trees is filled by `load_state_dict`.

    Args:
        n_features, n_classes: width of the features, at most 32,767, and number of activities.
        kind: "shares": a leaf gives the share of each class, and the logits are the logarithms of the trees' mean;
            "scores": a leaf gives one number, and tree t adds it to the logit of class t modulo `n_classes`.
        trees: the trees; thresholds are rounded down to float32, which for float32 features changes no answer.

    Raises:
        ValueError: too many features or nodes, trees that are too deep, or values out of their range.

    >>> stump = Tree(*map(np.array, ([0, -1, -1], [0.5, 0, 0], [1, 0, 0], [2, 0, 0], [[0, 0], [1, 0], [0.25, 0.75]])))
    >>> forest = TreeEnsemble(n_features=3, n_classes=2, kind="shares", trees=[stump, stump])
    >>> forest(torch.tensor([[0.5, 0.0, 0.0], [0.6, 0.0, 0.0]])).exp().round(decimals=2)
    tensor([[1.0000, 0.0000],
            [0.2500, 0.7500]])
    """

    KEPT = ("feature", "threshold", "leaf", "table")

    def __init__(self, n_features: int, n_classes: int, kind: Kind, trees: Sequence[Tree] = ()) -> None:
        super().__init__()
        if not 1 <= n_features <= MOST_FEATURES:
            raise ValueError(f"trees take 1 to {MOST_FEATURES:,} features; got {n_features:,}")
        self.n_features, self.n_classes, self.kind = n_features, n_classes, kind
        self.depth = 0
        self.width = n_classes if kind == "shares" else 1
        for name, array in _in_levels(trees, self.width).items():
            self.register_buffer(name, torch.from_numpy(array))
        for name, dtype in (("_asked", torch.int32), ("_limit", torch.float32), ("_next", torch.int32)):
            self.register_buffer(name, torch.zeros(0, dtype=dtype), persistent=False)
        self.register_buffer("_row", torch.zeros(0, dtype=torch.int64), persistent=False)
        self.feature: Tensor
        self.threshold: Tensor
        self.leaf: Tensor
        self.table: Tensor
        self._asked: Tensor
        self._limit: Tensor
        self._next: Tensor
        self._row: Tensor
        if trees:
            self._prepare()

    @property
    def n_trees(self) -> int:
        """Number of the trees."""
        return len(self.feature) - 2 * len(self.threshold)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays that are kept."""
        return sum(getattr(self, name).nbytes for name in self.KEPT)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.mean_or_sum(x))

    def logits(self, values: Tensor) -> Tensor:
        """Return logits (batch, n_classes) from the trees' mean shares, or their summed scores, of the same shape."""
        return values.clamp_min(LEAST_SHARE).log() if self.kind == "shares" else values

    @torch.no_grad()
    def mean_or_sum(self, x: Tensor) -> Tensor:
        """Return the mean share of each class over the trees, or the sum of their scores: (batch, n_classes)."""
        if not self.n_trees:
            raise ValueError("this ensemble holds no trees yet: fit it, or load its state")
        parts = [self._values(part) for part in x.split(max(1, TOGETHER // self.n_trees))]
        return torch.cat(parts) if parts else x.new_zeros(0, self.n_classes)

    def _values(self, x: Tensor) -> Tensor:
        rows = self._row[self._leaves(x)].view(len(x), self.n_trees)
        if self.kind == "shares":
            return F.embedding_bag(rows, self.table, mode="mean")
        return self.table[rows, 0].view(len(x), -1, self.n_classes).sum(1)

    def _leaves(self, x: Tensor) -> Tensor:
        """Return the number of the leaf (batch * n_trees,) that each window reaches in each tree."""
        n, trees = len(x), self.n_trees
        flat = x.reshape(-1)
        node = torch.arange(trees, dtype=torch.int32, device=x.device).repeat(n)
        start = torch.arange(0, n * x.shape[1], x.shape[1], device=x.device).repeat_interleave(trees)
        ends, walking = node, None
        for level in range(self.depth):
            right = flat.index_select(0, start + self._asked.index_select(0, node)) > self._limit.index_select(0, node)
            node = self._next.index_select(0, node) + right
            if level >= 8 and level % 3 == 0:  # most walks are over, long before the longest
                if walking is None:
                    ends, walking = node.clone(), torch.arange(len(node), device=x.device)
                ends[walking] = node
                on = self._limit.index_select(0, node).isfinite().nonzero()[:, 0]
                node, start, walking = node[on], start[on], walking[on]
        if walking is None:
            return node
        ends[walking] = node
        return ends

    def resize(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Take over the sizes of saved buffers, which follow from the trees and not from the settings.

        Args:
            shapes: by the names of the buffers.

        Raises:
            ValueError: they fit no ensemble, or are too large.
        """
        if set(shapes) != set(self.KEPT) or any(len(shape) != 1 + (name == "table") for name, shape in shapes.items()):
            raise ValueError(f"trees are kept as feature, threshold, leaf and table (of two dimensions); got {shapes}")
        (nodes,), (inner,), (leaves,) = (shapes[name] for name in ("feature", "threshold", "leaf"))
        rows, width = shapes["table"]
        if not (0 < nodes <= MOST_NODES and nodes > 2 * inner and leaves == nodes - inner and 0 < rows <= MOST_ROWS):
            raise ValueError(
                f"trees have up to {MOST_NODES:,} nodes, each either inner or a leaf, and up to {MOST_ROWS:,} rows; "
                f"got {nodes:,} nodes, {inner:,} inner ones, {leaves:,} leaves and {rows:,} rows"
            )
        if width != self.width:
            raise ValueError(f"a leaf of {self.kind} gives {self.width} numbers; got {width}")
        for name, shape in shapes.items():
            setattr(self, name, torch.empty(shape, dtype=getattr(self, name).dtype, device=getattr(self, name).device))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        own = {name: state_dict[prefix + name] for name in self.KEPT if prefix + name in state_dict}
        if len(own) == len(self.KEPT):
            self.resize({name: tuple(tensor.shape) for name, tensor in own.items()})
        super()._load_from_state_dict(state_dict, prefix, *args)
        if len(own) == len(self.KEPT) and self.feature.device.type != "meta":
            self._prepare()

    def _prepare(self) -> None:
        """Check every value, and lay out what `forward` reads: for each node what to ask and where to go."""
        device = self.feature.device
        feature, threshold = self.feature.cpu().numpy(), self.threshold.cpu().numpy()
        leaf, table = self.leaf.cpu().numpy(), self.table.cpu().numpy()
        is_inner = feature >= 0
        number = np.cumsum(is_inner) - 1
        nodes = np.arange(len(feature))
        trees = self.n_trees
        left = np.where(is_inner, trees + 2 * number, nodes)
        most = MOST_SCORE if self.kind == "scores" else 1.0
        for holds, told in (
            (
                feature.min() >= -1 and feature.max() < self.n_features,
                f"features from 0 to {self.n_features - 1}, -1 at leaves",
            ),
            (int(is_inner.sum()) == len(threshold), "as many thresholds as inner nodes"),
            (not is_inner.any() or bool((left > nodes)[is_inner].all()), "children after their parents"),
            (leaf.min() >= 0 and leaf.max() < len(table), f"leaves that name rows from 0 to {len(table) - 1}"),
            (bool(np.isfinite(threshold).all()), "thresholds that are finite"),
            (bool((np.abs(table) <= most).all()), f"leaf values of at most {most:g}"),
            (self.kind == "scores" or table.min() >= 0, "shares that are not negative"),
            (self.kind == "shares" or trees % self.n_classes == 0, "as many trees for each class"),
        ):
            if not holds:
                raise ValueError(f"trees need {told}")
        depth, first, after = 0, 0, trees
        while inner := int(is_inner[first:after].sum()):
            depth, first, after = depth + 1, after, after + 2 * inner
        if depth > MOST_DEPTH:
            raise ValueError(f"trees have at most {MOST_DEPTH} levels; got {depth}")
        self.depth = depth
        limit = np.full(len(feature), np.inf, np.float32)
        limit[is_inner] = threshold
        row = np.zeros(len(feature), np.int64)
        row[~is_inner] = leaf
        self._asked = torch.from_numpy(np.where(is_inner, feature, 0).astype(np.int32)).to(device)
        self._limit = torch.from_numpy(limit).to(device)
        self._next = torch.from_numpy(left.astype(np.int32)).to(device)
        self._row = torch.from_numpy(row).to(device)


def _in_levels(trees: Sequence[Tree], width: int) -> dict[str, NDArray[Any]]:
    """Return the arrays that an ensemble keeps; empty ones without trees."""
    if not trees:
        whole, real = np.zeros(0, np.int16), np.zeros(0, np.float32)
        return {"feature": whole, "threshold": real, "leaf": whole.copy(), "table": real.reshape(0, width)}
    start = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    if start[-1] > MOST_NODES:
        raise ValueError(f"trees have at most {MOST_NODES:,} nodes; got {start[-1]:,}")
    feature, threshold, value = (
        np.concatenate([getattr(tree, name) for tree in trees]) for name in ("feature", "threshold", "value")
    )
    below = np.concatenate(
        [np.stack([tree.left, tree.right], 1) + first for tree, first in zip(trees, start[:-1], strict=True)]
    )
    level, levels = start[:-1], []
    while len(level):
        levels.append(level)
        level = below[level[feature[level] >= 0]].reshape(-1)
        if len(levels) > MOST_DEPTH + 1:
            raise ValueError(f"trees have at most {MOST_DEPTH} levels")
    order = np.concatenate(levels)
    inner = feature[order] >= 0
    leaf, table = _coded(value[order[~inner]].astype(np.float32))
    return {
        "feature": np.where(inner, feature[order], -1).astype(np.int16),
        "threshold": rounded_down(threshold[order[inner]]),
        "leaf": leaf,
        "table": table,
    }


def rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each float64: a float32 x is at most one where it is the other.

    >>> rounded_down(np.array([0.1, 0.5])) <= np.array([0.1, 0.5])
    array([ True,  True])
    """
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and then the largest number
        near = values.astype(np.float32)
    return np.where(near.astype(np.float64) > values, np.nextafter(near, np.float32(-np.inf)), near)


def _coded(values: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Return for each row its number in a table of different rows, and the table; too many rows are rounded."""
    table, code = np.unique(values, axis=0, return_inverse=True)
    low, span, steps = values.min(), max(float(np.ptp(values)), 1e-30), MOST_ROWS - 1
    while len(table) > MOST_ROWS:
        table, code = np.unique(np.round((values - low) * (steps / span)), axis=0, return_inverse=True)
        table = table * np.float32(span / steps) + low
        steps //= 2
    return code.reshape(-1).astype(np.int16), np.ascontiguousarray(table, dtype=np.float32)
