"""No subject, and no statistic of one, crosses a split on its way through training (acceptance point 6).

`test_leakage_splits.py` asks the same of the splits themselves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from otolith import methods, splits
from otolith.errors import DataError
from otolith.model import PretrainedEncoder
from otolith.pipeline import evaluate, finetune, pretrain
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny

PRETRAINED = [name for name in methods.names() if methods.spec(name).build is not None]


WITHOUT_BATCH_NORM = ("autoencoder", "cpc", "multi-task", "classical")


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=6, n_unlabelled=4)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


def altered(w: Windows, rows: NDArray[Any], signal: bool = True, labels: bool = True) -> Windows:
    """Other signals (a hundred times as strong, elsewhere) and other labels in these windows."""
    x, y = w.x.copy(), w.y.copy()
    if signal:
        x[rows] = 100 * np.random.default_rng(0).standard_normal(x[rows].shape) + 50
    if labels:
        y[rows] = np.where(y[rows] >= 0, (y[rows] + 1) % w.n_classes, -1)
    return replace(w, x=x, y=y)


def test_held_out_subjects_cannot_come_back_unlabelled(w: Windows, split: Split) -> None:
    recipe = tiny.recipe()
    for part in (split.val, split.test):
        with pytest.raises(DataError, match="validate or test here"):
            pretrain(w, split, recipe, unlabelled=[w.take(part)])
    pretrain(w, split, recipe, unlabelled=[w.take(split.train)])
    elsewhere = replace(w, meta=replace(w.meta, dataset="another"))
    pretrain(w, split, recipe, unlabelled=[elsewhere.take(split.test)])  # its subjects are other people


def everything(network: nn.Module | None) -> dict[str, Tensor]:
    return {} if network is None else {name: value.clone() for name, value in network.state_dict().items()}


def identical(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def same_encoder(one: PretrainedEncoder, other: PretrainedEncoder) -> bool:
    return (
        identical(everything(one.network), everything(other.network))
        and identical(everything(one.teacher), everything(other.teacher))
        and one.scaler.to_dict() == other.scaler.to_dict()
    )


def pretrained(w: Windows, split: Split, method: str = "dynamic", **kwargs: Any) -> PretrainedEncoder:
    return pretrain(w, split, tiny.recipe(), method, seed=0, **kwargs)


def of_others(w: Windows, split: Split, part: str = "both") -> NDArray[Any]:
    """All windows, labelled or not, of the subjects that validate and test (or only test)."""
    held = split.test if part == "test" else np.concatenate([split.val, split.test])
    return np.flatnonzero(np.isin(w.subject, w.subject[held]))


@pytest.mark.parametrize("method", methods.names())
def test_held_out_subjects_leave_no_bit_in_pre_training(method: str, w: Windows, split: Split) -> None:
    other = altered(w, of_others(w, split))
    assert same_encoder(pretrained(other, split, method), pretrained(w, split, method))


def test_the_test_above_can_fail(w: Windows, split: Split) -> None:
    """One training window does show, and so would a scaler fitted on everybody."""
    other = altered(w, split.train[:1])
    found = pretrained(other, split)
    assert not same_encoder(found, pretrained(w, split))
    assert found.scaler.to_dict() != pretrained(w, split).scaler.to_dict()


@pytest.mark.parametrize("method", methods.names())
def test_test_subjects_leave_no_bit_in_the_fine_tuned_model(method: str, w: Windows, split: Split) -> None:
    def model(windows: Windows) -> Any:
        return finetune(pretrained(windows, split, method), windows, split)

    one, other = model(w), model(altered(w, of_others(w, split, "test")))
    assert identical(everything(one.head), everything(other.head))
    assert identical(everything(one.encoder.network), everything(other.encoder.network))
    assert one.validation == other.validation
    assert one.training_classes == other.training_classes
    assert [r["val_macro_f1"] for r in one.records] == [r["val_macro_f1"] for r in other.records]


def test_test_subjects_do_show_in_the_score(w: Windows, split: Split) -> None:
    model = finetune(pretrained(w, split), w, split)
    assert evaluate(model, w, split) != evaluate(model, altered(w, split.test), split)


@pytest.mark.parametrize("method", PRETRAINED)
def test_labels_of_training_subjects_do_not_reach_pre_training(method: str, w: Windows, split: Split) -> None:
    """Neither which label a window has nor whether it has one."""
    relabelled = altered(w, split.train, signal=False)
    assert same_encoder(pretrained(relabelled, split, method), pretrained(w, split, method))
    y = w.y.copy()
    y[split.train] = -1
    assert same_encoder(pretrained(replace(w, y=y), split, method), pretrained(w, split, method))


def test_unlabelled_windows_of_training_subjects_join_pre_training_only(w: Windows, split: Split) -> None:
    unlabelled = np.flatnonzero(~w.labelled)
    joined = np.intersect1d(unlabelled, split.train)
    assert len(joined) == 4 * len(np.unique(w.subject[split.train]))
    assert not np.isin(unlabelled, np.concatenate([split.val, split.test])).any()

    encoder = pretrained(w, split)
    other = altered(w, joined)
    assert not same_encoder(pretrained(other, split), encoder)
    # and, unless the head is the paper's, the mean and deviation by which its features are standardised
    plain = replace(encoder, recipe=tiny.recipe("paper"))
    one, two = finetune(plain, w, split), finetune(plain, other, split)
    assert identical(everything(one.head), everything(two.head))


def test_unlabelled_windows_of_held_out_subjects_join_nothing(w: Windows, split: Split) -> None:
    theirs = np.setdiff1d(of_others(w, split), np.concatenate([split.val, split.test]))
    assert len(theirs)
    other = altered(w, theirs)
    one, two = pretrained(w, split), pretrained(other, split)
    assert same_encoder(one, two)
    assert evaluate(finetune(one, w, split), w, split) == evaluate(finetune(two, other, split), other, split)


def test_further_recordings_join_training_but_not_the_scaler(w: Windows, split: Split) -> None:
    further = tiny.windows(n_subjects=2, seed=7, dataset="further")
    alone, joined = pretrained(w, split), pretrained(w, split, unlabelled=(further,))
    assert joined.scaler.to_dict() == alone.scaler.to_dict()
    assert not identical(everything(joined.network), everything(alone.network))
    assert not identical(everything(joined.teacher), everything(alone.teacher))
    counts = [encoder.records[-1]["windows"] for encoder in (alone, joined)]
    assert counts == [len(split.train) // 32 * 32, (len(split.train) + len(further)) // 32 * 32]
    without_labels = replace(further, y=np.full(len(further), -1))
    assert same_encoder(pretrained(w, split, unlabelled=(without_labels,)), joined)


@pytest.mark.parametrize("method", methods.names())
def test_fine_tuning_leaves_the_encoder_bit_identical(method: str, w: Windows, split: Split) -> None:
    """Parameters and buffers of network and teacher, and the scaler."""
    encoder = pretrained(w, split, method)
    before = everything(encoder.network), everything(encoder.teacher), encoder.scaler.to_dict()
    assert any("running_mean" in name for name in before[0]) or method in WITHOUT_BATCH_NORM
    finetune(encoder, w, split)
    finetune(encoder, w, split, seed=5)
    assert identical(everything(encoder.network), before[0])
    assert identical(everything(encoder.teacher), before[1])
    assert encoder.scaler.to_dict() == before[2]


def test_transfer_refits_the_scaler_on_the_target_s_training_subjects_alone(w: Windows, split: Split) -> None:
    encoder = pretrained(w, split)
    target = tiny.windows(n_subjects=5, seed=3, dataset="target")
    target = replace(target, x=10 * target.x + 5)
    there = splits.holdout(target, 0)
    model = finetune(encoder, target, there)
    assert model.encoder.scaler.to_dict() != encoder.scaler.to_dict()
    loud = altered(target, of_others(target, there))
    assert finetune(encoder, loud, there).encoder.scaler.to_dict() == model.encoder.scaler.to_dict()
    assert encoder.meta.dataset == "own"
    assert model.meta.dataset == "target"
