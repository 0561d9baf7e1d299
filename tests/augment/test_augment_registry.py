"""Augmentations by name, as recipes ask for them."""

from __future__ import annotations

import pytest
import torch

from otolith import augment
from otolith.augment import Augmentation, Params, SignalSpec
from otolith.errors import RecipeError


def test_the_field_s_usual_augmentations_are_there() -> None:
    assert set(augment.names()) >= {
        "jitter",
        "scaling",
        "rotation",
        "permutation",
        "time_warp",
        "magnitude_warp",
        "channel_dropout",
        "time_mask",
        "flip",
        "channel_shuffle",
    }
    assert augment.names() == sorted(augment.names())


def test_defaults_are_the_sound_versions() -> None:
    assert augment.options("jitter") == {"sigma": 0.5}
    assert augment.options("scaling") == {"sigma": 0.5, "per": "channel"}
    assert augment.options("rotation") == {"kind": "so3", "degrees": 10.0}
    assert augment.options("permutation") == {"min_segments": 2, "max_segments": 5, "equal": False}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "jiter"}, "unknown augmentation 'jiter'; did you mean 'jitter'"),
        ({"name": "jitter", "sigm": 0.1}, "option of augmentation 'jitter': 'sigm'; did you mean 'sigma'"),
        ({"name": "jitter", "signal": 1}, "option of augmentation 'jitter': 'signal'"),
        (
            {"name": "scaling", "per": "chanel"},
            "per of augmentation 'scaling': 'chanel'; did you mean 'channel'",
        ),
        (
            {"name": "jitter", "sigma": -1.0},
            r"sigma of augmentation 'jitter' must be a number in \(0, inf\), not -1",
        ),
        ({"name": "jitter", "sigma": "0.5"}, "must be a number .* not '0.5'"),
        ({"name": "jitter", "sigma": float("inf")}, "must be a number"),
        ({"name": "jitter", "sigma": True}, "must be a number"),
        (
            {"name": "jitter", "probability": 1.2},
            r"probability of augmentation 'jitter' .* \[0, 1\], not 1.2",
        ),
        ({"name": "permutation", "max_segments": 2.5}, "whole number of at least 2, not 2.5"),
        ({"name": "permutation", "max_segments": True}, "whole number of at least 2, not True"),
        ({"name": "permutation", "min_segments": 6}, r"min_segments .* is 6, above max_segments \(5\)"),
        (
            {"name": "permutation", "equal": "yes"},
            "equal of augmentation 'permutation' must be true or false",
        ),
        ({"name": "rotation", "kind": 3}, "kind of augmentation 'rotation'"),
        ({"name": "time_mask", "max_share": 0}, r"must be a number in \(0, 1\], not 0"),
        ({"probability": 0.5}, "augmentation 2 has no name"),
    ],
)
def test_mistakes_in_a_recipe_are_named(signal: SignalSpec, entry: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        augment.build_all([{"name": "scaling"}, entry], signal)
    assert "augmentation 2" in str(caught.value) or "probability" in entry


def test_entries_become_a_composition(signal: SignalSpec) -> None:
    entries = [
        {"name": "jitter", "sigma": 0.25},
        {"name": "scaling", "probability": 0.5, "per": "element"},
        {"name": "rotation", "probability": 0},
    ]
    compose = augment.build_all(entries, signal)
    assert [(a.name, p) for a, p in compose.items] == [("jitter", 1.0), ("scaling", 0.5), ("rotation", 0.0)]
    assert compose.items[0][0].sigma == 0.25
    assert compose.items[1][0].per == "element"
    assert entries[1] == {"name": "scaling", "probability": 0.5, "per": "element"}, "entries stay as they were"
    assert augment.build_all([], signal).items == ()


def test_anyone_can_register_one(signal: SignalSpec, registry_as_before: None) -> None:

    @augment.register
    class Silence(Augmentation):
        name = "silence"

        def _sample(self, x: torch.Tensor, generator: torch.Generator) -> Params:
            return {}

        def _apply(self, x: torch.Tensor, params: Params) -> torch.Tensor:
            return torch.zeros_like(x)

    assert "silence" in augment.names()
    out = augment.build("silence", signal)(torch.ones(1, 6, 8), torch.Generator())
    assert not out.any()
    with pytest.raises(ValueError, match="two augmentations are named 'silence'"):
        augment.register(type("Other", (Silence,), {}))
    assert augment.register(Silence) is Silence  # the same again is no other
