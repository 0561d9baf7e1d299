"""Every picture of a report, from plain arrays and dicts to a matplotlib Figure, one family to a file.

No function touches pyplot or keeps state. Scores come in as fractions and are shown in percent.
"""

from otolith.report.figures.comparison import Series, comparison, subjects_by_method
from otolith.report.figures.embeddings import Panel, embedding, subjects_embedding
from otolith.report.figures.learning import learning_curves
from otolith.report.figures.scores import confusion, per_class, per_subject
from otolith.report.figures.separation import teacher, teacher_per_activity
from otolith.report.figures.training import training_curve

__all__ = [
    "Panel",
    "Series",
    "comparison",
    "confusion",
    "embedding",
    "learning_curves",
    "per_class",
    "per_subject",
    "subjects_by_method",
    "subjects_embedding",
    "teacher",
    "teacher_per_activity",
    "training_curve",
]
