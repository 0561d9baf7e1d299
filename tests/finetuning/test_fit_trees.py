"""Trees fitted by scikit-learn: its probabilities from arrays, few and missing activities, and a bound on bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from otolith.errors import TrainingError
from otolith.finetuning import trees
from otolith.finetuning.heads import Labelled
from otolith.finetuning.settings import TreeSettings
from otolith.finetuning.trees import fit_trees

WITH_TREES = ("extra-trees", "forest", "boosting")


def clouds(n: int = 240, n_classes: int = 4, seed: int = 0) -> Labelled:
    """Windows of overlapping activities, in eight features of which three say something."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    centres = np.zeros((n_classes, 8))
    centres[:, :3] = np.random.default_rng(9).standard_normal((n_classes, 3))
    x = (centres[y] + rng.standard_normal((n, 8))).astype(np.float32)
    return Labelled(torch.from_numpy(x), torch.from_numpy(y))


def of_scikit_learn(settings: TreeSettings, train: Labelled, x: torch.Tensor, seed: int) -> NDArray[np.float64]:
    model = trees._model(settings, len(train.y), seed)
    probabilities: NDArray[np.float64] = model.fit(train.inputs.numpy(), train.y.numpy()).predict_proba(x.numpy())
    return probabilities


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("model", WITH_TREES)
def test_probabilities_are_those_of_scikit_learn(model: Any, n_classes: int) -> None:
    train, other = clouds(n_classes=n_classes), clouds(n_classes=n_classes, seed=1)
    settings = TreeSettings(model=model, trees=12)
    ours = fit_trees(train, settings, 3, n_classes)(other.inputs).softmax(1).numpy()
    # a share of zero has a logit after all, of a millionth
    np.testing.assert_allclose(ours, of_scikit_learn(settings, train, other.inputs, 3), atol=5e-6)
    assert (ours.argmax(1) == other.y.numpy()).mean() > 0.5


@pytest.mark.parametrize("seen", [[1, 3], [0, 2, 3]])
@pytest.mark.parametrize("model", WITH_TREES)
def test_an_activity_without_training_windows_is_never_said(model: Any, seen: list[int]) -> None:
    whole = clouds()
    rows = torch.isin(whole.y, torch.tensor(seen))
    train = Labelled(whole.inputs[rows], whole.y[rows])
    settings = TreeSettings(model=model, trees=12)
    ours = fit_trees(train, settings, 0, 4)(whole.inputs).softmax(1).numpy()
    np.testing.assert_allclose(ours[:, seen], of_scikit_learn(settings, train, whole.inputs, 0), atol=1e-5)
    assert np.delete(ours, seen, axis=1).max() < 2e-6


@pytest.mark.parametrize("model", WITH_TREES)
def test_a_seed_gives_the_same_trees_with_any_number_of_threads(model: Any) -> None:
    train, settings = clouds(), TreeSettings(model=model, trees=5, share=0.5)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = fit_trees(train, settings, 7, 4).state_dict()
        torch.set_num_threads(2)
        two = fit_trees(train, settings, 7, 4).state_dict()
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["threshold"], fit_trees(train, settings, 8, 4).state_dict()["threshold"])


@pytest.mark.parametrize("model", WITH_TREES)
def test_one_label_of_each_activity_is_enough(model: Any) -> None:
    train = Labelled(torch.eye(3), torch.arange(3))
    found = fit_trees(train, TreeSettings(model=model, trees=40), 0, 3)(torch.eye(3))
    assert found.isfinite().all()
    if model == "extra-trees":
        assert found.argmax(1).tolist() == [0, 1, 2]


def test_leaves_are_smaller_where_labels_are_few() -> None:
    settings = TreeSettings(leaf=5)
    sizes = {n: trees._model(settings, n, 0).min_samples_leaf for n in (6, 999, 2000, 5000, 50_000)}
    assert sizes == {6: 1, 999: 1, 2000: 2, 5000: 5, 50_000: 5}


@pytest.mark.parametrize("model", WITH_TREES)
def test_a_model_keeps_as_many_trees_as_fit_into_the_bytes_allowed(model: Any) -> None:
    train = clouds()
    whole = fit_trees(train, TreeSettings(model=model, trees=20), 0, 4)
    half = fit_trees(train, TreeSettings(model=model, trees=20, most_megabytes=0.5e-6 * whole.n_bytes), 0, 4)
    assert whole.n_bytes // 3 < half.n_bytes <= whole.n_bytes // 2
    assert 0 < half.n_trees < whole.n_trees
    assert (half.n_trees % 4 == 0) or model != "boosting"
    first = fit_trees(train, TreeSettings(model="forest", trees=20), 0, 4)
    few = fit_trees(train, TreeSettings(model="forest", trees=20, most_megabytes=0.25e-6 * first.n_bytes), 0, 4)
    alone = fit_trees(train, TreeSettings(model="forest", trees=few.n_trees), 0, 4)
    assert torch.equal(few(train.inputs), alone(train.inputs))  # the first ones, as if no more had been asked for
    with pytest.raises(TrainingError, match=r"takes [\d.]+ MB, and most_megabytes is 0.0001"):
        fit_trees(train, TreeSettings(model=model, trees=3, most_megabytes=1e-4), 0, 4)


def test_each_model_has_a_number_of_trees_of_its_own() -> None:
    assert {model: TreeSettings(model=model).n_trees for model in WITH_TREES} == {  # type: ignore[arg-type]
        "extra-trees": 200,
        "forest": 200,
        "boosting": 100,
    }
    assert TreeSettings(model="boosting", trees=7).n_trees == 7


def test_weights_of_activities_count() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [190, 10])
    x = torch.from_numpy((rng.standard_normal((200, 2)) + y[:, None]).astype(np.float32))
    train = Labelled(x, torch.from_numpy(y))
    plain, balanced = (
        fit_trees(train, TreeSettings(model="boosting", trees=5, class_balanced=on), 0, 2)(x) for on in (False, True)
    )
    assert (balanced.argmax(1) == 1).sum() > 2 * (plain.argmax(1) == 1).sum()


def test_arrays_that_are_read_wrongly_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    read = trees._boosted
    monkeypatch.setattr(
        trees, "_boosted", lambda nodes, shift: read(nodes, shift)._replace(value=nodes["gain"][:, None])
    )
    with pytest.raises(TrainingError, match="Take another version of scikit-learn"):
        fit_trees(clouds(), TreeSettings(model="boosting", trees=3), 0, 4)


@pytest.mark.parametrize(
    "wrong",
    [{"trees": -1}, {"trees": 20_000}, {"leaf": 0}, {"leaves": 1}, {"share": 1.5}, {"rate": 0.0}, {"penalty": 0.0}],
)
def test_settings_out_of_range_are_refused_with_what_was_given(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"expected .*{name}.*got .*{name} {value}"):
        TreeSettings(**wrong)


@pytest.mark.parametrize("model", ["extra-trees", "forest"])
def test_no_tree_asks_for_what_is_nothing_but_rounding(model: Any) -> None:
    y = torch.arange(200) % 2
    x = torch.stack([(y - 0.5) * 1e-6, y + torch.randn(200, generator=torch.Generator().manual_seed(0))], 1)
    head = fit_trees(Labelled(x, y), TreeSettings(model=model, trees=5), seed=0, n_classes=2)
    assert set(head.feature.tolist()) == {-1, 1}
