"""Sensor dropout takes whole sensors; turning about the vertical leaves what a heading leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from otolith.augment import SignalSpec, build
from otolith.errors import RecipeError


def test_a_dropped_sensor_loses_all_axes_at_its_rate(
    signal: SignalSpec, generator: Callable[[int], torch.Generator]
) -> None:
    x = torch.randn(4000, 6, 8, generator=generator(1)) + 10
    out = build("sensor_dropout", signal, sensors=["gyro"], rate=0.3)(x, generator(2))
    assert torch.equal(out[:, :3], x[:, :3])
    gone = (out[:, 3:] == 0).flatten(1)
    assert torch.equal(gone.all(1), gone.any(1))
    assert float(gone.all(1).float().mean()) == pytest.approx(0.3, abs=0.03)
    kept = ~gone.all(1)
    assert torch.equal(out[kept], x[kept])


def test_one_sensor_always_stays_and_each_has_its_turn(
    signal: SignalSpec, generator: Callable[[int], torch.Generator]
) -> None:
    x = torch.randn(2000, 6, 8, generator=generator(1)) + 10
    out = build("sensor_dropout", signal, rate=1.0)(x, generator(2))
    acc, gyro = ((out[:, part] != 0).flatten(1).all(1) for part in (slice(0, 3), slice(3, 6)))
    assert torch.equal(acc, ~gyro)
    assert 0.4 < float(acc.float().mean()) < 0.6


def test_one_that_may_not_go_stays_at_any_rate(signal: SignalSpec, generator: Callable[[int], torch.Generator]) -> None:
    x = torch.randn(500, 6, 8, generator=generator(1)) + 10
    out = build("sensor_dropout", signal, sensors=["gyro"], rate=1.0)(x, generator(2))
    assert not out[:, 3:].any()
    assert torch.equal(out[:, :3], x[:, :3])


def test_an_unknown_sensor_is_refused(signal: SignalSpec) -> None:
    with pytest.raises(RecipeError, match="did you mean 'gyro'"):
        build("sensor_dropout", signal, sensors=["gyros"])


def test_a_vertical_turn_keeps_z_and_horizontal_lengths_of_physical_signals(
    signal: SignalSpec, generator: Callable[[int], torch.Generator]
) -> None:
    x = torch.randn(3000, 6, 8, generator=generator(1), dtype=torch.float64)
    mean, std = (torch.tensor(v, dtype=torch.float64)[:, None] for v in (signal.mean, signal.std))
    before, after = x * std + mean, build("rotation", signal, kind="vertical")(x, generator(2)) * std + mean
    torch.testing.assert_close(after[:, [2, 5]], before[:, [2, 5]])
    angles = []
    for i in (0, 3):
        torch.testing.assert_close(after[:, i : i + 2].norm(dim=1), before[:, i : i + 2].norm(dim=1))
        a, b = (torch.complex(each[:, i], each[:, i + 1]) for each in (before, after))
        turn = b / a
        torch.testing.assert_close(turn, turn[:, :1].expand_as(turn))  # one angle for a window
        angles.append(turn[:, 0].angle())
    torch.testing.assert_close(angles[0], angles[1])
    octants = torch.histc(angles[0].float(), 8, -torch.pi, torch.pi)
    assert int(octants.min()) > 300  # of 375 expected
