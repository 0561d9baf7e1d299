"""The losses of a student, against plain floats from their papers' equations."""

from __future__ import annotations

import math

import pytest
import torch

from otolith.losses.distillation import feature_distance, soft_answers


def divergence(student: list[float], teacher: list[float], temperature: float) -> float:
    def softmax(logits: list[float]) -> list[float]:
        powers = [math.exp(value / temperature) for value in logits]
        return [power / sum(powers) for power in powers]

    p, q = softmax(teacher), softmax(student)
    return temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_answers_are_the_mean_divergence(temperature: float) -> None:
    student, teacher = [[1.0, -2.0, 0.5], [0.0, 0.1, 0.2]], [[3.0, 0.0, -1.0], [0.2, 0.1, 0.0]]
    expected = sum(divergence(s, t, temperature) for s, t in zip(student, teacher, strict=True)) / 2
    assert float(soft_answers(torch.tensor(student), torch.tensor(teacher), temperature)) == pytest.approx(expected)


def test_the_gradient_of_answers_leads_to_the_teacher_and_leaves_it_alone() -> None:
    student = torch.zeros(1, 3, requires_grad=True)
    soft_answers(student, torch.tensor([[2.0, 0.0, 0.0]]), 1.0).backward()
    assert student.grad is not None
    assert student.grad[0, 0] < 0 < student.grad[0, 1]


def test_far_features_count_by_their_length() -> None:
    found = feature_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.6, -3.0]]))
    assert float(found) == pytest.approx((0.5 * 0.6**2 + (3.0 - 0.5)) / 2)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="both alike"):
        soft_answers(torch.zeros(2, 3), torch.zeros(2, 4), 1.0)
    with pytest.raises(ValueError, match="temperature above 0"):
        soft_answers(torch.zeros(2, 3), torch.zeros(2, 3), 0.0)
    with pytest.raises(ValueError, match="both alike"):
        feature_distance(torch.zeros(2, 3), torch.zeros(3, 3))
