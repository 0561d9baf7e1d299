"""One window at a time in numpy: the same outputs as the network itself, and only of models whose form it knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from otolith import fast, pipeline, splits
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Model
from otolith.model.bundle import load_model
from otolith.pipeline.calibration import calibrate
from otolith.streaming.network import Network
from otolith.streaming.small import FEW, SmallNetwork
from tests.helpers import tiny

WINDOWS = tiny.windows(n_subjects=6, seconds=1.25)  # an odd number of steps
LINEAR = FinetuneSettings(head="linear", solver="lbfgs")


def model_of(settings: FinetuneSettings = LINEAR, score: str = "both", **recipe: Any) -> Model:
    split = splits.holdout(WINDOWS, 0)
    made = tiny.recipe(**{"encoder__kind": "conv", "encoder__width": 8} | recipe)
    encoder = pipeline.pretrain(WINDOWS, split, made, "random", device="cpu")
    return calibrate(pipeline.finetune(encoder, WINDOWS, split, settings=settings), WINDOWS, split, score=score)


CASES = [
    model_of,
    lambda: model_of(replace(LINEAR, standardise=True), encoder__kernels=[3, 7, 1]),
    lambda: model_of(score="probability"),
    lambda: model_of(encoder__layer_norm=True),
    lambda: model_of(score="energy", encoder__kernels=[5]),
    lambda: replace(model_of(), calibration=None),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_it_gives_what_the_network_gives(case: int) -> None:
    model = CASES[case]()
    assert SmallNetwork.takes(model)
    z = model.encoder.scaler.transform(WINDOWS.x)
    with torch.no_grad():
        expected = model.network()(torch.from_numpy(z)).numpy()
    for n in (1, FEW):
        found = SmallNetwork(model)(z[:n])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[:, :3], expected[:n, :3], atol=1e-6)
        np.testing.assert_allclose(found[:, 3:], expected[:n, 3:], rtol=1e-4, atol=1e-4)


def test_few_windows_go_through_it_and_many_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    model, asked = model_of(), []
    with fast.plain():
        plain = Network(model)
    real = SmallNetwork.__call__
    monkeypatch.setattr(SmallNetwork, "__call__", lambda self, z: asked.append(len(z)) or real(self, z))
    network = Network(model)
    for n in (1, FEW, FEW + 1):
        np.testing.assert_allclose(network(WINDOWS.x[:n]), plain(WINDOWS.x[:n]), rtol=1e-4, atol=1e-5)
    assert asked == [1, FEW]


def test_other_models_are_left_to_pytorch() -> None:
    assert not SmallNetwork.takes(model_of(FinetuneSettings(hidden=(8,), epochs=1)))
    assert not SmallNetwork.takes(model_of(encoder__kind="transformer"))
    assert not SmallNetwork.takes(model_of(replace(LINEAR, standardise=True, features="joined")))


def test_the_model_for_phones_is_one() -> None:
    assert SmallNetwork.takes(load_model("phone", "cpu"))
