"""Where the tests' server listens, and signals for it."""

from __future__ import annotations

import numpy as np

HOST = "127.0.0.1:8765"
ORIGIN = {"origin": f"http://{HOST}"}
STREAM = f"ws://{HOST}/stream"


def signal(n: int, rate_hz: float, seed: int = 0) -> np.ndarray:
    """(6, n) in m/s² and rad/s, with gravity."""
    rng = np.random.default_rng(seed)
    time = np.arange(n) / rate_hz
    swing = np.sin(2 * np.pi * 2 * time * (1 + np.floor(time / 3) % 3)) * np.arange(1, 7)[:, None]
    return swing + rng.normal(0, 0.3, (6, n)) + np.array([0, 0, 9.81, 9, 12, 15])[:, None]
