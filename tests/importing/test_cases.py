"""Families of files that people bring, in the folder that OTOLITH_CASES names: each comes in rightly, or asks.

`FAMILY/input` is what a user has; `FAMILY/truth.json` and `truth.npz` say what must come out. The limits are those that
the collection states: a rate within 1 %, a duration within 1 % or 0.1 s, a median difference of 2 % of the signal's
deviation and half a step of the file's numbers, labels within half a second, a start within a second.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith.datasets.folder import FolderDataset
from otolith.recording import Recording
from tests.helpers.commandline import call

PLACE = os.environ.get("OTOLITH_CASES", "")
FAMILIES = sorted(each.name for each in Path(PLACE).iterdir() if (each / "truth.json").is_file()) if PLACE else []
KINDS = ("acc", "gyro")


def test_the_families_are_there() -> None:
    if not PLACE and not os.environ.get("CI"):
        pytest.skip("OTOLITH_CASES does not name the folder of the families")
    assert len(FAMILIES) >= 33


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_comes_in_or_asks(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    truth = json.loads((Path(PLACE) / family / "truth.json").read_text("utf-8"))
    out = tmp_path / "out" / "set"
    out.parent.mkdir()
    ended = call("import", Path(PLACE) / family / "input", "--out", out, "--yes")
    said = ended.out + ended.err
    assert "Traceback" not in said
    assert [each.name for each in out.parent.iterdir()] == (["set"] if ended.code == 0 else [])
    if ended.code == 0:
        assert truth["must"] == "imports" or truth.get("may_import"), said
        check(FolderDataset(out), truth, Path(PLACE) / family / "truth.npz", said)
        return
    assert truth["must"] != "imports", said
    if truth["must"] == "asks":
        named = re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", said)
        assert any(re.fullmatch(pattern, name) for pattern in truth["options"] for name in named), said


def check(data: FolderDataset, truth: dict[str, Any], arrays: Path, said: str) -> None:
    """Assert that a data set is what the truth says, whatever its recordings are called."""
    assert data.info.gravity == truth["gravity"]
    told = json.dumps(data.provenance, ensure_ascii=False) + said
    assert [name for name in truth.get("passed_over", []) if name not in told] == []
    found = list(data.recordings())
    assert len(found) == len(truth["recordings"]), [each.name for each in found]
    with np.load(arrays) as true:
        wrong = [
            [faults(one, data.notes.get(one.name, {}), wanted, dict(true)) for one in found]
            for wanted in truth["recordings"]
        ]
    ways = [[wrong[row][col] for row, col in enumerate(order)] for order in itertools.permutations(range(len(found)))]
    assert any(not any(way) for way in ways), ways[0]


def faults(one: Recording, notes: dict[str, Any], wanted: dict[str, Any], true: dict[str, Any]) -> list[str]:
    """Return what is wrong with a recording, if it is the one that is wanted."""
    signals = {}
    for stream in one.streams:
        times = stream.start_s + np.arange(stream.n_samples) / stream.rate_hz if stream.times is None else stream.times
        for kind in KINDS:
            rows = [number for number, channel in enumerate(stream.channels) if channel.startswith(f"{kind}_")]
            if rows:
                signals[kind] = (times, stream.values[rows], stream.rate_hz)
    if signals.keys() != wanted["sensors"].keys():
        return [f"sensors {sorted(signals)}"]
    found = []
    for kind, (times, values, rate_hz) in signals.items():
        expected = wanted["sensors"][kind]
        lasts = float(times[-1] - times[0])
        if abs(rate_hz / expected["rate_hz"] - 1) > 0.01:
            found.append(f"{kind} at {rate_hz} Hz")
        if abs(lasts - expected["duration_s"]) > max(0.1, 0.01 * lasts) + wanted.get("max_shift_s", 0.0):
            found.append(f"{kind} lasts {lasts} s")
        reference = (true[f"{wanted['name']}/{kind}/t"], true[f"{wanted['name']}/{kind}/values"].astype(np.float64))
        outside = ~within(reference[0], wanted.get("ignore", []))
        share = wanted.get("tolerance", 0.02)
        limit = (
            share * float(np.sqrt(reference[1][:, outside].var(1).mean())) + wanted.get("quantum", {}).get(kind, 0) / 2
        )
        most = wanted.get("max_shift_s", max(0.03, 1.5 / wanted["sensors"]["acc"]["rate_hz"]))
        signs = (1, -1) if wanted.get("sign_free") and kind == "acc" else (1,)
        off = min(
            distance(times + shift, sign * values, *reference, wanted.get("ignore", []))
            for shift in np.linspace(-most, most, 121)
            for sign in signs
        )
        if off > limit:
            found.append(f"{kind} is off by {off}, allowed {limit}")
    if wanted["labels"] is not None and (one.segments or "labels" not in wanted.get("optional", [])):
        found += wrong_labels(one, max(float(times[-1]) for times, *_ in signals.values()), wanted["labels"])
    if "subject" in wanted and str(one.subject) != wanted["subject"]:
        found.append(f"subject {one.subject}")
    starts = wanted.get("start_epoch", [])
    if starts and min(abs(notes.get("started_s", np.inf) - each) for each in starts) > 1:
        found.append(f"starts at {notes.get('started_s')}")
    marks = [(each["start_s"], each["stop_s"]) for each in (*notes.get("gaps", []), *notes.get("flags", []))]
    for lo, hi in wanted.get("told", []):
        if not any(min(b, hi) - max(a, lo) >= 0.9 * (hi - lo) for a, b in marks):
            found.append(f"neither gap nor flag at {lo} to {hi} s")
    return found


def within(times: np.ndarray, spans: list[list[float]]) -> np.ndarray:
    return np.any([(times >= lo) & (times < hi) for lo, hi in spans] + [np.zeros(len(times), bool)], axis=0)


def distance(
    times: np.ndarray, values: np.ndarray, at: np.ndarray, true: np.ndarray, spans: list[list[float]]
) -> float:
    """Return the median difference of the worst axis, where both signals are."""
    keep = (times >= at[0]) & (times <= at[-1]) & ~within(times, spans)
    if keep.sum() < 10:
        return np.inf
    return max(
        float(np.median(np.abs(row[keep] - np.interp(times[keep], at, there))))
        for row, there in zip(values, true, strict=True)
    )


def wrong_labels(one: Recording, last: float, wanted: list[list[Any]]) -> list[str]:
    runs: list[list[Any]] = []
    for each in one.segments:
        stop = last if each.stop_s is None else each.stop_s
        if runs and runs[-1][2] == each.activity and each.start_s - runs[-1][1] <= 0.5:
            runs[-1][1] = stop
        else:
            runs.append([each.start_s, stop, each.activity])
    right = len(runs) == len(wanted) and all(
        abs(a - c) <= 0.5 and abs(b - d) <= 0.5 and name == other
        for (a, b, name), (c, d, other) in zip(runs, wanted, strict=True)
    )
    return [] if right else [f"labels {runs[:4]}"]
