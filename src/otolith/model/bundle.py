"""Model bundles: a folder with `card.json` and `weights.safetensors`; the one place that says what a model expects."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import nn

from otolith import __version__, methods
from otolith.calibration.value import Calibration
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.model import Model, PretrainedEncoder
from otolith.preprocessing.scaler import Scaler
from otolith.preprocessing.sensors import may_miss
from otolith.recording import unit_of
from otolith.rows import environment
from otolith.system.device import choose_device
from otolith.system.files import whole_folder
from otolith.system.strict import json_value
from otolith.windows import WindowMeta

if TYPE_CHECKING:
    from otolith.datasets.base import DatasetInfo

FORMAT = 1
CARD, WEIGHTS = "card.json", "weights.safetensors"
PARTS = ("encoder.", "head.", "calibration.")
HEADER_TYPES = {torch.float32: "F32", torch.int64: "I64"}
"""Types of a network's tensors as safetensors names them."""


class FormatError(CheckpointError):
    """A whole bundle of another version's format."""


def save(model: Model | PretrainedEncoder, folder: str | Path, info: DatasetInfo | None = None) -> Path:
    """Write a bundle, whole or not at all, in place of one that is there; returns its folder.

    `info` of the data set adds its licence and citation to the card.

    Raises:
        CheckpointError: the folder holds something else than a bundle.
        StorageError: it cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        # a data set folder holds a card.json too: only what is a bundle and nothing else may be replaced
        held = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {"a file"}
        if held and held != {CARD, WEIGHTS}:
            raise CheckpointError(f"{folder} holds something else than a model bundle; choose another folder")
    encoder = model.encoder if isinstance(model, Model) else model
    tensors = {f"encoder.{name}": t for name, t in encoder.network.state_dict().items()}
    if isinstance(model, Model):
        tensors |= {f"head.{name}": t for name, t in model.head.state_dict().items()}
        if model.calibration is not None:
            tensors |= {f"calibration.{name}": t for name, t in model.calibration.tensors().items()}
    blob = save_tensors({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    card = _card(model, encoder, info) | {"weights_sha256": hashlib.sha256(blob).hexdigest()}
    with whole_folder(folder, replace=True) as place:
        (place / WEIGHTS).write_bytes(blob)
        (place / CARD).write_text(json.dumps(card, indent=2, allow_nan=False) + "\n", "utf-8")
    return folder


def load_model(folder: str | Path, device: str | torch.device = "auto") -> Model:
    """The recogniser of a bundle, ready to predict.

    Raises:
        CheckpointError: no bundle, a damaged one, one of another format, or an encoder without a head.
    """
    from pydantic import TypeAdapter

    from otolith.finetuning.heads import build_head
    from otolith.finetuning.settings import FinetuneSettings

    card = read_card(folder)
    encoder = _encoder(Path(folder), card, choose_device(device))
    if card.get("kind") != "model":
        raise CheckpointError(
            f"{folder} holds an encoder without a head; fine-tune it first: otolith finetune {folder} DATASET"
        )
    try:
        settings = TypeAdapter(FinetuneSettings).validate_python(card["finetune"])
        activities = tuple(str(name) for name in card["activities"])
        if not activities:
            raise ValueError("no activity")
        training_classes = tuple(int(number) for number in card["training_classes"])
        seed, validation = int(card["finetune_seed"]), float(card["validation_macro_f1"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise CheckpointError(_undescribed(Path(folder), error)) from None
    n_features = encoder.network.n_features
    with torch.device("meta"):
        _check(Path(folder), "head.", build_head(n_features, len(activities), settings, 0))
    head = build_head(n_features, len(activities), settings, 0)
    _fill(Path(folder), "head.", head)
    calibration = _calibration(Path(folder), card, n_features)
    _refuse_changed(Path(folder), card)
    head = head.to(encoder.device).eval()
    return Model(encoder, head, activities, training_classes, settings, seed, validation, calibration=calibration)


def load_encoder(folder: str | Path, device: str | torch.device = "auto") -> PretrainedEncoder:
    """The encoder of a bundle, with or without a head.

    Raises:
        CheckpointError: no bundle, a damaged one, or one of another format.
    """
    card = read_card(folder)
    encoder = _encoder(Path(folder), card, choose_device(device))
    _refuse_changed(Path(folder), card)
    return encoder


def read_card(folder: str | Path) -> dict[str, Any]:
    """`card.json` of a bundle, checked for its format.

    Raises:
        CheckpointError: there is none, it cannot be read, or it has another format (then FormatError).
    """
    path = Path(folder) / CARD
    try:
        card = json_value(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder} holds no model: there is no {CARD}. Give the folder `model` of a finished run."
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}. Copy the bundle again.") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise (FormatError if isinstance(found, int) else CheckpointError)(
            f"{path} has bundle format {found!r}; this version of otolith ({__version__}) reads format {FORMAT}. "
            "Use the version that wrote it, or train again."
        )
    return card


def _card(model: Model | PretrainedEncoder, encoder: PretrainedEncoder, info: DatasetInfo | None) -> dict[str, Any]:
    meta = encoder.meta
    card: dict[str, Any] = {
        "format": FORMAT,
        "kind": "encoder",
        "method": encoder.method,
        "seed": encoder.seed,
        "input": {
            "layout": "(batch, channels, time)",
            "channels": list(meta.channels),
            "units": [unit_of(channel) for channel in meta.channels],
            "rate_hz": meta.rate_hz,
            "seconds": meta.seconds,
            "overlap": meta.overlap,
            "steps": meta.n_steps,
            "frame": "gravity" if encoder.scaler.turned else "device",
            "may_miss": list(may_miss(meta, encoder.scaler)),
            "scaler": encoder.scaler.to_dict(),
        },
        "data": {"dataset": meta.dataset, "terms": meta.terms, "activities": list(meta.activities)},
        "recipe": encoder.recipe.as_dict(),
        "recipe_hash": encoder.recipe.hash,
        "versions": environment(),
    }
    if info is not None:
        card["data"] |= {"title": info.title, "licence": info.licence, "citation": info.citation}
    if isinstance(model, Model):
        card |= {
            "kind": "model",
            "activities": list(model.activities),
            "training_classes": list(model.training_classes),
            "finetune": dataclasses.asdict(model.settings),
            "finetune_seed": model.seed,
            "validation_macro_f1": model.validation,
            "calibration": None if model.calibration is None else model.calibration.to_dict(),
        }
    return card


def _encoder(folder: Path, card: dict[str, Any], device: torch.device) -> PretrainedEncoder:
    from otolith.recipes import Recipe

    try:
        given, data = card["input"], card["data"]
        meta = WindowMeta(
            dataset=data["dataset"],
            activities=tuple(data["activities"]),
            channels=tuple(given["channels"]),
            rate_hz=float(given["rate_hz"]),
            seconds=float(given["seconds"]),
            overlap=float(given["overlap"]),
            terms=data["terms"],
        )
        units = [unit_of(channel) for channel in meta.channels]
        if given.get("units", units) != units:
            raise ValueError(f"units {given['units']} for {', '.join(meta.channels)}")
        recipe = Recipe.model_validate(card["recipe"])
        scaler = Scaler.from_dict(given["scaler"])
        if scaler.n_channels != len(meta.channels):
            raise ValueError(f"a scaler of {scaler.n_channels} channels for {len(meta.channels)}")
        build = partial(methods.spec(card["method"]).encoder, recipe, len(meta.channels), meta.n_steps)
        with torch.device("meta"):  # without memory: the weights' header has to agree first
            _check(folder, "encoder.", build())
        network = build()
        seed = int(card["seed"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, DataError, RecipeError) as error:
        raise CheckpointError(_undescribed(folder, error)) from None
    _fill(folder, "encoder.", network)
    return PretrainedEncoder(network.to(device).eval(), scaler, meta, recipe, card["method"], seed)


def _calibration(folder: Path, card: dict[str, Any], n_features: int) -> Calibration | None:
    """None for a bundle that holds none, as those written before there was one."""
    if card.get("calibration") is None:
        return None
    with _opened(folder / WEIGHTS) as file:
        tensors = {
            name.removeprefix("calibration."): file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118 - a safetensors file is no mapping
            if name.startswith("calibration.")
        }
    try:
        return Calibration.from_parts(card["calibration"], tensors, n_features)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, DataError) as error:
        raise CheckpointError(_undescribed(folder, error)) from None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The weights, with every way in which they cannot be read told in a sentence."""
    try:
        with safe_open(path, "pt") as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} holds no {WEIGHTS}; copy the bundle again") from None
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}; copy the bundle again") from None


def _refuse_changed(folder: Path, card: dict[str, Any]) -> None:
    """Compare the weights' checksum with the card's; bundles of earlier versions have none."""
    path, wanted = folder / WEIGHTS, card.get("weights_sha256")
    if wanted is None:
        return
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}; copy the bundle again") from None
    if found != wanted:
        raise CheckpointError(
            f"{path} is damaged: its checksum is not the one in {CARD}. Copy the bundle again, or save it again."
        )


def _undescribed(folder: Path, error: Exception) -> str:
    return f"{folder / CARD} does not describe a model: {error!r}. Copy the bundle again."


def _fill(folder: Path, prefix: str, network: nn.Module) -> None:
    """Load the tensors named `prefix...`, which `_check` has found right.

    Raises:
        CheckpointError: one of them holds a number that is not finite.
    """
    path = folder / WEIGHTS
    with _opened(path) as file:
        found = {name.removeprefix(prefix): file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118
    for name, tensor in found.items():
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"{path}: tensor {prefix}{name} holds numbers that are not finite; copy it again")
    network.load_state_dict(found)


def _check(folder: Path, prefix: str, network: nn.Module) -> None:
    """Hold names, shapes and types of the tensors `prefix...` in the header against those of `network`."""
    path = folder / WEIGHTS
    expected = network.state_dict()
    with _opened(path) as file:
        names = list(file.keys())
        found = {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}
        odd = sorted(prefix + name for name in found.keys() ^ expected.keys())
        odd += sorted(name for name in names if not name.startswith(PARTS))
        if odd:
            raise CheckpointError(f"{path}: tensor {odd[0]} is missing or extra; copy the bundle again")
        for name, full in found.items():
            header = file.get_slice(full)
            came = (tuple(header.get_shape()), header.get_dtype())
            wanted = (tuple(expected[name].shape), HEADER_TYPES[expected[name].dtype])
            if came != wanted:
                raise CheckpointError(
                    f"{path}: tensor {full} has shape {came[0]} and type {came[1]}; {CARD} calls for "
                    f"{wanted[0]} and {wanted[1]}"
                )
