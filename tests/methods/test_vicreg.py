"""VICReg as a method: two views through encoder and expander, then Eq 6 of Bardes, Ponce and LeCun 2022."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from otolith import splits
from otolith.losses.vicreg import vicreg
from otolith.methods.vicreg import VICReg, VICRegSettings
from otolith.nets.heads import NormalisedMLP
from otolith.pipeline import pretrain
from otolith.training.optim import Optimizer
from otolith.training.pretext import Batch
from tests.helpers import tiny
from tests.helpers.pretext import drawn, windows
from tests.helpers.pretext import made as pretext_task

made = partial(pretext_task, "vicreg", method__vicreg__width=16)


@pytest.mark.parametrize("weights", [{}, {"invariance": 3.0, "variance": 0.5, "covariance": 7.0}])
def test_the_loss_is_equation_6_of_the_expanded_views(weights: dict[str, float]) -> None:
    pretext, x = made(**{f"method__vicreg__{name}": w for name, w in weights.items()}).double(), windows().double()
    terms = pretext.loss(Batch(x), drawn())
    generator = drawn()
    a, b = (pretext.expander(pretext.encoder(pretext.augment(x, generator))) for _ in range(2))
    expected = vicreg(a, b, **weights)
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-10), name
    parameters = list(pretext.parameters())
    mine, theirs = (torch.autograd.grad(found["loss"], parameters) for found in (terms, expected))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-11)


def spread(pretext: VICReg, x: Tensor) -> float:
    """Mean deviation of the embeddings over windows, as the loss sees it."""
    with torch.no_grad():
        return float(pretext.expander(pretext.encoder(x)).std(dim=0).mean())


def test_the_variance_term_is_what_keeps_embeddings_apart() -> None:
    x = windows(40)
    found = []
    for weight in (25.0, 0.0):
        pretext = made(method__vicreg__variance=weight)
        optimizer, generator = Optimizer(pretext, "adam", 3e-3), drawn()
        for _ in range(80):
            pretext.loss(Batch(x), generator)["loss"].backward()
            optimizer.step(3e-3)
        found.append(spread(pretext, x))
    assert found[0] > 0.5
    assert found[1] < 0.1


def test_records_hold_the_terms() -> None:
    w = tiny.windows()
    encoder = pretrain(w, splits.holdout(w, 0), tiny.recipe(method__vicreg__width=16), "vicreg", seed=1)
    for record in encoder.records:
        weighed = 25 * record["invariance"] + 25 * record["variance"] + record["covariance"]
        assert record["loss"] == pytest.approx(weighed, rel=1e-5)


def test_the_width_arrives() -> None:
    expander = made().expander
    assert isinstance(expander, NormalisedMLP)
    linear = [layer for layer in expander if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in linear] == [16, 16, 16]
    assert [layer.bias for layer in linear] == [None] * 3
    assert expander[-1] is linear[-1]


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="width >= 1; got width 0"):
        VICRegSettings(width=0)
    for name in ("invariance", "variance", "covariance"):
        for weight in (-1.0, math.nan):
            with pytest.raises(ValueError, match=f"covariance of 0 or more; got .*{name} {weight}"):
                VICRegSettings(**{name: weight})
