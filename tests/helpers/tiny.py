"""Windows and recipes small enough to train in a blink, for the tests of every room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from otolith.recipes import Recipe, load_recipe
from otolith.recording import CHANNELS
from otolith.windows import WindowMeta, Windows

SIZES: dict[str, Any] = {
    "encoder.maps": [8, 8, 16],
    "encoder.blocks": 1,
    "encoder.heads": 2,
    "encoder.feed_forward": 32,
    "encoder.width": 12,
    "projection.hidden": 16,
    "projection.out": 16,
    "autoencoder.latent": 12,
    "autoencoder.train.epochs": 1,
    "autoencoder.train.batch_size": 32,
    "pretrain.epochs": 1,
    "pretrain.batch_size": 32,
    "finetune.head": "mlp",
    "finetune.solver": "adam",
    "finetune.epochs": 2,
    "finetune.hidden": [16],
    "finetune.lr": 1e-3,
    "method.classical.trees": 10,
    "method.supervised.epochs": 2,
    "method.supervised.hidden": [16],
}
"""Every size of a recipe that costs time, brought down, and a head that has epochs to stop in."""

ACTIVITIES = ("still", "swing", "shake")
RATE_HZ = 12.0


def recipe(name: str = "compact", **overrides: Any) -> Recipe:
    """A shipped recipe at toy size; overrides write a double underscore for the dot (pretrain__epochs=3)."""
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_recipe(name, "own", SIZES | given)


def meta(channels: tuple[str, ...] | int = CHANNELS, rate_hz: float = RATE_HZ) -> WindowMeta:
    """Facts about windows of one second; a number asks for so many channels without a sensor's name."""
    names = tuple(f"c{i}" for i in range(channels)) if isinstance(channels, int) else channels
    return WindowMeta("own", ACTIVITIES, names, rate_hz)


def windows(
    n_subjects: int = 5,
    per_activity: int = 8,
    channels: tuple[str, ...] = CHANNELS,
    n_unlabelled: int = 0,
    seed: int = 0,
    dataset: str = "own",
    seconds: float = 1.0,
) -> Windows:
    """Each subject's windows of three activities, which differ by their frequency, one second or more at 12 Hz.

    Channels have means and deviations of their own, as gravity and units give them. The last `n_unlabelled` windows
    of every subject carry no label.
    """
    rng = np.random.default_rng([seed, n_subjects, per_activity, len(channels)])
    labels = np.repeat(np.arange(len(ACTIVITIES)), per_activity)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    x, y, subject = [], [], []
    for person in range(1, n_subjects + 1):
        phase = rng.uniform(0, 2 * np.pi, (len(labels), len(channels), 1))
        signal = np.sin(2 * np.pi * 2 * labels[:, None, None] * time + phase) * (1 + 0.1 * person)
        signal += 0.2 * rng.standard_normal(signal.shape)
        x.append(signal * np.arange(1, len(channels) + 1)[:, None] + 3.0 * np.arange(len(channels))[:, None])
        y.append(np.where(np.arange(len(labels)) < len(labels) - n_unlabelled, labels, -1))
        subject.append(np.full(len(labels), person))
    return Windows.from_arrays(
        np.concatenate(x).astype(np.float32),
        np.concatenate(y),
        np.concatenate(subject),
        channels=channels,
        rate_hz=RATE_HZ,
        activities=ACTIVITIES,
        dataset=dataset,
        terms="Made by a test.",
    )


def windows_with_gravity() -> Windows:
    """Return windows of six subjects that overlap by half, with gravity along z."""
    w = windows(n_subjects=6)
    x = w.x.copy()
    x[:, 2] += 9.81 - x[:, 2].mean()
    x[:, :2] -= x[:, :2].mean((0, 2), keepdims=True)
    return replace(w, x=x, meta=replace(w.meta, overlap=0.5))
