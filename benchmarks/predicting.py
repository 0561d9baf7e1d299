"""Prediction of long recordings: `python -m benchmarks.predicting`.

Makes a data set folder with a recording of so many hours of invented signals, predicts it by an untrained model of the
default recipe in a process of its own, with all tables and the page, and prints seconds and the most memory that no
file backs.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.memory import MemoryWatch
from benchmarks.tasks import fresh_processes
from otolith.recording import CHANNELS, STANDARD_GRAVITY, Recording, Stream

PIECE = 1 << 20


def made(folder: Path, hours: float, rate_hz: float) -> Path:
    """Write a recording as `otolith import` would: nights of rest, days of movement and rest in turns."""
    from otolith.datasets import DatasetInfo
    from otolith.datasets.folder import write_folder

    n = round(hours * 3600 * rate_hz)
    values = np.memmap(folder / "signal", np.float32, "w+", shape=(6, n))
    rng = np.random.default_rng(0)
    for at in range(0, n, PIECE):
        part = values[:, at : at + PIECE]
        second = (at + np.arange(part.shape[1])) / rate_hz
        moving = (second % 86400 > 8 * 3600) & (second % 1200 < 400)
        part[:] = rng.standard_normal(part.shape, np.float32) * np.where(moving, 3, 0.2).astype(np.float32)
        part[2] += STANDARD_GRAVITY
    info = DatasetInfo(
        name="long", title="Long", rate_hz=rate_hz, activities=(), n_subjects=None, n_recordings=None, licence="none",
        terms="Invented.", citation="", homepage="", how_to_get="", channels=CHANNELS, own=True,
    )  # fmt: skip

    def recordings() -> Iterator[Recording]:
        yield Recording("long", 1, (Stream(CHANNELS, values, rate_hz),))

    write_folder(folder / "long", info, recordings())
    (folder / "signal").unlink()
    return folder / "long"


def model(folder: Path) -> Path:
    """Write an untrained model with the windows and the network of the default recipe."""
    import torch

    from otolith import Windows, pipeline, splits
    from otolith.finetuning.settings import FinetuneSettings
    from otolith.model import bundle
    from otolith.recipes import load_recipe

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    recipe = load_recipe("compact", "uci-har")
    steps = round(recipe.windows.seconds * recipe.windows.rate_hz)
    x = rng.standard_normal((240, 6, steps)) + np.array([0, 0, STANDARD_GRAVITY, 0, 0, 0])[:, None]
    y, people = np.arange(240) % 6, np.arange(240) // 24
    w = Windows.from_arrays(x, y, people, rate_hz=recipe.windows.rate_hz, overlap=recipe.windows.overlap)
    split = splits.holdout(w, 0)
    encoder = pipeline.pretrain(w, split, recipe, "random")
    return bundle.save(pipeline.finetune(encoder, w, split, settings=FinetuneSettings(epochs=1)), folder / "model")


def predicted(model: str, recordings: str, out: str) -> dict[str, float]:
    """Predict in this process: seconds, and bytes of memory at their most."""
    from otolith.cli import main

    with MemoryWatch() as watch:
        began = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            code = main(["predict", model, recordings, "--device", "cpu", "--out", out])
        seconds = time.perf_counter() - began
    if code:
        raise RuntimeError(f"otolith predict ended with {code}")
    page = (Path(out) / "timeline.html").stat().st_size
    return {"seconds": seconds, "own": float(watch.own), "page": float(page)}


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predicting", description=__doc__)
    parser.add_argument("--hours", type=float, nargs="+", default=[24, 168])
    parser.add_argument("--rate", type=float, nargs="+", default=[50, 100], help="Hz, one for each of --hours")
    parser.add_argument("--folder", type=Path, default=None, help="disk to work on; default: that of temporary files")
    given = parser.parse_args(arguments)
    sys.stdout.write("| hours | rate | seconds | memory that no file backs | page |\n|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        made_model = str(model(folder))
        for hours, rate in zip(given.hours, given.rate, strict=True):
            data = made(folder, hours, rate)
            task = {"model": made_model, "recordings": str(data), "out": str(folder / f"out-{hours:g}")}
            (found,) = fresh_processes(("predicted", task))
            sys.stdout.write(
                f"| {hours:g} | {rate:g} Hz | {found['seconds']:.0f} | {found['own'] / 1e6:.0f} MB | "
                f"{found['page'] / 1e6:.2f} MB |\n"
            )
            sys.stdout.flush()
            shutil.rmtree(data)


if __name__ == "__main__":
    main(sys.argv[1:])
