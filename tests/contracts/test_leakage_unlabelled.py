"""Heads that learn from unlabelled windows see those of training subjects, and no label beyond the given ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from otolith import splits
from otolith.datasets.synthetic import Synthetic
from otolith.model import Model
from otolith.pipeline import finetune, pretrain
from otolith.progress import SILENT
from otolith.protocols.cells import learners
from otolith.protocols.cells.study import Study
from otolith.recipes import Recipe
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny

WAYS = ("self-training", "propagation")


def recipe(way: str) -> Recipe:
    """Standardised features under a linear head that nothing but its training windows decides."""
    of_head = {"head": "linear", "solver": "lbfgs", "standardise": True, "unlabelled": way}
    return tiny.recipe(**{f"finetune__{name}": value for name, value in of_head.items()})


def few_labels(w: Windows, split: Split, seed: int = 0) -> Windows:
    """Two labelled windows of each activity are left in the training part."""
    y = w.y.copy()
    kept = split.train[splits.k_per_class(y[split.train], 2, seed)]
    y[np.setdiff1d(split.train, kept)] = -1
    return replace(w, y=y)


def altered(w: Windows, rows: NDArray[Any], *, signal: bool = True, labels: bool = True) -> Windows:
    """Other samples, far from what they were, and other labels in these windows."""
    x, y = w.x.copy(), w.y.copy()
    if signal:
        x[rows] = 100 * np.random.default_rng(0).standard_normal(x[rows].shape) + 50
    if labels:
        y[rows] = np.where(y[rows] >= 0, (y[rows] + 1) % w.n_classes, -1)
    return replace(w, x=x, y=y)


def same_head(one: Model, other: Model) -> bool:
    theirs = other.head.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.head.state_dict().items())


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=6, per_activity=12)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.mark.parametrize("way", WAYS)
def test_held_out_windows_leave_no_bit_in_a_head(way: str, w: Windows, split: Split) -> None:
    w = few_labels(w, split)

    def model(windows: Windows) -> Model:
        return finetune(pretrain(windows, split, recipe(way), "random", seed=0), windows, split)

    one = model(w)
    assert same_head(one, model(altered(w, np.concatenate([split.val, split.test]))))
    elsewhere = replace(w, recording=np.arange(len(w)).astype(str), start=np.arange(len(w))[::-1] * 7.0)
    assert same_head(one, model(elsewhere))  # nor recordings and times


@pytest.mark.parametrize("way", WAYS)
def test_unlabelled_training_windows_do_reach_it(way: str, w: Windows, split: Split) -> None:
    w = few_labels(w, split)
    encoder = pretrain(w, split, recipe(way), "random", seed=0)
    rest = split.train[w.y[split.train] < 0]
    one, other = finetune(encoder, w, split), finetune(encoder, altered(w, rest), split)
    assert not same_head(one, other)
    moved = encoder.recipe.finetune
    assert not same_head(one, finetune(encoder, w, split, settings=replace(moved, unlabelled="none")))
    assert one.settings.unlabelled == way


@pytest.mark.parametrize("way", WAYS)
def test_with_all_labels_nothing_is_left_to_take_one(way: str, w: Windows, split: Split) -> None:
    encoder = pretrain(w, split, recipe(way), "random", seed=0)
    plain = replace(encoder.recipe.finetune, unlabelled="none")
    assert same_head(finetune(encoder, w, split), finetune(encoder, w, split, settings=plain))


@pytest.mark.parametrize("head", ["linear", "vote"])
@pytest.mark.parametrize("way", WAYS)
def test_no_label_beyond_the_draw_reaches_few_labels(way: str, head: str, w: Windows, tmp_path: Path) -> None:
    split = splits.default(w, Synthetic.info)
    drawn = split.train[splits.k_per_class(w.y[split.train], 2, 0)]

    def predictions(windows: Windows, rows: NDArray[np.int64] = drawn) -> NDArray[np.int64]:
        study = Study(windows, Synthetic.info, recipe(way), "tiny", tmp_path / "unused", "cpu")
        encoder = pretrain(w, split, study.recipe, "random", seed=0)
        settings = replace(study.recipe.finetune, head=head)
        of_head = learners.learner(study, split, encoder, settings, False, "last", SILENT)
        return of_head.logits([rows], [0], lambda n: None)[0].argmax(1).numpy()

    found = predictions(w)
    others = np.setdiff1d(np.arange(len(w)), drawn)
    np.testing.assert_array_equal(predictions(altered(w, others, signal=False)), found)
    half = np.arange(len(split.test)) % 2 == 0
    held = np.concatenate([split.val, split.test[~half]])
    np.testing.assert_array_equal(predictions(altered(w, held))[half], found[half])
    assert (predictions(altered(w, drawn, signal=False)) != found).any()  # those of the draw do
