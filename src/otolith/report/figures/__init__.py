"""Every picture of a report, from plain arrays and dicts to a matplotlib Figure, one family to a file.

No function touches pyplot or keeps state. Scores come in as fractions and are shown in percent.
"""

from otolith.report.figures.curves import learning_curves, teacher, teacher_per_activity, training_curve
from otolith.report.figures.embeddings import Panel, embedding, subjects_embedding
from otolith.report.figures.scores import Series, comparison, confusion, per_class, per_subject, subjects_by_method

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
