"""Weights of a bundle, `weights.safetensors`, of which nothing is loaded that its card does not call for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from otolith.errors import CheckpointError
from otolith.nets import TreeEnsemble
from otolith.system.reading import check_regular, open_regular

FILE = "weights.safetensors"
PARTS = ("encoder.", "head.", "calibration.")
HEADER_TYPES = {torch.float32: "F32", torch.int64: "I64", torch.int16: "I16"}
"""Types of a network's tensors as safetensors names them."""


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, with every way in which it cannot be read told in a sentence."""
    try:
        with safe_open(check_regular(path), "pt") as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} holds no {FILE}; copy the model folder again") from None
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror or error}; copy the model folder again"
        ) from None
    except SafetensorError as error:
        raise CheckpointError(f"{path} cannot be read: {error}; copy the model folder again") from None


def check(folder: Path, prefix: str, network: nn.Module) -> None:
    """Hold names, shapes and types of the tensors `prefix...` in the header against those of `network`.

    Trees take their sizes from the header, within their bounds.

    Raises:
        CheckpointError: the file cannot be read, or a tensor is missing, extra, or of another shape or type.
    """
    path = folder / FILE
    with _opened(path) as file:
        names = list(file.keys())
        found = {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}
        try:
            grow(network, {name: tuple(file.get_slice(full).get_shape()) for name, full in found.items()})
        except ValueError as error:
            raise CheckpointError(f"{path}: {error}; copy the model folder again") from None
        expected = network.state_dict()
        odd = sorted(prefix + name for name in found.keys() ^ expected.keys())
        odd += sorted(name for name in names if not name.startswith(PARTS))
        if odd:
            raise CheckpointError(f"{path}: tensor {odd[0]} is missing or extra; copy the model folder again")
        for name, full in found.items():
            header = file.get_slice(full)
            came = (tuple(header.get_shape()), header.get_dtype())
            wanted = (tuple(expected[name].shape), HEADER_TYPES[expected[name].dtype])
            if came != wanted:
                raise CheckpointError(
                    f"{path}: tensor {full} has shape {came[0]} and type {came[1]}; the card calls for "
                    f"{wanted[0]} and {wanted[1]}"
                )


def grow(network: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Let the trees in a network take over the sizes of tensors, given by the names that its state has.

    Raises:
        ValueError: sizes that no trees have.
    """
    for name, module in network.named_modules():
        if isinstance(module, TreeEnsemble):
            start = f"{name}." if name else ""
            module.resize({key: shapes[start + key] for key in module.KEPT if start + key in shapes})


def fill(folder: Path, prefix: str, network: nn.Module) -> None:
    """Load the tensors `prefix...`, which `check` has found right, into `network`.

    Raises:
        CheckpointError: the file cannot be read, or a tensor holds a value that no training leaves.
    """
    found = tensors(folder, prefix)
    try:
        network.load_state_dict(found)
    except ValueError as error:  # of trees, which look at every value
        raise CheckpointError(f"{folder / FILE}: {error}; copy the model folder again") from None


def tensors(folder: Path, prefix: str) -> dict[str, Tensor]:
    """Return the tensors `prefix...` by the rest of their names.

    Raises:
        CheckpointError: the file cannot be read, a number is not finite, a variance or a count is below zero, or a
            deviation is not above it.
    """
    path = folder / FILE
    with _opened(path) as file:
        found = {name.removeprefix(prefix): file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118 - a safetensors file is no mapping
    for name, tensor in found.items():
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"{path}: tensor {prefix}{name} holds numbers that are not finite; copy it again")
        if name.endswith(("running_var", "num_batches_tracked")) and bool((tensor < 0).any()):
            raise CheckpointError(
                f"{path}: tensor {prefix}{name} holds {tensor.min().item():g}, and no variance or count is below zero; "
                "copy it again"
            )
        if prefix == "head." and name.rpartition(".")[2] == "std" and bool((tensor <= 0).any()):
            raise CheckpointError(
                f"{path}: tensor {prefix}{name} holds {tensor.min().item():g}, and a deviation is above zero; "
                "copy it again"
            )
    return found


def refuse_changed(folder: Path, wanted: str | None) -> None:
    """Compare the file's SHA-256 with the card's, which bundles of the first versions have not.

    Raises:
        CheckpointError: they differ, or the file cannot be read.
    """
    if wanted is None:
        return
    path = folder / FILE
    try:
        with open_regular(path) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}; copy the model folder again") from None
    if found != wanted:
        raise CheckpointError(
            f"{path} is damaged: its checksum is not the one in card.json. Copy the model folder again, or save "
            "it again."
        )
