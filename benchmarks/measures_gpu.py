"""The lines of `python -m benchmarks gpu`."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.table import Line
from benchmarks.tasks import Run, in_turn


def epoch(run: Run, rounds: int) -> Iterator[Line]:
    kinds = ("ours", "stock-tf32", "stock-bfloat16")
    ours, tf32, bf16 = in_turn(run, rounds, *(("epoch", {"kind": kind}) for kind in kinds))
    faster = min((tf32, "TF32"), (bf16, "bfloat16"), key=lambda each: each[0]["seconds"])
    (product,) = run(("matrix_rate", {"size": 8192, "device": "cuda", "precision": "bfloat16"}))
    yield Line(
        measure="gpu",
        what="GPU: an epoch of 18,015 windows, paper recipe",
        ours=ours["seconds"],
        against=f"stock PyTorch, {faster[1]}",
        baseline=faster[0]["seconds"],
        share=ours["flop"] / ours["seconds"] / product["rate"],
        target="under 0.6 s, 5x as fast",
        met=ours["seconds"] < 0.6 and faster[0]["seconds"] >= 5 * ours["seconds"],
    )


def packed(run: Run, rounds: int) -> Iterator[Line]:
    (found,) = run(("packed", {"runs": 8}))
    yield Line(
        measure="gpu",
        what="GPU: 8 compact runs on one card, a window",
        ours=found["together"],
        against="one after another",
        baseline=found["alone"],
        target="3x as fast",
        met=found["alone"] >= 3 * found["together"],
    )
