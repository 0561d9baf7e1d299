"""Small data sets in the publishers' own file formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

UCI_LABELS = "1 1 5 3 40\n1 1 7 41 50\n1 1 1 51 90\n2 1 12 1 5\n2 1 6 11 60\n"
MOBIACT_HEADER = "timestamp,rel_time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z,azimuth,pitch,roll,label"


@pytest.fixture
def uci_folder(tmp_path: Path) -> Path:
    """HAPT/RawData with two experiments of user 1, 90 and 60 samples long, in g and rad/s."""
    raw = tmp_path / "HAPT" / "RawData"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for experiment, n_samples in ((1, 90), (2, 60)):
        for sensor, level in (("acc", 1.0), ("gyro", 0.1)):
            rows = random.normal(level, 0.1, (n_samples, 3))
            lines = "".join(" ".join(repr(float(v)) for v in row) + "\n" for row in rows)
            (raw / f"{sensor}_exp{experiment:02d}_user01.txt").write_text(lines)
    (raw / "labels.txt").write_text(UCI_LABELS)
    return raw


@pytest.fixture
def write_mobiact(tmp_path: Path) -> Callable[..., Path]:
    """Writes one annotated trial; returns the file."""

    def write(name: str, labels: Sequence[str], times: Sequence[float] | None = None) -> Path:
        code = name.split("_")[0]
        path = tmp_path / "MobiAct_Dataset_v2.0" / "Annotated Data" / code / f"{name}_annotated.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [MOBIACT_HEADER]
        for i, label in enumerate(labels):
            seconds = times[i] if times is not None else i * 0.005
            values = [0.1 * i, 9.8, -0.5, 0.01 * i, 0.2, -0.3, 100.0, 1.0, -2.0]
            lines.append(",".join([str(10**9 + round(seconds * 1e9)), f"{seconds:.6g}", *map(str, values), label]))
        path.write_text("\n".join(lines) + "\n")
        return path

    return write
