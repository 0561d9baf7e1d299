"""Splits that people name themselves: in Python, in a file, and on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import otolith
from otolith import datasets, splits
from otolith.cli.shared import data_of
from otolith.errors import DataError
from otolith.jobs.prepared import prepare
from otolith.progress import SILENT
from otolith.splits import OwnParts, Split
from otolith.splits.base import SHARED
from otolith.windows import Windows
from tests.helpers import tiny


def people(names: list[object], recordings: int = 1) -> Windows:
    n = 4 * recordings
    who = np.repeat(np.array(names), n)
    recording = np.array([f"{name}-{i // 4}" for name in names for i in range(n)])
    return Windows.from_arrays(np.zeros((len(who), 6, 30)), np.arange(len(who)) % 2, who, recording=recording)


@pytest.mark.parametrize("names", [[1, 2, 3, 4], ["ann", "bob", "cy", "di"]])
def test_the_named_people_are_the_parts(names: list[object]) -> None:
    w = people(names)
    split = splits.own(w, val=names[1:2], test=names[2:3])
    parts = [np.unique(w.subject[part]).tolist() for part in (split.train, split.val, split.test)]
    assert parts == [[names[0], names[3]], [names[1]], [names[2]]]
    assert (split.name, split.warning) == ("own", "")
    few = splits.own(w, train=names[:1], val=names[1:2], test=names[2:3])
    assert np.unique(w.subject[few.train]).tolist() == names[:1]
    assert few.parts != split.parts
    assert split.identity == {"name": "own", "parts": split.parts}


def test_the_order_of_names_makes_no_other_split() -> None:
    assert OwnParts(val=(1, 2), test=(3,)).digest == OwnParts(val=("2", "1"), test=(3,)).digest
    assert OwnParts(val=(1,), test=(2, 3)).digest != OwnParts(val=(1, 2), test=(3,)).digest


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"val": [1], "test": [1]}, "subject 1 is named twice"),
        ({"val": [1], "test": [2], "train": [1]}, "subject 1 is named twice"),
        ({"val": [], "test": [1]}, "nobody is named in val"),
        ({"val": [1], "test": [5]}, "unknown subject '5'"),
        ({"val": [1], "test": [2, 3, 4]}, "leaves the train part without windows"),
        (
            {"val": ["1-0"], "test": ["1-1"], "by": "recording"},
            "subject 1 is in two of .* allow_shared_subjects = true",
        ),
    ],
)
def test_parts_that_make_no_split_are_refused(given: dict[str, object], message: str) -> None:
    w = people([1, 2, 3, 4], recordings=3)
    if message.startswith("leaves"):
        w = people([1, 2, 3, 4])
    with pytest.raises(DataError, match=message):
        splits.own(w, **given)  # type: ignore[arg-type]


def test_recordings_of_one_person_may_be_shared_if_that_is_meant() -> None:
    w = people([1, 2], recordings=3)
    split = splits.own(w, val=["1-1"], test=["1-2"], by="recording", allow_shared_subjects=True)
    assert split.warning == SHARED
    assert np.unique(w.recording[split.train]).tolist() == ["1-0", "2-0", "2-1", "2-2"]
    apart = splits.own(
        w, train=["1-0"], val=["2-0"], test=["2-1"], by="recording", allow_shared_subjects=True
    )  # 2 validates and tests
    assert apart.warning == SHARED
    alone = people([1, 2, 3])
    assert splits.own(alone, val=["2-0"], test=["3-0"], by="recording", allow_shared_subjects=True).warning == ""


def test_lists_are_taken_as_indices() -> None:
    split = Split("mine", [0, 1, 2], (3,), range(4, 6))  # type: ignore[arg-type]
    assert [part.dtype for part in (split.train, split.val, split.test)] == [np.int64] * 3
    assert split.test.tolist() == [4, 5]
    with pytest.raises(DataError, match="the val part is empty or not a row of int64 indices"):
        Split("mine", [0, 1], [2.5], [3])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.toml", "val = [1]\ntest = [", "cannot be read"),
        ("s.toml", "val = [1]\ntests = [2]", "unknown key 'tests'; did you mean 'test'"),
        ("s.toml", "val = 1\ntest = [2]", r"val has to be a list of names.*got 1\."),
        ("s.toml", "val = [1.5]\ntest = [2]", "val has to be a list of names"),
        ("s.toml", "val = [1]\ntest = [2]\nby = 'day'", "by is 'day'; expected 'subject' or 'recording'"),
        ("s.toml", "val = [1]\ntest = [1]", "subject 1 is named twice"),
        ("s.json", "[1]", "is no table"),
        ("s.json", '{"val": [1], "test": [2], "allow_shared_subjects": 1}', "has to be true or false"),
        ("none.toml", None, "cannot be read: No such file"),
    ],
)
def test_files_that_say_nothing_clear_are_refused(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        splits.read_parts(tmp_path / name)


def test_both_kinds_of_file_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("val = [1]\ntest = [2, 3]\nby = 'recording'\n")
    (tmp_path / "s.json").write_text('{"val": [1], "test": [2, 3], "by": "recording"}')
    found = splits.read_parts(tmp_path / "s.toml")
    assert found == splits.read_parts(tmp_path / "s.json") == OwnParts((1,), (2, 3), by="recording")


def test_a_job_takes_the_split_and_its_row_names_it(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("val = [3, 4]\ntest = [1, 2]\n")
    cut = {"recipe": "compact", "overrides": tiny.SIZES | {"windows.rate_hz": 10.0}}
    made = prepare("synthetic", split=tmp_path / "s.toml", **cut)
    assert np.unique(made.w.subject[made.split.test]).tolist() == [1, 2]
    digest = OwnParts((3, 4), (1, 2)).digest
    assert (made.key["split"], made.key["split_parts"]) == ("own", digest)
    drawn = prepare("synthetic", split_seed=5, **cut)
    assert (drawn.key["split"], drawn.key["split_seed"]) == ("holdout", 5)
    assert "split_parts" not in drawn.key
    with pytest.raises(DataError, match="give one of the two"):
        prepare("synthetic", split=tmp_path / "s.toml", split_seed=5, **cut)
    assert datasets.load("synthetic").info.default_split == splits.Holdout()

    encoder = otolith.pretrain(made.w, made.split, made.recipe, "random")
    folder = otolith.save_model(encoder, tmp_path / "encoder")
    loaded = otolith.load_encoder(folder)
    assert loaded.split == {"name": "own", "parts": digest}
    with pytest.raises(DataError, match=f"trained on the split 'own' .parts {digest}. of synthetic"):
        data_of(loaded, folder, None, None, SILENT)
    _, _, split = data_of(loaded, folder, None, None, SILENT, tmp_path / "s.toml")
    assert split.parts == digest
