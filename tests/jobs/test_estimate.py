"""What a run will take: the parts of the estimate, not their size, which is the machine's affair."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from otolith import methods
from otolith.errors import DataError, TrainingError
from otolith.jobs.estimate import estimate
from otolith.pipeline import build_encoder
from otolith.recipes import Recipe
from tests.helpers import tiny

STAGES = {name: {"pretrain", "features", "finetune"} for name in methods.names()} | {
    "dynamic": {"autoencoder", "pretrain", "features", "finetune"},
    "supervised": {"finetune"},
    "classical": {"features", "finetune"},
    "random": {"features", "finetune"},
}


@pytest.mark.parametrize("method", methods.names())
def test_every_stage_of_a_method_has_its_time(method: str) -> None:
    meta, recipe = tiny.windows(n_subjects=1).meta, tiny.recipe()
    found = estimate(recipe, method, meta, 100, 20)
    assert set(found.seconds) == STAGES[method]
    assert all(seconds > 0 for seconds in found.seconds.values())
    assert found.total_seconds == pytest.approx(sum(found.seconds.values()))
    encoder = build_encoder(method, recipe, meta, 0)
    assert found.parameters == sum(p.numel() for p in encoder.parameters())
    windows = 4 * 6 * 12 * 120
    assert found.peak_bytes > 16 * found.parameters + windows


def test_time_follows_epochs_and_windows() -> None:
    """By arithmetic from one measured step: 400 times the epochs cannot be hidden by noise."""
    meta = tiny.windows(n_subjects=1).meta
    one = estimate(tiny.recipe(pretrain__epochs=1), "csshar", meta, 64, 10).seconds["pretrain"]
    many = estimate(tiny.recipe(pretrain__epochs=400), "csshar", meta, 64, 10).seconds["pretrain"]
    assert many > 10 * one
    none = estimate(tiny.recipe(pretrain__epochs=0), "csshar", meta, 64, 10).seconds["pretrain"]
    assert none == 0


def test_an_encoder_that_is_trained_with_its_head_takes_no_time_for_features() -> None:
    meta = tiny.windows(n_subjects=1).meta
    found = {epochs: estimate(whole(epochs), "csshar", meta, 64, 10) for epochs in (1, 400)}
    assert set(found[1].seconds) == {"pretrain", "finetune"}
    assert found[400].seconds["finetune"] > 10 * found[1].seconds["finetune"]
    with pytest.raises(TrainingError, match="of memory besides PyTorch"):
        estimate(whole(1), "random", meta, 64, 10, available=1000)


def test_all_ways_that_a_recipe_chooses_from_are_counted() -> None:
    meta = tiny.windows(n_subjects=1).meta
    ways = [
        {"name": "frozen", "least": 5},
        {"name": "trained", "least": 5, "encoder": "trained", "epochs": 400},
        {"name": "few", "most": 4, "epochs": 400},
    ]
    few = estimate(tiny.recipe(choice=ways[1:]), "csshar", meta, 9, 10).seconds  # three an activity
    assert set(few) == {"pretrain", "features", "finetune"}
    many = estimate(tiny.recipe(choice=ways[1:]), "csshar", meta, 64, 10).seconds
    assert set(many) == {"pretrain", "finetune"}
    only = estimate(tiny.recipe(choice=ways[:1]), "csshar", meta, 64, 10).seconds["finetune"]
    both = estimate(tiny.recipe(choice=ways[:2]), "csshar", meta, 64, 10).seconds["finetune"]
    assert both > 10 * only


def whole(epochs: int) -> Recipe:
    return tiny.recipe(finetune__encoder="trained", finetune__augment=True, finetune__epochs=epochs)


def test_a_single_window_is_estimated_and_left_to_training_to_refuse() -> None:
    assert estimate(tiny.recipe(), "dynamic", tiny.windows(n_subjects=1).meta, 1, 1).total_seconds > 0


def test_windows_that_do_not_fit_are_refused() -> None:
    short = replace(tiny.windows(n_subjects=1).meta, rate_hz=5.0)
    with pytest.raises(DataError, match="5 steps"):
        estimate(tiny.recipe(), "dynamic", short, 10, 10)


def test_the_caller_s_random_state_is_left_as_it_was() -> None:
    state = torch.get_rng_state()
    estimate(tiny.recipe(), "dynamic", tiny.windows(n_subjects=1).meta, 40, 10)
    assert torch.equal(torch.get_rng_state(), state)


def test_without_heads_it_is_that_of_the_encoder() -> None:
    meta = tiny.windows(n_subjects=1).meta
    assert estimate(tiny.recipe(), "dynamic", meta, 40, 10, heads=False).seconds.keys() == {"autoencoder", "pretrain"}
    assert estimate(tiny.recipe(), "random", meta, 40, 10, heads=False).seconds == {}


def test_choices_stand_by_the_windows_that_have_a_label() -> None:
    way = {"epochs": 1, "solver": "adam", "head": "linear"}
    choices = [{"name": "few", "most": 50, **way}, {"name": "many", "least": 51, "encoder": "trained", **way}]
    recipe = tiny.recipe(choice=choices)
    assert "features" not in estimate(recipe, "random", tiny.meta(), 300, 30, "cpu").seconds
    assert "features" in estimate(recipe, "random", tiny.meta(), 300, 30, "cpu", labels=5.0).seconds
