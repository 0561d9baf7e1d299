"""Scores of predictions (`scores`) and of the method's premise (`separation`), with numpy alone.

All values are fractions in 0..1, and results are made of Python numbers, lists and dicts, ready for a
result row.
"""

from otolith.metrics.scores import DRAWS, LEVEL, MIN_SUBJECTS, confusion_matrix, evaluate, macro_f1, spread
from otolith.metrics.separation import angular_similarity, teacher_separation

__all__ = [
    "DRAWS",
    "LEVEL",
    "MIN_SUBJECTS",
    "angular_similarity",
    "confusion_matrix",
    "evaluate",
    "macro_f1",
    "spread",
    "teacher_separation",
]
