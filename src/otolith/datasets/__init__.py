"""Data sets: one short file each, found by name; importing this package opens no file of them.

`base` says what a data set is, `registry` finds one by name, in a folder (`folder`, whose layout is in `card`) or in a
file of yours (`add_file`). `locations` looks for its files, `download` fetches them, `checking` compares a copy with
the published `manifests` and reads it. `tables` and `matlab` read numbers and name what is damaged.
"""

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
