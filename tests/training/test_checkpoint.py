"""Checkpoints: whole or not there, never another job's, never pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from otolith.errors import CheckpointError, StorageError
from otolith.training.checkpoint import KEEP, Checkpoint, CheckpointFolder, digest

IDENTITY = {"recipe": "abc", "dataset": "toy", "seed": 3, "stage": "pretrain"}


def checkpoint(epoch: int) -> Checkpoint:
    tensors = {
        "weight": torch.full((2, 3), float(epoch)),
        "steps": torch.tensor(epoch),
        "t": torch.arange(6.0).view(2, 3).T,
    }
    return Checkpoint(epoch, tensors, {"records": [{"epoch": e + 1, "loss": 0.1 * e} for e in range(epoch)]})


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    """With three epochs saved, of which it keeps the last two."""
    it = CheckpointFolder(tmp_path / "pretrain", IDENTITY)
    for epoch in (1, 2, 3):
        it.save(checkpoint(epoch))
    return it


def test_the_newest_comes_back_as_it_was(folder: CheckpointFolder) -> None:
    found, damaged = folder.latest()
    assert found is not None
    assert damaged == []
    assert found.epoch == 3
    assert found.state == checkpoint(3).state
    assert found.tensors.keys() == checkpoint(3).tensors.keys()
    for name, tensor in checkpoint(3).tensors.items():
        assert torch.equal(found.tensors[name], tensor)
        assert found.tensors[name].dtype == tensor.dtype


def test_only_the_last_ones_are_kept_as_safetensors_and_json(folder: CheckpointFolder) -> None:
    assert KEEP == 2
    files = sorted(str(path.relative_to(folder.folder)) for path in folder.folder.rglob("*") if path.is_file())
    assert files == [f"epoch-0000{epoch}/{name}" for epoch in (2, 3) for name in ("state.json", "tensors.safetensors")]
    json.loads((folder.folder / "epoch-00003" / "state.json").read_text())


def test_no_folder_is_no_checkpoint(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path / "none", IDENTITY).latest() == (None, [])


def _truncate(name: str, keep: float) -> Callable[[Path], None]:
    def damage(entry: Path) -> None:
        blob = (entry / name).read_bytes()
        (entry / name).write_bytes(blob[: int(keep * len(blob))])

    return damage


def _flip(entry: Path) -> None:
    blob = bytearray((entry / "tensors.safetensors").read_bytes())
    blob[-3] ^= 1
    (entry / "tensors.safetensors").write_bytes(bytes(blob))


def _rewrite(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A state.json that was changed by somebody who computes its checksum anew."""

    def damage(entry: Path) -> None:
        card = json.loads((entry / "state.json").read_text())
        change(card)
        card["card_sha256"] = digest(card)
        (entry / "state.json").write_text(json.dumps(card))

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "tensors cut short": _truncate("tensors.safetensors", 0.5),
    "tensors empty": _truncate("tensors.safetensors", 0),
    "one bit flipped": _flip,
    "tensors missing": lambda entry: (entry / "tensors.safetensors").unlink(),
    "state cut short": _truncate("state.json", 0.7),
    "state empty": _truncate("state.json", 0),
    "state missing": lambda entry: (entry / "state.json").unlink(),
    "state of another kind": lambda entry: (entry / "state.json").write_text("[1, 2]") and None,
    "state without its parts": lambda entry: (entry / "state.json").write_text("{}") and None,
    "state of more epochs": _rewrite(lambda card: card["state"]["records"].append({"loss": 1.0})),
    "a loss that is no number": _rewrite(lambda card: card["state"]["records"][0].update(loss={})),
    "state not text": lambda entry: (entry / "state.json").write_bytes(b"\xff\xfe\x00") and None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_is_named_and_the_one_before_is_used(folder: CheckpointFolder, damage: str) -> None:
    DAMAGES[damage](folder.folder / "epoch-00003")
    found, damaged = folder.latest()
    assert found is not None
    assert found.epoch == 2
    assert torch.equal(found.tensors["weight"], torch.full((2, 3), 2.0))
    assert len(damaged) == 1
    assert "epoch-00003 is damaged" in damaged[0]
    assert "using the one before it" in damaged[0]


def test_training_goes_on_over_the_damaged_one(folder: CheckpointFolder) -> None:
    _flip(folder.folder / "epoch-00003")
    folder.save(checkpoint(3))
    found, damaged = folder.latest()
    assert found is not None
    assert (found.epoch, damaged) == (3, [])


def test_all_damaged_starts_again_and_says_so(folder: CheckpointFolder) -> None:
    for entry in folder.folder.iterdir():
        _flip(entry)
    found, damaged = folder.latest()
    assert found is None
    assert [Path(line.split()[1]).name for line in damaged] == ["epoch-00003", "epoch-00002"]
    assert "starting this stage again" in damaged[1]


@pytest.mark.parametrize(("key", "value"), [("seed", 4), ("dataset", "other"), ("new", "x")])
def test_another_job_s_checkpoint_is_refused_by_what_differs(folder: CheckpointFolder, key: str, value: object) -> None:
    other = CheckpointFolder(folder.folder, IDENTITY | {key: value})
    with pytest.raises(CheckpointError) as caught:
        other.latest()
    text = str(caught.value)
    assert f"it has {key} {IDENTITY.get(key)!r}; this run has {key} {value!r}" in text
    assert not any(f"{same} {IDENTITY[same]!r}" in text for same in IDENTITY.keys() - {key})
    assert "--out" in text


def test_another_format_is_refused_by_its_number(folder: CheckpointFolder) -> None:
    path = folder.folder / "epoch-00003" / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(CheckpointError, match=r"format 99; this version of otolith reads format 3.*or remove "):
        folder.latest()


def test_another_format_is_refused_whatever_else_it_holds(folder: CheckpointFolder) -> None:
    (folder.folder / "epoch-00003" / "state.json").write_text('{"format": 1}')
    with pytest.raises(CheckpointError, match=r"Finish the run with the version that began it, or remove .* to begin"):
        folder.latest()


def test_a_link_in_place_of_a_checkpoint_is_not_followed(folder: CheckpointFolder, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("keep")
    (folder.folder / "epoch-00004").symlink_to(tmp_path / "mine", target_is_directory=True)
    with pytest.raises(CheckpointError, match="epoch-00004 is a link"):
        folder.save(checkpoint(4))
    assert (tmp_path / "mine" / "letter").read_text() == "keep"


def test_a_left_over_partial_folder_is_harmless(folder: CheckpointFolder) -> None:
    for name in (".partial-1", ".partial-99999"):
        (folder.folder / name).mkdir()
        (folder.folder / name / "state.json").write_text("{")
    found, damaged = folder.latest()
    assert found is not None
    assert (found.epoch, damaged) == (3, [])
    folder.save(checkpoint(4))
    assert folder.latest()[0].epoch == 4  # type: ignore[union-attr]
    assert not list(folder.folder.glob(".*.partial-*"))


def test_all_damaged_ones_give_way_to_the_first_new_one(folder: CheckpointFolder) -> None:
    """They have higher numbers than it, and must not push it out."""
    for entry in folder.folder.iterdir():
        _flip(entry)
    folder.save(checkpoint(1))
    found, damaged = folder.latest()
    assert found is not None
    assert (found.epoch, damaged) == (1, [])


def test_a_figure_changed_in_its_state_is_damage(folder: CheckpointFolder) -> None:
    path = folder.folder / "epoch-00003" / "state.json"
    path.write_text(path.read_text().replace('"loss": 0.2', '"loss": 0.3'))
    found, (line,) = folder.latest()
    assert found is not None
    assert found.epoch == 2
    assert "checksum of its state.json" in line


@pytest.mark.parametrize("stage", ["tensors.safetensors", "state.json", "rename"])
def test_a_save_that_fails_leaves_the_earlier_ones(
    folder: CheckpointFolder, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at any moment of the write; the target name never holds half a checkpoint."""
    if stage == "rename":
        monkeypatch.setattr(os, "rename", _no_space)
    else:
        opened = Path.open

        def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
            if path.name == stage and "w" in str((args, kwargs)):
                _no_space()
            return opened(path, *args, **kwargs)

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StorageError, match=r"epoch-00004 cannot be written \(No space.* free some space"):
        folder.save(checkpoint(4))
    monkeypatch.undo()
    found, damaged = folder.latest()
    assert found is not None
    assert (found.epoch, damaged) == (3, [])
    assert not list(folder.folder.glob(".*.partial-*"))  # the room it took is free again


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")
