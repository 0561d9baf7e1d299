"""Networks are built without memory, as a model's are before its weights are read, without PyTorch's compiler: its
import takes longer than all else."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import torch
from otolith import methods
from otolith.model import bundle
from tests.helpers import tiny

assert "torch._dynamo" not in sys.modules
for name in methods.names():
    for kind in ("transformer", "conv"):
        recipe = tiny.recipe() if kind == "transformer" else tiny.recipe(encoder__kind=kind)
        with torch.device("meta"):
            methods.spec(name).encoder(recipe, tiny.meta())
        assert "torch._dynamo" not in sys.modules, f"{name}, {kind}"
for name in ("phone", "encoder"):
    bundle.load_encoder(name, "cpu")
assert "torch._dynamo" not in sys.modules
"""


def test_no_network_needs_the_compiler_to_be_built() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
