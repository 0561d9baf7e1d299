"""`otolith bench`: how fast this machine does the work, against the stock way and against its own limit."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from otolith.cli.shared import Folder


def bench(
    *measures: Annotated[str, Parameter(metavar="MEASURE")],
    out: Folder | None = None,
    rounds: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 3,
) -> None:
    """Measure training, losses and data handling against the stock way of doing them, in one run on this machine.

    Args:
        measures: step, profile, dynamic, files, head, few-labels, loss, start, scale, gpu; default: all but gpu, and
            gpu where there is one.
        out: Folder for the table (bench.md) and its figures (bench.json).
        rounds: How often ours and the baseline take turns; the table shows medians.
    """
    import torch

    from benchmarks import measures as known
    from benchmarks import table
    from otolith.cli import results
    from otolith.cli.display import LiveProgress

    names = measures or tuple(name for name in known.MEASURES if name != "gpu" or torch.cuda.is_available())
    progress = LiveProgress()
    lines = []
    for line in known.measure(names, rounds=rounds, progress=progress):
        lines.append(line)
        progress.say("  ".join(text for text in table.cells(line) if text) + (f"  {line.note}" if line.note else ""))
    results.bench(lines)
    if out is not None:
        results.show("Written", [("table", str(path)) for path in table.write(lines, out)])
