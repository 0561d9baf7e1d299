"""What every registered method owes the rest of the library, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from otolith import datasets, methods, splits
from otolith.augment import Compose, SignalSpec
from otolith.errors import RecipeError
from otolith.finetuning.settings import FinetuneSettings
from otolith.methods import MethodSpec
from otolith.methods.base import shared_encoder
from otolith.methods.contrastive import Contrastive
from otolith.model import PretrainedEncoder, bundle
from otolith.nets import ConvAutoencoder
from otolith.pipeline import build_encoder, finetune, pretrain, pretraining
from otolith.recipes import SHIPPED, Recipe, load_recipe
from otolith.recording import CHANNELS
from otolith.rows.value import canonical
from otolith.splits import Split
from otolith.training.optim import Optimizer
from otolith.training.pretext import Batch
from otolith.windows import Windows
from tests.helpers import pretext, tiny

NAMES = methods.names()
TAUGHT = ["dynamic"]
"""Methods with a teacher; `test_who_needs_a_teacher_gets_one_and_nobody_else` finds one that is missing here."""
END_TO_END = FinetuneSettings(epochs=2, lr=1e-3, hidden=(16,), encoder="trained", optimizer="adamw", augment=True)
SIGNAL = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, 30.0)


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows()


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def trained(w: Windows, split: Split) -> Callable[[str], PretrainedEncoder]:
    """One tiny epoch of each method, trained once for all tests that only read it."""
    made: dict[str, PretrainedEncoder] = {}

    def get(name: str) -> PretrainedEncoder:
        if name not in made:
            made[name] = pretrain(w, split, tiny.recipe(), name, seed=1)
        return made[name]

    return get


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def identical(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_paper_s_methods_are_registered() -> None:
    assert {"dynamic", "csshar", "angular", "autoencoder", "supervised", "random"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_its_spec_is_complete(name: str) -> None:
    spec = methods.spec(name)
    assert spec.name == name
    assert spec.title
    assert "extra" in spec.settings.__pydantic_config__
    spec.settings()  # its defaults hold where a recipe has no table
    assert not ((spec.end_to_end or spec.own_head) and spec.build is not None)


@pytest.mark.parametrize("near", ["dynamc", "Dynamic", "csshr", "supervise"])
def test_an_unknown_name_suggests_the_nearest(near: str) -> None:
    with pytest.raises(RecipeError, match=rf"unknown method '{near}'; did you mean '(dynamic|csshar|supervised)'"):
        methods.spec(near)


@pytest.mark.parametrize(("other", "ours"), [("simclr", "csshar"), ("NT_Xent", "csshar"), ("cae", "autoencoder")])
def test_names_that_others_use_lead_to_ours(other: str, ours: str) -> None:
    with pytest.raises(RecipeError, match=f"unknown method '{other}'; did you mean '{ours}'"):
        methods.spec(other)


def test_no_method_is_known_by_the_name_of_another() -> None:
    others = [other for name in NAMES for other in methods.spec(name).also]
    assert len({*others, *NAMES}) == len(others) + len(NAMES)
    assert all(other == other.lower().replace("_", "-") for other in others)


def shipped_sizes() -> dict[str, Recipe]:
    """The shipped recipes that differ in what is built; many data sets share theirs."""
    different: dict[str, Recipe] = {}
    for dataset in [*datasets.names(), "default"]:
        for kind in SHIPPED:
            recipe = load_recipe(kind, dataset)
            sections = recipe.as_dict()
            built = {name: sections[name] for name in ("encoder", "projection", "autoencoder", "augment", "method")}
            different.setdefault(canonical(built), recipe)
    return {f"{recipe.hash}": recipe for recipe in different.values()}


@pytest.mark.parametrize("recipe", (sizes := shipped_sizes()).values(), ids=sizes)
@pytest.mark.parametrize("name", NAMES)
def test_it_builds_from_every_shipped_recipe(name: str, recipe: Recipe) -> None:
    """At full size, without weights (on torch's meta device): the sizes have to fit each other."""
    spec = methods.spec(name)
    with torch.device("meta"):
        encoder = spec.encoder(recipe, tiny.meta(rate_hz=30.0))
        features = encoder(torch.empty(2, 6, 30))
        assert features.shape == (2, encoder.n_features)
        if spec.build is not None and name == "multimodal" and recipe.robust.may_miss:
            with pytest.raises(RecipeError, match="neither may be missing"):
                spec.build(recipe, recipe.settings_of(name), encoder, SIGNAL)
        elif spec.build is not None:
            pretext = spec.build(recipe, recipe.settings_of(name), encoder, SIGNAL)
            assert pretext.encoder is encoder
            assert spec.train(recipe, recipe.settings_of(name)).epochs > 0


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_finetunes_saves_and_loads(
    name: str, w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder], tmp_path: Path
) -> None:
    encoder = trained(name)
    assert encoder.method == name
    assert not encoder.network.training
    model = finetune(encoder, w, split)
    at_once = methods.spec(name).own_head
    assert [record["stage"] for record in model.records] == ["finetune"] * (1 if at_once else 2)
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(w.x), model.predict_proba(w.x))
    np.testing.assert_array_equal(loaded.encoder.features(w.x), model.encoder.features(w.x))
    again = bundle.load_encoder(bundle.save(encoder, tmp_path / "encoder"))
    np.testing.assert_array_equal(again.features(w.x), encoder.features(w.x))


@pytest.mark.parametrize("name", pretext.NAMES)
def test_its_pretext_task_moves_the_encoder(name: str, w: Windows, trained: Callable[[str], PretrainedEncoder]) -> None:
    before = state(build_encoder(name, tiny.recipe(), w.meta, 1))
    after = state(trained(name).network)
    kept = [key for key in before if key.endswith("weight") and torch.equal(before[key], after[key])]
    assert kept == []


@pytest.mark.parametrize("name", pretext.NAMES)
def test_bfloat16_products_give_nearly_the_same_loss(
    name: str, w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder]
) -> None:
    precision = {"pretrain__precision": "bfloat16", "autoencoder__train__precision": "bfloat16"}
    narrow = pretrain(w, split, tiny.recipe(**precision), name, seed=1)
    for ours, whole in zip(narrow.records, trained(name).records, strict=True):
        assert ours["loss"] != whole["loss"]
        assert ours["loss"] == pytest.approx(whole["loss"], rel=0.02, abs=5e-4)
    assert {value.dtype for value in narrow.network.state_dict().values()} <= {torch.float32, torch.int64}


@pytest.mark.parametrize("name", pretext.NAMES)
def test_a_gradient_reaches_every_weight_matrix(name: str) -> None:
    task = pretext.made(name).double()
    batch = Batch(pretext.windows(dtype=torch.float64), torch.randn(10, 7, generator=pretext.drawn()))
    task.loss(batch, pretext.drawn())["loss"].backward()
    trained = [(each, p) for each, p in task.named_parameters() if p.ndim > 1 and p.requires_grad]
    assert trained
    assert [each for each, p in trained if p.grad is None or p.grad.abs().max() < 1e-9] == []


@pytest.mark.parametrize("augmented", [True, False])
@pytest.mark.parametrize("value", [0.0, 1.0, 1e6])
@pytest.mark.parametrize("name", pretext.NAMES)
def test_constant_windows_leave_loss_and_weights_finite(name: str, value: float, augmented: bool) -> None:
    task = pretext.made(name)
    if not augmented and task.augment is not None:
        task.augment = Compose([])
    optimizer = Optimizer(task, "adam", 1e-3)
    for k in range(3):
        loss = task.loss(Batch(torch.full((4, 6, 12), value), torch.ones(4, 7)), pretext.drawn())["loss"]
        loss.backward()
        optimizer.step(1e-3)
        task.after_step((k + 1) / 3)
        assert loss.isfinite()
    assert all(value.isfinite().all() for value in task.state_dict().values())


@pytest.mark.parametrize("name", [n for n in NAMES if methods.spec(n).build is None])
def test_without_a_pretext_task_the_encoder_stays_as_it_was_made(
    name: str, w: Windows, trained: Callable[[str], PretrainedEncoder]
) -> None:
    assert identical(state(trained(name).network), state(build_encoder(name, tiny.recipe(), w.meta, 1)))
    assert trained(name).records == []


def test_random_stays_so_to_the_end(w: Windows, split: Split) -> None:
    model = finetune(pretrain(w, split, tiny.recipe(), "random", seed=4), w, split)
    assert identical(state(model.encoder.network), state(build_encoder("random", tiny.recipe(), w.meta, 4)))


@pytest.mark.parametrize("name", [n for n in NAMES if methods.spec(n).encoder is shared_encoder])
def test_methods_with_the_shared_encoder_start_from_the_same_weights(name: str, w: Windows, split: Split) -> None:
    """Also after the pretext task and the teacher have been built and drawn their own weights."""
    recipe = tiny.recipe(pretrain__epochs=0, autoencoder__train__epochs=1)
    torch.manual_seed(len(name))
    found = state(pretrain(w, split, recipe, name, seed=2).network)
    assert identical(found, state(build_encoder("random", recipe, w.meta, 2)))
    assert not identical(found, state(build_encoder("random", recipe, w.meta, 3)))


@pytest.mark.parametrize("name", [n for n in NAMES if not methods.spec(n).own_head])
def test_it_repeats_itself_bit_by_bit_and_heeds_its_seed(
    name: str, w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder]
) -> None:
    torch.manual_seed(123)
    again = pretrain(w, split, tiny.recipe(), name, seed=1)
    assert identical(state(again.network), state(trained(name).network))
    other = pretrain(w, split, tiny.recipe(), name, seed=2)
    assert not identical(state(other.network), state(again.network))


@pytest.mark.parametrize("name", NAMES)
def test_end_to_end_training_trains_a_copy(
    name: str, w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder]
) -> None:
    encoder = trained(name)
    before = state(encoder.network)
    if not before:
        pytest.skip("its encoder has nothing to train")
    model = finetune(encoder, w, split, settings=None if methods.spec(name).end_to_end else END_TO_END)
    assert model.encoder.network is not encoder.network
    assert identical(state(encoder.network), before)
    moved = state(model.encoder.network)
    stayed = [key for key in before if key.endswith("weight") and torch.equal(before[key], moved[key])]
    assert [
        key for key in stayed if not key.startswith(("bottleneck_out.", "up."))
    ] == []  # a decoder has no part in it
    assert not encoder.network.training


@pytest.mark.parametrize("name", [n for n in NAMES if not methods.spec(n).end_to_end])
def test_the_frozen_encoder_is_shared_and_bit_identical_afterwards(
    name: str, w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder]
) -> None:
    """Parameters and buffers, also with dropout that would draw and batch statistics that would move."""
    encoder = trained(name)
    before = state(encoder.network)
    encoder.network.train()  # whoever left it so: fine-tuning must not
    model = finetune(encoder, w, split)
    encoder.network.eval()
    assert model.encoder.network is encoder.network
    assert identical(state(encoder.network), before)
    assert all(parameter.grad is None for parameter in encoder.network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_who_needs_a_teacher_gets_one_and_nobody_else(name: str, trained: Callable[[str], PretrainedEncoder]) -> None:
    encoder = trained(name)
    stages = [record["stage"] for record in encoder.records]
    if name in TAUGHT:
        assert isinstance(encoder.teacher, ConvAutoencoder)
        assert stages == ["autoencoder", "pretrain"]
    else:
        assert encoder.teacher is None
        assert stages == ([] if methods.spec(name).build is None else ["pretrain"])


class Watch:
    """Stands between the loop and the contrastive loss and keeps what passes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[Batch] = []
        loss = Contrastive.loss

        def watched(method: Contrastive, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            self.batches.append(batch)
            return loss(method, batch, generator)

        monkeypatch.setattr(Contrastive, "loss", watched)


@pytest.mark.parametrize("name", TAUGHT)
def test_the_teacher_is_frozen_while_the_encoder_trains(
    name: str, w: Windows, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    encode = pretraining.encode

    def watched(network: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        seen.update(network=network, state=state(network), training=network.training)
        return encode(network, *args, **kwargs)

    watch = Watch(monkeypatch)
    monkeypatch.setattr(pretraining, "encode", watched)
    encoder = pretrain(w, split, tiny.recipe(pretrain__epochs=2), name, seed=1)
    assert encoder.teacher is seen["network"]
    assert not seen["training"]
    assert identical(state(encoder.teacher), seen["state"])
    assert all(parameter.grad is None for parameter in encoder.teacher.parameters())
    assert watch.batches
    assert not any(batch.h.requires_grad for batch in watch.batches if batch.h is not None)


@pytest.mark.parametrize("name", TAUGHT)
def test_h_is_the_teacher_s_view_of_the_clean_windows_of_the_batch(
    name: str, w: Windows, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    encoder = pretrain(w, split, tiny.recipe(pretrain__epochs=2), name, seed=1)
    assert encoder.teacher is not None
    scaled = torch.from_numpy(encoder.scaler.transform(w.x[split.train]))
    for batch in watch.batches:
        assert batch.h is not None
        with torch.no_grad():
            expected = encoder.teacher(batch.x)
        torch.testing.assert_close(batch.h, expected, rtol=1e-4, atol=1e-5)
        assert (expected[1:] - expected[:-1]).abs().max() > 1e-2  # a row in another's place would show
        assert all((scaled == x).all(dim=(1, 2)).any() for x in batch.x)  # no augmentation, no noise


@pytest.mark.parametrize("name", TAUGHT)
def test_a_teacher_that_knows_each_window_gives_each_its_own_row(
    name: str, w: Windows, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake teacher's first feature is the window's own mean, so any exchange of rows shows exactly."""
    told: list[Tensor] = []

    def forward(net: ConvAutoencoder, x: Tensor) -> Tensor:
        own = x.mean(dim=(1, 2), keepdim=False)[:, None]
        return own + 0 * net.bottleneck_in.bias

    loss = Contrastive.loss

    def listening(method: Contrastive, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        assert batch.h is not None
        told.append((batch.h[:, 0] - batch.x.mean(dim=(1, 2))).abs().max())
        return loss(method, batch, generator)

    monkeypatch.setattr(ConvAutoencoder, "forward", forward)
    monkeypatch.setattr(Contrastive, "loss", listening)
    pretrain(w, split, tiny.recipe(pretrain__epochs=2), name, seed=1)
    assert len(told) == 4
    assert max(map(float, told)) < 1e-6


def test_no_two_contrastive_methods_give_the_same_loss(w: Windows) -> None:
    """On the same weights, views and instance features."""
    recipe: Recipe = tiny.recipe()
    x = torch.from_numpy(w.x[:20].copy()).sub(5).div(5)
    h = torch.randn(20, 7, generator=torch.Generator().manual_seed(0))
    found = {}
    for name in NAMES:
        spec: MethodSpec = methods.spec(name)
        if spec.build is None or spec.encoder is not shared_encoder:
            continue
        torch.manual_seed(0)
        encoder = spec.encoder(recipe, w.meta)
        pretext = spec.build(recipe, recipe.settings_of(name), encoder, SIGNAL)
        found[name] = float(pretext.loss(Batch(x, h), torch.Generator().manual_seed(1))["loss"].detach())
    assert len(found) >= 3
    assert len({round(value, 5) for value in found.values()}) == len(found), found


def test_the_recipe_s_temperature_arrives(w: Windows) -> None:
    x, h = (
        torch.from_numpy(w.x[:20].copy()).sub(5).div(5),
        torch.randn(20, 7, generator=torch.Generator().manual_seed(0)),
    )
    for name in ("dynamic", "csshar", "angular"):
        found = []
        for temperature in (0.1, 0.5):
            recipe = tiny.recipe(**{f"method__{name}__temperature": temperature})
            spec = methods.spec(name)
            assert spec.build is not None
            torch.manual_seed(0)
            pretext = spec.build(recipe, recipe.settings_of(name), spec.encoder(recipe, w.meta), SIGNAL)
            found.append(float(pretext.loss(Batch(x, h), torch.Generator().manual_seed(1))["loss"].detach()))
        assert found[0] != found[1], name


def test_views_of_one_window_are_different_and_clean_windows_stay(w: Windows) -> None:
    recipe = tiny.recipe()
    spec = methods.spec("csshar")
    assert spec.build is not None
    pretext = spec.build(recipe, recipe.settings_of("csshar"), spec.encoder(recipe, w.meta), SIGNAL)
    seen: list[Tensor] = []
    pretext.encoder.register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))
    x = torch.from_numpy(w.x[:10].copy())
    before = x.clone()
    pretext.loss(Batch(x), torch.Generator().manual_seed(1))
    (views,) = seen
    assert views.shape == (20, 6, 12)
    assert all(not torch.equal(views[i], views[i + 10]) for i in range(10))
    assert torch.equal(x, before)
    # view 1 of all windows first: each view lies nearer to its own window than to the others', on average
    distance = torch.cdist(views.flatten(1), x.flatten(1))
    own = distance[torch.arange(20), torch.arange(20) % 10]
    assert own.mean() < distance.mean()


def test_the_autoencoder_rebuilds_the_clean_window_from_a_noisy_one(w: Windows) -> None:
    recipe = tiny.recipe(autoencoder__noise_sigma=0.7)
    spec = methods.spec("autoencoder")
    assert spec.build is not None
    pretext = spec.build(recipe, recipe.settings_of("autoencoder"), spec.encoder(recipe, w.meta), SIGNAL)
    seen: list[Tensor] = []
    pretext.encoder.register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))
    x = torch.from_numpy(w.x.copy())
    loss = pretext.loss(Batch(x), torch.Generator().manual_seed(1))["loss"]
    noise = seen[0] - x
    assert float(noise.std()) == pytest.approx(0.7, rel=0.05)
    assert isinstance(pretext.encoder, ConvAutoencoder)
    with torch.no_grad():
        expected = (pretext.encoder.reconstruct(pretext.encoder(seen[0])) - x).square().mean()
    torch.testing.assert_close(loss.detach(), expected)
