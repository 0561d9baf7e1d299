"""Scores of predictions (`scores`), of probabilities (`calibration`), of differences between methods (`pairs`), and of
the method's premise (`separation`). `spec` describes a metric, of which a file here or a plug-in may add further ones:
of windows (`classes`), of segments and events (`events`).

All values are fractions in 0..1 unless their metric says otherwise, and results are made of Python numbers, lists and
dicts, ready for a result row.
"""

from otolith.metrics.calibration import expected_calibration_error
from otolith.metrics.pairs import mean_interval, paired_difference
from otolith.metrics.scores import DRAWS, LEVEL, MIN_SUBJECTS, confusion_matrix, evaluate, macro_f1, spread
from otolith.metrics.separation import angular_similarity, teacher_separation
from otolith.metrics.spec import METRICS, Metric, Predictions, further, score

__all__ = [
    "DRAWS",
    "LEVEL",
    "METRICS",
    "MIN_SUBJECTS",
    "Metric",
    "Predictions",
    "angular_similarity",
    "confusion_matrix",
    "evaluate",
    "expected_calibration_error",
    "further",
    "macro_f1",
    "mean_interval",
    "paired_difference",
    "score",
    "spread",
    "teacher_separation",
]
