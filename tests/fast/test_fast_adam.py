"""Updates are those of PyTorch's own optimisers, and its compiler stays away."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from otolith.fast import adam


def trained(kind: Any, **options: Any) -> tuple[list[torch.Tensor], dict[str, Any]]:
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, 3)
    optimizer = kind([{"params": [layer.weight], "weight_decay": 0.1}, {"params": [layer.bias]}], lr=0.01, **options)
    for step in range(6):
        layer(torch.randn(4, 5)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step == 2:  # goes on from its state
            state = optimizer.state_dict()
            optimizer = kind([{"params": [layer.weight]}, {"params": [layer.bias]}], lr=0.5, **options)
            optimizer.load_state_dict(state)
    return [parameter.detach() for parameter in layer.parameters()], optimizer.state_dict()


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("options", [{"fused": True}, {"foreach": True}, {}])
def test_updates_are_those_of_pytorch(name: str, options: dict[str, Any]) -> None:
    ours, theirs = (trained(getattr(where, name), **options) for where in (adam, torch.optim))
    for one, other in zip(ours[0], theirs[0], strict=True):
        assert torch.equal(one, other)
    assert ours[1]["param_groups"] == theirs[1]["param_groups"]
    for number, state in theirs[1]["state"].items():
        assert all(torch.equal(ours[1]["state"][number][key], value) for key, value in state.items())


def test_training_does_not_wait_for_the_compiler() -> None:
    code = (
        "import sys, torch; from otolith.training.optim import Optimizer, adam_state, load_adam_state\n"
        "line = torch.nn.Linear(1, 1); optimizer = Optimizer(line, 'adamw', lr=0.1)\n"
        "line(torch.ones(1, 1)).sum().backward(); optimizer.step(0.1)\n"
        "load_adam_state(optimizer.adam, adam_state(optimizer.adam)); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
