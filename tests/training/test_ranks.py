"""Two processes that train together against one with the joint batch, in float64."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from otolith import methods
from otolith.errors import TrainingError
from otolith.preprocessing.scaler import Scaler
from otolith.training.checkpoint import Checkpoint, CheckpointFolder
from otolith.training.loop import train
from otolith.training.pretext import Method
from otolith.training.ranks import ALONE, JointBatchNorm1d, Ranks, joined, joint_statistics
from otolith.training.settings import TrainSettings
from otolith.training.window_source import Part, Source
from tests.helpers import joint, tiny

WITHIN = 1e-9


def together(folder: Path, *arguments: str) -> None:
    """Run `tests.helpers.joint` as two processes to their end."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", joint.__name__, str(folder), str(rank), "2", *arguments],
            cwd=Path(joint.__file__).parents[2],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    for process in running:
        said, _ = process.communicate(timeout=400)
        assert process.returncode == 0, said


@pytest.fixture(scope="module")
def by_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    together(folder)
    return folder


@pytest.mark.parametrize("name", joint.NAMES)
def test_two_processes_do_what_one_does_with_the_joint_batch(name: str, by_two: Path) -> None:
    grads, records, state = joint.trained(name)
    for rank in range(2):
        theirs = load_file(by_two / f"{name}-{rank}-grads.safetensors")
        assert theirs.keys() == grads.keys()
        for key, value in grads.items():
            torch.testing.assert_close(theirs[key], value, rtol=WITHIN, atol=WITHIN, msg=key)
        found = load_file(by_two / f"{name}-{rank}-state.safetensors")
        assert found.keys() == state.keys()
        for key, value in state.items():
            if not (key.endswith("bias") and float(grads.get(key, torch.ones(1)).abs().max()) < 1e-12):
                torch.testing.assert_close(found[key], value, rtol=WITHIN, atol=WITHIN, msg=key)
        epochs = json.loads((by_two / f"{name}-{rank}.json").read_text())
        assert [epoch["loss"] for epoch in epochs] == pytest.approx([r["loss"] for r in records], rel=WITHIN)


def test_half_the_batch_alone_would_give_another_gradient() -> None:
    """What the test above would miss if negatives did not come from the other rank."""
    whole, _, _ = joint.trained("dynamic", epochs=1)
    half, _, _ = joint.trained("dynamic", Halved(), epochs=1)
    apart = [(half[key] - value).norm() / value.norm() for key, value in whole.items() if "weight" in key]
    assert max(apart) > 1e-3


class Halved(Ranks):
    """One process that takes the first half of each batch."""

    def rows(self, n: int) -> slice:
        return slice(0, n // 2)


def test_every_method_is_among_them() -> None:
    assert {"dynamic", "multimodal", "cpc", "vicreg", "byol", "autoencoder"} <= set(joint.NAMES)
    assert len(joint.METHODS) == sum(methods.spec(name).build is not None for name in methods.names())


def test_joint_statistics_of_one_are_its_own_and_leave_the_module_as_it_was() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU())
    with joint_statistics(module, ALONE):
        assert type(module[1]) is nn.BatchNorm1d
    norm, x = module[1], torch.randn(6, 4, 5, dtype=torch.float64)
    assert isinstance(norm, nn.BatchNorm1d)
    norm.double()
    twin = nn.BatchNorm1d(4).double()
    joint_norm = JointBatchNorm1d(twin, ALONE)
    for _ in range(3):
        torch.testing.assert_close(joint_norm(x), norm(x), rtol=1e-12, atol=1e-12)
        x = x * 1.3 + 0.1
    assert twin.state_dict().keys() == norm.state_dict().keys()
    for key, value in norm.state_dict().items():
        torch.testing.assert_close(twin.state_dict()[key], value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(joint_norm.eval()(x), norm.eval()(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [3, 16])
def test_a_batch_that_cannot_be_shared_is_refused(size: int) -> None:
    w = tiny.windows()
    source = Source([Part(w.x)], Scaler.fit(w.x), torch.device("cpu"))
    with pytest.raises(TrainingError, match=f"batch of 16 windows cannot be shared between {size}"):
        train(Method(), source, TrainSettings(epochs=1, batch_size=16, lr=1e-3), 0, ranks=Ranks(0, size))


def test_a_checkpoint_of_another_number_of_ranks_is_gone_on_from(tmp_path: Path) -> None:
    joint.trained("csshar", checkpoints=tmp_path, epochs=1)
    folder = CheckpointFolder(tmp_path, {"method": "csshar"})
    found, _ = folder.latest()
    assert found is not None
    assert "random.dropout.0" in found.tensors
    more = {**found.tensors, "random.dropout.1": found.tensors["random.dropout.0"].clone()}
    folder.save(Checkpoint(1, more, found.state))
    _, records, _ = joint.trained("csshar", checkpoints=tmp_path)
    assert [record["epoch"] for record in records] == [1, 2]


def test_two_ranks_that_were_stopped_end_bit_identical(by_two: Path) -> None:
    """With dropout, whose random state each rank finds again in the first one's checkpoint."""
    plain = joint.trained("csshar")[2]
    for rank in range(2):
        whole, resumed = (load_file(by_two / f"{kind}-{rank}.safetensors") for kind in ("whole", "resumed"))
        assert whole.keys() == resumed.keys() == plain.keys()
        for key, value in whole.items():
            assert torch.equal(resumed[key], value), key
    assert any(not torch.allclose(whole[key], plain[key]) for key in plain)  # dropout was there
    assert (by_two / "checkpoints-resumed-0" / "epoch-00001").is_dir()
    assert not (by_two / "checkpoints-resumed-1").exists()


def test_without_torchrun_there_is_one() -> None:
    with joined() as ranks:
        assert ranks is ALONE
        assert ranks.broadcast(b"word") == b"word"
        assert ranks.rows(10) == slice(0, 10)
