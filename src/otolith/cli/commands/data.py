"""`otolith data`: lists, describes, fetches and checks data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from otolith.cli.shared import Flag, Folder

if TYPE_CHECKING:
    from otolith.datasets import DatasetInfo

WIDE = 130
"""Columns of a terminal from which the list has room for titles."""
MODELS = {
    "any use": "may be passed on, for any use",
    "research": "may be passed on for research",
    "ask": "nothing is said; ask the publisher before passing them on",
}
"""Uses for which the terms of a data set let weights be passed on (`DatasetInfo.models`)."""


def data(
    name: Annotated[str | None, Parameter(metavar="NAME")] = None,
    /,
    *,
    data: Folder | None = None,
    fetch: Flag = False,
    check: Flag = False,
    deep: Flag = False,
) -> int:
    """List the data sets, or describe, fetch or check one.

    Args:
        name: A data set, or the folder of your own; without it, all data sets are listed.
        data: Folder that holds the data set, or its parent; default: $OTOLITH_DATA, then the downloads. With --fetch,
            where to put it.
        fetch: Download it, where its publisher allows that, and verify every file.
        check: Say what is missing or damaged; the exit code is 2 if the data set cannot be used.
        deep: With --check: compare checksums where they are known, read all other files, and say what was repaired.
    """
    from otolith.errors import DataError

    if name is None:
        if fetch or check or deep:
            raise DataError("name the data set too, such as: otolith data uci-har --check")
        _list(data)
        return 0
    if fetch:
        _fetch(name, data)
    if check or deep:
        return _check(name, data, deep)
    if not fetch:
        _describe(name, data)
    return 0


def _list(root: Path | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from otolith import datasets
    from otolith.progress.printing import Printer

    cached = _cached()
    console = Printer(highlight=False)
    if not console.is_terminal:  # a log has no width: wrapping there would only break lines
        console = Printer(highlight=False, width=200)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("name", style="cyan", no_wrap=True)
    wide = console.width >= WIDE
    if wide:
        table.add_column("title", no_wrap=True)
    for title in ("rate", "subjects", "activities", "windows"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("its models", no_wrap=True)
    table.add_column("where", overflow="fold")
    for known in datasets.names():
        info = datasets.info(known)
        place = _place(info, root)
        table.add_row(
            Text(known),
            *([Text(info.title)] if wide else []),
            f"{info.rate_hz:g} Hz",
            str(info.n_subjects or "?"),
            str(len(info.activities)),
            f"{cached[known]:,}" if known in cached and place is not None else "–",
            info.models,
            Text(str(place)) if place is not None else Text("not here", "yellow"),
        )
    console.print(table)
    console.print(
        "Windows are counted once they are cut (1 s at 30 Hz, half overlapping). Its models: what its terms let "
        "weights that are trained on it be passed on for. otolith data NAME tells more.",
        style="dim",
        soft_wrap=True,
    )


def _place(info: DatasetInfo, root: Path | None) -> Path | str | None:
    """Return the folder of a data set; None if it is not here."""
    from otolith import datasets
    from otolith.datasets.locations import locate
    from otolith.errors import DataError

    kind = datasets.kind_of(info.name)
    if not kind.folder_names:
        return "always here"
    try:
        return locate(kind, root)
    except DataError:
        return None


def _cached() -> dict[str, int]:
    """Return the number of cached windows of the paper's cut for each data set, by the manifests of the entries."""
    import json

    from otolith.system.home import home
    from otolith.system.reading import read_text

    found: dict[str, int] = {}
    manifests = sorted((home() / "windows").glob("*/manifest.json"), key=lambda path: path.stat().st_mtime)
    for path in manifests:
        try:
            manifest = json.loads(read_text(path))
            y = manifest["arrays"]["y"]["shape"][0]
            if (manifest["rate_hz"], manifest["seconds"], manifest["overlap"]) == (30.0, 1.0, 0.5):
                found[manifest["dataset"]] = int(y)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            continue  # being built or damaged; whoever needs the entry builds it anew
    return found


def _fetch(name: str, root: Path | None) -> None:
    from otolith import showing
    from otolith.cli import results
    from otolith.datasets.download import fetch
    from otolith.progress.display import LiveProgress

    folder = fetch(name, root, progress=LiveProgress())
    results.show(
        f"{name} is here and whole",
        [
            ("folder", str(folder)),
            ("next", showing.command("run", name, data=root)),
        ],
    )


def _check(name: str, root: Path | None, deep: bool) -> int:
    from otolith import datasets
    from otolith.cli import results
    from otolith.cli.shared import USAGE

    dataset = datasets.load(name, root)
    problems = dataset.check(deep=deep)
    where = str(dataset.root) if dataset.root is not None else "needs no folder"
    if not problems:
        how = "every file was read" if deep else "names, counts and sizes; --deep reads every file"
        results.show(f"{name}: nothing is missing or damaged", [("checked", how), ("folder", where)])
        return 0
    serious = [problem for problem in problems if problem.serious]
    results.show(
        f"{name}: {len(problems)} problem(s), {len(serious)} of them serious",
        [("serious" if problem.serious else "note", str(problem)) for problem in problems] + [("folder", where)],
    )
    return USAGE if serious else 0


def _describe(name: str, root: Path | None) -> None:
    from otolith import datasets
    from otolith.cli import results
    from otolith.splits import FixedSubjects, Holdout

    info = datasets.info(name) if name in datasets.names() else datasets.load(name, root).info
    place = _place(info, root) if name in datasets.names() else name
    split, plan = info.default_split, ""
    if isinstance(split, FixedSubjects):
        plan = (
            f"fixed subjects: validate on {', '.join(map(str, split.val))}; test on {', '.join(map(str, split.test))}"
        )
    elif isinstance(split, Holdout):
        plan = f"random hold-out of subjects, seed {split.seed}"
    size = ", ".join(
        f"{count} {what}"
        for count, what in ((info.n_subjects, "subjects"), (info.n_recordings, "recordings"))
        if count is not None
    )
    channels = [f"{channel} ({unit})" for channel, unit in zip(info.channels, info.units, strict=True)]
    lines = [
        ("size", size),
        ("rate", f"{info.rate_hz:g} Hz"),
        ("channels", ", ".join(channels)),
        ("gravity", f"{info.gravity} in the accelerometer" if info.gravity == "included" else "removed by the device"),
        ("activities", ", ".join(info.activities) or "none: all of it is unlabelled"),
        ("split", plan),
        ("licence", info.licence),
        ("terms", info.terms),
        ("models of it", MODELS.get(info.models, MODELS["ask"])),
        ("citation", info.citation),
        ("homepage", info.homepage),
        ("download", f"otolith data {name} --fetch" if info.download_url else ""),
        ("how to get", info.how_to_get),
        ("where", str(place) if place is not None else "not here"),
    ]
    results.show(f"{info.name}: {info.title}", [(label, text) for label, text in lines if text])
