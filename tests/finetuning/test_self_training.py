"""Choice of confident windows, and rounds of self-training."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from otolith.finetuning import self_training
from otolith.finetuning.linear import fit_linear
from otolith.finetuning.self_training import MOST, WORTH, Pseudo, confident, self_train


def blobs(counts: list[int], seed: int = 0, apart: float = 4.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return torch.randn(len(y), 4, generator=generator) + apart * torch.eye(len(counts), 4)[y], y


@given(
    n=st.integers(1, 60),
    n_classes=st.integers(1, 5),
    share=st.floats(0, 1),
    most=st.floats(0, 1),
    labels=st.floats(0.5, 100),
    seed=st.integers(0, 99),
)
def test_no_activity_takes_more_than_its_two_bounds_nor_a_less_sure_window(
    n: int, n_classes: int, share: float, most: float, labels: float, seed: int
) -> None:
    p = torch.rand(n, n_classes, generator=torch.Generator().manual_seed(seed)).softmax(1)
    found = confident(p, share, most, labels)
    best, answer = p.max(1)
    assert len(found.rows.unique()) == len(found.rows)
    assert torch.equal(found.y, answer[found.rows])
    for number in range(n_classes):
        own = (answer == number).nonzero()[:, 0]
        taken = found.rows[found.y == number]
        trust = labels / (1 + labels)
        part = n * ((1 - trust) / n_classes + trust * float(p[:, number].mean() / p.mean(0).sum()))
        assert abs(len(taken) - min(most * len(own), share * part)) < 1 + 1e-4 * n
        assert len(taken) <= min(most * len(own), share * part) + 1e-4 * n
        left = own[~torch.isin(own, taken)]
        if len(taken) and len(left):
            assert best[taken].min() >= best[left].max()


def test_the_order_of_windows_does_not_matter() -> None:
    x, _ = blobs([30, 20, 10])
    p = x[:, :3].softmax(1)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    one, other = confident(p, 0.5, 0.5), confident(p[order], 0.5, 0.5)
    assert set(one.rows.tolist()) == set(order[other.rows].tolist())


def test_the_more_labels_the_more_the_answers_say_how_long_activities_are() -> None:
    p = torch.tensor([[0.9, 0.1]] * 31 + [[0.2, 0.8]] * 9)  # the first takes 29.7 of the 40 windows
    counts = [torch.bincount(confident(p, 1.0, 1.0, labels).y).tolist() for labels in (1e-3, 1.0, 1e3)]
    assert counts == [[20, 9], [24, 9], [29, 9]]


def test_rounds_tell_how_many_labels_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []

    def spy(probabilities: Tensor, share: float, most: float, labels: float) -> Pseudo:
        told.append(labels)
        return confident(probabilities, share, most, labels)

    monkeypatch.setattr(self_training, "confident", spy)
    self_train(*blobs([4, 2, 3], seed=1), blobs([30, 30, 30])[0], 3)
    assert set(told) == {3.0}


def test_pseudo_labels_count_as_so_many_labels() -> None:
    found = Pseudo(torch.arange(40), torch.zeros(40, dtype=torch.int64))
    torch.testing.assert_close(found.weights(3).sum(), torch.tensor(3 * WORTH))


@pytest.mark.parametrize("counts", [[200, 200, 200], [400, 150, 50]])
def test_few_labels_become_many_right_ones(counts: list[int]) -> None:
    unlabelled, truth = blobs(counts)
    x, y = blobs([1, 1, 1], seed=1)
    layer = nn.Linear(4, 3)
    fit_linear(layer, x, y, 1.0)
    before = (layer(unlabelled).argmax(1) == truth).float().mean()
    found = self_train(x, y, unlabelled, 3)
    assert len(found.rows) > 100
    assert (found.y == truth[found.rows]).float().mean() > max(0.97, before)


def test_one_round_is_what_a_classifier_is_surest_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_training, "ALONE", (0.4,))
    monkeypatch.setattr(self_training, "MOST_ALONE", 0.7)
    unlabelled, _ = blobs([50, 30])
    x, y = blobs([2, 2], seed=1)
    layer = nn.Linear(4, 2)
    fit_linear(layer, x, y, 0.5)
    expected = confident(layer(unlabelled).detach().softmax(1), 0.4, 0.7, 2.0)
    found = self_train(x, y, unlabelled, 2, penalty=0.5)
    assert set(found.rows.tolist()) == set(expected.rows.tolist())


def test_another_ways_shares_have_their_say() -> None:
    unlabelled, truth = blobs([60, 60], apart=1.0)
    x, y = blobs([1, 1], seed=1, apart=1.0)
    told = torch.full((120, 2), 0.02)
    told[torch.arange(120), truth] = 0.98
    alone, together = self_train(x, y, unlabelled, 2), self_train(x, y, unlabelled, 2, spread=told)
    assert (together.y == truth[together.rows]).float().mean() > (alone.y == truth[alone.rows]).float().mean()


def test_a_seed_decides_and_so_many_windows_suffice() -> None:
    unlabelled, _ = blobs([4000, 4000])
    x, y = blobs([2, 2], seed=1)
    one, same, other = (self_train(x, y, unlabelled, 2, seed=seed) for seed in (0, 0, 1))
    assert len(one.rows) == MOST
    assert torch.equal(one.rows, same.rows)
    assert not torch.equal(one.rows, other.rows)
