"""`otolith predict`: a timeline of activities from recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from otolith.cli.shared import Folder


def predict(
    model: Annotated[Path, Parameter(metavar="MODEL")],
    recordings: Annotated[list[str], Parameter(metavar="RECORDING")],
    /,
    *,
    out: Annotated[Path, Parameter(metavar="DIR|FILE")] = Path("predictions"),
    kind: Annotated[Literal["csv", "parquet", "json"], Parameter(name="--format")] = "csv",
    smoothing: Literal["offline", "causal", "none"] = "offline",
    dwell: Annotated[float, Parameter(metavar="SECONDS")] = 3.0,
    picture: Literal["svg", "png"] = "svg",
    only: Annotated[list[str] | None, Parameter(metavar="NAME", consume_multiple=True)] = None,
    data: Folder | None = None,
    device: str = "auto",
) -> None:
    """Recognise activities in whole recordings: timeline, intervals, totals, and a picture over the signals.

    Args:
        model: The model folder of a run, or one that `otolith finetune` wrote.
        recordings: An imported data set folder, the name of a data set, or the export of a phone (CSV, zip, folder).
        out: Folder to write; or a file ending in .csv, .parquet or .json for the intervals alone. Nothing that is
            there is replaced.
        kind: Of the tables.
        smoothing: offline (looks both ways), causal (only back, as streaming does) or none.
        dwell: Seconds that an activity is expected to last; larger smooths more.
        picture: Of each recording; the page has them all.
        only: Names of the recordings to take; default: all.
        data: Folder that holds a built-in data set, or its parent; default: $OTOLITH_DATA, then the downloads.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, ...
    """
    from otolith.cli import results
    from otolith.cli.display import LiveProgress
    from otolith.model import bundle
    from otolith.prediction import folder, open_sources, predict_recordings, tables
    from otolith.prediction.matching import refuse_removed_gravity
    from otolith.prediction.sources import chosen

    folder.refuse_existing(out)
    progress = LiveProgress()
    loaded = bundle.load_model(model, device)
    sources = open_sources(recordings, data)
    for source in sources:
        refuse_removed_gravity(source.gravity, loaded.meta, loaded.encoder.scaler, source.name)
    opened = chosen(sources, only)
    predicted = predict_recordings(
        loaded, opened.recordings, smoothing=smoothing, dwell_s=dwell, started=opened.started
    )
    facts, terms = results.predicted_facts(loaded, model, smoothing, dwell), results.terms_of(bundle.read_card(model))
    if out.suffix.lower() in tables.SUFFIXES:
        timelines, skipped = folder.collect(predicted, opened.n_recordings, progress)
        tables.write(tables.intervals(timelines), out)
        where = [("intervals", str(out))]
    else:
        written = folder.write(
            out,
            loaded,
            predicted,
            facts=facts,
            terms=terms,
            notes=opened.notes,
            kind=kind,
            picture=picture,
            total=opened.n_recordings,
            progress=progress,
        )
        timelines, skipped = written.timelines, written.skipped
        where = [("page", str(out / "timeline.html")), ("tables", str(out / f"{{windows,intervals,totals}}.{kind}"))]
    results.show(
        f"{model} on {opened.name}", [*results.predicted(timelines, skipped), *where, *(("terms", t) for t in terms)]
    )
