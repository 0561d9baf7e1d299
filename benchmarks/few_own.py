"""Measure what recordings without labels bring to somebody who has labelled a second of each activity.

    python -m benchmarks.few_own --data FOLDER

A study is made of the development people of a data set: six of them have one window of each activity labelled, six
others test with all their labels, and nothing of the rest is labelled. `otolith run` learns from it in four ways. No
test person of the data set takes part.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from otolith import datasets
from otolith.cli import main as otolith
from otolith.datasets import Dataset
from otolith.datasets.folder import write_folder
from otolith.recording import Recording
from otolith.rows import read
from otolith.splits import default

WAYS = {
    "with them": [],
    "without them": ["--set", "windows.unlabelled=false"],
    "with them, encoder not pre-trained": ["--method", "random"],
    "trees on hand-made features": ["--method", "classical", "--recipe", "compact"],
}
"""Options of `otolith run`."""
LABELLED_S = 1.05
"""Seconds of an activity that a person labels, a second into its first stretch: one window."""
Names = NDArray[np.generic]
EACH = 6
"""People with few labels, and people who test."""


def study(data: Dataset, folder: Path, seed: int = 0) -> list[str]:
    """Write the study to `folder`; return the options that name its parts. One of those with few labels validates."""
    w = data.windows()
    split = default(w, data.info)
    people = np.random.default_rng(seed).permutation(np.setdiff1d(w.subject, w.subject[split.test]))
    few, test = people[:EACH], people[EACH : 2 * EACH]
    write_folder(folder, replace(data.info, name=folder.name, own=True), _labelled(data, few, test, people))
    parts = {"val": [str(few[-1])], "test": list(map(str, test))}
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(parts), encoding="utf-8")
    return [str(folder), "--split", str(file)]


def _labelled(data: Dataset, few: Names, test: Names, people: Names) -> list[Recording]:
    done: set[tuple[object, str]] = set()
    kept = []
    for recording in data.recordings():
        who, segments = recording.subject, []
        for each in recording.segments if who in few else ():
            long_enough = each.stop_s is None or each.stop_s - each.start_s > 1 + LABELLED_S
            if long_enough and (who, each.activity) not in done:
                done.add((who, each.activity))
                segments.append(replace(each, start_s=each.start_s + 1, stop_s=each.start_s + 1 + LABELLED_S))
        if who in people:
            kept.append(recording if who in test else replace(recording, segments=tuple(segments)))
    return kept


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds the data set")
    parser.add_argument("--dataset", default="uci-har")
    parser.add_argument("--seeds", type=int, default=1, help="draws of the people and their labels")
    given = parser.parse_args(argv)
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as place:
            common = study(datasets.load(given.dataset, given.data), Path(place) / "few", seed)
            for number, (way, options) in enumerate(WAYS.items()):
                out = Path(place) / f"run-{number}"
                if otolith(["run", *common, *options, "--seed", str(seed), "--out", str(out)]):
                    raise SystemExit(f"{way}: otolith run failed")
                (row,) = read(out / "rows.jsonl")
                told = {"seed": seed, "way": way, "macro_f1": round(100 * row.result["macro_f1"], 1)}
                sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
