"""Run the command in this process, and make small data set folders to run it on."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from otolith.cli import main
from otolith.cli.options import foreign
from otolith.datasets import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.rows import Row, read
from tests.helpers import tiny

RATE_HZ = 25.0
SECONDS = 7.0
ACTIVITIES = ("still", "swing", "shake")
SMALL = {"windows.rate_hz": 12.0} | tiny.SIZES
SET = ["--recipe", "compact", "--set", *(f"{name}={json.dumps(value)}" for name, value in SMALL.items())]
"""Options that make any run a matter of a second."""
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")


@dataclass(frozen=True)
class Ended:
    """Exit code, standard output and standard error of a command."""

    code: int
    out: str
    err: str


def call(*tokens: object) -> Ended:
    """Run `otolith TOKENS` in this process, on one thread: networks this small only wait for a second one."""
    out, err = io.StringIO(), io.StringIO()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(token) for token in tokens])
    finally:
        torch.set_num_threads(threads)
    said = out.getvalue() + err.getvalue()
    assert not CONTROL.search(said), f"a terminal would obey this: {said!r}"
    assert "Error: " not in said or not foreign(said, [str(token) for token in tokens]), said
    return Ended(code, out.getvalue(), err.getvalue())


def refused(*tokens: object) -> str:
    """Return the error of a command that has to fail with 2, print no result and show no trace."""
    ended = call(*tokens)
    assert ended.code == 2, f"otolith {shlex.join(map(str, tokens))} ended with {ended.code}:\n{ended.err}"
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert "Error: " in ended.err
    return ended.err[ended.err.index("Error: ") :]


def recording(
    subject: int, activities: tuple[str, ...] = ACTIVITIES, channels: tuple[str, ...] = CHANNELS
) -> Recording:
    """Each activity for SECONDS, told apart by its frequency, with as long a pause after it."""
    rng = np.random.default_rng(subject)
    time = np.arange(2 * SECONDS * max(1, len(activities)) * RATE_HZ) / RATE_HZ
    values = 0.3 * rng.standard_normal((len(channels), len(time)))
    segments = []
    for number, activity in enumerate(activities):
        start = 2 * number * SECONDS
        inside = (time >= start) & (time < start + SECONDS)
        phase = rng.uniform(0, 2 * np.pi, (len(channels), 1))
        values[:, inside] += ACTIVITIES.index(activity) * np.sin(4 * np.pi * number * time[inside] + phase)
        segments.append(Segment(start, start + SECONDS, activity))
    return Recording(f"person {subject}", subject, (Stream(channels, values, RATE_HZ),), tuple(segments))


def make_set(folder: Path, n_subjects: int = 5, **changes: Any) -> Path:
    """A data set folder; `changes` go to its recordings."""
    recordings = [recording(subject, **changes) for subject in range(1, n_subjects + 1)]
    info = DatasetInfo(
        name=folder.name,
        title="People who move on command",
        rate_hz=RATE_HZ,
        activities=changes.get("activities", ACTIVITIES),
        channels=changes.get("channels", CHANNELS),
        n_subjects=None,
        n_recordings=None,
        licence="none",
        terms="For tests.",
        citation="",
        homepage="",
        how_to_get="A test writes it.",
    )
    return write_folder(folder, info, recordings)


def row_of(run: Path) -> Row:
    """The only row of a run folder."""
    (row,) = read(run / "rows.jsonl")
    return row
