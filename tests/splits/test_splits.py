"""Splits: sizes, determinism, refusals, and the special cases of the data sheet."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otolith import splits
from otolith.errors import DataError
from otolith.splits import FixedSubjects, Holdout, Split
from otolith.windows import WindowMeta, Windows


def people(
    n: int | list[int] | list[str],
    per_subject: int = 6,
    fixed: FixedSubjects | None = None,
    recordings: int = 1,
    n_classes: int = 3,
) -> Windows:
    """Small windows of the subjects 1..n (or as named), activities in turn."""
    names = list(range(1, n + 1)) if isinstance(n, int) else n
    count = len(names) * per_subject
    meta = WindowMeta("toy", tuple("abcdefghijkl"[:n_classes]), rate_hz=8.0, fixed=fixed)
    rank = np.arange(count) % per_subject
    who = np.repeat(names, per_subject)
    return Windows(
        np.zeros((count, 6, 8), np.float32),
        np.arange(count) % n_classes,
        who,
        np.array([f"{s}-{r * recordings // per_subject}" for s, r in zip(who, rank, strict=True)]),
        rank * 0.5,
        meta,
    )


def relabelled(w: Windows, y: np.ndarray) -> Windows:
    return Windows(w.x, y, w.subject, w.recording, w.start, w.meta)


def sizes(w: Windows, split: Split) -> tuple[int, int, int]:
    return tuple(len(np.unique(w.subject[part])) for part in (split.train, split.val, split.test))  # type: ignore[return-value]


def subjects(w: Windows, part: np.ndarray) -> list[object]:
    return np.unique(w.subject[part]).tolist()


def same(a: Split, b: Split) -> bool:
    return all(np.array_equal(getattr(a, part), getattr(b, part)) for part in ("train", "val", "test"))


# hold-out


@pytest.mark.parametrize(("n", "test", "val"), [(3, 1, 1), (9, 2, 2), (10, 2, 2), (14, 3, 3), (30, 6, 5), (61, 13, 10)])
def test_holdout_sizes(n: int, test: int, val: int) -> None:
    w = people(n)
    split = splits.holdout(w, 0)
    assert sizes(w, split) == (n - test - val, val, test)
    assert (split.name, split.seed, split.fold, split.warning) == ("holdout", 0, None, "")


def test_holdout_is_the_same_on_any_machine() -> None:
    """RandomState is frozen, so these subjects may never change."""
    w = people(14)
    split = splits.holdout(w, 0)
    assert (subjects(w, split.test), subjects(w, split.val)) == ([5, 7, 9], [3, 12, 14])
    split = splits.holdout(w, 1)
    assert (subjects(w, split.test), subjects(w, split.val)) == ([4, 7, 8], [3, 5, 11])


@settings(max_examples=50, deadline=None)
@given(n=st.integers(3, 20), seed=st.integers(0, 2**32 - 1), order=st.randoms(use_true_random=False))
def test_holdout_depends_on_names_not_on_the_order_of_windows(n: int, seed: int, order: object) -> None:
    w = people(n, per_subject=2)
    rows = list(range(len(w)))
    order.shuffle(rows)  # type: ignore[attr-defined]
    turned = w.take(rows)
    for part in ("train", "val", "test"):
        there = subjects(w, getattr(splits.holdout(w, seed), part))
        assert there == subjects(turned, getattr(splits.holdout(turned, seed), part))


def test_named_subjects_are_split_too() -> None:
    w = people(["eva", "tom", "ada", "kim", "bob"])
    assert sizes(w, splits.holdout(w, 3)) == (3, 1, 1)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, None])
def test_a_seed_has_to_be_one(seed: object) -> None:
    with pytest.raises(DataError, match="seed is"):
        splits.holdout(people(5), seed)  # type: ignore[arg-type]


# fixed


def test_fixed_takes_the_authors_subjects() -> None:
    w = people(5, fixed=FixedSubjects(val=(2,), test=(4, 5)))
    split = splits.fixed(w)
    assert [subjects(w, part) for part in (split.train, split.val, split.test)] == [[1, 3], [2], [4, 5]]
    assert (split.name, split.seed) == ("fixed", None)


def test_fixed_can_name_who_trains() -> None:
    w = people(5, fixed=FixedSubjects(val=(2,), test=(4,), train=(1,)))
    assert subjects(w, splits.fixed(w).train) == [1]


@pytest.mark.parametrize(
    ("fixed", "words"),
    [
        (None, "has no fixed split; in Python, use splits.holdout"),
        (FixedSubjects(val=(2,), test=(4, 17)), "needs subjects 17.*holdout"),
        (FixedSubjects(val=(1, 2), test=(3, 4, 5)), "train part is empty"),
    ],
)
def test_fixed_refuses(fixed: FixedSubjects | None, words: str) -> None:
    with pytest.raises(DataError, match=words):
        splits.fixed(people(5, fixed=fixed))


@pytest.mark.parametrize("parts", [((2,), (2, 3)), ((2,), (3,), (1, 3)), ((2, 2), (3,))])
def test_fixed_subjects_are_in_one_part_only(parts: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(DataError, match="is named twice"):
        FixedSubjects(*parts)


def test_fixed_wants_labels_of_its_subjects() -> None:
    w = people(5, fixed=FixedSubjects(val=(2,), test=(4,)))
    with pytest.raises(DataError, match="needs subjects 4"):
        splits.fixed(relabelled(w, np.where(w.subject == 4, -1, w.y)))


# folds


@settings(max_examples=60, deadline=None)
@given(n_subjects=st.integers(4, 25), n=st.integers(2, 6), seed=st.integers(0, 1000))
def test_every_subject_is_tested_once(n_subjects: int, n: int, seed: int) -> None:
    n = min(n, n_subjects)
    w = people(n_subjects, per_subject=1)
    folds = splits.folds(w, n, seed)
    tested = Counter(s for fold in folds for s in subjects(w, fold.test))
    assert tested == Counter(range(1, n_subjects + 1))
    counts = [len(subjects(w, fold.test)) for fold in folds]
    assert max(counts) - min(counts) <= 1
    for i, fold in enumerate(folds):
        rest = n_subjects - counts[i]
        assert sizes(w, fold)[1] == max(1, int(0.2 * rest))
        assert (fold.name, fold.seed, fold.fold) == ("fold", seed, i)
    assert all(same(a, b) for a, b in zip(folds, splits.folds(w, n, seed), strict=True))


def test_validation_goes_round() -> None:
    w = people(30)
    validated = Counter(s for fold in splits.folds(w, 5, 0) for s in subjects(w, fold.val))
    assert max(validated.values()) == 1


USC = FixedSubjects(val=(11, 12), test=(13, 14), is_last_fold=True)


def test_the_fifth_fold_can_be_the_fixed_split() -> None:
    w = people(14, fixed=USC)
    folds = splits.folds(w, 5, 0)
    assert len(folds) == 5
    assert same(folds[4], splits.fixed(w))
    assert (folds[4].name, folds[4].fold) == ("fold", 4)
    assert sorted(s for fold in folds[:4] for s in subjects(w, fold.test)) == list(range(1, 13))
    assert all(len(subjects(w, fold.test)) == 3 for fold in folds[:4])


def test_other_numbers_of_folds_are_ordinary() -> None:
    w = people(14, fixed=USC)
    assert not any(same(fold, splits.fixed(w)) for fold in splits.folds(w, 7, 0))
    assert len(splits.folds(w, 7, 0)) == 7
    plain = people(14, fixed=FixedSubjects(val=(11, 12), test=(13, 14)))
    assert not any(same(fold, splits.fixed(plain)) for fold in splits.folds(plain, 5, 0))


@pytest.mark.parametrize(
    ("n_subjects", "n", "words"),
    [
        (2, 2, "at least three subjects"),
        (5, 6, "ask for 2 to 5"),
        (5, 1, "ask for 2 to 5"),
        (3, 2, "nobody to train"),
    ],
)
def test_folds_refuse(n_subjects: int, n: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        splits.folds(people(n_subjects), n, 0)


def test_leave_one_subject_out() -> None:
    w = people(7)
    all_splits = list(splits.leave_one_subject_out(w))
    assert [subjects(w, s.test) for s in all_splits] == [[i] for i in range(1, 8)]
    assert [subjects(w, s.val) for s in all_splits] == [[2], [3], [4], [5], [6], [7], [1]]
    assert [s.fold for s in all_splits] == list(range(7))


@pytest.mark.parametrize("split", [lambda w: splits.holdout(w, 0), lambda w: list(splits.leave_one_subject_out(w))])
def test_too_few_subjects_are_refused(split: object) -> None:
    with pytest.raises(DataError, match=r"at least three subjects .* has 2\. Record more .* splits\.automatic"):
        split(people(2))  # type: ignore[operator]
    w = people(4)
    with pytest.raises(DataError, match="has 2"):
        split(relabelled(w, np.where(w.subject > 2, -1, w.y)))  # type: ignore[operator]


# unlabelled windows


def test_unlabelled_windows_join_training_only() -> None:
    w = people(10)
    y = w.y.copy()
    y[::2] = -1
    y[w.subject == 10] = -1  # a person of whom nothing is labelled
    w = relabelled(w, y)
    for split in (splits.holdout(w, 0), splits.folds(w, 5, 0)[2], next(splits.leave_one_subject_out(w))):
        trained = subjects(w, split.train)
        assert 10 in trained
        assert len(split.train) == np.isin(w.subject, trained).sum()
        assert w.labelled[split.val].all()
        assert w.labelled[split.test].all()


# users' own data


@pytest.mark.parametrize("seed", range(5))
def test_by_recording_keeps_every_activity_in_training(seed: int) -> None:
    """One subject, nine recordings of one activity each, three of every activity."""
    w = people(1, per_subject=90, recordings=9)
    y = np.repeat(np.arange(9) % 3, 10)
    w = relabelled(w, y)
    split = splits.by_recording(w, seed)
    parts = [set(w.recording[part]) for part in (split.train, split.val, split.test)]
    assert [len(p) for p in parts] == [5, 2, 2]
    assert set(w.y[split.train]) == {0, 1, 2}
    assert len(set(w.y[split.test])) == 2
    assert "nothing about other people" in split.warning
    untested = ({0, 1, 2} - set(w.y[split.test])).pop()
    assert f"no test recording holds: {w.activities[untested]}." in split.warning
    assert same(split, splits.by_recording(w, seed))


def test_by_recording_tests_less_rather_than_give_up_an_activity() -> None:
    """Of fifteen recordings only three can be spared: test and validation share them."""
    w = people(1, per_subject=15, recordings=15, n_classes=12)
    y = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 11, 10])
    split = splits.by_recording(relabelled(w, y), 0)
    assert set(y[split.train]) == set(range(12))
    assert [len(part) for part in (split.train, split.val, split.test)] == [12, 1, 2]


def test_by_recording_gives_an_activity_up_where_it_has_to() -> None:
    w = people(1, per_subject=3, recordings=3)
    split = splits.by_recording(w, 0)
    assert [len(part) for part in (split.train, split.val, split.test)] == [1, 1, 1]


def test_by_recording_needs_three() -> None:
    with pytest.raises(DataError, match=r"three labelled recordings.*has 2\. Make more .* splits\.by_time"):
        splits.by_recording(people(1, per_subject=10, recordings=2), 0)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), overlap=st.sampled_from([0.0, 0.5, 0.75]), seconds=st.sampled_from([1.0, 2.5]))
def test_by_time_shares_no_sample_and_keeps_a_window_between(
    data: st.DataObject, overlap: float, seconds: float
) -> None:
    """Random stretches of activities and pauses in two recordings, some windows unlabelled."""
    start, y, recording = [], [], []
    for name in "pq":
        at = 0.0
        for label, n in data.draw(st.lists(st.tuples(st.integers(-1, 2), st.integers(1, 40)), min_size=1, max_size=8)):
            times = at + np.arange(n) * seconds * (1 - overlap)
            start += times.tolist()
            y += [label] * n
            recording += [name] * n
            at = float(times[-1]) + seconds
    x = np.zeros((len(y), 6, round(seconds * 8)), np.float32)
    w = Windows.from_arrays(
        x, y, np.ones(len(y), int), recording, start, rate_hz=8.0, activities="abc", overlap=overlap
    )
    longest = max((y.count(label) for label in range(3)), default=0)
    if longest < 3:
        with pytest.raises(DataError, match=r"lasts long enough|No window of .own. is labelled"):
            splits.by_time(w)
        return
    try:
        split = splits.by_time(w)
    except DataError:
        assume(False)  # too short, or too interwoven, for three parts: nothing to look at
    assert "nothing about other people" in split.warning
    for a, b in ((split.train, split.val), (split.train, split.test), (split.val, split.test)):
        for name in "pq":
            one, other = (w.start[part[w.recording[part] == name]] for part in (a, b))
            if len(one) and len(other):
                between = np.abs(one[:, None] - other[None, :]).min() - seconds
                assert between >= seconds - 1e-5
    assert w.labelled[split.val].all()
    assert w.labelled[split.test].all()
    for name in "pq":
        for label in range(3):
            of = [
                w.start[p[(w.recording[p] == name) & (w.y[p] == label)]] for p in (split.train, split.val, split.test)
            ]
            if all(len(times) for times in of):
                assert of[0].max() < of[1].min()
                assert of[1].max() < of[2].min()


def test_by_time_shares_are_about_60_20_20() -> None:
    w = people(1, per_subject=200, n_classes=1)
    split = splits.by_time(w)
    assert [len(p) for p in (split.train, split.val, split.test)] == [118, 38, 38]
    assert 200 - 118 - 38 - 38 == 2 * 3  # what two gaps of one window cost at half overlap


def test_by_time_refuses_what_is_too_short() -> None:
    with pytest.raises(DataError, match=r"lasts long enough|No window of .own. is labelled"):
        splits.by_time(people(2, per_subject=8))


def test_automatic_takes_the_most_telling_split_there_is() -> None:
    assert splits.automatic(people(3), 0).name == "holdout"
    assert splits.automatic(people(3), 0).warning == ""
    assert splits.automatic(people(1, per_subject=120, recordings=4), 0).name == "recording"
    assert splits.automatic(people(2, per_subject=120, recordings=1), 0).name == "time"
    # three recordings, each of an activity of its own: none could be tested and trained
    w = people(1, per_subject=120, recordings=3)
    assert splits.automatic(relabelled(w, np.repeat([0, 1, 2], 40)), 0).name == "time"


def test_default_follows_the_data_set() -> None:
    fixed = FixedSubjects(val=(2,), test=(3,))
    w = people(4, fixed=fixed)
    assert splits.default(w, SimpleNamespace(own=False, default_split=fixed)).name == "fixed"
    own = SimpleNamespace(own=True, default_split=Holdout(7))
    assert same(splits.default(w, own), splits.holdout(w, 7))
    assert splits.default(people(2, per_subject=120), own).name == "time"
    with pytest.raises(DataError, match="at least three subjects"):
        splits.default(people(2, per_subject=120), SimpleNamespace(own=False, default_split=Holdout()))


# few labels


def test_k_per_class_draws_k_of_each() -> None:
    y = np.array([0] * 50 + [1] * 60 + [2] * 70 + [-1] * 20)
    drawn = splits.k_per_class(y, 10, 0)
    assert drawn.dtype == np.int64
    assert (np.diff(drawn) > 0).all()
    assert Counter(y[drawn].tolist()) == {0: 10, 1: 10, 2: 10}
    assert drawn.tolist() == splits.k_per_class(y.tolist(), 10, 0).tolist()


def test_draws_are_the_same_on_any_machine() -> None:
    assert splits.k_per_class(np.arange(40) % 2, 3, 5).tolist() == [5, 19, 20, 30, 34, 37]


def test_draws_of_other_seeds_and_other_k_are_independent() -> None:
    y = np.zeros(10_000, int)
    small, large = set(splits.k_per_class(y, 1000, 0)), set(splits.k_per_class(y, 2000, 0))
    other = set(splits.k_per_class(y, 1000, 1))
    # hypergeometric: 200 and 100 on average, deviation below 13
    assert 130 < len(small & large) < 270
    assert 40 < len(small & other) < 160


def test_k_per_class_with_too_few() -> None:
    y = np.array([0] * 5 + [1] * 2)
    with pytest.raises(DataError, match="Class 1 has 2 windows, 3 were asked for"):
        splits.k_per_class(y, 3, 0)
    with pytest.raises(DataError, match="sitting has 2 windows, 3 were asked for"):
        splits.k_per_class(y, 3, 0, names=("walking", "sitting"))
    assert Counter(y[splits.k_per_class(y, 3, 0, allow_fewer=True)].tolist()) == {0: 3, 1: 2}
    with pytest.raises(DataError, match="k is 0"):
        splits.k_per_class(y, 0, 0)
    with pytest.raises(DataError, match="no labelled window"):
        splits.k_per_class([-1, -1], 1, 0)


# what a split is


@pytest.mark.parametrize(
    ("train", "val", "words"),
    [
        ([0, 1], [1, 2], "in two of train, val and test"),
        ([1, 0], [2, 3], "have to increase"),
        ([0, 0], [2, 3], "have to increase"),
        ([-1, 0], [2, 3], "have to increase"),
        ([], [2, 3], "train part is empty"),
    ],
)
def test_a_split_refuses_indices_that_are_none(train: list[int], val: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Split("own", np.array(train, np.int64), np.array(val, np.int64), np.array([9], np.int64))


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "expected"), [("uci-har", (18_015, 4_929, 5_723)), ("usc-had", (35_606, 10_514, 9_201))]
)
def test_the_authors_splits_of_the_real_recordings(
    real_root: object, tmp_path: object, name: str, expected: tuple[int, int, int]
) -> None:
    from otolith import datasets
    from otolith.windows.cache import windows_for

    dataset = datasets.load(name, real_root)  # type: ignore[arg-type]
    w = windows_for(dataset, folder=tmp_path)  # type: ignore[arg-type]
    split = splits.default(w, dataset.info)
    assert (len(split.train), len(split.val), len(split.test)) == expected
    if name == "usc-had":
        assert same(splits.folds(w, 5, 0)[4], split)
