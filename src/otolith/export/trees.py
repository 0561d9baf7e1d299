"""Trees in an ONNX file: an operator of the standard's machine learning part, which no PyTorch function becomes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otolith.nets import TreeEnsemble

DOMAIN, OPERATOR, VERSION = "ai.onnx.ml", "TreeEnsembleRegressor", 3
_NUMBER = "number"
"""Attribute by which a node of the exported graph says which of the ensembles it stands for, until it is filled."""


class _Symbol(nn.Module):
    """An ensemble as one operator without trees: all that tracing needs to know of it."""

    def __init__(self, trees: TreeEnsemble, number: int) -> None:
        super().__init__()
        self.trees, self.number = trees, number

    def forward(self, x: Tensor) -> Tensor:
        values = torch.onnx.ops.symbolic(
            f"{DOMAIN}::{OPERATOR}",
            (x,),
            {_NUMBER: self.number},
            dtype=torch.float32,
            shape=(x.shape[0], self.trees.n_classes),
            version=VERSION,
        )
        return self.trees.logits(values)


def has_trees(network: nn.Module) -> bool:
    """Return whether a network holds an ensemble of trees."""
    return any(isinstance(module, TreeEnsemble) for module in network.modules())


@contextlib.contextmanager
def as_operators(network: nn.Module) -> Iterator[list[TreeEnsemble]]:
    """Let each ensemble of a network be traced as one operator, and give the list of them, for `fill`."""
    found: list[TreeEnsemble] = []
    places: list[tuple[nn.Module, str]] = []
    for parent in network.modules():
        for name, module in parent.named_children():
            if isinstance(module, TreeEnsemble):
                places.append((parent, name))
                found.append(module)
    try:
        for number, (parent, name) in enumerate(places):
            setattr(parent, name, _Symbol(found[number], number))
        yield found
    finally:
        for number, (parent, name) in enumerate(places):
            setattr(parent, name, found[number])


def fill(proto: Any, ensembles: Sequence[TreeEnsemble]) -> None:
    """Give the operators of an exported model (an `onnx.ModelProto`) the nodes of their ensembles."""
    from onnx import helper

    for node in proto.graph.node:
        if node.domain == DOMAIN and node.op_type == OPERATOR:
            (number,) = (each.i for each in node.attribute if each.name == _NUMBER)
            del node.attribute[:]
            attributes = attributes_of(ensembles[number])
            node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())


def attributes_of(trees: TreeEnsemble) -> dict[str, Any]:
    """Return the attributes of the operator `TreeEnsembleRegressor` with the nodes of an ensemble, tree by tree.

    >>> from otolith.nets import Tree
    >>> arrays = [0, -1, -1], [0.5, 0, 0], [1, 0, 0], [2, 0, 0], [[0, 0], [1, 0], [0.25, 0.75]]
    >>> found = attributes_of(TreeEnsemble(1, 2, "shares", [Tree(*map(np.array, arrays))]))
    >>> found["nodes_modes"], found["target_ids"]
    (['BRANCH_LEQ', 'LEAF', 'LEAF'], [0, 0, 1])
    """
    feature = trees.feature.cpu().numpy().astype(np.int64)
    inner = feature >= 0
    first = trees.n_trees + 2 * (np.cumsum(inner) - 1)  # the number of the child on the left, where there is one
    tree = np.arange(len(feature))
    at, after = 0, trees.n_trees
    while len(parents := at + np.flatnonzero(inner[at:after])):  # level by level, as the nodes lie
        tree[after : after + 2 * len(parents)] = np.repeat(tree[parents], 2)
        at, after = after, after + 2 * len(parents)
    order = np.argsort(tree, kind="stable")
    start = np.searchsorted(tree[order], np.arange(trees.n_trees))
    own = np.empty(len(feature), np.int64)  # number of a node within its tree
    own[order] = np.arange(len(feature)) - start[tree[order]]
    limit = np.zeros(len(feature), np.float32)
    limit[inner] = trees.threshold.cpu().numpy()
    children = np.where(inner, first, 0)
    value = trees.table.cpu().numpy()[trees.leaf.cpu().numpy()]  # (leaves, width)
    leaves = np.flatnonzero(~inner)
    leaves_by_tree = np.argsort(tree[leaves], kind="stable")
    leaves, value = leaves[leaves_by_tree], value[leaves_by_tree]
    if trees.kind == "shares":
        rows, targets = np.nonzero(value)
        weights = value[rows, targets]
    else:
        rows, targets, weights = np.arange(len(leaves)), tree[leaves] % trees.n_classes, value[:, 0]
    return {
        "aggregate_function": "AVERAGE" if trees.kind == "shares" else "SUM",
        "n_targets": trees.n_classes,
        "post_transform": "NONE",
        "nodes_treeids": tree[order].tolist(),
        "nodes_nodeids": own[order].tolist(),
        "nodes_featureids": np.maximum(feature, 0)[order].tolist(),
        "nodes_modes": np.where(inner, "BRANCH_LEQ", "LEAF")[order].tolist(),
        "nodes_values": limit[order].tolist(),
        "nodes_truenodeids": np.where(inner, own[children], 0)[order].tolist(),
        "nodes_falsenodeids": np.where(inner, own[np.minimum(children + 1, len(own) - 1)], 0)[order].tolist(),
        "target_treeids": tree[leaves][rows].tolist(),
        "target_nodeids": own[leaves][rows].tolist(),
        "target_ids": targets.tolist(),
        "target_weights": weights.tolist(),
    }
