"""No subject, and no statistic of one, crosses a split."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith import splits
from otolith.preprocessing.scaler import Scaler
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.splits import FixedSubjects, Split
from otolith.windows import WindowMeta, Windows, cut

FIXED = FixedSubjects(val=(2, 9), test=(4, 7), is_last_fold=True)
META = WindowMeta("toy", ("walk", "sit"), fixed=FIXED)


def recordings(n_subjects: int, loud: frozenset[int] = frozenset()) -> Iterator[Recording]:
    """Two partly labelled recordings of each subject; the `loud` ones are a hundred times as strong."""
    for subject in range(1, n_subjects + 1):
        for part in range(2):
            values = np.random.default_rng([subject, part]).normal(size=(6, 400))
            if subject in loud:
                values = values * 100 + 50
            segments = (Segment(0, 3, "walk"), Segment(3, 6, "sit"))
            yield Recording(f"{subject}-{part}", subject, (Stream(CHANNELS, values, 50.0),), segments)


SPLITS: dict[str, Callable[[Windows, int], list[Split]]] = {
    "fixed": lambda w, seed: [splits.fixed(w)],
    "holdout": lambda w, seed: [splits.holdout(w, seed)],
    "five folds": lambda w, seed: splits.folds(w, 5, seed),
    "three folds": lambda w, seed: splits.folds(w, 3, seed),
    "one out": lambda w, seed: list(splits.leave_one_subject_out(w)),
    "automatic": lambda w, seed: [splits.automatic(w, seed)],
    "untested": lambda w, seed: [splits.untested(w, seed)],
}


@pytest.mark.parametrize("name", SPLITS)
@settings(max_examples=15, deadline=None)
@given(n_subjects=st.integers(9, 14), seed=st.integers(0, 2**32 - 1), unlabelled=st.booleans())
def test_no_subject_and_no_recording_is_in_two_parts(name: str, n_subjects: int, seed: int, unlabelled: bool) -> None:
    w = cut(list(recordings(n_subjects)), META, unlabelled)
    for split in SPLITS[name](w, seed):
        for owner in (w.subject, w.recording):
            parts = [set(owner[part].tolist()) for part in (split.train, split.val, split.test)]
            assert all(parts[: 2 if name == "untested" else 3])
            assert not parts[0] & parts[1]
            assert not parts[0] & parts[2]
            assert not parts[1] & parts[2]


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("unlabelled", [False, True])
def test_nothing_of_held_out_subjects_reaches_training(name: str, unlabelled: bool) -> None:
    """With other signals of the validation and test subjects, training sees the same bits."""
    w = cut(list(recordings(10)), META, unlabelled)
    for i, split in enumerate(SPLITS[name](w, 3)):
        held_out = frozenset(w.subject[np.concatenate([split.val, split.test])].tolist())
        other = cut(list(recordings(10, loud=held_out)), META, unlabelled)
        again = SPLITS[name](other, 3)[i]
        for part in ("train", "val", "test"):
            np.testing.assert_array_equal(getattr(again, part), getattr(split, part))
        assert not np.array_equal(other.x[again.val], w.x[split.val])
        assert other.x[again.train].tobytes() == w.x[split.train].tobytes()
        assert Scaler.fit(other.x, again.train).to_dict() == Scaler.fit(w.x, split.train).to_dict()


def test_the_test_above_can_fail() -> None:
    """A scaler that is fitted on everybody does notice the loud subjects."""
    w, other = cut(list(recordings(10)), META), cut(list(recordings(10, frozenset({4}))), META)
    assert Scaler.fit(other.x).to_dict() != Scaler.fit(w.x).to_dict()


@settings(max_examples=25, deadline=None)
@given(order=st.lists(st.tuples(st.integers(0, 1), st.integers(2, 40)), min_size=1, max_size=6))
def test_by_time_no_sample_of_a_test_window_is_in_a_training_window(order: list[tuple[int, int]]) -> None:
    """Each sample carries its own number through cutting (at its own rate), so that shared ones show."""
    edges = np.cumsum([0, *(seconds for _, seconds in order)])
    segments = tuple(
        Segment(float(a), float(b), META.activities[label])
        for a, b, (label, _) in zip(edges[:-1], edges[1:], order, strict=True)
    )
    numbers = np.tile(np.arange(300 * 20, dtype=np.float64), (6, 1))
    streams = (Stream(CHANNELS, numbers, 20.0),)
    long = Recording("long", 1, streams, (Segment(0.0, 60.0, "walk"),))  # so that a split exists
    meta = WindowMeta("toy", META.activities, rate_hz=20.0)
    w = cut([Recording("r", 1, streams, segments), long], meta, unlabelled=True)
    split = splits.by_time(w)
    for name in np.unique(w.recording):
        seen = [
            set(w.x[part[w.recording[part] == name], 0].ravel().tolist())
            for part in (split.train, split.val, split.test)
        ]
        assert not seen[0] & seen[1]
        assert not seen[0] & seen[2]
        assert not seen[1] & seen[2]


@pytest.mark.parametrize("seed", range(3))
def test_by_recording_no_recording_is_in_two_parts(seed: int) -> None:
    w = cut(list(recordings(9)), META, unlabelled=True)
    one = Windows(w.x, w.y, np.ones_like(w.subject), w.recording, w.start, w.meta)
    split = splits.by_recording(one, seed)
    parts = [set(one.recording[part].tolist()) for part in (split.train, split.val, split.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert split.warning
