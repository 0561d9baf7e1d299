"""Jobs of the fault harness: `otolith` commands in processes of their own, and whether two of them ended alike."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otolith import rows

SIZES = {
    "windows.seconds": "2.0",
    "windows.overlap": "0.0",
    "encoder.maps": "[8,8,16]",
    "encoder.blocks": "1",
    "encoder.heads": "2",
    "encoder.feed_forward": "32",
    "projection.hidden": "32",
    "projection.out": "32",
    "autoencoder.latent": "16",
    "autoencoder.train.epochs": "3",
    "pretrain.epochs": "8",
    "finetune.epochs": "3",
    "finetune.hidden": "[32]",
    "finetune.lr": "1e-3",
    "method.supervised.epochs": "40",
    "method.supervised.hidden": "[32]",
}
"""Networks and windows so few that the time of a job is that of its steps, its files and its start."""

LIMIT_S = 500.0
"""Longest that a job lasts. Before that it writes into its log what each of its threads is doing."""
PRELOADED = [
    "otolith.cli.app",
    "otolith.jobs.compare",
    "otolith.datasets",
    "otolith.jobs.estimate",
    "otolith.jobs.run",
    "otolith.prediction.folder",
    "otolith.prediction.picture",
    "otolith.report",
    "sklearn.manifold",
    "torch",
    "tests.faults.faultjobs",
    "tests.faults.faultstrike",
    "PIL.BmpImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.PpmImagePlugin",
    "filelock",
    "otolith.calibration",
    "otolith.export",
    "otolith.importing",
    "polars",
    "rich.prompt",
    "scipy.signal",
    "torch._dynamo",
]
"""Modules that commands import, which a fork then need not; those that are not installed are left out."""
EXPORTING = ["networkx", "onnx", "onnxruntime", "onnxscript", "torch._inductor", "torch.export", "torch.onnx"]
"""What `export` imports beside them."""


@dataclass(frozen=True)
class Job:
    """A command whose output folder is its last token. `resume`: it takes --resume."""

    name: str
    tokens: tuple[str, ...]
    resume: bool

    def at(self, out: Path, *, again: bool = False) -> list[str]:
        """The command for an output folder; `again` where it was begun before."""
        go_on = ["--resume"] if self.resume and again else []
        return [*self.tokens, *go_on, "--out", str(out)]


def jobs(dataset: str, methods: tuple[str, ...], changes: dict[str, str] | None = None) -> dict[str, Job]:
    """`pretrain`, `run`, `run` of a method that trains end to end, and comparisons under two protocols."""
    sizes = SIZES | (changes or {})
    settings = [
        "--recipe",
        "compact",
        "--set",
        *(f"{name}={value}" for name, value in sizes.items()),
        "--device",
        "cpu",
    ]
    named = [token for method in methods for token in ("--method", method)]
    compared = ["--dataset", dataset, *named, *settings]
    few = ["--k", "1", "--k", "5", "--draws", "3"]
    return {
        "pretrain": Job("pretrain", ("pretrain", dataset, *settings), True),
        "run": Job("run", ("run", dataset, *settings), True),
        "supervised": Job("run supervised", ("run", dataset, "--method", "supervised", *settings), True),
        "representation": Job("compare representation", ("compare", "representation", *compared), False),
        "few-labels": Job("compare few-labels", ("compare", "few-labels", *compared, *few), False),
    }


def prepare_processes(*more: str) -> None:
    """Import what all jobs need once, and `more`, in a process that they are forked from: a job starts in a blink."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # sums depend on the number of threads
    here = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    multiprocessing.set_forkserver_preload([*PRELOADED, *more])


@dataclass
class Running:
    """A started job; `log` gets what it says, `trace` a line for each epoch before and after its checkpoint."""

    process: Any
    log: Path
    trace: Path
    pump: threading.Thread
    began: float = field(default_factory=time.monotonic)

    def ended(self, timeout_s: float = LIMIT_S) -> bool:
        """Wait, at most so long, for its end. One that lasts longer than `LIMIT_S` is killed, and is a failure."""
        self.process.join(timeout_s)
        if self.process.exitcode is None and time.monotonic() - self.began > LIMIT_S:
            self.process.kill()
            raise AssertionError(f"{self.log}: did not end within {LIMIT_S:g} s:\n{self.said()}")
        if self.process.exitcode is not None:
            self.pump.join(1.0)  # its last words; a worker that outlives it may hold the pipe
        return self.process.exitcode is not None

    @property
    def code(self) -> int:
        return int(self.process.exitcode)

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def begun(self) -> dict[str, list[int]]:
        """Epochs trained to their end, for each folder of checkpoints."""
        found: dict[str, list[int]] = {}
        if self.trace.exists():
            for line in self.trace.read_text().splitlines():
                folder, epoch = line.split("\t")
                found.setdefault(folder, []).append(int(epoch))
        return found


def start(
    tokens: list[str], log: Path, largest_file: int | None = None, hook: Callable[[], None] | None = None
) -> Running:
    """Begin a job. `largest_file`: bytes beyond which its writes fail; `hook`: called in its process before it begins.

    What it says comes through a pipe, which no limit on files cuts.
    """
    context = multiprocessing.get_context("forkserver")
    trace = log.with_suffix(".trace")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(tokens, writer, str(trace), largest_file, hook))
    process.start()
    writer.close()
    pump = threading.Thread(target=_keep, args=(reader, log), daemon=True)
    pump.start()
    return Running(process, log, trace, pump)


def _keep(reader: Any, log: Path) -> None:
    with reader, log.open("ab", buffering=0) as file:
        while piece := os.read(reader.fileno(), 65536):
            file.write(piece)


def _child(tokens: list[str], log: Any, trace: str, largest_file: int | None, hook: Callable[[], None] | None) -> None:
    import torch

    from otolith.cli import main
    from otolith.training import state
    from otolith.training.checkpoint import Checkpoint, CheckpointFolder

    state.EVERY_S = 0.0  # the epochs of these jobs are short
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    faulthandler.dump_traceback_later(LIMIT_S - 20, file=2)
    torch.set_num_threads(1)
    save = CheckpointFolder.save

    def traced(self: CheckpointFolder, checkpoint: Checkpoint) -> None:
        with contextlib.suppress(OSError), open(trace, "a") as file:  # a limit on files is not meant for it
            file.write(f"{self.folder}\t{checkpoint.epoch}\n")
        save(self, checkpoint)

    CheckpointFolder.save = traced  # type: ignore[method-assign]
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if hook is not None:
        hook()
    sys.exit(main(tokens))


def whole_epochs(out: Path) -> dict[str, int]:
    """The newest checkpoint in each folder of them that a job has left below `out` or beside it."""
    found: dict[str, int] = {}
    for place in (out, out.with_name(f"{out.name}-checkpoints")):
        for entry in place.rglob("epoch-*"):
            number = int(entry.name.removeprefix("epoch-"))
            found[str(entry.parent)] = max(found.get(str(entry.parent), 0), number)
    return found


def outcome(out: Path) -> dict[str, Any]:
    """All that must not depend on what happened on the way: weights to the bit, rows, names of files."""
    found: dict[str, Any] = {
        "files": sorted(
            str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and path.name != "rows.jsonl"
        )
    }
    for path in out.rglob("weights.safetensors"):
        found[str(path.relative_to(out))] = path.read_bytes()
    if (out / "rows.jsonl").exists():
        scanned = rows.scan(out / "rows.jsonl")
        found["rows"] = {rows.key_hash(row.key): (row.key, row.result) for row in rows.latest(scanned.rows)}
    return found


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Names of what two outcomes differ in, and of the files that only one has."""
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return [*names, *sorted(set(expected["files"]) ^ set(found["files"]))]
