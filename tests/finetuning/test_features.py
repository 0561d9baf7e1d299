"""Features of a frozen network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from otolith.errors import DataError
from otolith.finetuning import features
from otolith.finetuning.features import encode
from otolith.preprocessing.scaler import Scaler
from otolith.training.window_source import Part, Source


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


def test_large_features_live_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, windows = network(), source(50)
    in_memory = encode(net, windows, folder=tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(features, "RESIDENT_BYTES", 50 * 4)
    mapped = encode(net, windows, folder=tmp_path, batch_size=7)
    assert [path.name for path in tmp_path.iterdir()] == ["features.npy"]
    torch.testing.assert_close(mapped, in_memory)
    np.testing.assert_array_equal(np.load(tmp_path / "features.npy"), mapped.numpy())


def test_a_full_disk_is_said_before_features_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(features, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(features.os, "posix_fallocate", full, raising=False)
    with pytest.raises(DataError, match=r"do not fit into .* Free some space there"):
        encode(network(), source(5), folder=tmp_path)
