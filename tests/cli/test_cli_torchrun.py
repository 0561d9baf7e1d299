"""`torchrun -m otolith pretrain`: several processes, one encoder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.helpers.commandline import SET, call


def torchrun(size: int, *tokens: object) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
    return subprocess.run(
        [*launcher, "-m", "otolith", *map(str, tokens)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def two(*tokens: object) -> list[tuple[int, str]]:
    """Exit code and complaints of two processes that are told what `torchrun` tells, without waiting for its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "otolith", *map(str, tokens)],
            env=os.environ | told | {"TORCHELASTIC_RUN_ID": "two", "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=300)[1] for process in running]
    return [(process.returncode, text) for process, text in zip(running, said, strict=True)]


def test_two_processes_leave_the_encoder_of_one(moves: Path, tmp_path: Path) -> None:
    tokens = ["pretrain", moves, *SET, "pretrain.epochs=2", "encoder.dropout=0.0"]
    assert call(*tokens, "--out", tmp_path / "one").code == 0
    ended = torchrun(2, *tokens, "--out", tmp_path / "two")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Pre-trained") == 1
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for key, value in one.items():
        if not key.endswith("bias"):  # some have a gradient of zero but for rounding, which Adam makes large
            torch.testing.assert_close(two[key], value, rtol=1e-2, atol=1e-3, msg=key)  # sums in another order
    cards = [json.loads((tmp_path / name / "card.json").read_text()) for name in ("one", "two")]
    assert cards[0]["input"] == cards[1]["input"]


def test_what_the_first_refuses_ends_all(moves: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("mine")
    ended = two("pretrain", moves, *SET, "--out", tmp_path / "taken")
    assert all(code != 0 for code, _ in ended)
    assert any("taken" in said for _, said in ended)
    assert (tmp_path / "taken" / "thesis.tex").read_text() == "mine"


def test_checkpoints_of_two_are_gone_on_from_by_one(moves: Path, tmp_path: Path) -> None:
    out = tmp_path / "enc"
    tokens = ["pretrain", moves, "--resume", "--out", out, *SET, "pretrain.batch_size=31"]
    broken = two(*tokens)
    assert all(code != 0 for code, _ in broken)  # after the autoencoder, whose batch two can share
    assert any("cannot be shared between 2" in said for _, said in broken)
    assert list((tmp_path / "enc-checkpoints").glob("autoencoder/epoch-*"))
    ended = call(*tokens)
    assert ended.code == 0, ended.err
