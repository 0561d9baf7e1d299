"""What this package promises itself; what otolith asks of any method or augmentation, its own contract tests ask."""

from __future__ import annotations

import pytest
import torch
from otolith_example import worst

from otolith import augment
from otolith.augment import SignalSpec
from otolith.metrics import Predictions


def test_the_worst_activity_counts():
    found = worst.worst_recall(Predictions.of([0, 0, 1, 1], [0, 0, 0, 1], ["sit", "walk"]))
    assert found == pytest.approx(0.5)


def test_the_middle_of_the_window_stays():
    signal = SignalSpec(("acc_x",), (0.0,), (1.0,), 30.0)
    changed = augment.build("drift", signal, most=1.0)(torch.zeros(1, 1, 31), torch.Generator().manual_seed(0))
    first, middle, last = changed[0, 0, [0, 15, 30]].tolist()
    assert first == pytest.approx(-last)
    assert abs(middle) < 1e-6 < abs(first)
