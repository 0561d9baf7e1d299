"""Reading of run folders (docs/rows.md lists the files): everything that is whole, and a sentence on each damaged part.

Each file is optional: a missing one drops its section, a damaged one drops it too and is named in `problems`, which the
page shows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from otolith.errors import CheckpointError
from otolith.rows import Row, latest, scan
from otolith.system.reading import DAMAGED_ARRAY, MOST_TEXT, check_regular, read_bytes, read_text
from otolith.system.strict import json_value, toml_value

ROWS, CURVES = "rows.jsonl", "curves.jsonl"
RECIPE_JSON, RECIPE_TOML = "recipe.json", "recipe.toml"
ENVIRONMENT = "environment.json"
CARD = "model/card.json"
TEACHER = "arrays/teacher.json"
ARRAYS = "arrays"
TSNE = ("tsne_before.npy", "tsne_after.npy", "tsne_y.npy", "tsne_subject.npy")

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Tsne:
    """Features of n windows in the plane before and after training, (n, 2) each; classes and subjects.

    `before` and `subject` may be None; y (n,) holds class indices.
    """

    before: NDArray[np.floating] | None
    after: NDArray[np.floating]
    y: NDArray[np.int64]
    subject: NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class RunFolder:
    """The whole parts of a run folder; None or empty where there is nothing to show.

    Attributes:
        rows: the scored ones, one for each key; `unscored` are the others.
        curves: the epochs of each stage, in order of epoch.
        tsne: features in the plane of a run; `cells`: of cells of a comparison, by `cell_name`.
        problems: one sentence for each damaged part.
    """

    path: Path
    rows: list[Row] = field(default_factory=list)
    curves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    recipe: dict[str, Any] | None = None
    recipe_text: str | None = None
    environment: dict[str, Any] | None = None
    card: dict[str, Any] | None = None
    teacher: dict[str, Any] | None = None
    tsne: Tsne | None = None
    cells: dict[str, Tsne] = field(default_factory=dict)
    unscored: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The folder's name without its path."""
        return self.path.resolve().name

    @property
    def activities(self) -> list[str]:
        """Names of the classes, from a scored row or the model card; empty if neither has them."""
        for source in (*(row.result for row in self.rows), self.card or {}):
            names = source.get("activities")
            if isinstance(names, list) and names:
                return [str(name) for name in names]
        return []


def load(folder: Path | str) -> RunFolder:
    """Read a run folder; damaged parts become `problems`.

    Raises:
        CheckpointError: it is not a run folder.
    """
    folder = Path(folder)
    known = (ROWS, CURVES, RECIPE_JSON, RECIPE_TOML, CARD, TEACHER, f"{ARRAYS}/{TSNE[1]}")
    if not any((folder / name).is_file() for name in known):
        state = "holds none of its files" if folder.is_dir() else "does not exist"
        raise CheckpointError(
            f"{folder} is not a run folder: it {state}. Expected {ROWS} or another file that `otolith run` writes; "
            "give the folder that its --out named."
        )
    problems: list[str] = []
    recipe_text = _read(folder / RECIPE_TOML, _text, problems)
    recipe = _read(folder / RECIPE_JSON, _object, problems)
    if recipe is None and recipe_text is not None:
        recipe = _read(folder / RECIPE_TOML, lambda path: toml_value(_text(path)), problems)
    rows, unscored = _rows(folder / ROWS, problems)
    return RunFolder(
        path=folder,
        rows=rows,
        curves=_curves(folder / CURVES, problems),
        recipe=recipe,
        recipe_text=recipe_text,
        environment=_read(folder / ENVIRONMENT, _object, problems),
        card=_read(folder / CARD, _object, problems),
        teacher=_read(folder / TEACHER, _teacher, problems),
        tsne=_tsne(folder / ARRAYS, problems),
        cells=_cells(folder / ARRAYS, rows, problems),
        unscored=unscored,
        problems=problems,
    )


def _read(path: Path, reader: Callable[[Path], T], problems: list[str]) -> T | None:
    """Return a file as `reader` reads it; None if it is absent, or damaged, which is then a problem."""
    if not path.exists():
        return None
    try:
        return reader(path)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        detail = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        problems.append(f"{path.name} cannot be shown: {detail}.")
        return None


def _text(path: Path) -> str:
    return read_text(path)


def _object(path: Path) -> dict[str, Any]:
    value = json_value(read_bytes(path, MOST_TEXT))
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


def _array(path: Path) -> NDArray[Any]:
    # A map is bounded by the file, whatever size its header claims.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns of headers that it would have to mend
            found = np.load(check_regular(path), mmap_mode="r", allow_pickle=False)
    except (*DAMAGED_ARRAY, Warning) as error:
        raise ValueError(f"it holds no array ({error})") from None
    if not isinstance(found, np.ndarray):
        raise ValueError("it holds several arrays, expected one")
    return np.array(found)


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_fractions(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_fraction(score) for score in value.values())


def fault(result: Mapping[str, Any]) -> str | None:
    """Return the reason why a row's scores cannot be shown, or None if they are as `metrics.evaluate` gives them."""
    checks: dict[str, tuple[Callable[[Any], bool], str]] = {
        "macro_f1": (_is_fraction, "a fraction 0..1"),
        **dict.fromkeys(("accuracy", "val_macro_f1"), (lambda v: v is None or _is_fraction(v), "a fraction 0..1")),
        **dict.fromkeys(("per_subject", "per_class_f1"), (_are_fractions, "fractions 0..1 by name")),
        **dict.fromkeys(("n_windows", "n_subjects"), (_is_count, "a count")),
        "metrics": (lambda v: isinstance(v, Mapping) and all(map(_is_number, v.values())), "numbers by name"),
        "support": (lambda v: isinstance(v, Mapping) and all(map(_is_count, v.values())), "counts by activity"),
        "interval": (_is_interval, "low and high in 0..1"),
    }
    for name, (fits, expected) in checks.items():
        if name in result and not fits(result[name]):
            return f"{name} is {result[name]!r}, expected {expected}"
    if "confusion" not in result:
        return None
    names, matrix = result.get("activities"), result["confusion"]
    if not isinstance(names, list) or not isinstance(matrix, list) or len(matrix) != len(names):
        return "confusion is not a matrix over activities"
    if any(not isinstance(line, list) or len(line) != len(names) for line in matrix):
        return "confusion is not a square matrix over activities"
    counts = [count for line in matrix for count in line]
    if not all(map(_is_count, counts)):
        return "confusion does not hold counts"
    return None if any(counts) else "confusion holds no window"


def _is_interval(value: object) -> bool:
    ends = isinstance(value, Mapping) and all(_is_fraction(value.get(end)) for end in ("low", "high"))
    return value is None or ends


def _rows(path: Path, problems: list[str]) -> tuple[list[Row], list[Row]]:
    """Rows with scores, and those without."""
    found = scan(path)
    problems += [f"{path.name}, line {damage.line}, is left out: {damage.reason}." for damage in found.damage]
    scored, unscored = [], []
    for row in latest(found.rows):
        if "macro_f1" not in row.result:
            unscored.append(row)
            continue
        wrong = fault(row.result)
        if wrong is None:
            scored.append(row)
        else:
            problems.append(f"A row of {path.name} ({row.key}) is left out: {wrong}.")
    return scored, unscored


def _curves(path: Path, problems: list[str]) -> dict[str, list[dict[str, Any]]]:
    """{stage: its epochs in order}; a resumed run may write an epoch twice, and the last one counts."""
    stages: dict[str, dict[int, dict[str, Any]]] = {}
    content = _read(path, read_bytes, problems) or b""
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            point = json_value(line)
            scored = point.get("val_macro_f1")
            if not _is_number(point["loss"]) or not (scored is None or _is_fraction(scored)):
                raise ValueError
            stages.setdefault(str(point["stage"]), {})[int(point["epoch"])] = point
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            problems.append(f"{path.name}, line {number}, is left out: it does not describe an epoch of a stage.")
    return {stage: [epochs[epoch] for epoch in sorted(epochs)] for stage, epochs in stages.items()}


def _teacher(path: Path) -> dict[str, Any]:
    teacher = _object(path)
    histogram = teacher["histogram"]
    edges = np.asarray(histogram["edges"], dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError("its histogram has no increasing edges")
    bins = len(edges) - 1
    numbers = [teacher["auc"], teacher["mean_same"], teacher["mean_different"]]
    counts = [*histogram["same"], *histogram["different"]]
    if not all(_is_fraction(value) for value in numbers) or not _are_fractions(teacher["auc_per_activity"]):
        raise ValueError("its figures are not fractions 0..1")
    sizes = {len(histogram["same"]), len(histogram["different"])}
    if sizes != {bins} or not all(_is_count(count) for count in counts) or not any(counts):
        raise ValueError("its histogram does not hold one count for each bin")
    return teacher


def _are_classes(y: NDArray[Any]) -> bool:
    return y.ndim == 1 and y.dtype.kind in "iu" and len(y) > 0 and y.min() >= 0 and y.max() < 1000


_FAR = 1e6
"""t-SNE leaves its points within a few hundred."""


def _are_points(points: NDArray[Any], n: int) -> bool:
    return points.shape == (n, 2) and points.dtype.kind == "f" and bool((np.abs(points) < _FAR).all())


def _tsne(folder: Path, problems: list[str]) -> Tsne | None:
    before, after, y, subject = (_read(folder / name, _array, problems) for name in TSNE)
    if after is None or y is None:
        return None
    whole = _are_classes(y) and all(p is None or _are_points(p, len(y)) for p in (before, after))
    if not whole or (subject is not None and (subject.shape != y.shape or subject.dtype.kind not in "iuU")):
        problems.append("The t-SNE arrays cannot be shown: expected finite (n, 2) points and (n,) classes.")
        return None
    return Tsne(before, after, y, subject)


def cell_name(key: Mapping[str, Any]) -> str:
    """Return the folder within `arrays` that a cell of a comparison leaves its arrays in."""
    return f"{key.get('method')}-seed{key.get('seed')}"


def _cells(folder: Path, rows: list[Row], problems: list[str]) -> dict[str, Tsne]:
    found = {}
    for name in dict.fromkeys(cell_name(row.key) for row in rows):
        # A row may have been written by anyone; its names are no paths.
        tsne = _tsne(folder / name, problems) if Path(name).name == name else None
        if tsne is not None:
            found[name] = tsne
    return found
