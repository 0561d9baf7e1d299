"""Dropout's masks: their distribution, and one seed that decides them."""

from __future__ import annotations

import math
import platform

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith import fast
from otolith.fast import memory
from otolith.fast.masks import KeepMasks, dropout, dropped_share
from otolith.nets.dropout import Dropout
from otolith.nets.dropout import dropout as chosen


@pytest.mark.parametrize("p", [0.001, 0.1, 0.2, 0.5, 0.9])
def test_share_of_zeros(p: float) -> None:
    torch.manual_seed(1)
    n = 1_000_000
    zeros = int((KeepMasks(p).fill(torch.empty(1000, 1000)) == 0).sum())
    assert abs(zeros - n * p) < 5 * math.sqrt(n * p * (1 - p)) + n / 65_536


def test_elements_are_independent() -> None:
    torch.manual_seed(2)
    kept = KeepMasks(0.3).fill(torch.empty(4, 250_000, dtype=torch.float64)) - 0.7
    for shift in (1, 2, 3, 4, 1000):  # four elements come from one number
        correlation = float((kept[:, shift:] * kept[:, :-shift]).mean()) / 0.21
        assert abs(correlation) < 5 / 1000
    assert abs(float((kept[0] * kept[1]).mean()) / 0.21) < 0.01


@given(st.floats(0.01, 0.95), st.integers(1, 50), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_what_is_kept_is_scaled(p: float, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    x = torch.ones(n, 3, requires_grad=True)
    out = dropout(x, p)
    values = torch.tensor([0.0, 1 / (1 - dropped_share(p))])
    assert torch.isin(out, values).all()
    assert values[1] == pytest.approx(1 / (1 - p), rel=1e-3)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_one_seed_decides_all() -> None:
    drawn = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        drawn.append(torch.stack([dropout(torch.ones(100), 0.5) for _ in range(2)]))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0][0], drawn[0][1])


def test_plain_dropout_where_fast_forms_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    x, outs = torch.ones(50), []
    for off in (False, True):
        torch.manual_seed(0)
        with fast.plain(off):
            outs.append(chosen(x, 0.5, True))
    torch.manual_seed(0)
    assert torch.equal(outs[1], torch.nn.functional.dropout(x, 0.5))
    assert not torch.equal(outs[0], outs[1])
    assert chosen(x, 0.5, False) is x
    assert chosen(x, 0.0, True) is x
    assert not Dropout(1.0)(x).any()


def test_the_environment_switches_fast_forms_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTOLITH_FAST", raising=False)
    assert fast.is_on()
    monkeypatch.setenv("OTOLITH_FAST", "0")
    assert not fast.is_on()
    with fast.plain(False):
        assert fast.is_on()
        with fast.plain():
            assert not fast.is_on()
        assert fast.is_on()
    assert not fast.is_on()


def test_other_systems_keep_their_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert memory.keep_pages.__wrapped__() is False


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropping_in_place_is_multiplying_by_the_mask(p: float, dtype: torch.dtype) -> None:
    x = torch.randn(33, 7, dtype=dtype)
    expected = x * KeepMasks(p, 5).fill(torch.empty_like(x))
    found = KeepMasks(p, 5).drop_(x.clone(), torch.empty_like(x))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
