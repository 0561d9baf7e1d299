"""Comparing methods under a protocol: from names to a folder of rows, tables and a page."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from otolith import methods as registry
from otolith import report, rows, splits
from otolith.errors import DataError, TrainingError
from otolith.jobs.cutting import at_rate_of, cutting, require_labels, with_unlabelled
from otolith.jobs.estimate import estimate
from otolith.jobs.folder import file_name, recipe_title, refuse_other, write_identity
from otolith.progress import SILENT, Progress
from otolith.protocols import PROTOCOLS, ProtocolSpec, sections
from otolith.protocols.cells.fanout import Ray
from otolith.protocols.cells.study import Study
from otolith.protocols.cells.unit import Executor, Unit, execute, here
from otolith.recipes import Recipe, load_recipe
from otolith.rows import Row
from otolith.system import claims, memory
from otolith.system.device import choose_device
from otolith.system.files import make_place

if TYPE_CHECKING:
    from otolith.datasets.base import Dataset

METHODS = ("random", "supervised", "csshar", "dynamic")
"""Compared where nothing else is asked for: the four of Fig. 6."""

IDENTITY = "compare.json"
"""The file of a comparison's folder that says what it is of."""


@dataclass(frozen=True)
class Planned:
    """A comparison before its first cell: what identifies its folder, and all units of work."""

    spec: ProtocolSpec
    folder: Path
    identity: dict[str, Any]
    recipe: Recipe
    recipe_name: str
    scored: Study
    units: tuple[Unit, ...]
    methods: tuple[str, ...]
    seeds: int
    arguments: dict[str, Any]
    """Arguments of `plan`, as JSON has them, so that another process plans the same."""

    @property
    def rows(self) -> Path:
        """The file of rows."""
        return self.folder / "rows.jsonl"

    @property
    def missing(self) -> int:
        """Return the number of cells that are not done yet."""
        done = {rows.key_hash(row.key) for row in rows.read(self.rows)}
        return sum(not rows.is_among(key, done) for unit in self.units for key in unit.keys)

    @property
    def pretrained(self) -> Study:
        """Return the study whose windows encoders are pre-trained on."""
        return self.scored.source or self.scored

    @property
    def cells(self) -> int:
        """Return the number of cells, done or not."""
        return sum(len(unit.keys) for unit in self.units)


@dataclass(frozen=True)
class Compared:
    """A comparison at its end: the rows it asked for, its page and its tables."""

    spec: ProtocolSpec
    folder: Path
    rows: tuple[Row, ...]
    report: Path
    tables: tuple[Path, ...]


def plan(
    protocol: str,
    dataset: str = "watch",
    methods: tuple[str, ...] = METHODS,
    seeds: int = 1,
    *,
    options: Any = None,
    recipe: str | Path | Recipe = "best",
    root: str | Path | None = None,
    out: str | Path | None = None,
    encoders: str | Path | None = None,
    overrides: dict[str, Any] | None = None,
    device: str = "auto",
    split: str | Path | None = None,
    split_seed: int | None = None,
    held: bool = False,
    progress: Progress = SILENT,
) -> Planned:
    """Find the data, cut the windows, and list the cells; nothing is trained or written but the cache.

    Args:
        protocol: one of `otolith.protocols.PROTOCOLS`.
        dataset: a registered name, or the folder of users' own recordings; it is scored.
        options: of the protocol, an instance of its `options`, or a mapping of their names; None: the defaults.
        recipe: for the data set that encoders are pre-trained on.
        out: None: `runs/compare-PROTOCOL-DATASET-RECIPE`.
        encoders: keeps the pre-trained encoders; comparisons that are given the same folder train each encoder once.
            None: a folder within `out`.
        split: file that names the subjects of each part of the data set that is scored.
        split_seed: seed of a random hold-out of its subjects.
        held: this is planned for a process that holds the folder and has looked at what is in it.

    Raises:
        DataError: data missing or damaged, too few subjects, an unknown protocol, an option out of range.
        RecipeError: unknown recipe, method, key or value.
        CheckpointError: the folder holds another comparison.
    """
    from otolith import datasets

    spec = PROTOCOLS.get(protocol)
    if not isinstance(options, spec.options):
        options = _options(spec, options or {})
    source = spec.source(options)
    for name in methods:
        registry.spec(name)
    repeated = sorted({name for name in methods if methods.count(name) > 1})
    if repeated:
        raise DataError(f"method {repeated[0]} is named more than once; name it once")
    target = splits.with_split(datasets.load(dataset, root), split, split_seed)
    given = target if source is None else datasets.load(source, root)
    require_labels(target, progress)
    overrides = with_unlabelled(given, recipe, overrides, progress)
    overrides = at_rate_of([given.info, target.info], recipe, overrides, progress)
    resolved = load_recipe(recipe, given.info.name, overrides)
    recipe_name = recipe_title(recipe, resolved, overrides)
    title = dataset if source is None else f"{source}-to-{dataset}"
    told = dataclasses.asdict(options)
    asked = {
        "protocol": protocol,
        "dataset": _placed(dataset),
        "methods": methods,
        "seeds": seeds,
        "options": {name: _placed(value) if value == source else value for name, value in told.items()},
        "recipe": None if isinstance(recipe, Recipe) else _placed(recipe),
        "root": _placed(root),
        "overrides": overrides,
        "device": device,
        "split": _placed(split),
        "split_seed": split_seed,
    }
    folder = Path(out) if out is not None else Path("runs") / f"compare-{protocol}-{file_name(title)}-{recipe_name}"
    identity = {"protocol": protocol, "dataset": _name(dataset), "source": _name(source), "recipe": resolved.hash}
    identity |= {name: told[name] for name in spec.identity}
    if not held:
        claims.refuse_if_held(folder)

    def study(data: Dataset, beside: Study | None = None) -> Study:
        w = data.windows(**cutting(data.info, resolved), progress=progress)
        store = Path(encoders) if encoders is not None else folder / "encoders"
        arrays, unfinished = folder / "arrays", folder / "checkpoints"
        return Study(w, data.info, resolved, recipe_name, store, device, arrays, unfinished, beside, folder)

    scored = study(given)
    if source is not None:
        scored = study(target, scored)
    identity |= {"data": scored.w.content} | ({"source_data": scored.source.w.content} if scored.source else {})
    if not held:
        refuse_other(folder, IDENTITY, identity, "comparison")
    units = tuple(spec.units(scored, methods, seeds, options))
    places = {"out": str(folder.absolute()), "encoders": str(scored.folder.absolute())}
    return Planned(spec, folder, identity, resolved, recipe_name, scored, units, methods, seeds, asked | places)


def run(
    planned: Planned,
    *,
    executor: Literal["here", "ray"] = "here",
    address: str | None = None,
    gpus: float | None = None,
    progress: Progress = SILENT,
) -> Compared:
    """Do what is missing and write the page and the tables.

    Args:
        executor: "here": one cell after the other. "ray": on the workers of a Ray cluster.
        address: of that cluster; None starts one on this machine.
        gpus: share of a GPU for each worker's cell; None: a whole one where the device is a GPU, else none.

    Raises:
        InUseError: another process works in the folder.
        StorageError: a file cannot be written. Rows that are done stay.
        CheckpointError: the folder's encoders belong to other data.
        TrainingError: see `otolith.pretrain`, `otolith.finetune`. Rows that are done stay.
    """
    make_place(planned.folder)
    with claims.hold(planned.folder):
        write_identity(planned.folder, IDENTITY, planned.identity, planned.recipe)
        unfinished = planned.folder / "checkpoints"
        make_place(planned.pretrained.folder)
        for row in execute(planned.units, planned.rows, progress, _executor(planned, executor, address, gpus)):
            shutil.rmtree(unfinished / rows.key_hash(row.key), ignore_errors=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        planned.pretrained.tidy()
        wanted = [key for unit in planned.units for key in unit.keys]
        hashes = {rows.key_hash(key) for each in wanted for key in (each, rows.without_content(each))}
        found = [row for row in rows.latest(rows.read(planned.rows)) if rows.key_hash(row.key) in hashes]
        with progress.stage("report", 1):
            page = report.write([planned.folder], planned.folder / "report.html", sections)
            tables = report.write_tables([planned.folder], planned.folder, sections)
    return Compared(planned.spec, planned.folder, tuple(found), page, tuple(tables))


def refuse_too_large(planned: Planned, progress: Progress = SILENT) -> None:
    """Refuse a comparison with a method that needs more memory than there is, before the first is trained.

    Raises:
        TrainingError: names the method, what it needs and what is free.
    """
    if not planned.missing:
        return
    study = planned.pretrained
    split = splits.default(study.w, study.info)
    sizes = (study.w.meta, len(split.train), len(split.val))
    with progress.stage("memory of a step", len(planned.methods), "methods") as bar:
        for method in planned.methods:
            try:
                estimate(planned.recipe, method, *sizes, study.device, memory.available_bytes())
            except TrainingError as error:
                raise TrainingError(f"{method}: {error}") from None
            bar.advance()


def _executor(planned: Planned, name: str, address: str | None, gpus: float | None) -> Executor:
    if name == "here":
        return here
    if gpus is None:
        gpus = 1.0 if choose_device(planned.arguments["device"]).type == "cuda" else 0.0
    arguments = dict(planned.arguments)
    if arguments["recipe"] is None:  # given as a value; the folder has it as a file
        arguments |= {"recipe": str((planned.folder / "recipe.toml").absolute()), "overrides": None}
    return Ray(_units, arguments, address, gpus)


def _units(arguments: dict[str, Any]) -> tuple[Unit, ...]:
    """Return, on a worker, the units of a comparison whose folder another process holds."""

    def tuples(tree: dict[str, Any]) -> dict[str, Any]:
        return {name: tuple(v) if isinstance(v, list) else v for name, v in tree.items()}

    return plan(**tuples(arguments | {"options": tuples(arguments["options"])}), held=True).units


def _options(spec: ProtocolSpec, given: Mapping[str, Any]) -> Any:
    from pydantic import TypeAdapter, ValidationError

    known = [field.name for field in dataclasses.fields(spec.options)]
    for name in given:
        if name not in known:
            raise DataError(f"{spec.name} has no option {name!r}; its options: {', '.join(known) or 'none'}")
    try:
        return TypeAdapter(spec.options).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"option {where} of {spec.name}: {first['msg']}; got {first['input']!r:.100}") from None


def _placed(given: str | Path | None) -> str | None:
    """Return a name as it is, and a path so that it is found from anywhere."""
    if given is None:
        return None
    return str(Path(given).absolute()) if Path(given).exists() else str(given)


def _name(given: str | None) -> str | None:
    """Return the name of a data set, wherever its folder lies."""
    return Path(given).name if given is not None and Path(given).exists() else given
