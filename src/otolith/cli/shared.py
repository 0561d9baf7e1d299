"""What several commands share: options, checks of folders, and the way from a bundle to its data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, validators

from otolith.errors import DataError, RecipeError

if TYPE_CHECKING:
    from otolith.datasets import Dataset
    from otolith.model import PretrainedEncoder
    from otolith.progress import Progress
    from otolith.splits import Split
    from otolith.windows import Windows

Flag = Annotated[bool, Parameter(show_default=False)]
Folder = Annotated[Path, Parameter(metavar="DIR")]
Seed = Annotated[int, Parameter(validator=validators.Number(gte=0, lt=2**32))]
Workers = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]
Overrides = Annotated[list[str] | None, Parameter(name="--set", metavar="KEY=VALUE", consume_multiple=(1, None))]


def parse_overrides(given: list[str] | None) -> dict[str, Any]:
    """["pretrain.epochs=5"] -> {"pretrain.epochs": 5}.

    Raises:
        RecipeError: one without an equals sign.
    """
    from otolith.recipes.schema import parse_override

    for text in given or ():
        if "=" not in text:
            raise RecipeError(
                f"--set takes key=value, such as pretrain.epochs=5; got {text!r}. "
                "If that is the data set, name it before --set."
            )
    return dict(parse_override(text) for text in given or ())


def data_of(
    encoder: PretrainedEncoder, bundle: Path, dataset: str | None, root: Path | None, progress: Progress
) -> tuple[Dataset, Windows, Split]:
    """Data cut as the encoder of `bundle` expects, with the split of the data set; None is the one it was trained on.

    Raises:
        DataError: the data are not here, or the bundle's own data set is a folder, which has to be named.
    """
    from otolith import datasets, splits
    from otolith.preprocessing.sensors import windows_for_encoder

    meta = encoder.meta
    if dataset is None:
        if meta.dataset not in datasets.names():
            raise DataError(
                f"{bundle} was trained on {meta.dataset!r}, which does not come with otolith; "
                "name its folder after the bundle"
            )
        dataset = meta.dataset
    found = datasets.load(dataset, root)
    with progress.stage(f"windows of {found.info.name}", 1) as bar:
        w = windows_for_encoder(found, encoder, unlabelled=encoder.recipe.windows.unlabelled)
        bar.advance()
    return found, w, splits.default(w, found.info)
