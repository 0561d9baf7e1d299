"""Every method with either kind of the shared encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from otolith import methods, splits
from otolith.errors import RecipeError
from otolith.finetuning.settings import FinetuneSettings
from otolith.methods.multimodal import ModalityEncoders
from otolith.model import PretrainedEncoder, bundle
from otolith.nets import Encoder, ResidualEncoder, TransformerEncoder
from otolith.pipeline import build_encoder, finetune, pretrain
from otolith.splits import Split
from otolith.training.pretext import Batch
from otolith.windows import Windows
from tests.helpers import pretext, tiny
from tests.helpers.stops import Stopped, plain, same, stop_after

KINDS = {"transformer": TransformerEncoder, "conv": ResidualEncoder}
OWN = [name for name in methods.names() if methods.spec(name).own_encoder]
"""Methods whose encoder is that of their paper, whatever the recipe says."""
EITHER = [name for name in methods.names() if name not in OWN]
TAUGHT = [name for name in EITHER if name in pretext.NAMES]
"""Those of them that pre-train."""


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows()


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def trained(w: Windows, split: Split) -> Callable[[str], PretrainedEncoder]:
    """Three tiny epochs of each method with convolutions, trained once for all tests that only read them."""
    made: dict[str, PretrainedEncoder] = {}

    def get(name: str) -> PretrainedEncoder:
        if name not in made:
            made[name] = pretrain(w, split, recipe(pretrain__epochs=3), name, seed=1)
        return made[name]

    return get


def recipe(**overrides: Any) -> Any:
    return tiny.recipe(**{"encoder__kind": "conv"} | overrides)


def parts(encoder: Encoder) -> list[nn.Module]:
    """The encoder itself, or those that it is made of."""
    return [encoder.acc, encoder.gyro] if isinstance(encoder, ModalityEncoders) else [encoder]


def test_methods_with_an_encoder_of_their_own_say_so() -> None:
    assert {"cpc", "multi-task", "autoencoder"} <= set(OWN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EITHER)
def test_the_recipe_s_kind_is_what_a_method_trains(name: str, kind: str) -> None:
    encoder = build_encoder(name, recipe(encoder__kind=kind), tiny.meta(), 0)
    assert [type(part) for part in parts(encoder)] == [KINDS[kind]] * len(parts(encoder))
    x = torch.randn(3, 6, 12)
    assert encoder(x).shape == (3, encoder.n_features)
    assert encoder.steps(x).shape == (3, encoder.n_out_steps, encoder.width)


@pytest.mark.parametrize("name", OWN)
def test_an_encoder_of_a_paper_is_the_same_with_every_kind(name: str) -> None:
    one, other = (build_encoder(name, recipe(encoder__kind=kind), tiny.meta(), 0) for kind in KINDS)
    assert same(one, other)


@pytest.mark.parametrize("name", EITHER)
def test_one_seed_gives_every_method_the_same_weights_to_start_from(name: str) -> None:
    one = build_encoder(name, recipe(), tiny.meta(), 2)
    if name != "multimodal":
        assert same(one, build_encoder("random", recipe(), tiny.meta(), 2))
    torch.manual_seed(9)
    assert same(one, build_encoder(name, recipe(), tiny.meta(), 2))
    assert not same(one, build_encoder(name, recipe(), tiny.meta(), 3))


@pytest.mark.parametrize("name", TAUGHT)
def test_a_gradient_reaches_every_parameter_of_the_convolutions(name: str) -> None:
    task = pretext.made(name, encoder__kind="conv").double().train()
    batch = Batch(pretext.windows(dtype=torch.float64), torch.randn(10, 7, generator=pretext.drawn()))
    loss = task.loss(batch, pretext.drawn())["loss"]
    assert loss.isfinite()
    loss.backward()
    named = list(task.encoder.named_parameters())
    assert named
    assert [each for each, p in named if p.grad is None or p.grad.abs().max() < 1e-9] == []


@pytest.mark.parametrize("name", TAUGHT)
def test_it_learns(name: str, trained: Callable[[str], PretrainedEncoder], w: Windows) -> None:
    encoder = trained(name)
    losses = [record["loss"] for record in encoder.records if record["stage"] == "pretrain"]
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    before = build_encoder(name, recipe(), w.meta, 1).state_dict()
    assert [key for key, value in encoder.network.state_dict().items() if torch.equal(value, before[key])] == []


@pytest.mark.parametrize("name", TAUGHT)
def test_resumed_equals_uninterrupted(
    name: str, w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder], tmp_path: Path
) -> None:
    def two(record: dict[str, Any]) -> None:
        if record["stage"] == "pretrain":
            stop_after(2)(record)

    with pytest.raises(Stopped):
        pretrain(w, split, recipe(pretrain__epochs=3), name, seed=1, checkpoints=tmp_path, on_epoch=two)
    torch.manual_seed(99)
    resumed = pretrain(w, split, recipe(pretrain__epochs=3), name, seed=1, checkpoints=tmp_path)
    assert same(resumed.network, trained(name).network)
    assert plain(resumed.records) == plain(trained(name).records)


@pytest.mark.parametrize("name", EITHER)
def test_it_finetunes_saves_and_loads(
    name: str, w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder], tmp_path: Path
) -> None:
    encoder = trained(name)
    encoder.network.train()  # whoever left it so: a frozen encoder's statistics must not move
    before = {key: value.clone() for key, value in encoder.network.state_dict().items()}
    model = finetune(encoder, w, split)
    encoder.network.eval()
    assert all(torch.equal(value, before[key]) for key, value in encoder.network.state_dict().items())
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    assert loaded.encoder.recipe.encoder.kind == "conv"
    np.testing.assert_array_equal(loaded.predict_proba(w.x), model.predict_proba(w.x))
    np.testing.assert_array_equal(loaded.encoder.features(w.x), model.encoder.features(w.x))


def test_convolutions_train_end_to_end(
    w: Windows, split: Split, trained: Callable[[str], PretrainedEncoder], tmp_path: Path
) -> None:
    encoder = trained("csshar")
    before = {key: value.clone() for key, value in encoder.network.state_dict().items()}
    settings = FinetuneSettings(encoder="trained", epochs=15, batch_size=8, lr=3e-3, hidden=())
    model = finetune(encoder, w, split, settings=settings)
    assert all(torch.equal(value, before[key]) for key, value in encoder.network.state_dict().items())
    assert [k for k, v in model.encoder.network.state_dict().items() if torch.equal(v, before[k])] == []
    assert model.validation > 0.9
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(w.x), model.predict_proba(w.x))


@pytest.mark.parametrize("name", ["dynamic", "byol", "masked", "multimodal"])
def test_bfloat16_products_give_nearly_the_same_loss(name: str, w: Windows, split: Split) -> None:
    one = {"pretrain__epochs": 1, "pretrain__schedule": "constant", "pretrain__warmup": 0.0}
    whole = pretrain(w, split, recipe(**one), name, seed=1)
    narrow = pretrain(w, split, recipe(**one, pretrain__precision="bfloat16"), name, seed=1)
    assert narrow.records[-1]["loss"] != whole.records[-1]["loss"]
    assert narrow.records[-1]["loss"] == pytest.approx(whole.records[-1]["loss"], rel=0.02, abs=5e-4)
    assert {value.dtype for value in narrow.network.state_dict().values()} <= {torch.float32, torch.int64}


def test_both_sensors_are_asked_for_with_every_kind() -> None:
    for kind in KINDS:
        with pytest.raises(RecipeError, match="takes six channels"):
            build_encoder("multimodal", recipe(encoder__kind=kind), tiny.meta(3), 0)
