"""Fine-tuning: what is trained, when the rate falls, and which epoch is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from otolith.augment import Compose
from otolith.errors import TrainingError
from otolith.finetuning import classifier
from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.heads import Labelled, build_head, class_weights, predict
from otolith.finetuning.settings import FinetuneSettings
from otolith.finetuning.updates import EndToEnd, Updates, updates_of
from otolith.training.optim import rate_at

SETTINGS = FinetuneSettings(epochs=8, batch_size=16, lr=1e-2, hidden=(12,), patience=10)


def blobs(n: int, seed: int = 0) -> Labelled:
    """Three classes of points in the plane that a straight line cannot part."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    return Labelled(torch.randn(n, 2, generator=generator) * 0.3 + (y[:, None] - 1.0).abs() * torch.tensor([2.0, 1]), y)


def accuracy(y_true: Tensor, y_pred: Tensor) -> float:
    return float((y_true == y_pred).float().mean())


def scripted(figures: list[float]) -> Callable[[Tensor, Tensor], float]:
    script: Iterator[float] = iter(figures)
    return lambda y_true, y_pred: next(script)


def fit(
    settings: FinetuneSettings = SETTINGS,
    seed: int = 0,
    score: Callable[[Tensor, Tensor], float] = accuracy,
    train: Labelled | None = None,
    val: Labelled | None = None,
    network: nn.Module | None = None,
    **kwargs: Any,
) -> tuple[nn.Module, list[dict[str, Any]]]:
    network = build_head(2, 3, settings, seed) if network is None else network
    records = train_classifier(
        network, train or blobs(90), val or blobs(30, 1), settings, seed, n_classes=3, score=score, **kwargs
    )
    return network, records


def test_it_learns() -> None:
    data = Labelled(torch.eye(3).repeat(20, 1), torch.arange(3).repeat(20))
    network = nn.Linear(3, 3)
    train_classifier(network, data, data, replace(SETTINGS, epochs=20), 0, n_classes=3, score=accuracy)
    assert accuracy(data.y, predict(network, data.inputs).argmax(1)) == 1.0
    assert not network.training


def test_the_head_is_the_paper_s_or_a_linear_probe() -> None:
    head = build_head(10, 6, FinetuneSettings(), 0)
    assert [layer.out_features for layer in head if isinstance(layer, nn.Linear)] == [256, 128, 6]
    probe = build_head(10, 6, FinetuneSettings(head="linear"), 0)
    assert [type(layer) for layer in probe] == [nn.Linear]


def test_the_head_depends_on_its_seed_alone() -> None:
    torch.manual_seed(1)
    one = build_head(4, 3, SETTINGS, 5)
    state = torch.get_rng_state()
    two = build_head(4, 3, SETTINGS, 5)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one[0].weight, two[0].weight)
    assert not torch.equal(one[0].weight, build_head(4, 3, SETTINGS, 6)[0].weight)


def test_training_depends_on_its_seed_alone_and_leaves_the_caller_s() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    _, one = fit()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    _, two = fit()
    assert [r["loss"] for r in one] == [r["loss"] for r in two]
    _, other = fit(seed=3)
    assert [r["loss"] for r in one] != [r["loss"] for r in other]


def test_the_best_epoch_is_kept_and_the_first_of_equals_wins() -> None:
    figures = [0.2, 0.7, 0.5, 0.7, 0.6, 0.1, 0.3, 0.7]
    network, records = fit(score=scripted(figures))
    assert [record["val_macro_f1"] for record in records] == figures
    assert {record["best_epoch"] for record in records} == {2}
    stopped, _ = fit(replace(SETTINGS, epochs=2), score=scripted([0.2, 0.7]))
    longer, _ = fit(score=scripted(sorted(figures)))
    for name, value in network.state_dict().items():
        assert torch.equal(value, stopped.state_dict()[name])
    assert not all(torch.equal(v, longer.state_dict()[name]) for name, v in network.state_dict().items())


def test_the_last_epoch_is_kept_where_the_settings_say_so() -> None:
    figures = [0.2, 0.7, 0.5]
    network, records = fit(replace(SETTINGS, epochs=3, keep="last"), score=scripted(figures))
    assert {record["best_epoch"] for record in records} == {3}
    rising, _ = fit(replace(SETTINGS, epochs=3), score=scripted(sorted(figures)))
    for name, value in network.state_dict().items():
        assert torch.equal(value, rising.state_dict()[name])


def test_a_score_of_zero_throughout_keeps_the_first_epoch() -> None:
    _, records = fit(score=lambda y_true, y_pred: 0.0)
    assert {record["best_epoch"] for record in records} == {1}


def test_the_rate_is_halved_after_ten_epochs_without_a_better_score() -> None:
    """As torch's ReduceLROnPlateau(factor=0.5, patience=10) counts them: in the epoch after the eleventh."""
    figures = [0.5, 0.6, *[0.6] * 11, 0.6, *[0.6] * 10, 0.9, 0.1]
    settings = replace(SETTINGS, epochs=len(figures), lr=0.01)
    _, records = fit(settings, score=scripted(figures))
    ours = [record["lr"] for record in records]

    parameter = nn.Parameter(torch.zeros(1))
    adam = torch.optim.Adam([parameter], lr=0.01)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(adam, "max", factor=0.5, patience=10, threshold=0)
    theirs = []
    for figure in figures:
        theirs.append(adam.param_groups[0]["lr"])
        plateau.step(figure)
    assert ours == theirs
    assert set(ours) == {0.01, 0.005, 0.0025}


def test_one_cycle_rises_to_the_rate_and_falls_whatever_the_scores_say() -> None:
    """Smith and Topin 2018: over all steps, also those of the partial batch that ends each epoch."""
    settings = replace(SETTINGS, epochs=10, lr=0.01, schedule="one-cycle", patience=0)
    _, records = fit(settings, score=lambda y_true, y_pred: 0.5)
    rates = [rate_at(6 * epoch + 5, 60, 0.01, "one-cycle", 0.3) for epoch in range(10)]  # 90 windows: 6 steps an epoch
    assert [record["lr"] for record in records] == rates
    assert max(rates) == rates[2] == pytest.approx(0.01)
    assert rates[-1] < 1e-7


def test_steps_without_validation_follow_the_schedule_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []

    def updates(*given: Any) -> Updates:
        found = updates_of(*given)
        return replace(found, step=lambda ids, lr, drawn: rates.append(lr) or found.step(ids, lr, drawn))

    monkeypatch.setattr(classifier, "updates_of", updates)
    settings = replace(SETTINGS, schedule="one-cycle")
    classifier.train_steps(build_head(2, 3, settings, 0), blobs(40), settings, 0, 10)
    assert rates == [rate_at(step, 10, settings.lr, "one-cycle", 0.3) for step in range(10)]


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_labels_are_smoothed(share: float) -> None:
    """Szegedy et al. 2016, Section 7: (1 - share) of the label, and the rest in equal parts for all activities."""
    settings = replace(SETTINGS, lr=1e-12, epochs=1, dropout=0.0, label_smoothing=share)
    network, data = build_head(2, 3, settings, 0), blobs(50)
    wanted = (1 - share) * torch.eye(3)[data.y] + share / 3
    with torch.no_grad():
        expected = float(-(wanted * network(data.inputs).log_softmax(1)).sum(1).mean())
    _, records = fit(settings, train=data, network=network)
    assert records[0]["loss"] == pytest.approx(expected, rel=1e-5)


class Doubled(Compose):
    """Changes windows in a way that tells whether it was asked to, and what it was given."""

    def __init__(self) -> None:
        super().__init__(())
        self.seen: list[float] = []

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        self.seen.append(float(torch.rand((), generator=generator)))
        return 2 * x


def test_each_batch_is_changed_and_validation_is_not() -> None:
    settings = replace(SETTINGS, lr=1e-12, epochs=2, dropout=0.0)
    data, change = blobs(50), Doubled()
    scored: list[Tensor] = []

    def score(y_true: Tensor, y_pred: Tensor) -> float:
        scored.append(y_pred)
        return 0.5

    encoder = nn.Linear(2, 2)
    network = nn.Sequential(encoder, build_head(2, 3, settings, 0))
    with torch.no_grad():
        expected = float(functional.cross_entropy(network(2 * data.inputs), data.y))
        plain = network(data.inputs).argmax(1)
    whole = EndToEnd(encoder, change)
    _, records = fit(settings, train=data, val=data, network=network, score=score, whole=whole)
    assert records[0]["loss"] == pytest.approx(expected, rel=1e-5)
    assert all(torch.equal(each, plain) for each in scored)
    assert len(set(change.seen)) == 2 * 4  # each batch draws anew


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_the_encoder_has_a_rate_of_its_own(optimizer: Any) -> None:
    settings = replace(SETTINGS, epochs=1, optimizer=optimizer, encoder_rate=1e-9)
    encoder, head = nn.Linear(2, 2), build_head(2, 3, settings, 0)
    before = [{name: value.clone() for name, value in part.state_dict().items()} for part in (encoder, head)]
    fit(settings, network=nn.Sequential(encoder, head), whole=EndToEnd(encoder))
    moved = [
        max(float((value - old[name]).abs().max()) for name, value in part.state_dict().items())
        for part, old in zip((encoder, head), before, strict=True)
    ]
    assert moved[0] < 1e-6 < 1e-3 < moved[1]


def test_every_training_window_counts_once_an_epoch() -> None:
    """The last partial batch is kept: the loss of the first epoch at rate ~0 is the plain mean."""
    settings = replace(SETTINGS, lr=1e-12, epochs=1, dropout=0.0)
    network = build_head(2, 3, settings, 0)
    data = blobs(50)
    with torch.no_grad():
        expected = float(functional.cross_entropy(network(data.inputs), data.y))
    _, records = fit(settings, train=data, network=network)
    assert records[0]["loss"] == pytest.approx(expected, rel=1e-5)


def test_class_balance_weighs_by_inverse_frequency() -> None:
    y = torch.tensor([0] * 6 + [1] * 3 + [2])
    torch.testing.assert_close(class_weights(y, 4), torch.tensor([10 / 18, 10 / 9, 10 / 3, 0.0]))
    data = Labelled(torch.randn(60, 2), torch.tensor([0] * 50 + [1] * 10))
    longer = replace(SETTINGS, head="linear", epochs=30, lr=0.05)
    plain, balanced = (
        fit(replace(longer, class_balanced=b), train=data, score=scripted(list(range(30))))[0] for b in (False, True)
    )
    rare = [float(torch.softmax(predict(net, data.inputs), 1)[:, 1].mean()) for net in (plain, balanced)]
    assert rare[1] > rare[0] + 0.1


def test_validation_is_scored_in_eval_mode_and_all_of_it() -> None:
    seen: list[int] = []

    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(2, 3)
            self.modes: set[tuple[bool, int]] = set()

        def forward(self, x: Tensor) -> Tensor:
            self.modes.add((self.training, len(x)))
            out: Tensor = self.line(x)
            return out

    def score(y_true: Tensor, y_pred: Tensor) -> float:
        seen.append(len(y_pred))
        return 0.0

    network = Looking()
    fit(network=network, score=score)
    assert network.modes == {(True, 16), (True, 10), (False, 30)}
    assert seen == [30] * 8


def test_predict_restores_the_mode_and_works_in_chunks() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)).train()
    x = torch.randn(10, 2)
    found = predict(network, x, batch_size=3)
    assert network.training
    torch.testing.assert_close(found, network[0](x).detach())


def test_records_and_callbacks() -> None:
    told: list[dict[str, Any]] = []
    _, records = fit(stage="probe", on_epoch=told.append)
    assert told == records
    assert [record["epoch"] for record in records] == list(range(1, 9))
    assert {record["stage"] for record in records} == {"probe"}
    assert all(record["seconds"] > 0 for record in records)


def test_one_activity_cannot_be_learned() -> None:
    data = Labelled(torch.randn(5, 2), torch.full((5,), 2))
    with pytest.raises(TrainingError, match="the 5 labelled training windows hold 1 activity; at least 2"):
        fit(train=data)


def test_no_validation_windows_are_refused() -> None:
    with pytest.raises(TrainingError, match="no labelled validation windows"):
        fit(val=Labelled(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)))


def test_a_loss_that_is_no_number_stops() -> None:
    data = blobs(90)
    data.inputs[3] = float("inf")
    with pytest.raises(TrainingError, match=r"no longer finite in epoch 1; try a lower rate than 0\.01"):
        fit(train=data)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"lr": -1.0}, "lr -1.0"),
        ({"patience": -1}, "patience -1"),
        ({"dropout": 1.0}, "dropout 1.0"),
        ({"weight_decay": -0.1}, "weight_decay -0.1"),
        ({"hidden": (4, 0)}, "hidden"),
    ],
)
def test_impossible_settings_are_refused_by_their_value(wrong: dict[str, Any], shown: str) -> None:
    with pytest.raises(ValueError, match=shown):
        replace(SETTINGS, **wrong)


def test_weight_decay_pulls_the_weights_in() -> None:
    last = scripted(list(range(60)))  # the last epoch is the best
    plain, decayed = (fit(replace(SETTINGS, weight_decay=d, epochs=30), score=last)[0] for d in (0.0, 0.5))
    sizes = [sum(float(p.detach().square().sum()) for p in net.parameters()) for net in (plain, decayed)]
    assert sizes[1] < 0.5 * sizes[0]
