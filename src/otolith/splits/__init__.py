"""Splits: the indices of the windows that train, validate and test.

Every random split draws from `numpy.random.RandomState`, whose stream numpy has frozen, over sorted names:
one seed gives one split on every machine and numpy version. Unlabelled windows only ever join training: those
of the training subjects, and those of people of whom nothing is labelled.
"""

from otolith.splits.base import Split
from otolith.splits.choice import automatic, default, unlabelled, untested
from otolith.splits.datasets import between_datasets, datasets_of
from otolith.splits.draws import k_per_class
from otolith.splits.own import own, read_parts, with_split
from otolith.splits.subjects import fixed, folds, holdout, leave_one_subject_out
from otolith.splits.within import by_recording, by_time
from otolith.windows.subjects import FixedSubjects, Holdout, OwnParts

__all__ = [
    "FixedSubjects",
    "Holdout",
    "OwnParts",
    "Split",
    "automatic",
    "between_datasets",
    "by_recording",
    "by_time",
    "datasets_of",
    "default",
    "fixed",
    "folds",
    "holdout",
    "k_per_class",
    "leave_one_subject_out",
    "own",
    "read_parts",
    "unlabelled",
    "untested",
    "with_split",
]
