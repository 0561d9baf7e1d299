"""What commands say when the folder is in use, the disk is full, or memory is short: a sentence, and nothing spoilt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from otolith.methods.autoencoder import DenoisingAutoencoder
from otolith.system import claims, memory
from otolith.training.pretext import Batch
from tests.helpers.commandline import SET, call, refused


def commands(moves: Path, out: Path) -> dict[str, list[object]]:
    sizes = [*SET, "--method", "csshar", "--out", out]
    return {
        "run": ["run", moves, *sizes],
        "pretrain": ["pretrain", moves, *sizes],
        "compare": ["compare", "representation", "--dataset", moves, *sizes],
    }


@pytest.mark.parametrize("name", ["run", "pretrain", "compare"])
def test_a_folder_in_use_is_refused_and_left_alone(name: str, moves: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("out-checkpoints" if name == "pretrain" else "out")
    with claims.hold(folder):
        message = refused(*commands(moves, tmp_path / "out")[name])
        assert f"{folder} is in use by process {os.getpid()} on " in message
        assert [path.name for path in folder.iterdir()] == [claims.LOCK]


@pytest.mark.parametrize("name", ["run", "pretrain", "compare"])
def test_too_little_memory_is_refused_before_anything_is_written(
    name: str, moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 10_000)
    command = commands(moves, tmp_path / "out")[name]
    message = refused(*command)
    assert "0.00 GB are free" in message
    assert "--ignore-memory" in message
    assert list(tmp_path.iterdir()) == []
    if name == "pretrain":
        assert call(*command, "--ignore-memory").code == 0
        assert (tmp_path / "out" / "card.json").exists()


def test_a_full_disk_names_the_file_and_the_run_goes_on_when_there_is_room(
    moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otolith.protocols.cells.arrays.MIN_POINTS", 10**9)  # pictures are not what this is about
    out = tmp_path / "out"
    tokens = ["run", moves, *SET, "--set", "pretrain.epochs=3", "--method", "csshar", "--out", out]
    states: list[Path] = []
    write_text = Path.write_text

    def full(path: Path, text: str, *args: Any) -> int:
        states.extend([path] if path.name == "state.json" else [])
        if len(states) == 2:
            write_text(path, text[: len(text) // 2], *args)
            raise OSError(28, "No space left on device")
        return write_text(path, text, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        message = refused(*tokens)
    assert f"{out / 'checkpoints' / 'pretrain' / 'epoch-00002'} cannot be written (No space left on device" in message
    assert "--resume" in message
    assert [path.name for path in (out / "checkpoints" / "pretrain").iterdir()] == ["epoch-00001"]
    assert not (out / claims.LOCK).exists()
    assert call(*tokens, "--resume").code == 0
    assert call(*tokens[:-1], tmp_path / "whole").code == 0
    weights = [folder / "model" / "weights.safetensors" for folder in (out, tmp_path / "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_disk_that_fails_where_nobody_looked_is_a_sentence_too(
    moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "somewhere"))

    monkeypatch.setattr("otolith.jobs.prepared.prepare", full)
    message = refused("run", moves, *SET, "--out", tmp_path / "out")
    assert f"{tmp_path / 'somewhere'} cannot be written (No space left on device" in message


def test_a_pretraining_killed_after_its_last_file_is_finished(moves: Path, tmp_path: Path) -> None:
    command = commands(moves, tmp_path / "out")["pretrain"]
    assert call(*command).code == 0
    weights = (tmp_path / "out" / "weights.safetensors").read_bytes()
    (tmp_path / "out-checkpoints" / "pretrain").mkdir(parents=True)
    ended = call(*command, "--resume")
    assert ended.code == 0, ended.err
    assert str(tmp_path / "out") in ended.out
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    for other in (["--seed", "3"], ["--set", "pretrain.lr=2e-3"]):
        assert "exists already" in refused(*command, *other, "--resume")
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() == weights


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that has no room for more than 20 windows of the autoencoder."""
    loss = DenoisingAutoencoder.loss

    def limited(self: DenoisingAutoencoder, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        if len(batch.x) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss(self, batch, generator)

    monkeypatch.setattr(DenoisingAutoencoder, "loss", limited)
    monkeypatch.setattr("otolith.training.failures.release", lambda device: None)  # takes longer than the training


@pytest.mark.usefixtures("narrow")
def test_a_batch_that_does_not_fit_stops_with_the_one_that_does(moves: Path, tmp_path: Path) -> None:
    command = ["pretrain", moves, *SET, "--method", "autoencoder", "--out", tmp_path / "out"]
    assert "A batch of 16 fits: set batch_size = 16" in " ".join(refused(*command).split())
    assert list(tmp_path.iterdir()) == []
