"""`otolith features`: a table of features, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from otolith.cli.reading import READING, Flat, as_dataset
from otolith.cli.shared import Data, Device, ModelFolder, OwnDataset


def features(
    model: ModelFolder,
    dataset: OwnDataset = None,
    /,
    *,
    out: Annotated[Path, Parameter(metavar="FILE")],
    data: Data = None,
    device: Device = "auto",
    reading: Flat = READING,
) -> None:
    """Write the features of a data set's windows, with subject, recording, time and label.

    Args:
        out: Table to write, .parquet or .csv: a row for each window, with or without label.
    """
    from otolith.cli import results
    from otolith.cli.shared import dataset_of
    from otolith.errors import DataError
    from otolith.model import bundle
    from otolith.model.features import features as of
    from otolith.model.windows import windows_for_encoder
    from otolith.progress.display import LiveProgress
    from otolith.system.files import make_place, whole_file

    if out.suffix not in (".parquet", ".csv"):
        raise DataError(f"--out names a table, such as {out.with_suffix('.parquet')} or .csv; got {out}")
    make_place(out)
    progress = LiveProgress()
    encoder = bundle.load_encoder(model, device)
    with as_dataset(dataset, reading.options(), progress) as source:
        found = dataset_of(encoder, model, source, data)
        with progress.stage(f"windows of {found.info.name}", 1) as bar:
            w = windows_for_encoder(found, encoder, unlabelled=True)
            bar.advance()
        table = of(encoder, w, progress).to_polars()
    with whole_file(out) as partial:
        (table.write_parquet if out.suffix == ".parquet" else table.write_csv)(partial)
    n = table.width - 5
    results.show("Written", [("table", f"{out}   {table.height:,} windows, {n:,} features")])
