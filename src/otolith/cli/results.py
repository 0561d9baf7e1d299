"""Printing of commands: labelled lines, the plan of a run, and scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otolith.progress.display import duration
from otolith.progress.printing import Printer, visible
from otolith.progress.printing import write as write

if TYPE_CHECKING:
    from otolith.datasets.base import Dataset
    from otolith.jobs.compare import Compared, Planned
    from otolith.jobs.estimate import Estimate
    from otolith.jobs.prepared import Prepared
    from otolith.rows import Row
    from otolith.splits import Split
    from otolith.windows import Windows

Lines = list[tuple[str, str]]
"""Labels and their texts."""

LABEL = 13
"""Columns that a label and the space after it take."""


def show(heading: str, lines: Iterable[tuple[str, str]], console: Console | None = None) -> None:
    """Print a heading and labelled lines, on stdout unless a console is given. In a log no line is wrapped."""
    console = console or Printer(highlight=False)
    lines = [(label, visible(text)) for label, text in lines]  # rich drops some control characters from a text
    console.print(Text(visible(heading), "bold"), soft_wrap=True)
    if not console.is_terminal:
        width = max([LABEL, *(len(label) + 1 for label, _ in lines)])
        for label, text in lines:
            console.print(Text(f"  {label:<{width}}{text}"), soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="cyan", no_wrap=True, min_width=LABEL - 2)
    grid.add_column(overflow="fold")
    for label, text in lines:
        grid.add_row(Text(label), Text(text))
    console.print(Padding(grid, (0, 0, 0, 2), expand=False))


def comment(heading: str, lines: Iterable[tuple[str, str]]) -> str:
    """Return a heading and labelled lines as TOML comments."""
    texts = [heading, *(f"  {label:<{LABEL}}{' '.join(text.split())}" for label, text in lines)]
    return "".join(f"# {text}\n" for text in texts)


def people(count: int) -> str:
    return "1 subject" if count == 1 else f"{count} subjects"


def plan(prepared: Prepared, cost: Estimate | None, out: Path) -> tuple[str, Lines]:
    """Return all that is decided before a run begins. `cost` None: there is nothing left to train."""
    from otolith import methods
    from otolith.report.names import dataset_title, split_title

    w, split, device = prepared.w, prepared.split, prepared.device
    seed = f", seed {split.seed}" if split.seed is not None else ""
    lines = [("data", data_line(prepared.dataset, w)), ("split", split_title(split.name) + seed), *_parts(w, split)]
    for extra in prepared.unlabelled:
        lines.append(("and", f"{len(extra):,} windows of {dataset_title(extra.meta.dataset)} join pre-training"))
    if split.warning:
        lines.append(("warning", split.warning))
    if prepared.encoder is not None:
        lines.append(("encoder", f"that of {prepared.encoder_name}, as it is: nothing is pre-trained"))
    lines += [
        ("method", f"{methods.spec(prepared.method).title}, seed {prepared.seed}"),
        ("recipe", f"{prepared.recipe_name} ({prepared.recipe.hash})"),
    ]
    if cost is not None:
        stages = ", ".join(f"{stage} {duration(seconds)}" for stage, seconds in cost.seconds.items())
        lines += [
            ("time", f"about {duration(cost.total_seconds)} on {_processor(device)}: {stages}"),
            (
                "memory",
                f"about {_bytes(cost.peak_bytes)} besides PyTorch; {cost.parameters:,} parameters in the encoder",
            ),
        ]
    lines.append(("output", str(out)))
    return f"{prepared.method} on {w.meta.dataset}", lines


def data_line(dataset: Dataset, w: Windows) -> str:
    """Return a line on windows: `Watch exercises: 9,556 windows of 1 s at 30 Hz, 7 activities`."""
    meta = w.meta
    text = f"{dataset.info.title}: {len(w):,} windows of {meta.seconds:g} s at {meta.rate_hz:g} Hz"
    text += f", {len(meta.activities)} activities"
    return text + (f"; {meta.n_short:,} labelled stretches are shorter than a window" if meta.n_short else "")


def _parts(w: Windows, split: Split) -> Lines:
    import numpy as np

    lines = []
    for title, rows in (("train", split.train), ("validate", split.val), ("test", split.test)):
        unlabelled = int((w.y[rows] < 0).sum())
        lines.append(
            (
                title,
                f"{len(rows):,} windows of {people(len(np.unique(w.subject[rows])))}"
                + (f", {unlabelled:,} of them unlabelled" if unlabelled else ""),
            )
        )
    return lines


def _processor(device: str) -> str:
    import torch

    from otolith.system.device import choose_device

    chosen = choose_device(device)
    if chosen.type == "cuda":
        return torch.cuda.get_device_name(chosen)
    threads = torch.get_num_threads()
    return f"{chosen} ({threads} thread{'s' if threads > 1 else ''})"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


def scores(result: Mapping[str, Any], warning: str = "") -> Lines:
    """Return the result of `otolith.evaluate` as lines, in percent."""
    from otolith.report.names import natural, percent

    interval = result["interval"]
    macro = f"{percent(result['macro_f1'])} %"
    if interval is not None:
        low, high = percent(interval["low"]), percent(interval["high"])
        macro += f"   {interval['level']:.0%} interval {low} to {high}, over {interval['n_subjects']} subjects"
    lines = [("macro F1", macro)]
    if interval is None:
        lines.append(("", str(result["interval_note"])))
    lines.append(("accuracy", f"{percent(result['accuracy'])} %"))
    if "val_macro_f1" in result:
        lines.append(("validation", f"{percent(result['val_macro_f1'])} %   macro F1 on the validation windows"))
    by_subject = sorted(result["per_subject"].items(), key=lambda item: natural(item[0]))
    lines.append(("by subject", _listed(by_subject)))
    lines.append(("by activity", _listed(result["per_class_f1"].items())))
    if result.get("metrics"):
        lines.append(("further", _further(result["metrics"])))
    lines += [("note", note) for note in result["notes"]]
    if warning:
        lines.append(("warning", warning))
    return lines


def _further(found: Mapping[str, float]) -> str:
    """Return metrics in one line but those over time, which `otolith score` shows; shares in percent."""
    from otolith.metrics import METRICS
    from otolith.metrics.events import SPECS

    over_time = {spec.name for spec in SPECS}
    shown = [(METRICS.get(name), value) for name, value in found.items() if name in METRICS and name not in over_time]
    texts = [
        f"{spec.title} {100 * value:.1f}" if spec.percent else f"{spec.title} {value:.3f}" for spec, value in shown
    ]
    return ", ".join(texts)


def figures(scored: Sequence[tuple[Row, Mapping[str, float]]]) -> Iterator[tuple[str, Lines]]:
    """Yield a heading for the rows of each method that may be compared, and their mean figures; shares in percent."""
    from otolith.metrics import METRICS, spread
    from otolith.report.groups import group

    by_row = {id(row): found for row, found in scored}
    known = {each.name: each for each in METRICS}
    for each in group(row for row, _ in scored):
        for line in each.lines:
            found = [by_row[id(row)] for row in line.rows]
            lines = []
            for name in dict.fromkeys(name for one in found for name in one):
                stats = spread(one[name] for one in found if name in one)
                metric = known.get(name)
                title = metric.title if metric is not None else name.replace("_", " ").replace("f1", "F1")
                share = metric is None or metric.percent

                def text(value: float, share: bool = share) -> str:
                    return f"{100 * value:.1f}" if share else f"{value:.3f}"

                within = (
                    f"   ({text(stats['min'])} to {text(stats['max'])}, {stats['n']} rows)" if stats["n"] > 1 else ""
                )
                lines.append((title, f"{text(stats['mean'])}{' %' if share else ''}{within}"))
            yield f"{each.label(line)}: {each.title}", lines


def comparison(planned: Planned) -> tuple[str, Lines]:
    """Return all that is decided before a comparison begins."""
    from otolith import methods, splits
    from otolith.report.names import listed, split_title

    scored = planned.scored
    lines = []
    for label, study in (("source", scored.source), ("data", scored)):
        if study is None:
            continue
        title = f"{study.info.title}: {len(study.w):,} windows of {study.w.meta.seconds:g} s"
        lines.append((label, f"{title} at {study.w.meta.rate_hz:g} Hz, {len(study.w.meta.activities)} activities"))
    if all(key["fold"] is None for unit in planned.units for key in unit.keys):
        split = splits.default(scored.w, scored.info)
        seed = f", seed {split.seed}" if split.seed is not None else ""
        lines += [("split", split_title(split.name) + seed), *_parts(scored.w, split)]
    lines += [
        ("methods", listed(methods.spec(name).title for name in planned.methods)),
        ("seeds", listed(range(planned.seeds))),
        ("recipe", f"{planned.recipe_name} ({planned.recipe.hash})"),
        ("cells", f"{planned.cells:,}, {planned.cells - planned.missing:,} of them done"),
        ("output", str(planned.folder)),
    ]
    return f"{planned.spec.name} on {scored.w.meta.dataset}", lines


def compared(ended: Compared) -> None:
    """Print mean scores of each method, and the paths of the page and the tables."""
    lines = list(ended.spec.summary(ended.rows))
    lines += [("table", str(table)) for table in ended.tables] + [("report", str(ended.report))]
    show("Compared", lines)


def _listed(figures: Iterable[tuple[str, float]]) -> str:
    from otolith.report.names import percent

    return ", ".join(f"{name} {percent(value)}" for name, value in figures)


def unnamed(model: Path) -> tuple[str, str]:
    """Return the line that tells which model was taken where none was named."""
    return "by", f"{model}, which comes with otolith: no model was named"


def terms_of(card: dict[str, Any]) -> list[str]:
    """Return terms, licence and citation of the data that a model has seen."""
    data = card["data"]
    licence = data.get("licence")
    texts = [data.get("terms"), f"Licence: {licence}" if licence else None, data.get("citation")]
    texts += (card.get("distilled") or {}).get("terms", [])
    return list(dict.fromkeys(str(text) for text in texts if text))
