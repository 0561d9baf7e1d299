"""Trees as ONNX's own operator: onnxruntime gives the answers of PyTorch, on thresholds too."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from otolith.export.graph import quiet
from otolith.export.trees import DOMAIN, VERSION, as_operators, attributes_of, fill
from otolith.finetuning.heads import Labelled
from otolith.finetuning.settings import TreeSettings
from otolith.finetuning.trees import fit_trees
from otolith.nets import TreeEnsemble

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")


def fitted(model: Any, n_classes: int = 3) -> tuple[TreeEnsemble, torch.Tensor]:
    """Some trees, and windows of which many lie exactly on a threshold."""
    rng = np.random.default_rng(0)
    y = np.arange(90) % n_classes
    x = (rng.standard_normal((90, 5)) + y[:, None] * [1.0, -1.0, 0.5, 0.0, 0.0]).astype(np.float32)
    settings = TreeSettings(model=model, trees=6)
    head = fit_trees(Labelled(torch.from_numpy(x), torch.from_numpy(y)), settings, 0, n_classes)
    asked = head.feature[head.feature >= 0].long()
    exact = torch.from_numpy(np.resize(x, (len(asked), 5)).copy())
    exact[torch.arange(len(asked)), asked] = head.threshold
    return head, torch.cat([torch.from_numpy(x), exact])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", ["extra-trees", "forest", "boosting"])
def test_the_operator_has_the_nodes_of_the_ensemble(model: Any, n_classes: int) -> None:
    head, x = fitted(model, n_classes)
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain=DOMAIN, **attributes_of(head))
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("x", real, [None, 5])],
        [helper.make_tensor_value_info("y", real, [None, n_classes])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid(DOMAIN, VERSION)])
    onnx.checker.check_model(made)
    found = ort.InferenceSession(made.SerializeToString()).run(None, {"x": x.numpy()})[0]
    np.testing.assert_allclose(found, head.mean_or_sum(x), atol=1e-6)


def test_ensembles_are_operators_while_a_network_is_traced_and_themselves_again_afterwards() -> None:
    head, x = fitted("forest")
    network = nn.Sequential(nn.Identity(), nn.Sequential(head))
    with contextlib.suppress(KeyError), as_operators(network) as found:
        assert found == [head]
        assert network[1][0] is not head
        raise KeyError
    assert network[1][0] is head
    assert torch.equal(network(x), head(x))


def test_two_ensembles_in_one_graph_are_not_mixed_up() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = fitted("extra-trees")[0], fitted("boosting")[0]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.one(x), self.other(x)], 1)

    network, x = Both().eval(), fitted("forest")[1]
    with as_operators(network) as ensembles, torch.no_grad(), quiet("torch.onnx"):
        program = torch.onnx.export(
            network, (x[:2],), dynamo=True, input_names=["x"], dynamic_shapes={"x": {0: torch.export.Dim("n")}}
        )
    assert program is not None
    proto = program.model_proto
    fill(proto, ensembles)
    found = ort.InferenceSession(proto.SerializeToString()).run(None, {"x": x.numpy()})[0]
    np.testing.assert_allclose(found, network(x), atol=1e-5)
