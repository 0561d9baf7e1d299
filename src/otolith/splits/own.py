"""Splits of one's own: who trains, validates and tests is named, in Python or in a file."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError, unknown
from otolith.splits.base import SHARED, Split, refuse_common
from otolith.system.reading import MOST_TEXT, read_bytes
from otolith.system.strict import json_value, toml_value
from otolith.windows.subjects import Holdout, OwnParts

if TYPE_CHECKING:
    from otolith.datasets import Dataset
    from otolith.windows import Windows

    Kind = TypeVar("Kind", bound=Dataset)

KEYS = ("train", "val", "test", "by", "allow_shared_subjects")


def own(
    w: Windows,
    val: Sequence[Any],
    test: Sequence[Any],
    train: Sequence[Any] | None = None,
    *,
    by: Literal["subject", "recording"] = "subject",
    allow_shared_subjects: bool = False,
) -> Split:
    """Return the split of windows by the names of subjects, or of recordings.

    Args:
        val, test: names of those whose labelled windows validate and test.
        train: names of those who train; None: everyone else.
        by: what the names are of.
        allow_shared_subjects: let recordings of one person be in several parts; scores, rows and pages then say so.

    Raises:
        DataError: a name twice or unknown, a part without windows, or a subject in two parts.

    >>> from otolith.windows import Windows
    >>> w = Windows.from_arrays(np.zeros((12, 6, 30)), [0, 1] * 6, np.repeat([1, 2, 3], 4))
    >>> w.subject[own(w, val=[2], test=[3]).train]
    array([1, 1, 1, 1])
    """
    named = (tuple(val), tuple(test), None if train is None else tuple(train))
    return by_parts(w, OwnParts(*named, by=by, allow_shared_subjects=allow_shared_subjects))


def by_parts(w: Windows, parts: OwnParts) -> Split:
    """Return the split that `parts` describe; see `own`."""
    owner: NDArray[Any] = w.subject if parts.by == "subject" else w.recording
    texts = owner.astype(str)
    known = set(np.unique(texts).tolist())
    for name in (*parts.val, *parts.test, *(parts.train or ())):
        if str(name) not in known:
            raise DataError(f"The split names an {unknown(parts.by, name, known)}")
    in_val, in_test = (np.isin(texts, [str(name) for name in part]) for part in (parts.val, parts.test))
    in_train = ~in_val & ~in_test if parts.train is None else np.isin(texts, [str(name) for name in parts.train])
    chosen = {"train": in_train, "val": in_val & w.labelled, "test": in_test & w.labelled}
    for part, mask in chosen.items():
        if not mask.any():
            raise DataError(
                f"The split leaves the {part} part without {'' if part == 'train' else 'labelled '}windows."
            )
    train, val, test = (np.flatnonzero(mask).astype(np.int64) for mask in chosen.values())
    shared = parts.allow_shared_subjects and _shares(w, train, val, test)
    split = Split(
        "own", train, val, test, parts=parts.digest, allow_shared_subjects=shared, warning=SHARED if shared else ""
    )
    if not shared:
        cure = " Name each person's recordings in one part, or say allow_shared_subjects = true."
        refuse_common(split, w.subject, "subject", cure)
    return split


def _shares(w: Windows, *parts: NDArray[np.int64]) -> bool:
    found = np.concatenate([np.unique(w.subject[part]) for part in parts])
    return len(np.unique(found)) < len(found)


def read_parts(path: str | Path) -> OwnParts:
    """Return the split that a TOML or JSON file describes: `train`, `val` and `test`, lists of names.

    `by = "recording"` lets the names be those of recordings, `allow_shared_subjects = true` one person's recordings be
    in several parts. Without `train` everyone else trains.

    Raises:
        DataError: the file cannot be read, or is none of these.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = (Path(name) / "split.toml").write_text("val = [1, 2]\\ntest = [3]")
    ...     read_parts(Path(name) / "split.toml").val
    (1, 2)
    """
    path = Path(path)
    try:
        text = read_bytes(path, MOST_TEXT).decode()
        found = json_value(text) if path.suffix == ".json" else toml_value(text)
    except (OSError, ValueError) as error:
        raise DataError(f"The split {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if not isinstance(found, dict):
        raise DataError(f"The split {path} is no table; expected lists of names: {', '.join(KEYS[:3])}.")
    for key in found:
        if key not in KEYS:
            raise DataError(f"The split {path}: " + unknown("key", key, KEYS))
    for part in ("val", "test", "train"):
        names = found.get(part, None if part == "train" else ())
        if names is None:
            continue
        if not isinstance(names, list) or any(isinstance(n, bool) or not isinstance(n, int | str) for n in names):
            raise DataError(f"The split {path}: {part} has to be a list of names, such as [1, 2]; got {names!r:.80}.")
    if found.get("by", "subject") not in ("subject", "recording"):
        raise DataError(f"The split {path}: by is {found['by']!r:.80}; expected 'subject' or 'recording'.")
    if not isinstance(found.get("allow_shared_subjects", False), bool):
        raise DataError(f"The split {path}: allow_shared_subjects has to be true or false.")
    given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in found.items()}
    try:
        return OwnParts(**given)
    except DataError as error:
        raise DataError(f"The split {path}: {error}") from None


def with_split(dataset: Kind, file: str | Path | None = None, seed: int | None = None) -> Kind:
    """Return the data set with another split: that of a file (`read_parts`), or a random hold-out of this seed.

    Raises:
        DataError: both are asked for, or the file cannot be used.

    >>> from otolith.datasets import load
    >>> with_split(load("synthetic"), seed=3).info.default_split
    Holdout(seed=3)
    """
    if file is None and seed is None:
        return dataset
    if file is not None and seed is not None:
        raise DataError("--split names the subjects and --split-seed draws them: give one of the two.")
    found = copy.copy(dataset)
    split = Holdout(int(seed)) if seed is not None else read_parts(str(file))
    found.info = replace(dataset.info, default_split=split)
    return found
