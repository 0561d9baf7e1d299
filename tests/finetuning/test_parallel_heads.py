"""Heads trained in one batch, and one after the other, against each alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from otolith.errors import TrainingError
from otolith.finetuning import parallel_heads
from otolith.finetuning.classifier import train_steps
from otolith.finetuning.heads import Labelled, build_head, predict
from otolith.finetuning.parallel_heads import ManyHeads, train_many
from otolith.finetuning.settings import FinetuneSettings
from otolith.metrics import macro_f1

SETTINGS = FinetuneSettings(epochs=7, batch_size=8, lr=1e-3, hidden=(12, 6), dropout=0.0)
CLASSES = 3


def labelled(n: int, seed: int) -> Labelled:
    made = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % CLASSES
    return Labelled(torch.randn(n, 10, generator=made) + 2 * torch.eye(CLASSES, 10)[y], y)


DRAWS = [labelled(21, seed) for seed in range(5)]
TEST = labelled(200, 99)


def score(true: Tensor, found: Tensor) -> float:
    return macro_f1(true.numpy(), found.numpy(), range(CLASSES), CLASSES)


@pytest.mark.parametrize("batched", [True, False])
def test_each_head_is_what_it_would_be_alone(batched: bool) -> None:
    heads = train_many(DRAWS, range(5), SETTINGS, CLASSES, steps=17, batched=batched)
    for number, draw in enumerate(DRAWS):
        alone = build_head(10, CLASSES, SETTINGS, number)
        train_steps(alone, draw, SETTINGS, number, 17)
        linear = [layer for layer in alone if isinstance(layer, torch.nn.Linear)]
        for layer, weight, bias in zip(linear, heads.weights, heads.biases, strict=True):
            torch.testing.assert_close(weight[number].t(), layer.weight, rtol=0, atol=1e-5)
            torch.testing.assert_close(bias[number], layer.bias, rtol=0, atol=1e-5)
        assert torch.equal(heads.predict(TEST.inputs)[number], predict(alone, TEST.inputs).argmax(1))


@pytest.mark.parametrize("together", [1, 2, 5])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_company_does_not_matter(together: int, dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for dropout: each head has its own masks."""
    settings = dataclasses.replace(SETTINGS, dropout=dropout)
    expected = train_many(DRAWS[2:3], [2], settings, CLASSES, steps=11, batched=True)
    monkeypatch.setattr(parallel_heads, "TOGETHER", together)
    heads = train_many(DRAWS, range(5), settings, CLASSES, steps=11, batched=True)
    for one, many in zip(expected.parameters(), heads.parameters(), strict=True):
        torch.testing.assert_close(many[2], one[0], rtol=0, atol=1e-5)


def test_dropout_is_applied_and_scaled() -> None:
    settings = dataclasses.replace(SETTINGS, dropout=0.4)
    group = parallel_heads._Group(DRAWS[:2], [0, 1], settings, CLASSES)
    masks = [group._dropout(500)[0] for _ in range(2)]
    assert masks[0].shape == (2, 500, 12)
    assert not torch.equal(*masks)
    assert not torch.equal(masks[0][0], masks[0][1])
    kept = masks[0][masks[0] > 0]
    assert len(kept) / masks[0].numel() == pytest.approx(0.6, abs=0.03)
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / 0.6), rtol=1e-4, atol=0)


@pytest.mark.parametrize("batched", [True, False])
def test_the_best_on_validation_is_kept(batched: bool) -> None:
    """By a score that falls from the second scoring on, so that the first one's weights must come back."""
    seen: list[Tensor] = []

    def falling(true: Tensor, found: Tensor) -> float:
        seen.append(found.clone())
        return 1.0 / len(seen)

    heads = train_many(DRAWS[:1], [0], SETTINGS, CLASSES, val=TEST, score=falling, batched=batched)
    assert len(seen) == 2  # after epoch 5, and after the last
    assert torch.equal(heads.predict(TEST.inputs)[0], seen[0])
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize(
    ("batched", "scores", "best"), [(True, (0.9, 0.1, 0.2, 0.8), (0, 3)), (False, (0.9, 0.2, 0.1, 0.8), (0, 3))]
)
def test_heads_choose_for_themselves(batched: bool, scores: tuple[float, ...], best: tuple[int, int]) -> None:
    """Two heads, one best early and one late; a batch is scored head by head every fifth epoch."""
    settings = dataclasses.replace(SETTINGS, epochs=10)
    calls: list[Tensor] = []

    def odd(true: Tensor, found: Tensor) -> float:
        calls.append(found.clone())
        return scores[len(calls) - 1]

    heads = train_many(DRAWS[:2], [0, 1], settings, CLASSES, val=TEST, score=odd, batched=batched)
    found = heads.predict(TEST.inputs)
    assert torch.equal(found[0], calls[best[0]])
    assert torch.equal(found[1], calls[best[1]])


def test_the_rate_is_halved_for_whoever_waits() -> None:
    settings = dataclasses.replace(SETTINGS, epochs=25, patience=5)
    group = parallel_heads._Group(DRAWS[:2], [0, 1], settings, CLASSES)
    turn = iter(range(100))
    group.run_best(TEST, lambda true, found: float(next(turn)))
    assert group.rate.tolist() == [1.0, 1.0]
    group = parallel_heads._Group(DRAWS[:2], [0, 1], settings, CLASSES)
    group.run_best(TEST, lambda true, found: 0.5)
    assert group.rate.tolist() == [0.25, 0.25]  # waits 5, 10: halved; 5, 10: halved


def test_a_halved_rate_halves_the_step() -> None:
    full, half = (parallel_heads._Group(DRAWS[:1], [0], SETTINGS, CLASSES) for _ in range(2))
    start = [p.detach().clone() for p in full.heads.parameters()]
    half.rate = torch.tensor([0.5])
    full.epoch(1)
    half.epoch(1)
    for before, one, other in zip(start, full.heads.parameters(), half.heads.parameters(), strict=True):
        torch.testing.assert_close(2 * (other - before), one - before, rtol=1e-4, atol=1e-7)


def test_prediction_is_forward_on_shared_rows() -> None:
    heads = ManyHeads([build_head(10, CLASSES, SETTINGS, seed) for seed in range(3)]).eval()
    rows = TEST.inputs[:50]
    expected = heads(rows.expand(3, -1, -1)).argmax(2)
    assert torch.equal(heads.predict(rows, batch_size=7), expected)


def test_linear_heads() -> None:
    settings = dataclasses.replace(SETTINGS, head="linear", lr=0.05)
    heads = train_many(DRAWS[:2], [0, 1], settings, CLASSES, steps=60)
    assert len(heads.weights) == 1
    assert score(TEST.y, heads.predict(TEST.inputs)[0]) > 0.6


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="either steps, or val"):
        train_many(DRAWS, range(5), SETTINGS, CLASSES)
    with pytest.raises(ValueError, match="either steps, or val"):
        train_many(DRAWS, range(5), SETTINGS, CLASSES, steps=3, val=TEST, score=score)
    with pytest.raises(ValueError, match="one seed for each draw"):
        train_many(DRAWS, [0], SETTINGS, CLASSES, steps=3)
    with pytest.raises(TrainingError, match=r"draws of one size; got \[20, 21\]"):
        train_many([DRAWS[0], labelled(20, 0)], [0, 1], SETTINGS, CLASSES, steps=3)
    broken = Labelled(torch.full((6, 10), torch.inf), torch.arange(6) % CLASSES)
    with pytest.raises(TrainingError, match="no longer finite after"):
        train_many([broken], [0], SETTINGS, CLASSES, steps=5, batched=True)
    with pytest.raises(TrainingError, match="no longer finite in step 1"):
        train_many([broken], [0], SETTINGS, CLASSES, steps=1, batched=False)


def test_the_caller_s_random_state_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    train_many(DRAWS[:2], [0, 1], dataclasses.replace(SETTINGS, dropout=0.2), CLASSES, steps=3)
    assert torch.equal(torch.rand(3), expected)
