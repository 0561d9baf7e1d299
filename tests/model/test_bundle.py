"""Model bundles: what is written, and everything that must not be read."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from otolith import datasets, splits
from otolith.datasets.card import CARD as DATASET_CARD
from otolith.errors import CheckpointError, DataError, StorageError
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.pipeline import finetune, pretrain
from otolith.recording import CHANNELS
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows()


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def encoder(w: Windows, split: Split) -> PretrainedEncoder:
    return pretrain(w, split, tiny.recipe("paper"), "dynamic", seed=5)


@pytest.fixture(scope="module")
def model(encoder: PretrainedEncoder, w: Windows, split: Split) -> Model:
    return finetune(encoder, w, split, seed=6)


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    return bundle.save(model, tmp_path / "model")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    card = json.loads((folder / "card.json").read_text())
    changed = change(card)
    (folder / "card.json").write_text(json.dumps(card if changed is None else changed))


def reweigh(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = load_file(folder / "weights.safetensors")
    change(tensors)
    save_file(tensors, folder / "weights.safetensors")


def test_the_card_says_what_a_model_expects(folder: Path, model: Model) -> None:
    card = json.loads((folder / "card.json").read_text())
    given = card["input"]
    assert given["layout"] == "(batch, channels, time)"
    assert given["channels"] == ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
    assert given["units"] == ["m/s^2"] * 3 + ["rad/s"] * 3
    assert (given["rate_hz"], given["seconds"], given["overlap"], given["steps"]) == (12.0, 1.0, 0.0, 12)
    assert given["scaler"] == {"mean": model.encoder.scaler.mean.tolist(), "std": model.encoder.scaler.std.tolist()}
    assert card["activities"] == ["still", "swing", "shake"]
    assert card["data"]["terms"] == "Made by a test."
    assert card["recipe"] == model.encoder.recipe.as_dict()
    assert card["recipe_hash"] == model.encoder.recipe.hash
    assert (card["kind"], card["method"], card["seed"], card["finetune_seed"]) == ("model", "dynamic", 5, 6)
    assert card["versions"]["torch"] == torch.__version__
    assert card["validation_macro_f1"] == model.validation


def test_the_data_set_s_licence_and_citation_travel_with_it(model: Model, tmp_path: Path) -> None:
    info = datasets.load("synthetic").info
    card = bundle.read_card(bundle.save(model, tmp_path / "model", info))
    assert card["data"]["licence"] == info.licence
    assert card["data"]["citation"] == info.citation
    assert card["data"]["title"] == info.title


def test_a_bundle_holds_two_files_and_no_pickle(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "weights.safetensors"]
    blob = (folder / "weights.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + length])  # plain JSON, as the format demands, and then nothing but numbers
    sizes = [entry["data_offsets"][1] for entry in header.values()]
    assert max(sizes) == len(blob) - 8 - length
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_no_pickle_is_read(folder: Path, w: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("something was unpickled")

    for name in ("pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load"):
        monkeypatch.setattr(name, refuse)
    bundle.load_model(folder).predict(w.x)


def test_a_model_comes_back_as_it_was(folder: Path, model: Model, w: Windows) -> None:
    loaded = bundle.load_model(folder)
    np.testing.assert_array_equal(loaded.predict_proba(w.x), model.predict_proba(w.x))
    assert loaded.encoder.scaler.to_dict() == model.encoder.scaler.to_dict()
    assert loaded.encoder.recipe == model.encoder.recipe
    assert (loaded.settings, loaded.activities) == (model.settings, model.activities)
    assert (loaded.seed, loaded.encoder.seed, loaded.encoder.method) == (6, 5, "dynamic")
    assert (loaded.training_classes, loaded.validation) == (model.training_classes, model.validation)
    for name in ("dataset", "activities", "channels", "rate_hz", "seconds", "overlap", "terms"):
        assert getattr(loaded.meta, name) == getattr(model.meta, name)
    assert not loaded.head.training
    assert not loaded.encoder.network.training


def test_a_loaded_model_refuses_other_windows(folder: Path, w: Windows, split: Split) -> None:
    loaded = bundle.load_model(folder)
    with pytest.raises(DataError, match=r"expected windows \(n, 6, 12\)"):
        loaded.predict(w.x[:, :3])
    fewer = tiny.windows(channels=CHANNELS[:3])
    with pytest.raises(DataError, match="the encoder expects"):
        finetune(loaded.encoder, fewer, split)
    x = w.x[:2].copy()
    x[1, 2, 3] = np.nan
    with pytest.raises(DataError, match="window 1 holds nan in acc_z, step 3"):
        loaded.predict(x)


def test_an_encoder_bundle_can_be_finetuned_again(
    encoder: PretrainedEncoder, model: Model, w: Windows, split: Split, tmp_path: Path
) -> None:
    folder = bundle.save(encoder, tmp_path / "encoder")
    assert bundle.read_card(folder)["kind"] == "encoder"
    again = finetune(bundle.load_encoder(folder), w, split, seed=6)
    np.testing.assert_array_equal(again.predict_proba(w.x), model.predict_proba(w.x))
    with pytest.raises(CheckpointError, match="encoder without a head; fine-tune it first"):
        bundle.load_model(folder)


def test_an_encoder_can_be_taken_from_a_model_bundle(folder: Path, encoder: PretrainedEncoder, w: Windows) -> None:
    np.testing.assert_array_equal(bundle.load_encoder(folder).features(w.x), encoder.features(w.x))


def test_a_bundle_replaces_a_bundle(folder: Path, encoder: PretrainedEncoder) -> None:
    bundle.save(encoder, folder)
    assert bundle.read_card(folder)["kind"] == "encoder"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_an_empty_folder_may_be_filled(model: Model, tmp_path: Path) -> None:
    (tmp_path / "new" / "model").mkdir(parents=True)
    bundle.load_model(bundle.save(model, tmp_path / "new" / "model"))
    bundle.load_model(bundle.save(model, tmp_path / "deep" / "er" / "model"))
    with pytest.raises(StorageError, match="its folder is not there"):
        bundle.save(model, tmp_path / "not" / "there" / "model", parents=False)


def test_anything_else_is_never_overwritten(model: Model, folder: Path, tmp_path: Path) -> None:
    """Least of all a data set folder, whose card has the same name."""
    assert DATASET_CARD == bundle.CARD
    data = tmp_path / "data"
    (data / "signals").mkdir(parents=True)
    (data / "card.json").write_text("{}")
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "mine.txt").write_text("keep")
    file = tmp_path / "file"
    file.write_text("keep")
    (folder / "extra.txt").write_text("keep")
    for place in (data, notes, file, folder):
        before = sorted(str(path) for path in place.rglob("*"))
        with pytest.raises(CheckpointError, match="holds something else than a model"):
            bundle.save(model, place)
        assert sorted(str(path) for path in place.rglob("*")) == before
    assert file.read_text() == "keep"


def test_a_write_that_fails_leaves_the_bundle_that_was_there(
    folder: Path, encoder: PretrainedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "card.json").read_text()

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(StorageError, match=r"model cannot be written \(No space.* free some space"):
        bundle.save(encoder, folder)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert (folder / "card.json").read_text() == before
    bundle.load_model(folder)


def drop(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(card: dict[str, Any]) -> None:
        node = card
        for key in keys[:-1]:
            node = node[key]
        del node[keys[-1]]

    return change


def put(value: Any, *keys: str) -> Callable[[dict[str, Any]], None]:
    def change(card: dict[str, Any]) -> None:
        node = card
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


CARDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another format": put(2, "format"),
    "no format": drop("format"),
    "a list": lambda card: [card],
    "no input": drop("input"),
    "no scaler": drop("input", "scaler"),
    "a scaler of fewer channels": put({"mean": [0.0], "std": [1.0]}, "input", "scaler"),
    "a deviation of zero": put({"mean": [0.0] * 6, "std": [0.0] * 6}, "input", "scaler"),
    "fewer channels": put(["acc_x"], "input", "channels"),
    "other units": put(["g"] * 3 + ["rad/s"] * 3, "input", "units"),
    "another rate": put(20.0, "input", "rate_hz"),
    "a rate of zero": put(0, "input", "rate_hz"),
    "a rate that is no number": put("fast", "input", "rate_hz"),
    "too short a window": put(0.1, "input", "seconds"),
    "no recipe": drop("recipe"),
    "a recipe of another size": put([8, 8, 32], "recipe", "encoder", "maps"),
    "an impossible recipe": put(3, "recipe", "encoder", "heads"),
    "an unknown recipe key": put(1, "recipe", "encoder", "hidden"),
    "an unknown method": put("magic", "method"),
    "another method": put("autoencoder", "method"),
    "no activities": drop("activities"),
    "more activities": put(["a", "b", "c", "d"], "activities"),
    "no head settings": drop("finetune"),
    "unknown head settings": put({"hidden": [16], "depth": 3}, "finetune"),
    "another head": put([16, 16], "finetune", "hidden"),
    "hidden that is no list": put(None, "finetune", "hidden"),
    "hidden that is no number": put([True], "finetune", "hidden"),
    "not one activity": put([], "activities"),
    "maps without end": put([8, 10**18, 16], "recipe", "encoder", "maps"),
    "a deviation that float32 does not hold": put({"mean": [0.0] * 6, "std": [1e-60] * 6}, "input", "scaler"),
    "blocks without end": put(10**9, "recipe", "encoder", "blocks"),
    "a window without end": put(1e9, "input", "seconds"),
    "no training classes": drop("training_classes"),
    "no seed": drop("seed"),
    "a seed that is a text": put("1", "seed"),
    "a kind of its own": put("ensemble", "kind"),
    "an overlap of all": put(1.0, "input", "overlap"),
    "a class beyond the activities": put([0, 3], "training_classes"),
    "an activity twice": put(["still", "still", "shake"], "activities"),
    "a share beyond all": put(1.5, "validation_macro_f1"),
    "a checksum that is none": put("../x", "weights_sha256"),
    "more choices than a recipe has": put([{"name": f"way {i}"} for i in range(101)], "recipe", "choice"),
    "a calibration that is a list": put([], "calibration"),
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("fast", "input", "rate_hz"), r"input.rate_hz: Input should be a valid number \(found 'fast'\)"),
        (put(1e308, "input", "seconds"), r"input.seconds: Input should be less than or equal to 1000000000 \(found 1e"),
        (put(["g"] * 6, "input", "units"), r"input: its units have to be m/s\^2, .*rad/s. Copy the model folder again"),
        (
            put([f"c{i}" for i in range(1001)], "input", "channels"),
            r"input.channels: Tuple should have at most 1000 items",
        ),
        (drop("activities"), r"activities: Field required. Copy the model folder again"),
        (
            put([0, 3], "training_classes"),
            r"the whole: training_classes have to be .*between 0 and 2. Copy the model folder",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(
    change: Callable[[dict[str, Any]], None], said: str, folder: Path
) -> None:
    rewrite(folder, change)
    with pytest.raises(CheckpointError, match=f"card.json does not describe a model: {said}"):
        bundle.read_card(folder)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_that_was_tampered_with_is_refused(name: str, folder: Path) -> None:
    rewrite(folder, CARDS[name])
    with pytest.raises(CheckpointError) as caught:
        bundle.load_model(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(1e9, "input", "seconds"), "input: its windows have 12,000,000,000 steps; at most 100,000 may be"),
        (put(10**6, "recipe", "encoder", "width"), "the card calls for"),
        (put(10**9, "recipe", "encoder", "width"), "encoder.width: expected at most 1,000,000"),
        (put([10**6 - 1] * 4, "recipe", "encoder", "kernels"), "the card calls for"),
        (put(2.0, "input", "seconds"), "its windows have 12 steps, and rate and length make 24"),
        (put([3] * 1000, "recipe", "encoder", "kernels"), "is missing or extra"),
        (put([3] * 1001, "recipe", "encoder", "kernels"), "at most 1000 layers"),
        (put("transformer", "recipe", "encoder", "kind"), "is missing or extra"),
    ],
)
def test_a_card_of_convolutions_without_end_is_refused(
    change: Callable[[dict[str, Any]], None], said: str, w: Windows, split: Split, tmp_path: Path
) -> None:
    """Nothing in their weights says how long a window is."""
    encoder = pretrain(w, split, tiny.recipe(encoder__kind="conv"), "random")
    folder = bundle.save(finetune(encoder, w, split), tmp_path / "model")
    assert bundle.load_model(folder).encoder.network.n_features == 36
    rewrite(folder, change)
    with pytest.raises(CheckpointError, match=said):
        bundle.load_model(folder)


def _replace(name: str, tensor: torch.Tensor) -> Callable[[dict[str, torch.Tensor]], Any]:
    return lambda tensors: tensors.update({name: tensor})


WEIGHTS: dict[str, tuple[Callable[[dict[str, torch.Tensor]], Any], str]] = {
    "missing in the encoder": (lambda t: t.pop("encoder.conv.layers.0.weight"), "encoder.conv.layers.0.weight is miss"),
    "missing in the head": (lambda t: t.pop("head.0.bias"), r"head\.0\.bias is missing"),
    "extra in the encoder": (_replace("encoder.more", torch.zeros(2)), "encoder.more is missing or extra"),
    "extra in the head": (_replace("head.9.weight", torch.zeros(2)), "head.9.weight is missing or extra"),
    "extra elsewhere": (_replace("payload", torch.zeros(2)), "payload is missing or extra"),
    "another shape": (
        _replace("encoder.conv.layers.0.weight", torch.zeros(8, 6, 5)),
        r"shape \(8, 6, 5\) .* calls for \(8, 6, 3\)",
    ),
    "another head shape": (_replace("head.0.bias", torch.zeros(17)), r"head\.0\.bias has shape \(17,\)"),
    "no number in the encoder": (
        lambda t: t["encoder.conv.layers.0.weight"].fill_(float("nan")),
        r"encoder\.conv\.layers\.0\.weight holds numbers that are not finite",
    ),
    "a variance below zero": (
        lambda t: t["encoder.conv.layers.1.running_var"].sub_(9.0),
        r"tensor encoder\.conv\.layers\.1\.running_var holds -.*no variance or count is below zero",
    ),
    "another type": (_replace("head.0.bias", torch.zeros(16, dtype=torch.float64)), r"type F64; .* F32"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_were_tampered_with_are_refused(name: str, folder: Path) -> None:
    change, shown = WEIGHTS[name]
    reweigh(folder, change)
    with pytest.raises(CheckpointError, match=shown):
        bundle.load_model(folder)


def test_a_flipped_bit_in_the_weights_is_found(folder: Path) -> None:
    blob = bytearray((folder / "weights.safetensors").read_bytes())
    blob[-5] ^= 1
    (folder / "weights.safetensors").write_bytes(bytes(blob))
    for load in (bundle.load_model, bundle.load_encoder):
        with pytest.raises(CheckpointError, match=r"weights\.safetensors is damaged"):
            load(folder)


def test_a_bundle_from_before_checksums_is_read(folder: Path) -> None:
    rewrite(folder, lambda card: card.pop("weights_sha256") and None)
    bundle.load_model(folder)


def test_another_format_is_told_from_damage(folder: Path) -> None:
    rewrite(folder, put(99, "format"))
    with pytest.raises(bundle.FormatError, match="format 99"):
        bundle.load_encoder(folder)


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("name", ["card.json", "weights.safetensors"])
def test_a_truncated_file_is_named(name: str, keep: float, folder: Path) -> None:
    blob = (folder / name).read_bytes()
    (folder / name).write_bytes(blob[: int(keep * len(blob))])
    with pytest.raises(
        CheckpointError, match=rf"{name}.* cannot be read.* copy the model folder again|Copy the model folder"
    ):
        bundle.load_model(folder)


@pytest.mark.parametrize("name", ["card.json", "weights.safetensors"])
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        bundle.load_model(folder)


def test_a_header_that_promises_too_much_allocates_nothing(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(CheckpointError, match="cannot be read"):
        bundle.load_model(folder)


def test_no_folder_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"does not exist\. Give the folder `model`"):
        bundle.load_model(tmp_path / "nothing")
