"""From raw files to windows, and back from the cache."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.clock import times


def windows(dataset: str, csv: int = 1000, root: str | None = None) -> dict[str, float]:
    """Seconds of: raw files to cached windows; opening the cache; reading all windows from it; reading each window from
    a CSV file of its own, measured on `csv` windows and multiplied.

    Modules are imported and the raw files read once before, so that neither a cold disk nor Python's start counts.

    Raises:
        DataError: the data set is not here.
    """
    import polars  # noqa: F401  what reading and resampling import
    import scipy.signal  # noqa: F401

    import otolith

    source = otolith.load(dataset, root)
    for path in source.files():
        Path(path).read_bytes()

    def opened() -> otolith.Windows:
        return otolith.load(dataset, root).windows(rate_hz=30, seconds=1.0, overlap=0.5)

    home = os.environ.get("OTOLITH_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OTOLITH_HOME"] = folder
        try:
            began = time.perf_counter()
            w = opened()
            cut = time.perf_counter() - began
            chosen = np.linspace(0, len(w) - 1, min(csv, len(w))).astype(int)
            for i in chosen:
                np.savetxt(f"{folder}/{i}.csv", w.x[i].T, delimiter=",")
            one_by_one = times(lambda: [np.loadtxt(f"{folder}/{i}.csv", delimiter=",") for i in chosen], 3, 1)
            return {
                "cut": cut,
                "open": times(opened, 5, 1),
                "read": times(lambda: np.array(opened().x), 5, 1),
                "csv": one_by_one / len(chosen) * len(w),
                "windows": len(w),
            }
        finally:
            if home is None:
                del os.environ["OTOLITH_HOME"]
            else:
                os.environ["OTOLITH_HOME"] = home
