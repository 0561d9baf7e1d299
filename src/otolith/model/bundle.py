"""Model bundles: a folder with `card.json` and `weights.safetensors`; the one place that says what a model expects."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save as save_tensors
from torch import nn

from otolith import __version__, methods, showing
from otolith.calibration.value import Calibration
from otolith.errors import CheckpointError, DataError, RecipeError, TrainingError
from otolith.model import weights
from otolith.model.joining import alone, as_asked
from otolith.model.place import called, names, place_of
from otolith.model.values import Chosen, Distilled, Model, PretrainedEncoder
from otolith.nets import JoinedEncoder
from otolith.nets.heads import n_seen_by
from otolith.preprocessing.scaler import Scaler
from otolith.preprocessing.sensors import frame_of, may_miss
from otolith.recording import unit_of
from otolith.rows import environment
from otolith.system.device import choose_device
from otolith.system.files import make_place, restore, whole_folder
from otolith.system.reading import MOST_TEXT, read_bytes
from otolith.system.strict import json_value

if TYPE_CHECKING:
    from otolith.model.card import Card, Info

FORMAT, CARD, WEIGHTS = 1, "card.json", weights.FILE


class FormatError(CheckpointError):
    """A whole bundle of another version's format."""


def save(
    model: Model | PretrainedEncoder, folder: str | Path, info: Info | None = None, *, parents: bool = True
) -> Path:
    """Write a bundle, whole or not at all, in place of one that is there; return its folder.

    Args:
        info: of the data set; adds its licence and citation to the card.
        parents: make the folders above it; False: they are there, and an error if they have vanished.

    Raises:
        CheckpointError: the folder holds something else than a bundle.
        StorageError: it cannot be written.

    >>> import numpy as np, otolith
    >>> x = np.random.default_rng(0).normal(size=(20, 3, 30))
    >>> given = {"channels": ("acc_x", "acc_y", "acc_z"), "rate_hz": 30.0, "activities": ("still", "walk")}
    >>> w = otolith.Windows.from_arrays(x, np.tile([0, 1], 10), np.repeat([1, 2, 3, 4], 5), **given)
    >>> encoder = otolith.pretrain(w, otolith.splits.holdout(w, 0), method="random", device="cpu")
    >>> folder = save(encoder, "encoder")
    >>> bool((load_encoder(folder, "cpu").features(x) == encoder.features(x)).all())
    True
    >>> load_model(folder)
    Traceback (most recent call last):
    otolith.errors.CheckpointError: encoder holds an encoder without a head; fine-tune it first: ...
    """
    folder = Path(folder)
    if folder.exists():
        # a data set folder holds a card.json too: only what is a bundle and nothing else may be replaced
        held = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {"a file"}
        if held and held != {CARD, WEIGHTS}:
            raise CheckpointError(f"{folder} holds something else than a model; choose another folder")
    encoder = model.encoder if isinstance(model, Model) else model
    tensors = {f"encoder.{name}": t for name, t in alone(encoder).network.state_dict().items()}
    if isinstance(model, Model):
        tensors |= {f"head.{name}": t for name, t in model.head.state_dict().items()}
        if model.calibration is not None:
            tensors |= {f"calibration.{name}": t for name, t in model.calibration.tensors().items()}
    blob = save_tensors({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    card = _card(model, encoder, info) | {"weights_sha256": hashlib.sha256(blob).hexdigest()}
    if parents:
        make_place(folder)
    with whole_folder(folder, replace=True) as place:
        (place / WEIGHTS).write_bytes(blob)
        (place / CARD).write_text(json.dumps(card, indent=2, allow_nan=False) + "\n", "utf-8")
    return folder


def load_model(folder: str | Path, device: str | torch.device = "auto") -> Model:
    """Return the recogniser of a bundle, ready to predict.

    Args:
        folder: of the model, of the run that made it, or a name (`otolith models` lists them): "phone", "hf://ada/walks".
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, ...

    Raises:
        CheckpointError: no bundle, a damaged one, one of another format, or an encoder without a head.

    >>> load_model("nothing")
    Traceback (most recent call last):
    otolith.errors.CheckpointError: nothing is not a model folder: it does not exist. Give the folder `model` of a ...
    """
    from otolith.finetuning.heads import build_head
    from otolith.finetuning.settings import FinetuneSettings
    from otolith.finetuning.vote import build_vote
    from otolith.model.card import ModelCard

    given, folder = called(folder), place_of(folder)
    card = _read(folder)[1]
    encoder = _encoder(folder, card, choose_device(device))
    if not isinstance(card, ModelCard):
        raise CheckpointError(
            f"{given} holds an encoder without a head; fine-tune it first: "
            + showing.command("finetune", given, "DATASET", out="DIR")
        )
    try:
        encoder = as_asked(encoder, card.finetune)
    except DataError as error:
        raise CheckpointError(_undescribed(folder, error)) from None
    n_features, flattened = encoder.network.n_features, encoder.network.flattened
    build: Callable[[], nn.Module]
    if isinstance(card.finetune, FinetuneSettings) and card.finetune.head == "vote":
        assert isinstance(encoder.network, JoinedEncoder)
        trees = card.recipe.settings_of("classical")
        build = partial(build_vote, encoder.network, len(card.activities), card.finetune, trees, 0)
    else:
        build = partial(build_head, n_features, len(card.activities), card.finetune, 0, flattened)
    try:
        with torch.device("meta"):
            weights.check(folder, "head.", build())
    except TrainingError as error:
        raise CheckpointError(_undescribed(folder, error)) from None
    head = build()
    weights.fill(folder, "head.", head)
    calibration = None
    if card.calibration is not None:
        try:
            found = weights.tensors(folder, "calibration.")
            n_seen = n_seen_by(head, n_features)
            calibration = Calibration.from_parts(card.calibration.model_dump(), found, n_seen)
        except (KeyError, TypeError, ValueError, DataError) as error:
            raise CheckpointError(_undescribed(folder, error)) from None
    weights.refuse_changed(folder, card.weights_sha256)
    return Model(
        encoder,
        head.to(encoder.device).eval(),
        card.activities,
        card.training_classes,
        card.finetune,
        card.finetune_seed,
        card.validation_macro_f1,
        calibration=calibration,
        chosen=None if card.choice is None else Chosen(**card.choice.model_dump()),
        distilled=None if card.distilled is None else Distilled(**card.distilled.model_dump()),
    )


def load_encoder(folder: str | Path, device: str | torch.device = "auto") -> PretrainedEncoder:
    """Return the encoder of a bundle, with or without a head.

    Args:
        folder: as of `load_model`.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, ...

    Raises:
        CheckpointError: no bundle, a damaged one, or one of another format.

    >>> load_encoder("nothing")
    Traceback (most recent call last):
    otolith.errors.CheckpointError: nothing is not a model folder: it does not exist. Give the folder `model` of a ...
    """
    place = place_of(folder)
    card = _read(place)[1]
    encoder = _encoder(place, card, choose_device(device))
    weights.refuse_changed(place, card.weights_sha256)
    return encoder


def read_card(folder: str | Path) -> dict[str, Any]:
    """Return what `card.json` of a bundle says, checked in every value that a reader needs.

    Raises:
        CheckpointError: there is none, it cannot be read, or it has another format (then FormatError).
    """
    return _read(place_of(folder))[0]


def _read(folder: Path) -> tuple[dict[str, Any], Card]:
    from otolith.model.card import parse, refuse_lacking

    path = folder / CARD
    if not path.exists():
        restore(folder)
    try:
        content = read_bytes(path, MOST_TEXT)
        card = json_value(content)
    except (FileNotFoundError, NotADirectoryError):
        state = f"holds no {CARD}" if folder.is_dir() else "is not a folder" if folder.exists() else "does not exist"
        raise CheckpointError(
            f"{folder} is not a model folder: it {state}. Give the folder `model` of a finished run{_or_a_name()}."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} cannot be read: {reason}. Copy the model folder again.") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise (FormatError if isinstance(found, int) else CheckpointError)(
            f"{path} has bundle format {found!r}; this version of otolith ({__version__}) reads format {FORMAT}. "
            "Use the version that wrote it, or train again."
        )
    try:
        refuse_lacking(card.get("plugins", {}), folder)
        return card, parse(content, card.get("kind"))
    except ValueError as error:
        raise CheckpointError(_undescribed(folder, error)) from None


def _card(model: Model | PretrainedEncoder, encoder: PretrainedEncoder, info: Info | None) -> dict[str, Any]:
    from otolith.recipes.owed import plugins_of

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
            "frame": frame_of(encoder.scaler),
            "may_miss": list(may_miss(meta, encoder.scaler)),
            "scaler": encoder.scaler.to_dict(),
        },
        "data": {"dataset": meta.dataset, "terms": meta.terms, "activities": list(meta.activities)}
        | ({"content": meta.content} if meta.content else {}),
        "split": encoder.split,
        "seen": "".join(sorted(encoder.seen)),
        "recipe": encoder.recipe.as_dict(),
        "recipe_hash": encoder.recipe.hash,
        "plugins": plugins_of(encoder.recipe, encoder.method, ("data set", meta.dataset)),
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
        more = {"choice": model.chosen, "distilled": model.distilled}
        card |= {name: dataclasses.asdict(value) for name, value in more.items() if value is not None}
    return card


def _encoder(folder: Path, card: Card, device: torch.device) -> PretrainedEncoder:
    try:
        meta, scaler = card.windows, Scaler.from_dict(card.input.scaler)
        if scaler.n_channels != len(meta.channels):
            raise ValueError(f"a scaler of {scaler.n_channels} channels for {len(meta.channels)}")
        build = partial(methods.spec(card.method).encoder, card.recipe, meta)
        with torch.device("meta"):  # without memory: the weights' header has to agree first
            weights.check(folder, "encoder.", build())
        network = build()
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, DataError, RecipeError) as error:
        raise CheckpointError(_undescribed(folder, error)) from None
    weights.fill(folder, "encoder.", network)
    network.to(device).eval()
    known = (dict(card.split), card.seen_windows)
    return PretrainedEncoder(network, scaler, meta, card.recipe, card.method, card.seed, None, [], *known)


def _or_a_name() -> str:
    there = names()
    return f", or a model that comes with otolith: {', '.join(there)}" if there else ""


def _undescribed(folder: Path, error: Exception) -> str:
    return f"{folder / CARD} does not describe a model: {error}. Copy the model folder again."
