"""Addresses of the tests' server, and signals for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from otolith.datasets import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.recording import CHANNELS, Recording, Segment, Stream

HOST = "127.0.0.1:8765"
ORIGIN = {"origin": f"http://{HOST}"}
STREAM = f"ws://{HOST}/stream"


def signal(n: int, rate_hz: float, seed: int = 0) -> np.ndarray:
    """(6, n) in m/s² and rad/s, with gravity."""
    rng = np.random.default_rng(seed)
    time = np.arange(n) / rate_hz
    swing = np.sin(2 * np.pi * 2 * time * (1 + np.floor(time / 3) % 3)) * np.arange(1, 7)[:, None]
    return swing + rng.normal(0, 0.3, (6, n)) + np.array([0, 0, 9.81, 9, 12, 15])[:, None]


def write_walks(folder: Path, walks: dict[str, np.ndarray]) -> Path:
    """A data set folder of recordings at 50 Hz: name -> (6, n)."""
    info = DatasetInfo(
        name=folder.name,
        title="Walks",
        rate_hz=50.0,
        activities=("still",),
        channels=CHANNELS,
        n_subjects=None,
        n_recordings=None,
        licence="none",
        terms="For tests.",
        citation="",
        homepage="",
        how_to_get="A test writes it.",
    )
    recordings = [
        Recording(name, 1, (Stream(CHANNELS, values, 50.0),), (Segment(0, values.shape[1] / 50, "still"),))
        for name, values in walks.items()
    ]
    return write_folder(folder, info, recordings)
