"""Recipes: the shipped ones, strictness, overrides and hashes."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from otolith import augment, datasets, methods
from otolith.augment import SignalSpec
from otolith.errors import RecipeError
from otolith.methods.base import shared_encoder
from otolith.recipes import SHIPPED, Recipe, load_recipe
from otolith.recipes.loading import shipped_text
from otolith.windows import WindowMeta

ROOM = Path(str(resources.files("otolith.recipes")))
FILES = sorted(ROOM.glob("default/*.toml"))
HASHES = {
    ("mobiact", "compact"): "a103e31f86ef",
    ("mobiact", "paper"): "7147a71306f3",
    ("mobifall", "compact"): "a103e31f86ef",
    ("mobifall", "paper"): "7147a71306f3",
    ("motionsense", "compact"): "f633f1ed5fe6",
    ("motionsense", "paper"): "9e83704b1573",
    **{(f"sp-sw-har{device}", "compact"): "f633f1ed5fe6" for device in ("", "-phone", "-watch")},
    **{(f"sp-sw-har{device}", "paper"): "9e83704b1573" for device in ("", "-phone", "-watch")},
    ("synthetic", "compact"): "f633f1ed5fe6",
    ("synthetic", "paper"): "9e83704b1573",
    ("uci-har", "compact"): "f0f490a81846",
    ("uci-har", "paper"): "9e83704b1573",
    ("usc-had", "compact"): "e7500e960bea",
    ("usc-had", "paper"): "e039aab027b4",
    ("watch", "compact"): "f633f1ed5fe6",
    ("watch", "paper"): "9e83704b1573",
    ("wisdm-watch", "compact"): "f633f1ed5fe6",
    ("wisdm-watch", "paper"): "9e83704b1573",
    ("somebody's own", "compact"): "f633f1ed5fe6",
    ("somebody's own", "paper"): "9e83704b1573",
}
HASHES |= {(name, "best"): "3e97cf029bad" for name, _ in HASHES}
"""Rows carry the hash: another one parts new results from those that exist."""

PAPER: dict[str, dict[str, Any]] = {
    # facts.md section 2, column by column
    "mobiact": {
        "kernel": 3,
        "maps": [64, 128, 256],
        "blocks": 6,
        "projection": {"hidden": 512, "out": 256},
        "batch_size": 256,
        "augment": ["jitter", "scaling", "rotation"],
        "latent": 1024,
    },
    "uci-har": {
        "kernel": 3,
        "maps": [32, 64, 128],
        "blocks": 8,
        "projection": {"hidden": 256, "out": 256},
        "batch_size": 128,
        "augment": ["jitter", "scaling", "permutation"],
        "latent": 256,
    },
    "usc-had": {
        "kernel": 5,
        "maps": [32, 64, 128],
        "blocks": 10,
        "projection": {"hidden": 512, "out": 256},
        "batch_size": 256,
        "augment": ["jitter", "scaling"],
        "latent": 512,
    },
}


def reloaded(text: str, folder: Path) -> Recipe:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, "uci-har")


def test_the_shipped_recipes_are_those_of_the_rows_so_far() -> None:
    assert {path.stem for path in FILES} == set(SHIPPED)
    assert {name for name, _ in HASHES} >= set(datasets.names())
    assert {(name, kind): load_recipe(kind, name).hash for name, kind in HASHES} == HASHES


@pytest.mark.parametrize(("name", "kind"), HASHES)
def test_every_shipped_recipe_comes_back_from_its_own_toml(name: str, kind: str, tmp_path: Path) -> None:
    recipe = load_recipe(kind, name)
    again = reloaded(recipe.to_toml(), tmp_path)
    assert again == recipe
    assert again.as_dict() == recipe.as_dict()
    assert again.hash == recipe.hash


@pytest.mark.parametrize("path", FILES, ids=SHIPPED)
def test_every_shipped_value_cites_its_origin(path: Path) -> None:
    """Each value's line, or its table's head, says the section, the predecessor or that it is ours."""
    table_cited = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("["):
            table_cited = "#" in line or line == "[[augment]]"
        elif "=" in line and not line.startswith("#"):
            assert table_cited or "#" in line, f"{path.name}, line {number}: {line}"


def test_overrides_leave_the_data_set_s_own_values_alone() -> None:
    load_recipe("compact", "usc-had", {"augment.0.sigma": 0.1, "augment.1.probability": 0.9})
    assert load_recipe("compact", "usc-had").hash == HASHES["usc-had", "compact"]


@pytest.mark.parametrize("dataset", PAPER)
def test_the_paper_recipe_is_the_paper(dataset: str) -> None:
    expected = PAPER[dataset]
    recipe = load_recipe("paper", dataset).as_dict()
    assert (recipe["windows"]["rate_hz"], recipe["windows"]["seconds"], recipe["windows"]["overlap"]) == (30, 1, 0.5)
    assert recipe["encoder"] == {
        "maps": expected["maps"],
        "kernel": expected["kernel"],
        "blocks": expected["blocks"],
        "heads": 8,
        "feed_forward": 2048,
        "dropout": 0.1,
    }
    assert recipe["projection"] == expected["projection"]
    assert recipe["pretrain"] == {
        "epochs": 200,
        "batch_size": expected["batch_size"],
        "lr": 1e-4,
        "optimizer": "larc",
        "trust": 0.02,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup": 0.0,
        "precision": "auto",
    }
    assert [entry["name"] for entry in recipe["augment"]] == expected["augment"]
    assert [entry["probability"] for entry in recipe["augment"]] == [1.0, *[0.5] * (len(expected["augment"]) - 1)]
    assert recipe["augment"][0]["sigma"] == recipe["augment"][1]["sigma"] == 0.5
    autoencoder = recipe["autoencoder"]
    assert (autoencoder["latent"], autoencoder["noise_sigma"]) == (expected["latent"], 0.5)
    train = autoencoder["train"]
    assert (train["epochs"], train["batch_size"], train["lr"], train["optimizer"]) == (50, 256, 1e-3, "adam")
    assert train["schedule"] == "constant"
    head = {"epochs": 50, "batch_size": 128, "lr": 1e-4, "patience": 10, "hidden": [256, 128], "dropout": 0.2}
    assert head.items() <= recipe["finetune"].items()
    assert not recipe["finetune"]["class_balanced"]
    assert recipe["finetune"]["head"] == "mlp"
    for name in ("dynamic", "csshar", "angular"):
        assert load_recipe("paper", dataset).settings_of(name).temperature == 0.1
    assert head.items() <= recipe["method"]["supervised"].items()


def test_the_paper_s_loss_is_the_default_reading() -> None:
    settings = load_recipe("paper", "uci-har").settings_of("dynamic")
    assert not settings.detach_positive
    assert settings.positive_pairs == "instances"


def test_compact_is_the_same_method() -> None:
    """Smaller, but with the paper's windows, augmentations (and perhaps more), similarity and teacher."""
    for dataset in PAPER:
        paper, compact = load_recipe("paper", dataset), load_recipe("compact", dataset)
        assert compact.windows == paper.windows
        assert compact.encoder.kernel == paper.encoder.kernel
        assert compact.autoencoder.latent == paper.autoencoder.latent
        assert compact.encoder.blocks < paper.encoder.blocks
        assert {entry.name for entry in paper.augment} <= {entry.name for entry in compact.augment}


def test_a_method_without_a_table_has_its_defaults() -> None:
    tree = tomllib.loads(shipped_text("paper"))
    del tree["method"]
    recipe = Recipe.model_validate(tree)
    for name in methods.names():
        assert recipe.settings_of(name) == methods.spec(name).settings()


UNKNOWN = [
    ("pretrian.epochs", "pretrian", "pretrain"),
    ("pretrain.epohcs", "pretrain.epohcs", "epochs"),
    ("encoder.kernal", "encoder.kernal", "kernel"),
    ("windows.overlapp", "windows.overlapp", "overlap"),
    ("projection.hiden", "projection.hiden", "hidden"),
    ("autoencoder.latnt", "autoencoder.latnt", "latent"),
    ("autoencoder.train.batchsize", "autoencoder.train.batchsize", "batch_size"),
    ("finetune.patiance", "finetune.patiance", "patience"),
    ("method.dynamic.temprature", "method.dynamic.temprature", "temperature"),
    ("method.csshar.temperatur", "method.csshar.temperatur", "temperature"),
    ("method.supervised.epoch", "method.supervised.epoch", "epochs"),
    ("method.dynamc.temperature", "dynamc", "dynamic"),
    ("augment.0.sigmaa", "sigmaa", "sigma"),
]


@pytest.mark.parametrize(("key", "shown", "nearest"), UNKNOWN)
def test_an_unknown_key_is_named_with_the_nearest_known(key: str, shown: str, nearest: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("compact", "uci-har", {key: 1})
    assert shown in str(caught.value)
    assert f"did you mean '{nearest}'?" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "nearest"),
    [("augment.1.name", "scalling", "scaling"), ("augment.2.name", "permute", "permutation")],
)
def test_an_unknown_augmentation_is_named_with_the_nearest_known(key: str, value: str, nearest: str) -> None:
    with pytest.raises(RecipeError, match=rf"unknown augmentation '{value}'; did you mean '{nearest}'"):
        load_recipe("compact", "uci-har", {key: value})


def test_an_unknown_recipe_is_named_with_the_nearest_known() -> None:
    with pytest.raises(RecipeError, match="unknown recipe 'compct'; did you mean 'compact'"):
        load_recipe("compct", "uci-har")


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("pretrain.optimizer", "sgd", "'larc', 'adam', 'lamb' or 'adamw'"),
        ("pretrain.schedule", "linear", "'constant', 'cosine' or 'one-cycle'"),
        ("pretrain.epochs", "many", "pretrain.epochs"),
        ("pretrain.epochs", 1.5, "pretrain.epochs"),
        ("pretrain.lr", 0.0, "lr > 0"),
        ("pretrain.batch_size", 1, "batch_size >= 2"),
        ("windows.overlap", 1.0, "windows.overlap"),
        ("windows.seconds", 0.0, "windows.seconds"),
        ("encoder.kernel", 4, "odd kernel"),
        ("encoder.heads", 3, "heads that divide the last of maps; got maps (32, 64, 128), heads 3"),
        ("encoder.maps", [], "encoder"),
        ("encoder.maps", [32, 0, 128], "positive"),
        ("encoder.dropout", 1.0, "dropout"),
        ("encoder.kind", "lstm", "encoder.kind"),
        ("encoder.width", 0, "positive width"),
        ("encoder.kernels", [], "odd kernels"),
        ("encoder.kernels", [5, 4], "odd kernels; got kernels (5, 4)"),
        ("autoencoder.latent", 0, "latent >= 1"),
        ("finetune.dropout", 1.5, "dropout 1.5"),
        ("finetune.hidden", [0], "hidden"),
        ("finetune.head", "tree", "'mlp', 'linear', 'trees' or 'vote'"),
        ("finetune.encoder_rate", 0.0, "encoder_rate > 0"),
        ("finetune.penalty", 0.0, "penalty > 0"),
        ("finetune.label_smoothing", 1.0, "label_smoothing < 1"),
        ("finetune.schedule", "linear", "'halving' or 'one-cycle'"),
        ("finetune.keep", "first", "'best' or 'last'"),
        ("finetune.augment", [{"name": "jitter", "sgma": 1}], "finetune.augment: unknown option of 'jitter': 'sgma'"),
        ("finetune.augment", [{"name": "jiter"}], "unknown augmentation 'jiter'; did you mean 'jitter'"),
        ("method.supervised.augment", [{"sigma": 1}], "method.supervised.augment.name is missing"),
        ("method.supervised.augment", [{"name": "jitter", "probability": 2}], "augment.probability"),
        ("finetune.head", "mlp", "solver 'lbfgs' fits a linear head; got head 'mlp'. Set head to 'linear'"),
        ("finetune.label_smoothing", 0.1, "solver 'lbfgs' fits the labels as they are; got label_smoothing 0.1"),
        ("finetune", {"encoder": "trained", "head": "linear", "solver": "lbfgs"}, "solver 'lbfgs', unlabelled 'none'"),
        ("method.supervised", {"head": "linear", "solver": "lbfgs"}, "method.supervised: an encoder is trained with"),
        ("method.dynamic.temperature", 0.0, "temperature > 0"),
        ("method.dynamic.positive_pairs", "all", "'instances' or 'views'"),
        ("method", 3, "[method.dynamic]"),
        ("augment", [], "augment"),
        ("augment.0.probability", 1.5, "augment.0.probability"),
        ("encoder.blocks", 10**9, "at most 1000 layers"),
        ("encoder.maps", [8] * 2000, "at most 1000 layers"),
        ("encoder.kernels", [3] * 2001, "at most 1000 layers"),
        ("encoder.width", 10**9, "encoder.width: expected at most 1,000,000"),
        ("finetune.hidden", [8] * 2000, "at most 100 hidden layers"),
        ("augment.0.sigma", float("inf"), "augment.0.sigma: expected a finite number; got inf"),
        ("pretrain.lr", float("inf"), "pretrain.lr: expected a finite number"),
        ("method.dynamic.temperature", float("inf"), "method.dynamic.temperature: expected a finite number"),
        ("encoder.maps", [8, 10**18, 128], "encoder.maps.1: expected at most 1,000,000"),
        ("projection.out", 10**18, "projection.out: expected at most 1,000,000"),
        ("autoencoder.latent", 10**18, "autoencoder.latent: expected at most 1,000,000"),
        ("method.byol.hidden", 10**18, "method.byol.hidden: expected at most 1,000,000"),
        ("finetune.hidden", [10**18], "at most 1,000,000"),
    ],
)
def test_an_impossible_value_is_refused_by_its_key(key: str, value: Any, part: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("compact", "uci-har", {key: value})
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("pretrain.lr.x", "pretrain.lr is a value"),
        ("pretrain.lr.x.y", "is a value"),
        ("augment.7.sigma", "entries 0 to 3"),
        ("augment.first.sigma", "entries 0 to 3"),
        ("augment.².sigma", "entries 0 to 3"),
        ("encoder.maps.3", "entries 0 to 2"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(key: str, part: str) -> None:
    with pytest.raises(RecipeError, match=part):
        load_recipe("compact", "uci-har", {key: 1})


def test_end_to_end_training_changes_its_batches_by_the_recipe_s_augmentations_or_its_own() -> None:
    signal = SignalSpec(("acc_x", "acc_y", "acc_z"), (0.0,) * 3, (1.0,) * 3, 30.0)

    def changes(value: Any) -> list[tuple[str, float]] | None:
        recipe = load_recipe("compact", "watch", {"method.supervised.augment": value})
        found = load_recipe(recipe, "watch").changes(recipe.settings_of("supervised"), signal)
        return None if found is None else [(change.name, probability) for change, probability in found.items]

    assert changes(False) is None
    assert changes(True) == [("jitter", 1.0), ("scaling", 0.5), ("permutation", 0.5)]
    assert changes([{"name": "flip", "probability": 0.25}, {"name": "jitter", "sigma": 0.1}]) == [
        ("flip", 0.25),
        ("jitter", 0.5),  # as in the recipe's own list
    ]


def test_a_missing_file_is_named() -> None:
    with pytest.raises(RecipeError, match=r"no recipe file nowhere\.toml"):
        load_recipe("nowhere.toml", "uci-har")


@pytest.mark.parametrize("blob", [b"[pretrain\n", b"x = \n", b"\xff\xfe\x00\x01"])
def test_a_file_that_is_no_toml_is_named(blob: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(blob)
    with pytest.raises(RecipeError, match=r"mine\.toml"):
        load_recipe(path, "uci-har")


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    text = shipped_text("paper").replace("[projection]", "[projection2]")
    with pytest.raises(RecipeError) as caught:
        reloaded(text, tmp_path)
    assert "projection is missing" in str(caught.value)
    assert "did you mean 'projection'" in str(caught.value)


def test_windows_that_are_already_cut_change_nothing_else() -> None:
    recipe = load_recipe("compact", "uci-har", {"windows.unlabelled": True})
    cut = recipe.cut_as(50.0, 2.0, 0.0)
    assert (cut.windows.rate_hz, cut.windows.seconds, cut.windows.overlap) == (50, 2, 0)
    assert cut.windows.unlabelled
    assert cut.cut_as(30.0, 1.0, 0.5) == recipe


def test_the_augmentations_are_built_with_their_options() -> None:
    recipe = load_recipe("paper", "uci-har", {"augment.0.sigma": 0.25})
    signal = augment.SignalSpec(("acc_x",), (0.0,), (1.0,), 30.0)
    built = recipe.augmentation(signal)
    assert [(item.name, probability) for item, probability in built.items] == [
        ("jitter", 1.0),
        ("scaling", 0.5),
        ("permutation", 0.5),
    ]
    assert built.items[0][0].sigma == 0.25  # type: ignore[attr-defined]


def test_a_recipe_of_convolutions_leaves_the_transformer_out(tmp_path: Path) -> None:
    """Its values hold then as they are, and no width of a transformer has to fit the heads."""
    text = shipped_text("compact")
    for line in ("blocks = 1", "heads = 8", "feed_forward = 256"):
        assert line in text
        text = "\n".join(each for each in text.splitlines() if not each.startswith(line))
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("[encoder]", '[encoder]\nkind = "conv"\nkernels = [7, 3]\n# '), "utf-8")
    recipe = load_recipe(path, "own", {"encoder.maps": [32, 64, 100]})
    assert (recipe.encoder.kind, recipe.encoder.width, recipe.encoder.kernels) == ("conv", 96, (7, 3))
    assert shared_encoder(recipe, WindowMeta("own", ("still", "walk"))).n_features == 288
    with pytest.raises(RecipeError, match="heads that divide the last of maps"):
        load_recipe(path, "own", {"encoder.maps": [32, 64, 100], "encoder.kind": "transformer"})
