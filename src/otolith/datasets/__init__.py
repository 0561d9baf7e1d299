"""Data sets: one short file each, found by name. Importing this package opens no file and no data set."""

from __future__ import annotations

from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.datasets.registry import add_file, info, kind_of, load, names, register
from otolith.windows.subjects import FixedSubjects, Holdout

__all__ = [
    "Dataset",
    "DatasetInfo",
    "FixedSubjects",
    "Holdout",
    "Problem",
    "add_file",
    "info",
    "kind_of",
    "load",
    "names",
    "register",
]
