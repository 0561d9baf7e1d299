"""The measures of `python -m benchmarks`: the tasks behind each line, and the target of the line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.measures_gpu import epoch, packed
from benchmarks.table import Line
from benchmarks.tasks import Run, Unavailable, fresh_processes, in_turn
from otolith.errors import DataError, unknown
from otolith.progress import SILENT, Progress


def step(run: Run, rounds: int) -> Iterator[Line]:
    ours, stock = in_turn(run, rounds, ("step", {"kind": "ours"}), ("step", {"kind": "stock"}))
    same = abs(ours["ours_loss"] - ours["stock_loss"]) <= 1e-4 * abs(ours["stock_loss"])
    yield Line(
        measure="step",
        what="pre-training step, paper's encoder, 256 views",
        ours=ours["seconds"],
        against="stock PyTorch",
        baseline=stock["seconds"],
        share=ours["flop"] / ours["seconds"] / ours["matrix_rate"],
        target="2x as fast",
        met=same and stock["seconds"] >= 2 * ours["seconds"],
        note=f"loss on one batch: {ours['ours_loss']:.6f}, stock {ours['stock_loss']:.6f}"
        + ("" if same else ": THEY DIFFER"),
    )
    yield Line(
        measure="step",
        what="its arithmetic rate",
        ours=ours["flop"] / ours["seconds"],
        unit="FLOP/s",
        against="large matrix product",
        baseline=ours["matrix_rate"],
        sense="price",
        share=ours["flop"] / ours["seconds"] / ours["matrix_rate"],
        target="60 % of the product's",
        met=ours["flop"] / ours["seconds"] >= 0.6 * ours["matrix_rate"],
        note=f"the stock way reaches {stock['flop'] / stock['seconds'] / stock['matrix_rate']:.0%}",
    )
    try:
        (compiled,) = run(("step", {"kind": "compiled"}))
    except Unavailable as reason:
        yield Line(measure="step", what="the same, stock way compiled", note=f"not measured: {reason}")
        return
    yield Line(
        measure="step",
        what="the same step",
        ours=ours["seconds"],
        against="stock PyTorch, compiled",
        baseline=compiled["seconds"],
    )


def profile(run: Run, rounds: int) -> Iterator[Line]:
    (shares,) = run(("profile", {}))
    said = ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())
    yield Line(measure="profile", what="where our step's time goes", note=said)


def dynamic(
    what: str = "step of dynamic temperature, compact recipe", measure: str = "dynamic", **arguments: Any
) -> Callable[[Run, int], Iterator[Line]]:
    def lines(run: Run, rounds: int) -> Iterator[Line]:
        (cost,) = in_turn(run, rounds, ("methods_cost", arguments))
        both = cost["dynamic"] + cost["features"]
        yield Line(
            measure=measure,
            what=what,
            ours=both,
            against="step of CSSHAR",
            baseline=cost["csshar"],
            sense="price",
            target="1.05x the price",
            met=both <= 1.05 * cost["csshar"],
            note=f"the teacher's features included; its own training takes {cost['teacher']:.0f} s more, once",
        )

    return lines


def files(dataset: str) -> Callable[[Run, int], Iterator[Line]]:
    def lines(run: Run, rounds: int) -> Iterator[Line]:
        (found,) = in_turn(run, rounds, ("windows", {"dataset": dataset}))
        yield Line(
            measure="files",
            what=f"{dataset}: raw files to cached windows",
            ours=found["cut"],
            target="under 3 s",
            met=found["cut"] < 3,
            note=f"{found['windows']:,.0f} windows",
        )
        yield Line(
            measure="files",
            what=f"{dataset}: opening the cache",
            ours=found["open"],
            target="under 50 ms",
            met=found["open"] < 0.05,
        )
        yield Line(
            measure="files",
            what=f"{dataset}: reading all windows",
            ours=found["read"],
            against="a CSV file each",
            baseline=found["csv"],
            target="100x as fast",
            met=found["csv"] >= 100 * found["read"],
        )

    return lines


def head(run: Run, rounds: int) -> Iterator[Line]:
    kinds = ("ours", "shuffled", "loader")
    ours, shuffled, loader = in_turn(run, rounds, *(("head", {"kind": kind}) for kind in kinds))
    yield Line(
        measure="head",
        what="50 epochs of head training, 18,015 windows",
        ours=ours["seconds"],
        against="stock loop, DataLoader",
        baseline=loader["seconds"],
        target="under 60 s, 1.4x as fast",
        met=ours["seconds"] < 60 and loader["seconds"] >= 1.4 * ours["seconds"],
    )
    yield Line(
        measure="head",
        what="the same",
        ours=ours["seconds"],
        against="stock loop, shuffled index",
        baseline=shuffled["seconds"],
    )


def few_labels(stop: str, limit: float, times_arithmetic: float | None) -> Callable[[Run, int], Iterator[Line]]:
    def lines(run: Run, rounds: int) -> Iterator[Line]:
        ours, stock = in_turn(
            run,
            1,
            ("few_labels", {"kind": "ours", "stop": stop, "compared": 3}),
            ("few_labels", {"kind": "stock", "stop": stop, "compared": 3, "draws": 3}),
        )
        share = ours["flop"] / ours["seconds"] / ours["matrix_rate"]
        near = abs(ours["macro_f1"] - stock["macro_f1"]) <= 0.005
        tight = times_arithmetic is None or share >= 1 / times_arithmetic
        wanted = "" if times_arithmetic is None else f", {times_arithmetic:g}x the arithmetic's time"
        yield Line(
            measure="few-labels",
            what=f"few labels: 70 heads, stop {stop}, scoring included",
            ours=ours["seconds"],
            against="stock PyTorch, one by one",
            baseline=stock["seconds"],
            share=share,
            target=f"under {limit:g} s{wanted}",
            met=ours["seconds"] < limit and tight and near,
            note=f"{1 / share:.2f}x the arithmetic's time; mean macro F1 {100 * ours['macro_f1']:.1f} % on made-up "
            f"features, {100 * stock['macro_f1']:.1f} % one by one (21 of the heads, time scaled to 70)",
        )

    return lines


def loss(run: Run, rounds: int) -> Iterator[Line]:
    ours, stock = in_turn(run, rounds, *(("loss", {"kind": kind, "views": 512}) for kind in ("ours", "stock")))
    yield Line(
        measure="loss",
        what="NDT-Xent, 512 views",
        ours=ours["seconds"],
        against="full matrices",
        baseline=stock["seconds"],
        sense="price",
        target="1.05x the price",
        met=ours["seconds"] <= 1.05 * stock["seconds"],
        note=f"values {ours['loss']:.6f} and {stock['loss']:.6f}",
    )
    kinds = ("ours-nt", "stock-nt", "metric-learning")
    nt, plain, peer = in_turn(run, rounds, *(("loss", {"kind": kind, "views": 512}) for kind in kinds))
    for against, other in (("full matrix", plain), ("pytorch-metric-learning", peer)):
        yield Line(
            measure="loss",
            what="NT-Xent, 512 views",
            ours=nt["seconds"],
            against=against,
            baseline=other["seconds"],
            sense="price",
            note=f"values {nt['loss']:.6f} and {other['loss']:.6f}",
        )
    for views in (2048, 8192):
        ours, stock = run(*(("loss", {"kind": kind, "views": views, "repeat": 3}) for kind in ("ours", "stock")))
        yield Line(
            measure="loss",
            what=f"NDT-Xent, {views:,} views",
            ours=ours["seconds"],
            against="full matrices",
            baseline=stock["seconds"],
            sense="price",
            note=f"memory {ours['bytes'] / 1e6:,.0f} MB against {stock['bytes'] / 1e6:,.0f} MB",
        )
    (large,) = run(("loss", {"kind": "ours", "views": 32_768, "repeat": 1}))
    yield Line(
        measure="loss",
        what="NDT-Xent, 32,768 views: memory",
        ours=large["bytes"],
        unit="B",
        target="under 2 GB",
        met=large["bytes"] < 2e9,
        note=f"{large['seconds']:.1f} s; one full matrix would be 4.3 GB",
    )


def start(run: Run, rounds: int) -> Iterator[Line]:
    (found,) = in_turn(run, rounds, ("start", {}))
    seconds = found["seconds"]
    yield Line(measure="start", what="otolith --help", ours=seconds, target="under 0.5 s", met=seconds < 0.5)


def scale(run: Run, rounds: int) -> Iterator[Line]:
    few, many = in_turn(run, rounds, *(("scale", {"n": n}) for n in (10_000, 1_000_000)))
    yield Line(
        measure="scale",
        what="pre-training, a window of 1,000,000",
        ours=many["seconds"],
        against="a window of 10,000",
        baseline=few["seconds"],
        sense="price",
        target="within 10 %",
        met=abs(many["seconds"] / few["seconds"] - 1) <= 0.1,
    )
    yield Line(
        measure="scale",
        what="its anonymous memory",
        ours=many["anonymous"],
        unit="B",
        against="10,000 windows",
        baseline=few["anonymous"],
        sense="price",
        target="flat",
        met=many["anonymous"] <= 1.1 * few["anonymous"],
    )


MEASURES: dict[str, tuple[Callable[[Run, int], Iterator[Line]], ...]] = {
    "step": (step,),
    "profile": (profile,),
    "dynamic": (dynamic(),),
    "files": (files("uci-har"), files("usc-had")),
    "head": (head,),
    "few-labels": (few_labels("last", 90, 1.5), few_labels("paper", 180, None)),
    "loss": (loss,),
    "start": (start,),
    "scale": (scale,),
    "gpu": (
        epoch,
        dynamic("GPU: step of dynamic temperature, paper recipe", "gpu", recipe="paper", device="cuda", steps=40),
        packed,
    ),
}
"""Each measure by the name that `python -m benchmarks` takes."""


def measure(
    names: Sequence[str] = (), *, rounds: int = 3, run: Run = fresh_processes, progress: Progress = SILENT
) -> Iterator[Line]:
    """Yield the lines of the named measures (none named: all) as they are made; one that cannot be made says why.

    Raises:
        DataError: an unknown measure.
    """
    for name in names:
        if name not in MEASURES:
            raise DataError(unknown("measure", name, MEASURES))
    chosen = [(name, lines) for name in names or MEASURES for lines in MEASURES[name]]
    with progress.stage("measurements", len(chosen)) as bar:
        for name, lines in chosen:
            try:
                yield from lines(run, rounds)
            except Unavailable as reason:
                yield Line(measure=name, what=name, note=f"not measured: {reason}")
            bar.advance()
