"""The table of `python -m benchmarks`: its lines, and how they are shown and kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.clock import matrix_rate


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table.

    Attributes:
        ours, baseline: in `unit`; a baseline of None is a line that stands against its target alone.
        ratio: of ours to the baseline as `sense` has it: how many times as fast, or how many times the price.
        share: of the machine's matrix rate, measured in the same process.
        met: whether ours keeps to `target`; None where there is none.
    """

    measure: str
    what: str
    ours: float | None = None
    unit: Literal["s", "B", "FLOP/s"] = "s"
    against: str = ""
    baseline: float | None = None
    sense: Literal["faster", "price"] = "faster"
    share: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        if self.ours is None or self.baseline is None:
            return None
        return self.baseline / self.ours if self.sense == "faster" else self.ours / self.baseline

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio}


def quantity(value: float | None, unit: str) -> str:
    """Return a figure with its unit: 0.0123 s -> `12.3 ms`; 1.5e9 B -> `1.5 GB`; 1e11 FLOP/s -> `100 GFLOP/s`."""
    if value is None:
        return ""
    if unit == "s":
        return f"{value:.3g} s" if value >= 1 else f"{1e3 * value:.3g} ms" if value >= 1e-3 else f"{1e6 * value:.3g} µs"
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value / 1e3:.3g} k{unit}"


COLUMNS = ("what", "ours", "baseline", "ratio", "share of the limit", "target", "")


def cells(line: Line) -> tuple[str, ...]:
    """Return the texts of a line, one for each of COLUMNS."""
    ratio = ""
    if line.ratio is not None:
        ratio = f"{line.ratio:.3g}x " + ("as fast" if line.sense == "faster" else "the price")
    if line.unit == "FLOP/s":
        ratio = ""  # the share says it
    return (
        line.what,
        quantity(line.ours, line.unit),
        f"{quantity(line.baseline, line.unit)} ({line.against})" if line.baseline is not None else "",
        ratio,
        "" if line.share is None else f"{line.share:.0%}",
        line.target,
        "" if line.met is None else "met" if line.met else "MISSED",
    )


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, ["---"] * len(header), *rows])


def markdown(lines: Iterable[Line]) -> str:
    """Return the table of lines, and their notes."""
    lines = list(lines)
    text = grid(COLUMNS, map(cells, lines))
    notes = [f"- {line.what}: {line.note}\n" for line in lines if line.note]
    return text + ("\n" + "".join(notes) if notes else "")


def write(lines: list[Line], folder: Path) -> list[Path]:
    """Write `bench.md` (the table) and `bench.json` (its figures) with the machine's description and matrix rate."""
    from otolith.rows import environment

    machine = environment() | {"matrix_rate": matrix_rate()["rate"]}
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items() if name != "matrix_rate")
    heading = f"{facts}; float32 matrix rate at the end {quantity(machine['matrix_rate'], 'FLOP/s')}.\n\n"
    folder.mkdir(parents=True, exist_ok=True)
    table, figures = folder / "bench.md", folder / "bench.json"
    table.write_text(heading + markdown(lines), "utf-8")
    figures.write_text(json.dumps({"machine": machine, "lines": [line.as_dict() for line in lines]}, indent=1), "utf-8")
    return [table, figures]
