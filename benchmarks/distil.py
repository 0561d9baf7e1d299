"""Print the table of docs/distill.md:  python -m benchmarks.distil TEACHER DATASET --work FOLDER [--data FOLDER]

A student is distilled from the teacher without labels, on the training people of the data set with the validation
people held out, unless FOLDER/student holds one already. The table has teacher, student, its int8 forms and its rivals:
the same small net trained directly on the labels, all of them and a few an activity, and small trees. Each: bytes, time
of one window on one core, macro F1 on validation and test people. Test people are looked at here alone.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clock import times
from benchmarks.table import grid
from otolith import datasets, metrics, pipeline, splits
from otolith.errors import DataError, OtolithError
from otolith.export import export_c
from otolith.export.check import run, session
from otolith.export.graph import INPUT, metadata, write_graph
from otolith.export.integers import as_integers
from otolith.finetuning.settings import TreeSettings
from otolith.jobs import distill as job
from otolith.model import Model, bundle
from otolith.model.windows import windows_for_encoder
from otolith.progress import Progress
from otolith.progress.display import LiveProgress
from otolith.recipes import load_recipe
from otolith.splits import Split
from otolith.streaming.network import Network
from otolith.windows import Windows

REPEATS = 400
FEW = 10
"""Labels an activity of the rival with few labels."""
FEW_STEPS = 4
"""Times as many epochs for it: an epoch is a step or two."""
KILOBYTES = 0.1
"""Millions of bytes of the rival's trees: as many as the student may take."""
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "student.h"
int main(int argc, char **argv) {
    static float window[OTOLITH_CHANNELS * OTOLITH_STEPS], p[OTOLITH_ACTIVITIES];
    int repeats = argc > 1 ? atoi(argv[1]) : 0;
    while (fread(window, sizeof window, 1, stdin) == 1) {
        otolith_predict(window, p);
        if (fwrite(p, sizeof p, 1, stdout) != 1) return 1;
    }
    clock_t began = clock();
    for (int i = 0; i < repeats; i++) otolith_predict(window, p);
    fprintf(stderr, "%g", (double)(clock() - began) / CLOCKS_PER_SEC / (repeats ? repeats : 1));
    return 0;
}
"""


@dataclass(frozen=True)
class Judge:
    """Labelled windows of validation and test people, by which a form of a model is scored.

    Attributes:
        x, y: windows (n, channels, time) and class indices (n,) by part.
        classes, n_classes: of the teacher's training, and of its activities.
    """

    x: dict[str, NDArray[np.float32]]
    y: dict[str, NDArray[np.int64]]
    classes: tuple[int, ...]
    n_classes: int

    def scores(self, answers: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> list[float]:
        """Return macro F1 on validation and test people of a form that maps windows to probabilities."""
        return [
            metrics.macro_f1(self.y[part], answers(self.x[part]).argmax(1), self.classes, self.n_classes)
            for part in ("val", "test")
        ]


@dataclass(frozen=True)
class Form:
    """One line of the table: its bytes, seconds of a window, macro F1 on validation and test people."""

    name: str
    n_bytes: int
    seconds: float
    f1: list[float]


def in_c(
    model: Model, x: NDArray[np.float32], folder: Path, repeats: int = REPEATS
) -> tuple[NDArray[np.float32], float]:
    """Return the probabilities (n, n_classes) that a compiled header gives, and its seconds for a window.

    Raises:
        DataError: there is no compiler `cc`, or it refuses the program.
    """
    if shutil.which("cc") is None:
        raise DataError("there is no C compiler `cc` here, which the lines of C need; install one")
    export_c(model, folder / "student.h")
    (folder / "main.c").write_text(PROGRAM, "utf-8")
    built = subprocess.run(
        ["cc", "-std=c99", "-O2", "main.c", "-o", "main", "-lm"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise DataError(f"the compiler refuses the header: {built.stderr}. Please report this.")
    done = subprocess.run(
        [folder / "main", str(repeats)], input=np.ascontiguousarray(x).tobytes(), capture_output=True, check=True
    )
    said = np.frombuffer(done.stdout, np.float32).reshape(len(x), len(model.activities))
    return said, float(done.stderr)


def forms(name: str, model: Model, judge: Judge, folder: Path, small: bool) -> list[Form]:
    """Return the lines of a model: PyTorch and ONNX and, of a student, int8 in PyTorch, ONNX and C."""
    folder.mkdir(parents=True, exist_ok=True)
    one = judge.x["val"][:1]
    saved = bundle.save(model, folder / "model")
    n_bytes = sum(path.stat().st_size for path in saved.iterdir())
    streamed = Network(model)
    found = [
        Form(
            f"{name}, streaming", n_bytes, times(lambda: streamed(one), REPEATS, 20), judge.scores(model.predict_proba)
        )
    ]

    def onnx(title: str, which: Model) -> None:
        path = folder / f"{title.replace(' ', '-').replace(',', '')}.onnx"
        write_graph(which, path, metadata(which, []))
        opened = session(path)
        seconds = times(lambda: opened.run(None, {INPUT: one}), REPEATS, 20)
        scores = judge.scores(lambda x: run(path, which, x).probabilities)
        found.append(Form(title, path.stat().st_size, seconds, scores))

    onnx(f"{name}, ONNX", model)
    if small:
        onnx(f"{name}, int8, ONNX", as_integers(model))
        seconds: list[float] = []

        def answers(x: NDArray[np.float32]) -> NDArray[np.float32]:
            said, taken = in_c(model, x, folder)
            seconds.append(taken)
            return said

        scores = judge.scores(answers)
        constants = export_c(model, folder / "student.h").n_bytes
        found.append(Form(f"{name}, int8, C", constants, float(np.median(seconds)), scores))
    return found


def direct(student: Model, w: Windows, split: Split, rows: NDArray[np.int64], more: int, progress: Progress) -> Model:
    """Return the student's net trained end to end on the labels of the windows `rows`, as the recipe `best` does it."""
    width, kernels = student.encoder.recipe.encoder.width, student.encoder.recipe.encoder.kernels
    given = {"encoder.width": width, "encoder.kernels": list(kernels)}
    recipe = load_recipe("best", w.meta.dataset, given)
    settings = recipe.settings_of("supervised")
    y = np.full(len(w), -1)
    keep = np.concatenate([rows, split.val, split.test])
    y[keep] = w.y[keep]
    encoder = pipeline.pretrain(w, split, recipe, "supervised", student.seed, device="cpu")
    settings = replace(settings, epochs=more * settings.epochs)
    return pipeline.finetune(encoder, replace(w, y=y), split, settings=settings, progress=progress)


def trees(w: Windows, split: Split, progress: Progress) -> Model:
    """Return extra trees on hand-made features that take no more bytes than a student."""
    recipe = load_recipe("best", w.meta.dataset)
    encoder = pipeline.pretrain(w, split, recipe, "classical", 0, device="cpu")
    settings = TreeSettings(most_megabytes=KILOBYTES)
    return pipeline.finetune(encoder, w, split, settings=settings, progress=progress)


def measure(teacher_folder: Path, dataset: str, work: Path, root: Path | None, progress: Progress) -> str:
    """Return the table as Markdown."""
    torch.set_num_threads(1)
    teacher = bundle.load_model(teacher_folder, "cpu")
    found = datasets.load(dataset, root)
    w = windows_for_encoder(found, teacher.encoder, unlabelled=True)
    split = splits.default(w, found.info)
    place = work / "student"
    if (place / bundle.CARD).is_file():
        student = bundle.load_model(place, "cpu")
    else:
        work.mkdir(parents=True, exist_ok=True)
        seen, held, _ = job.parts_of(w, split)
        card = bundle.read_card(teacher_folder)
        student = job.run(teacher, [(seen, held)], card, place, kilobytes=100.0, device="cpu", progress=progress)
    rows = {part: getattr(split, part)[w.y[getattr(split, part)] >= 0] for part in ("val", "test")}
    judge = Judge(
        {part: w.x[at] for part, at in rows.items()},
        {part: w.y[at] for part, at in rows.items()},
        teacher.training_classes,
        len(teacher.activities),
    )
    labelled = split.train[w.y[split.train] >= 0]
    few = labelled[splits.k_per_class(w.y[labelled], FEW, 0)]
    with tempfile.TemporaryDirectory(prefix="otolith-") as name:
        folder = Path(name)
        lines = [
            *forms("teacher", teacher, judge, folder / "teacher", small=False),
            *forms("student", student, judge, folder / "student", small=True),
        ]
        rivals = {
            f"same net on all {len(labelled):,} labels": direct(student, w, split, labelled, 1, progress),
            f"same net on {FEW} labels an activity": direct(student, w, split, few, FEW_STEPS, progress),
            "trees on hand-made features": trees(w, split, progress),
        }
        for title, model in rivals.items():
            lines += forms(title, model, judge, folder / title.replace(" ", "-").replace(",", ""), small=False)[1:]
    return table(lines)


def table(lines: Sequence[Form]) -> str:
    """Return the lines as Markdown; the first is that of the teacher.

    >>> print(table([Form("teacher", 5_000_000, 1e-3, [0.9, 0.8]), Form("student", 90_000, 1e-4, [0.9, 0.78])]))
    | form | kB | µs a window | macro F1, validation | macro F1, test | of the teacher's |
    |---|---|---|---|---|---|
    | teacher | 5,000 | 1,000 | 90.0 | 80.0 | 100.0 % |
    | student | 90 | 100 | 90.0 | 78.0 | 97.5 % |
    <BLANKLINE>
    """
    whole = lines[0].f1[1]
    rows = [
        [
            each.name,
            f"{each.n_bytes / 1000:,.0f}",
            f"{1e6 * each.seconds:,.0f}",
            *(f"{100 * score:.1f}" for score in each.f1),
            f"{100 * each.f1[1] / whole:.1f} %",
        ]
        for each in lines
    ]
    return grid(["form", "kB", "µs a window", "macro F1, validation", "macro F1, test", "of the teacher's"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distil", description=__doc__)
    parser.add_argument("teacher", type=Path, help="folder of a model or of its run")
    parser.add_argument("dataset", help="data set that the teacher was trained on")
    parser.add_argument("--work", type=Path, required=True, help="folder in which the student is, or will be")
    parser.add_argument("--data", type=Path, help="folder that holds the data set, or its parent")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(measure(given.teacher, given.dataset, given.work, given.data, LiveProgress()))
    except OtolithError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
