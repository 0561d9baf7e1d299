"""Losses of a student that learns from a teacher's answers (Hinton, Vinyals and Dean 2015) and features (Romero et al.
2015)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def soft_answers(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return T² times the mean divergence KL(teacher || student) of the answers at temperature T.

    Hinton et al. 2015, Section 2: both softmaxes are of logits divided by T, and T² keeps gradients of one size
    whatever T. Their cross-entropy differs from this by the teacher's entropy, which no gradient feels.

    Args:
        student, teacher: logits (n, n_classes).
        temperature: T, above 0.

    Returns:
        Scalar, 0 where the answers are the same.

    Raises:
        ValueError: other shapes, or a temperature that is not positive.

    >>> import torch
    >>> logits = torch.tensor([[2.0, 0.0]])
    >>> float(soft_answers(logits, logits + 3.0, temperature=2.0))
    0.0
    """
    if student.shape != teacher.shape or student.ndim != 2 or not temperature > 0:
        raise ValueError(
            f"student and teacher have shapes {tuple(student.shape)} and {tuple(teacher.shape)} at temperature "
            f"{temperature}; expected (windows, activities), both alike, and a temperature above 0"
        )
    told, said = (F.log_softmax(each.float() / temperature, 1) for each in (teacher, student))
    return temperature**2 * F.kl_div(said, told, log_target=True, reduction="batchmean")


def feature_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean Huber distance of features: squares up to a distance of 1, lengths beyond.

    Romero et al. 2015, Eq. 3, has squares alone; a feature of the teacher that is far out for one window shall not
    decide a step.

    Args:
        student: (n, m), as a regressor on top of the student gives them.
        teacher: (n, m), each with mean 0 and deviation 1 over the windows.

    Returns:
        Scalar.

    Raises:
        ValueError: other shapes.

    >>> import torch
    >>> float(feature_distance(torch.zeros(1, 2), torch.tensor([[0.5, 2.0]])))
    0.8125
    """
    if student.shape != teacher.shape or student.ndim != 2:
        raise ValueError(
            f"student and teacher have shapes {tuple(student.shape)} and {tuple(teacher.shape)}; expected (windows, "
            "features), both alike"
        )
    return F.smooth_l1_loss(student.float(), teacher.float())
