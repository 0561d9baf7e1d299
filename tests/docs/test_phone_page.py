"""docs/phone.md, executed: from the zip of each app to a timeline, by the commands that stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.helpers.commandline import SET, call
from tests.helpers.exports import phyphox, physics_toolbox, recorded, sensor_logger, write

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "phone.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
APPS = ("sensor-logger", "phyphox", "physics-toolbox")
LEARN = ["finetune.epochs=40", "finetune.lr=0.003", "finetune.hidden=[32]"]
RATE_HZ, SECONDS = 50.0, 12
LABELS = (1, 5, 6)  # walking, standing, laying
USERS = (1, 5, 6, 4, 10, 21, 24, 28, 2, 3, 11, 14, 26, 30)  # three who train, and all who validate and test


def moving(label: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """(6, n) in m/s² and rad/s of somebody who walks, stands or lies, with a phone on the belt."""
    time = np.arange(n) / RATE_HZ
    out = 0.1 * rng.standard_normal((6, n))
    out[0 if label < 6 else 2] += 9.8
    if label == 1:
        out[0] += 3 * np.sin(2 * np.pi * 2 * time)
        out[4] += np.sin(2 * np.pi * time)
    return out


def write_uci_har(raw: Path) -> None:
    """RawData as its publisher lays it out, an experiment for each user."""
    raw.mkdir(parents=True)
    n, rows = round(SECONDS * RATE_HZ), []
    for experiment, user in enumerate(USERS, 1):
        rng = np.random.default_rng(user)
        signal = np.concatenate([moving(label, n, rng) for label in LABELS], axis=1)
        rows += [(experiment, user, label, 1 + i * n, (i + 1) * n) for i, label in enumerate(LABELS)]
        for sensor, values in (("acc", signal[:3] / 9.80665), ("gyro", signal[3:])):
            np.savetxt(raw / f"{sensor}_exp{experiment:02d}_user{user:02d}.txt", values.T)
    np.savetxt(raw / "labels.txt", np.array(rows), fmt="%d")


def write_exports(folder: Path) -> None:
    """A walk of SECONDS and then as long a rest on the back, as each app would have exported it."""
    rng = np.random.default_rng(99)
    signal = np.concatenate([moving(label, round(SECONDS * RATE_HZ), rng) for label in (1, 6)], axis=1)
    phone = recorded(signal[:3], signal[3:], RATE_HZ)
    sensor_logger(folder / "sensor-logger.zip", phone)
    phyphox(folder / "phyphox.zip", phone, separator=";", decimal=",")
    table = physics_toolbox(folder / "table.csv", phone)
    write(folder / "physics-toolbox.zip", {"walk.csv": table.read_bytes()})
    table.unlink()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phone")
    write_uci_har(folder / "data" / "HAPT" / "RawData")
    write_exports(folder)
    return folder


def test_commands_run_in_order_and_recognise(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("OTOLITH_DATA", str(place / "data"))
    monkeypatch.setattr("otolith.report.write", lambda folders, out, sections: out)
    run = "runs/uci-har-dynamic-best-seed0"  # what --set would change the name of
    commands = [command for command in COMMANDS if command.startswith("otolith ") and "--fetch" not in command]
    assert len(commands) == 1 + 2 * len(APPS) + 1
    for command in commands:
        more = [*SET, *LEARN, "--out", run] if command == "otolith run uci-har" else []
        more += ["--windows"] if command.startswith("otolith predict") else []
        ended = call(*shlex.split(command)[1:], *more)
        assert ended.code == 0, f"{command}\n{ended.err}"
    for name in APPS:
        assert (place / f"from-{name}" / "quality.html").is_file()
    for name in (*(f"{app}-timeline" for app in APPS), "at-once"):
        assert (place / name / "timeline.html").is_file()
        assert "--subject" not in (place / name / "timeline.html").read_text("utf-8")  # of no concern to this reader
        windows = pl.read_csv(place / name / "windows.csv")
        for activity, first in (("walking", 1), ("laying", SECONDS + 1)):
            inside = windows.filter(pl.col("start_s").is_between(first, first + SECONDS - 3))
            assert len(inside) > SECONDS
            assert (inside["activity"] == activity).mean() > 0.8, (name, activity)


def test_the_other_commands_are_those_that_the_readme_explains() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    assert "otolith data uci-har --fetch" in COMMANDS
    assert "otolith data uci-har --fetch" in readme
    (install,) = (command for command in COMMANDS if "pip install" in command)
    assert install in readme


def test_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in target]
    assert targets
    assert [target for target in targets if not (DOCS / target).exists()] == []
