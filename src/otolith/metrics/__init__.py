"""Scores of predictions (`scores`), of probabilities (`calibration`), of differences between methods (`pairs`), and of
the method's premise (`separation`). All values are fractions in 0..1, and results are made of Python numbers, lists and
dicts, ready for a result row.
"""

from otolith.metrics.calibration import expected_calibration_error
from otolith.metrics.pairs import mean_interval, paired_difference
from otolith.metrics.scores import DRAWS, LEVEL, MIN_SUBJECTS, confusion_matrix, evaluate, macro_f1, spread
from otolith.metrics.separation import angular_similarity, teacher_separation

__all__ = [
    "DRAWS",
    "LEVEL",
    "MIN_SUBJECTS",
    "angular_similarity",
    "confusion_matrix",
    "evaluate",
    "expected_calibration_error",
    "macro_f1",
    "mean_interval",
    "paired_difference",
    "spread",
    "teacher_separation",
]
