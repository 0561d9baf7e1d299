"""No score of a model is of people whom its encoder has seen."""

from __future__ import annotations

from pathlib import Path

from otolith import datasets
from otolith.errors import DataError
from otolith.model import PretrainedEncoder
from otolith.model.place import called


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
