"""Measure how many labels a person would have to give: proposals of `otolith label` against random choice.

    python -m benchmarks.labelling --data FOLDER --out docs/images/labels-needed.png

A simulated labeller answers for the training people of a data set: each key press labels one stretch with the
activity that lasts longest in it. After each, a head is fitted as `otolith label` fits it, and scored on the stretches
of the validation people, whom no label comes from. No test person takes part. The goal is 90 % of the macro F1 that the
head has with the labels of all stretches; the figure is where the mean curve over seeds reaches it. Features are
hand-made, as where no model is given.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith import datasets
from otolith.labelling import head as heads
from otolith.labelling.proposals import Proposals
from otolith.labelling.stretches import SECONDS, handmade, pooled, scaled
from otolith.metrics import macro_f1
from otolith.progress import SILENT, Progress
from otolith.progress.display import LiveProgress
from otolith.splits import default
from otolith.windows import Windows

NAMES = ("uci-har", "motionsense")
HOW = ("proposed", "random")
GOAL = 0.9
SCORED_TO = 30
"""Up to so many labels each is scored, then every fifth."""


@dataclass(frozen=True, eq=False)
class People:
    """Stretches of the people who are labelled, and of those on whom it is scored.

    Attributes:
        x, y: features (n, d) and activities (n,) of the stretches to label.
        x_held, y_held: those of the people left out.
        n_classes: number of activities.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    x_held: NDArray[np.float32]
    y_held: NDArray[np.int64]
    n_classes: int

    def fitted(self, rows: Sequence[int]) -> heads.Head | None:
        """Return the head that the labels of these stretches teach."""
        return heads.fit(self.x[list(rows)], [f"{self.y[i]:03d}" for i in rows])

    def score(self, head: heads.Head | None) -> float:
        """Return the macro F1 of a head on the people left out; 0 where there is no head yet."""
        if head is None:
            return 0.0
        said = np.array([int(each) for each in head.present])[head.probabilities(self.x_held).argmax(1)]
        return float(macro_f1(self.y_held, said, range(self.n_classes), self.n_classes))


def people_of(name: str, root: Path | None = None) -> People:
    """Return the development people of a data set: training people to label, validation people to score on."""
    data = datasets.load(name, root)
    w = data.windows(30, 1.0, 0.5)
    split = default(w, data.info)
    parts = [stretches(w.take(part)) for part in (split.train, split.val)]
    x = scaled(np.concatenate([part[0] for part in parts]))
    n = len(parts[0][0])
    return People(x[:n], parts[0][1], x[n:], parts[1][1], w.n_classes)


def stretches(w: Windows) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return mean features (m, d) and activities (m,) of the stretches of labelled windows."""
    features, found, labels = handmade(w.meta.channels, w.meta, w.x), [], []
    for recording in dict.fromkeys(w.recording.tolist()):
        rows = np.flatnonzero(w.recording == recording)
        first, means = pooled(w.start[rows], features[rows], w.meta, SECONDS)
        found.append(means)
        for start in first:
            inside = rows[(w.start[rows] >= start - 1e-9) & (w.start[rows] < start + SECONDS - 1e-9)]
            labels.append(np.bincount(w.y[inside]).argmax())
    return np.concatenate(found), np.array(labels, np.int64)


def labelled(people: People, how: str, seed: int, most: int) -> list[int]:
    """Return stretches in the order in which they are labelled: "proposed" or "random" ones."""
    rng = np.random.default_rng(seed)
    if how == "random":
        return [int(i) for i in rng.permutation(len(people.x))[:most]]
    # a tenth of the stretches is missing in each seed, so that proposals differ as well
    free = rng.random(len(people.x)) < 0.9
    proposals, rows = Proposals(people.x), list[int]()
    while len(rows) < most:
        head = people.fitted(rows) if rows else None
        best = proposals.best(free, rows, None if head is None else head.probabilities(people.x))
        assert best is not None
        rows.append(best)
        free[best] = False
    return rows


def curve(people: People, how: str, seed: int, most: int) -> list[tuple[int, float]]:
    """Return (labels, macro F1 on the people left out) along one labelling."""
    rows = labelled(people, how, seed, most)
    counts = [n for n in range(2, most + 1) if n <= SCORED_TO or n % 5 == 0]
    return [(n, people.score(people.fitted(rows[:n]))) for n in counts]


def needed(curves: Sequence[Sequence[tuple[int, float]]], goal: float) -> int | None:
    """Return the first number of labels at which the mean of curves reaches the goal.

    >>> needed([[(2, 0.1), (4, 0.5)], [(2, 0.3), (4, 0.7)]], 0.5)
    4
    """
    counts = [n for n, _ in curves[0]]
    mean = np.mean([[score for _, score in each] for each in curves], axis=0)
    grid = np.arange(counts[0], counts[-1] + 1)
    reached = grid[np.interp(grid, counts, mean) >= goal]
    return int(reached[0]) if len(reached) else None


def measure(name: str, people: People, seeds: int, most: int, progress: Progress = SILENT) -> dict[str, Any]:
    """Return the curves of both ways for one data set, the goal and the labels that each needs."""
    full = people.score(people.fitted(range(len(people.x))))
    curves: dict[str, list[list[tuple[int, float]]]] = {}
    with progress.stage(name, 2 * seeds, "labellings") as bar:
        for how in HOW:
            curves[how] = []
            for seed in range(seeds):
                curves[how].append(curve(people, how, seed, most))
                bar.advance()
    return {
        "dataset": name,
        "stretches": len(people.x),
        "full": full,
        "goal": GOAL * full,
        "needed": {how: needed(curves[how], GOAL * full) for how in HOW},
        "curves": curves,
    }


def draw(found: Sequence[dict[str, Any]], out: Path) -> None:
    """Draw labels against scores, a panel for each data set."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(found), figsize=(4.6 * len(found), 3.4), sharey=True, squeeze=False)
    for axis, each in zip(axes[0], found, strict=True):
        for how, colour in zip(HOW, ("#0072b2", "#8a94a0"), strict=True):
            scores = 100 * np.array([[score for _, score in one] for one in each["curves"][how]])
            counts = [n for n, _ in each["curves"][how][0]]
            axis.fill_between(counts, scores.min(0), scores.max(0), color=colour, alpha=0.15, linewidth=0)
            n = each["needed"][how]
            axis.plot(counts, scores.mean(0), color=colour, linewidth=2, label=f"{how}: {n or f'over {counts[-1]}'}")
        axis.axhline(100 * each["goal"], color="#d55e00", linewidth=1, linestyle="--")
        axis.set(title=each["dataset"], xlabel="labels (key presses)")
        axis.legend(loc="lower right", frameon=False, title="labels to reach the line")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].set(ylabel="macro F1 on other people, %", ylim=(0, 100))
    figure.tight_layout()
    figure.savefig(out, dpi=110)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the figures, and draw them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labelling", description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="DATASET")
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--most", type=int, default=150, help="labels of each labelling (default %(default)s)")
    parser.add_argument("--out", type=Path, metavar="PICTURE")
    given = parser.parse_args(arguments)
    found = []
    for name in given.names:
        found.append(measure(name, people_of(name, given.data), given.seeds, given.most, LiveProgress()))
        told = {key: value for key, value in found[-1].items() if key != "curves"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    if given.out is not None:
        draw(found, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
