"""Pre-training on a GPU; on a CPU the same code runs, for tests."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import torch

from benchmarks import fixtures, stock
from benchmarks.steps import StockModel, training_flop
from benchmarks.tasks import turn
from otolith.finetuning.features import encode
from otolith.training.loop import train


def epoch(
    kind: str,
    recipe: str = "paper",
    n: int = fixtures.N_TRAIN,
    epochs: int = 3,
    device: str = "cuda",
    overrides: fixtures.Overrides = None,
) -> dict[str, float]:
    """Seconds of an epoch of dynamic temperature, the median of all but the first, and the FLOP of its products.

    `kind`: ours (the library's loop), stock-tf32 or stock-bfloat16: the stock way with TF32 or bfloat16 products, on
    windows that lie on the device, with our augmentations and its teacher asked in each step.
    """
    chosen = fixtures.recipe_of(recipe, overrides)
    source = fixtures.source(fixtures.windows(n), device)
    where = source.device
    teacher = fixtures.teacher(chosen).to(where)
    encoder = fixtures.encoder(chosen)
    other = StockModel(chosen, encoder, fixtures.projection(encoder, chosen)).to(where)
    size = chosen.pretrain.batch_size
    flop = training_flop(other, torch.randn(2 * size, *source.shape, device=where)) * (n // size)
    seconds: list[float] = []
    if kind == "ours":
        h = encode(teacher, source)
        settings = dataclasses.replace(chosen.pretrain, epochs=epochs)
        method = fixtures.method(chosen, "dynamic").to(where)
        records = train(method, source, settings, 0, instances=h, on_epoch=lambda _: turn())
        seconds = [record["seconds"] for record in records]
    else:
        low = kind == "stock-bfloat16"
        if where.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not low
        autocast = torch.autocast(where.type, torch.bfloat16) if low else nullcontext()
        augment = chosen.augmentation(fixtures.SIGNAL)
        generator = torch.Generator(where).manual_seed(0)
        adam = torch.optim.Adam(other.parameters(), lr=chosen.pretrain.lr, fused=True)
        other.train()
        for _ in range(epochs):
            turn()
            began = time.perf_counter()
            for ids in torch.randperm(n).split(size):
                if len(ids) < size:
                    continue
                x = source[ids]
                views = torch.cat([augment(x, generator), augment(x, generator)])
                with autocast:
                    with torch.no_grad():
                        of_teacher = teacher(x)
                    z = other(views)
                loss = stock.ndt_xent(z.float(), of_teacher.float())
                adam.zero_grad(set_to_none=True)
                loss.backward()
                adam.step()
            if where.type == "cuda":
                torch.cuda.synchronize(where)
            seconds.append(time.perf_counter() - began)
    later = sorted(seconds[1:] or seconds)
    return {"seconds": later[len(later) // 2], "flop": flop, "windows": float(n // size * size)}


def runner(
    ready: str,
    go: str,
    recipe: str = "compact",
    n: int = fixtures.N_TRAIN,
    epochs: int = 3,
    device: str = "cuda",
    overrides: fixtures.Overrides = None,
) -> dict[str, float]:
    """One of the processes of `packed`: says it is ready, waits for the others, trains, and tells from when to when."""
    chosen = fixtures.recipe_of(recipe, overrides)
    source = fixtures.source(fixtures.windows(n), device)
    h = encode(fixtures.teacher(chosen).to(source.device), source)
    method = fixtures.method(chosen, "dynamic").to(source.device)
    train(method, source, dataclasses.replace(chosen.pretrain, epochs=1), 0, instances=h)  # warm-up
    Path(ready).touch()
    while not Path(go).exists():
        time.sleep(0.01)
    began = time.time()
    train(method, source, dataclasses.replace(chosen.pretrain, epochs=epochs), 0, instances=h)
    if source.device.type == "cuda":
        torch.cuda.synchronize(source.device)
    size = min(chosen.pretrain.batch_size, n)
    return {"began": began, "ended": time.time(), "windows": float(epochs * (n // size * size))}


def packed(
    runs: int = 8,
    recipe: str = "compact",
    n: int = fixtures.N_TRAIN,
    epochs: int = 3,
    device: str = "cuda",
    overrides: fixtures.Overrides = None,
) -> dict[str, float]:
    """Seconds a window of `runs` trainings on one card: `together`, in a process each, and `alone`, one at a time."""
    shared = {"recipe": recipe, "n": n, "epochs": epochs, "device": device, "overrides": overrides}
    return {"alone": _at_once(1, shared), "together": _at_once(runs, shared)}


def _at_once(runs: int, arguments: dict[str, object]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        go = Path(folder) / "go"
        processes = []
        for number in range(runs):
            given = json.dumps(arguments | {"ready": f"{folder}/ready-{number}", "go": str(go)})
            command = [sys.executable, "-m", "benchmarks.child", "runner", given]
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        try:
            while len(list(Path(folder).glob("ready-*"))) < runs:
                if any(process.poll() for process in processes):
                    raise RuntimeError("a packed run ended before it began; run one alone to see why")
                time.sleep(0.05)
            go.touch()
            figures = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
    lasted = max(each["ended"] for each in figures) - min(each["began"] for each in figures)
    return float(lasted / sum(each["windows"] for each in figures))
