"""Options, exit codes and steps that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, validators

from otolith import methods
from otolith.errors import DataError, RecipeError

if TYPE_CHECKING:
    from otolith.datasets import Dataset
    from otolith.jobs.prepared import Prepared
    from otolith.model import PretrainedEncoder
    from otolith.progress import Progress
    from otolith.splits import Split
    from otolith.windows import Windows

USAGE = 2
"""Exit code for every error that the user can cure."""
PARTLY = 3
"""Exit code where all that could be done was, and files or recordings were left out, which are listed."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells give it."""
BROKEN_PIPE = 1
"""Exit code where the reader of the output went away; rich gives the same."""

PLUGIN = "Besides: --plugin FILE, a Python file of yours with methods, augmentations, formats, ... (docs/plugins.md)"
"""Last line of a command's help, on the option that `otolith.cli.main` takes for all of them."""

_RECIPES = "best (it chooses how to use the labels), compact (the paper's method, in minutes), paper, or a TOML file."
_DATA = "Folder that holds the data set, or its parent; default: $OTOLITH_DATA, then the downloads."
_OWN = "Name of a data set, or the folder of your own; default: the one that the model was trained on."
_SET = "Recipe values to replace, such as pretrain.epochs=5 augment.0.sigma=0.3."

FILES = frozenset(
    f".{ending}"
    for ending in (
        *("arrow", "csv", "feather", "json", "jsonl", "npy", "npz", "ods", "parquet", "tsv", "txt", "xls", "xlsx"),
        *("htm", "html", "pdf", "png", "svg", "tex", "gz", "zip", "onnx", "pt", "safetensors", "toml", "yaml", "yml"),
    )
)
"""Endings by which people mean a file."""


def refuse_file(kind: Any, value: Path | None) -> None:
    """Refuse a new folder whose name is that of a file: it was meant to be one.

    >>> refuse_file(Path, Path("totals.xlsx"))
    Traceback (most recent call last):
    ValueError: a folder is written here, and totals.xlsx is the name of a file; leave the ending away
    """
    if value is not None and value.suffix.lower() in FILES and not value.is_dir():
        raise ValueError(f"a folder is written here, and {value} is the name of a file; leave the ending away")


Flag = Annotated[bool, Parameter(show_default=False)]
Folder = Annotated[Path, Parameter(metavar="DIR", validator=refuse_file)]
AnyDataset = Annotated[
    str, Parameter(help="Name of a data set (`otolith data` lists them), or the folder of your own.")
]
OwnDataset = Annotated[str | None, Parameter(help=_OWN)]
Data = Annotated[Path | None, Parameter(metavar="DIR", help=_DATA)]
ModelFolder = Annotated[
    Path,
    Parameter(
        metavar="MODEL",
        help="Folder of a model or of its run, a name that `otolith models` lists, or hf://USER/NAME.",
    ),
]
RecipeName = Annotated[str, Parameter(metavar="NAME|FILE", help=_RECIPES)]
Overrides = Annotated[
    list[str] | None, Parameter(name="--set", metavar="KEY=VALUE", consume_multiple=(1, None), help=_SET)
]
Seed = Annotated[int, Parameter(validator=validators.Number(gte=0, lt=2**32))]
SplitFile = Annotated[
    Path | None,
    Parameter(name="--split", metavar="FILE", help="TOML or JSON file that names who trains, validates and tests."),
]
SplitSeed = Annotated[
    int | None,
    Parameter(
        validator=validators.Number(gte=0, lt=2**32), help="Seed of a random hold-out of subjects, whatever their own."
    ),
]
Device = Annotated[str, Parameter(help="auto (a GPU where there is one), cpu, cuda, cuda:1, ...")]
IgnoreMemory = Annotated[Flag, Parameter(help="Begin even if the memory of this machine does not seem to suffice.")]


@dataclass(frozen=True)
class Training:
    """Options of the commands that pre-train: `run` and `pretrain`.

    Attributes:
        unlabelled: Data set folder whose recordings join pre-training; labels in it are ignored.
        seed: Seed of weights, order and augmentation.
        workers: Processes that cut recordings into windows; default: one for each core where that is worth it.
    """

    recipe: RecipeName = "best"
    method: Annotated[str, Parameter(help=f"{methods.listed()}.")] = "dynamic"
    data: Data = None
    unlabelled: Annotated[str | None, Parameter(metavar="DIR")] = None
    seed: Seed = 0
    overrides: Overrides = None
    device: Device = "auto"
    split: SplitFile = None
    split_seed: SplitSeed = None
    workers: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None
    ignore_memory: IgnoreMemory = False

    def prepare(self, dataset: str, progress: Progress, encoder: Path | None = None, labels: bool = True) -> Prepared:
        """Return the data, the recipe, the windows and the split of a training.

        Args:
            encoder: A model to start from.
            labels: Whether labels are used afterwards.
        """
        from otolith.jobs.prepared import prepare

        return prepare(
            dataset,
            recipe=self.recipe,
            method=self.method,
            seed=self.seed,
            root=self.data,
            unlabelled=self.unlabelled,
            overrides=parse_overrides(self.overrides),
            device=self.device,
            workers=self.workers,
            encoder=encoder,
            labels=labels,
            split=self.split,
            split_seed=self.split_seed,
            progress=progress,
        )


TRAINING = Training()
"""The options of a training where none is given."""
Flat = Annotated[Training, Parameter(name="*")]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during work of which the folder `kept` holds everything done so far.

    The same command goes on, with --resume where `resume` is true.
    """

    def __init__(self, kept: object, resume: bool = True) -> None:
        super().__init__()
        self.kept = kept
        self.resume = resume


def parse_overrides(given: list[str] | None) -> dict[str, Any]:
    """Return recipe values by their keys: ["pretrain.epochs=5"] gives {"pretrain.epochs": 5}.

    Raises:
        RecipeError: a text without an equals sign.
    """
    from otolith.recipes import parse_override

    for text in given or ():
        if "=" not in text:
            raise RecipeError(
                f"--set takes key=value, such as pretrain.epochs=5; got {text!r}. "
                "If that is the data set, name it before --set."
            )
    return dict(parse_override(text) for text in given or ())


def data_of(
    encoder: PretrainedEncoder,
    bundle: Path,
    dataset: str | None,
    root: Path | None,
    progress: Progress,
    split: Path | None = None,
    split_seed: int | None = None,
    *,
    learns: bool = False,
) -> tuple[Dataset, Windows, Split]:
    """Return a data set, its windows as the encoder of `bundle` expects them, and its split.

    The split is its own, or the one asked for. Of the data set that the encoder was trained on, another split than in
    that training is refused: its test subjects may be those whom the encoder has seen.

    Args:
        dataset: Default: the data set that the encoder was trained on.
        root: Folder that holds the data set.
        split, split_seed: File that names the parts, or seed of a hold-out, in place of the data set's own split.
        learns: With stretches without a label, where these join training.

    Raises:
        DataError: the data are not here, people of theirs were in the encoder's training, the split is another than in
            it, or the encoder was trained on a user's folder, which has to be named.
    """
    from otolith import splits
    from otolith.jobs.cutting import mostly_unlabelled, require_labels, without_labels
    from otolith.jobs.seen import refuse_other_split, refuse_seen, with_warning
    from otolith.model.place import called
    from otolith.model.windows import windows_for_encoder

    meta = encoder.meta
    found = splits.with_split(dataset_of(encoder, bundle, dataset, root), split, split_seed)
    refuse_seen(encoder, bundle, found.info.name)
    require_labels(found, progress)
    joins = learns and mostly_unlabelled(found)
    if joins:
        progress.say(without_labels(found))
    with progress.stage(f"windows of {found.info.name}", 1) as bar:
        w = windows_for_encoder(found, encoder, unlabelled=joins or encoder.recipe.windows.unlabelled)
        bar.advance()
    if dataset is None and found.info.own and meta.content and w.content != meta.content:
        raise DataError(
            f"{called(bundle)} was trained on other recordings of {meta.dataset!r} than those that lie here now; name "
            "the folder of those that you mean after that of the model"
        )
    parts = splits.default(w, found.info)
    refuse_other_split(encoder, bundle, w, parts)
    return found, w, with_warning(encoder, bundle, w, parts)


def dataset_of(encoder: PretrainedEncoder, bundle: Path, dataset: str | None, root: Path | None) -> Dataset:
    """Return a data set by name or folder; by default the one that the encoder of `bundle` was trained on.

    Raises:
        DataError: it is not here, or is a user's folder, which has to be named.
    """
    from otolith import datasets
    from otolith.datasets.card import CARD
    from otolith.datasets.pooled import is_pooled
    from otolith.model.place import called

    if dataset is not None:
        return datasets.load(dataset, root)
    name = encoder.meta.dataset
    if name in datasets.names() or is_pooled(name):
        return datasets.load(name, root)
    for place in _near(bundle, root):
        if (place / name / CARD).is_file():
            found = datasets.load(place / name)
            if found.info.name == name:
                return found
    raise DataError(
        f"{called(bundle)} was trained on {name!r}, which does not come with otolith and lies neither here nor beside "
        "the model; name its folder after that of the model"
    )


def _near(bundle: Path, root: Path | None) -> Iterator[Path]:
    """Yield the folders in which a model's data set is looked for."""
    yield from (Path(each).expanduser() for each in (root, Path(), os.environ.get("OTOLITH_DATA")) if each)
    yield from bundle.absolute().parents
