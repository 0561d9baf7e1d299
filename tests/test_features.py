"""Features of a frozen network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from otolith.features import encode
from otolith.scaling import Scaler
from otolith.training.source import Part, Source


def source(n: int) -> Source:
    x = np.random.default_rng(0).standard_normal((max(n, 1), 2, 8)).astype(np.float32)
    return Source([Part(x, np.arange(n))], Scaler(np.zeros(2), np.ones(2)), torch.device("cpu"))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.Flatten(), nn.Dropout(0.5))


@pytest.mark.parametrize("training", [True, False])
def test_features_are_those_of_eval_mode_in_order_and_leave_no_trace(training: bool) -> None:
    net, windows = network().train(training), source(7)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = encode(net, windows, batch_size=3)
    assert net.training is training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not found.requires_grad
    assert found.dtype == torch.float32
    with torch.no_grad():
        expected = net.eval()(windows[torch.arange(7)])
    torch.testing.assert_close(found, expected)


def test_no_windows_are_no_features() -> None:
    with pytest.raises(ValueError, match="no windows to encode"):
        encode(network(), source(0))


def test_half_precision_comes_back_as_float32() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).to(torch.bfloat16)

    assert encode(Half(), source(4)).dtype == torch.float32
