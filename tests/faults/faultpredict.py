"""Kill `otolith predict` at random moments, most of them around the one at which its folder takes its place."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from otolith import splits
from otolith.datasets.base import DatasetInfo
from otolith.datasets.folder import write_folder
from otolith.model import bundle
from otolith.pipeline import finetune, pretrain
from otolith.recording import CHANNELS, Recording, Stream
from otolith.system import files
from tests.faults import faultjobs
from tests.helpers import tiny

RECORDINGS, SECONDS, RATE_HZ = 2, 20, 25.0
NEAR_S = 0.1
"""In so long a time after the last file was begun, or after the folder is there, lie the moments that matter most; half
as long after every kill that came too late."""


def prepare(work: Path) -> tuple[str, str]:
    """Write a small model and a small data set; their folders."""
    w = tiny.windows()
    split = splits.holdout(w, 0)
    model = finetune(pretrain(w, split, tiny.recipe(), "random"), w, split)
    info = DatasetInfo(
        name="walks", title="Walks", rate_hz=RATE_HZ, activities=(), n_subjects=None, n_recordings=None,
        licence="none", terms="Made by a test.", citation="", homepage="", how_to_get="", channels=CHANNELS, own=True,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    offset = np.array([0, 0, 9.81, 0, 0, 0])[:, None]
    signals = [rng.normal(0, 1, (6, int(SECONDS * RATE_HZ))) + offset for _ in range(RECORDINGS)]
    walks = (Recording(f"walk {i}", i, (Stream(CHANNELS, x, RATE_HZ),)) for i, x in enumerate(signals))
    return str(bundle.save(model, work / "model")), str(write_folder(work / "walks", info, walks))


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a folder; of pictures, which name their moment, only that they are whole."""
    files_in = [path for path in out.rglob("*") if path.is_file()] if out.exists() else []
    found = {str(path.relative_to(out)): path.read_bytes() for path in files_in}
    return {
        name: blob[-8:] if name.endswith((".svg", ".html")) else blob.replace(out.name.encode(), b"")
        for name, blob in found.items()
    }


def torment(work: Path, kills: int, seed: int, say: Callable[[str], None]) -> tuple[Counter[str], list[str]]:
    """Kill so many predictions; how often the folder was "whole" or "none", and what was wrong."""
    faultjobs.prepare_processes()
    model, walks = prepare(work)
    rng = random.Random(seed)

    def begin(out: Path) -> faultjobs.Running:
        return faultjobs.start(
            ["predict", model, walks, "--device", "cpu", "--out", str(out)], work / f"{out.name}.log"
        )

    undisturbed = begin(work / "undisturbed")
    if not undisturbed.ended() or undisturbed.code:
        raise RuntimeError(f"the undisturbed prediction failed:\n{undisturbed.said()}")
    seconds, whole = time.monotonic() - undisturbed.began, contents(work / "undisturbed")
    near = NEAR_S
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    number = 0
    while ends.total() < kills:
        number += 1
        if number > 20 + 10 * kills:
            raise AssertionError(f"of {number} predictions only {ends.total()} could be killed before their end")
        out = work / f"out-{number}"
        run = begin(out)
        if number % 4 == 0:
            run.ended(rng.uniform(0, seconds))
        else:
            awaited = out.name if number % 4 == 1 else f".{out.name}.partial-*/new/about.json"
            while not run.ended(0.0005) and not list(work.glob(awaited)):
                pass
            time.sleep(rng.uniform(0, near))
        run.process.kill()
        run.ended()
        if run.code == 0:
            near /= 2
            continue  # it had ended before
        found = contents(out)
        ends["whole" if found else "none"] += 1
        if found not in (whole, {}):
            wrong.append(f"{out} holds {sorted(found)} instead of {sorted(whole)}")
        files.restore(out)  # as the next prediction does
        if contents(out) != found:
            wrong.append(f"{out}: changed by the next prediction")
        again = begin(out)  # goes on, or is refused where all was done
        if not again.ended(300) or again.code != (2 if found else 0) or contents(out) != whole:
            wrong.append(f"{out}: did not go on:\n{again.said()}")
        if left := list(work.glob(f".{out.name}.*")):
            wrong.append(f"{out}: left {[path.name for path in left]}")
        say(f"{ends.total()} kills: {dict(ends)}")
    return ends, wrong
