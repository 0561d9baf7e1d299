"""Checkpoints: tensors in safetensors, everything else in JSON, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from otolith.errors import CheckpointError
from otolith.system.files import whole_folder
from otolith.system.reading import MOST_TEXT, read_bytes
from otolith.system.strict import json_value
from otolith.training.ranks import ALONE, Ranks

FORMAT = 3
KEEP = 2
"""Checkpoints kept for each stage: the newest, and one before it should the newest be damaged."""


@dataclass(frozen=True)
class Checkpoint:
    """State of a training after `epoch` epochs: tensors by name, and everything else as JSON values."""

    epoch: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


class CheckpointFolder:
    """Checkpoints of one stage of training.

    Args:
        folder: where they are, or will be.
        identity: what is being trained (recipe, data, seed, stage); a checkpoint of another identity is refused, never
            loaded by mistake.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.identity = identity

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint beside the others, put it in place with one rename, drop the oldest.

        Raises:
            StorageError: it cannot be written; those before it are as they were.
            CheckpointError: there is a link in its place.
        """
        target = self.folder / f"epoch-{checkpoint.epoch:05d}"
        blob = save_tensors({name: t.detach().contiguous().cpu() for name, t in checkpoint.tensors.items()})
        card = {
            "format": FORMAT,
            "epoch": checkpoint.epoch,
            "identity": self.identity,
            "sha256": hashlib.sha256(blob).hexdigest(),
            "state": checkpoint.state,
        }
        card["card_sha256"] = digest(card)
        if target.is_symlink():  # in a stranger's folder it may lead to one of the user's
            raise CheckpointError(f"{target} is a link, which no checkpoint is; remove it")
        with suppress(OSError):  # the writer says what is wrong
            self.folder.mkdir(exist_ok=True)
        with whole_folder(target, replace=True) as place:
            (place / "tensors.safetensors").write_bytes(blob)
            (place / "state.json").write_text(json.dumps(card, indent=1, allow_nan=False), "utf-8")
        entries = self._entries()
        newest = entries.index(target)  # those after it were passed over as damaged
        for old in (*entries[newest + 1 :], *entries[: max(newest + 1 - KEEP, 0)]):
            shutil.rmtree(old, ignore_errors=True)

    def latest(self, ranks: Ranks = ALONE) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest whole checkpoint, or None, and a line for each damaged one that was passed over.

        The first of several ranks reads it and tells the others, who may have no such file.

        Raises:
            CheckpointError: the checkpoints belong to another recipe, data set, seed or format.
        """
        if ranks.size == 1:
            return self._latest()
        found: Checkpoint | None = None
        damaged: list[str] = []
        refusal = ""
        if ranks.first:
            try:
                found, damaged = self._latest()
            except CheckpointError as error:
                refusal = str(error)
        found, refusal = _unpack(ranks.broadcast(_pack(found, refusal)))
        if refusal:
            raise CheckpointError(refusal)
        return found, damaged

    def _latest(self) -> tuple[Checkpoint | None, list[str]]:
        damaged: list[str] = []
        for number, entry in reversed(list(enumerate(self._entries()))):
            try:
                return self._read(entry), damaged
            except (OSError, ValueError, KeyError, SafetensorError) as error:
                instead = "using the one before it" if number else "starting this stage again"
                damaged.append(f"checkpoint {entry} is damaged ({error}); {instead}")
        return None, damaged

    def _entries(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*")) if self.folder.is_dir() else []

    def _read(self, entry: Path) -> Checkpoint:
        card = json_value(read_bytes(entry / "state.json", MOST_TEXT))
        if isinstance(card, dict) and type(card["format"]) is int and card["format"] != FORMAT:
            raise CheckpointError(
                f"{entry} has checkpoint format {card['format']}; this version of otolith reads format {FORMAT}. "
                f"Finish the run with the version that began it, or remove {self.folder.parent} to begin it again."
            )
        if not isinstance(card, dict) or not isinstance(card["identity"], dict) or type(card["epoch"]) is not int:
            raise ValueError("its state.json does not describe a checkpoint")
        records = card["state"]["records"] if isinstance(card["state"], dict) else None
        if not isinstance(records, list) or not all(map(_is_record, records)) or len(records) != card["epoch"]:
            raise ValueError("its state.json does not hold a record of each epoch")
        if card["card_sha256"] != digest(card):
            raise ValueError("the checksum of its state.json does not match")
        differing = sorted(
            key for key in {*self.identity, *card["identity"]} if self.identity.get(key) != card["identity"].get(key)
        )
        if differing:
            found = ", ".join(f"{key} {card['identity'].get(key)!r}" for key in differing)
            wanted = ", ".join(f"{key} {self.identity.get(key)!r}" for key in differing)
            raise CheckpointError(
                f"{entry} belongs to another job: it has {found}; this run has {wanted}. "
                "Resume with the settings it was begun with, or choose another --out folder."
            )
        blob = read_bytes(entry / "tensors.safetensors")
        if hashlib.sha256(blob).hexdigest() != card["sha256"]:
            raise ValueError("the checksum of its tensors does not match")
        tensors = load_tensors(blob)
        if not all(bool(t.isfinite().all()) for t in tensors.values()):
            raise ValueError("its tensors hold numbers that are not finite")
        return Checkpoint(card["epoch"], tensors, card["state"])


def _is_record(record: Any) -> bool:
    return isinstance(record, dict) and isinstance(record.get("loss", 0.0), int | float)


def _pack(found: Checkpoint | None, refusal: str) -> bytes:
    card: dict[str, Any] = {"refusal": refusal}
    if found is not None:
        card |= {"epoch": found.epoch, "state": found.state}
    head = json.dumps(card).encode()
    return len(head).to_bytes(8, "little") + head + (save_tensors(found.tensors) if found is not None else b"")


def _unpack(blob: bytes) -> tuple[Checkpoint | None, str]:
    size = int.from_bytes(blob[:8], "little")
    card = json.loads(blob[8 : 8 + size])
    found = Checkpoint(card["epoch"], load_tensors(blob[8 + size :]), card["state"]) if "epoch" in card else None
    return found, card["refusal"]


def digest(card: dict[str, Any]) -> str:
    """Return the SHA-256 of all that a state.json holds but this digest."""
    rest = {name: value for name, value in card.items() if name != "card_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
