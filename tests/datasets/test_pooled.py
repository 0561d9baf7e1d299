"""Data sets as one, in the activities that they share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import otolith
from otolith import datasets
from otolith.datasets import Dataset
from otolith.datasets.folder import write_folder
from otolith.datasets.pooled import COARSE, COMMON, WORDS, Pooled, renamed, shared_names
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment, Stream


def folder(path: Path, activities: tuple[str, ...], channels: tuple[str, ...] = CHANNELS) -> Dataset:
    """Four seconds of each activity by two people, whose first channel holds the person's number."""
    info = replace(datasets.info("synthetic"), name=path.name, activities=activities, channels=channels)
    recordings = [
        Recording(
            f"of {person}",
            person,
            (Stream(channels, np.full((len(channels), 80 * len(activities)), float(person)), 20.0),),
            tuple(Segment(4.0 * i, 4.0 * (i + 1), activity) for i, activity in enumerate(activities)),
        )
        for person in (1, 2)
    ]
    write_folder(path, info, recordings)
    return otolith.load(path)


def test_people_and_recordings_are_those_of_their_data_set(tmp_path: Path) -> None:
    pool = Pooled([folder(tmp_path / "a", ("Walk", "sitting", "cycling")), folder(tmp_path / "b", ("jogging",))])
    w = pool.windows(rate_hz=20, seconds=1, overlap=0)
    assert pool.info.name == "a+b"
    assert pool.info.activities == ("still", "walking", "running")
    assert sorted(set(w.subject.tolist())) == ["a/1", "a/2", "b/1", "b/2"]
    of = {name: {w.activities[y] for y in w.y[np.char.startswith(w.subject, name)]} for name in ("a", "b")}
    assert of == {"a": {"walking", "still"}, "b": {"running"}}
    assert (w.x[w.subject == "b/2"] == 2.0).all()
    assert len(w) == 2 * 4 * 3  # nobody's cycling


def test_neighbours_of_one_name_are_one_stretch(tmp_path: Path) -> None:
    pool = Pooled([folder(tmp_path / "a", ("sit", "stand"))])
    assert pool.info.name == "a+"
    assert len(pool.windows(rate_hz=20, seconds=5, overlap=0)) == 2  # each activity alone lasts four seconds
    apart = (Segment(0.0, 1.0, "sit"), Segment(2.0, 3.0, "sit"), Segment(3.0, 4.0, "nap"), Segment(4.0, 5.0, "sit"))
    assert len(renamed(apart, {"sit": "still"})) == 3


def test_readers_give_what_recordings_give(tmp_path: Path) -> None:
    pool = Pooled([folder(tmp_path / "a", ("walk", "run"))])
    assert [read().segments for read in pool.readers()] == [each.segments for each in pool.recordings()]


def test_a_name_with_plus_loads_a_pool() -> None:
    with pytest.raises(DataError, match="none of the activities that data sets share"):
        otolith.load("watch+synthetic")
    with pytest.raises(DataError, match="unknown data set 'uci-hat'"):
        otolith.load("watch+uci-hat")


def test_a_pool_is_of_different_data_sets_of_the_same_channels(tmp_path: Path) -> None:
    one = folder(tmp_path / "a", ("walk",))
    with pytest.raises(DataError, match="names a data set twice"):
        Pooled([one, one])
    with pytest.raises(DataError, match="cannot be pooled"):
        Pooled([one, folder(tmp_path / "b", ("walk",), CHANNELS[:3])])


def test_the_cache_tells_pools_apart(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "a", ("walk",)), folder(tmp_path / "b", ("walk",))
    keys = {pool.cache_key() for pool in (Pooled([one]), Pooled([one, other]))}
    assert len({*keys, one.cache_key()}) == 3


@pytest.mark.parametrize("name", datasets.names())
def test_shared_names_are_of_activities_that_exist(name: str) -> None:
    info = datasets.info(name)
    assert set(info.common) <= set(info.activities)
    assert set(shared_names(info).values()) <= set(COMMON) == set(COARSE)
    assert set(WORDS.values()) == set(COMMON)


@pytest.mark.realdata
def test_real_data_sets_are_pooled(real_root: Path) -> None:
    pool = otolith.load("motionsense+mobifall", real_root)
    assert pool.info.activities == ("still", "walking", "stairs up", "stairs down", "running")
    assert (pool.info.n_subjects, pool.info.n_recordings) == (33, None if pool.info.n_recordings is None else 360 + 342)
    first = next(iter(pool.recordings()))
    assert first.subject == "motionsense/1"
