"""No score of a model is of people whom its encoder has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import datasets
from otolith.errors import DataError
from otolith.model import PretrainedEncoder
from otolith.model.place import called
from otolith.model.seen import known_again

if TYPE_CHECKING:
    from otolith.splits import Split
    from otolith.windows import Windows


EVERYBODY = {"name": "unlabelled"}
"""The split of a pre-training on all recordings, since too few had labels (`otolith.splits.unlabelled`)."""


def share_people(one: str, other: str) -> bool:
    """Return whether data sets of these names, each single or pooled, hold the same people.

    >>> share_people("motionsense", "motionsense+sp-sw-har-phone"), share_people("sp-sw-har", "sp-sw-har-watch")
    (True, True)
    >>> share_people("uci-har", "motionsense+sp-sw-har-phone")
    False
    """

    def studies(name: str) -> set[str]:
        whole = {part: part.removesuffix("-phone").removesuffix("-watch") for part in name.split("+") if part}
        return {study if study in datasets.names() else part for part, study in whole.items()}

    return bool(studies(one) & studies(other))


def refuse_seen(encoder: PretrainedEncoder, model: str | Path, dataset: str) -> None:
    """Refuse to score on a data set of which some people were in the training of an encoder, as part of another.

    Args:
        model: where the encoder is from, for the message.
        dataset: name of the one to score on. Of the very one that the encoder was trained on, the split decides.

    Raises:
        DataError: they share people.
    """
    trained_on = encoder.meta.dataset
    if dataset != trained_on and share_people(dataset, trained_on):
        raise DataError(
            f"{called(model)} was trained on {trained_on}, which has people of {dataset}: a score would be of people "
            "that it has seen. Choose a data set of other people, or train without this encoder."
        )


def refuse_other_split(encoder: PretrainedEncoder, model: str | Path, w: Windows, split: Split) -> None:
    """Refuse another split of the windows that an encoder was trained on than that of its training.

    Where all were pre-trained on, since too few had labels, no split is refused: `with_warning` names who tests.

    Args:
        model: where the encoder is from, for the message.

    Raises:
        DataError: it is another; says which option cures that.
    """
    if _same(encoder, w) and encoder.split not in ({}, split.identity, EVERYBODY):
        raise DataError(
            f"{called(model)} was trained on the split {_said(encoder.split)} of {w.meta.dataset}, and this would be "
            f"the split {_said(split.identity)}: people that it has seen may be among those who test. Give the same "
            "--split FILE or --split-seed as in training."
        )


def with_warning(encoder: PretrainedEncoder, model: str | Path, w: Windows, split: Split) -> Split:
    """Return the split, with a warning where a model has learnt from windows of people who test.

    It has, where a study has grown or been imported or split anew since, or where all of it was pre-trained on. A split
    that shares people between its parts has a warning of its own.

    Args:
        model: where the model is from, for the warning.
    """
    if split.allow_shared_subjects:
        return split
    if _same(encoder, w) and encoder.split == EVERYBODY:
        known = sorted({str(name) for name in w.subject[split.test]})
    else:
        known = known_again(encoder.seen, w, split.test)
    if not known:
        return split
    few = ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")
    warning = (
        f"{called(model)} has learnt from recordings of people who test here ({few}), so this score says less about "
        "others. Name them under train in a file for --split."
    )
    return replace(split, warning=warning)


def _same(encoder: PretrainedEncoder, w: Windows) -> bool:
    return w.meta.dataset == encoder.meta.dataset and w.content == encoder.meta.content


def _said(split: Mapping[str, Any]) -> str:
    more = ", ".join(f"{name} {value}" for name, value in split.items() if name != "name")
    return f"{split['name']!r}" + (f" ({more})" if more else "")
