"""`otolith predict`: a timeline of activities from recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from otolith.cli.shared import Data, Device, ModelFolder

if TYPE_CHECKING:
    from otolith.cli.results import Lines
    from otolith.model import Model
    from otolith.prediction import Timeline


def predict(
    model: ModelFolder,
    recordings: Annotated[list[str], Parameter(metavar="RECORDING")],
    /,
    *,
    out: Annotated[Path, Parameter(metavar="DIR|FILE")] = Path("predictions"),
    kind: Annotated[Literal["csv", "parquet", "json"], Parameter(name="--format")] = "csv",
    smoothing: Literal["offline", "causal", "none"] = "offline",
    dwell: Annotated[float, Parameter(metavar="SECONDS")] = 3.0,
    picture: Literal["svg", "png"] = "svg",
    only: Annotated[list[str] | None, Parameter(metavar="NAME", consume_multiple=True)] = None,
    data: Data = None,
    device: Device = "auto",
) -> None:
    """Recognise activities in whole recordings: timeline, intervals, totals, and a picture over the signals.

    Args:
        recordings: An imported data set folder, the name of a data set, or the export of a phone (CSV, zip, folder).
        out: Folder to write; or a file ending in .csv, .parquet or .json for the intervals alone. Nothing that is
            there is replaced.
        kind: Format of the tables.
        smoothing: offline (looks both ways), causal (only back, as streaming does) or none.
        dwell: Seconds that an activity is expected to last; larger smooths more.
        picture: Format of the picture of each recording; the page shows them all.
        only: Names of the recordings to take; default: all.
    """
    from otolith.cli import results
    from otolith.cli.display import LiveProgress
    from otolith.model import bundle
    from otolith.prediction import folder, open_sources, predict_recordings, tables
    from otolith.prediction.matching import refuse_removed_gravity
    from otolith.prediction.sources import chosen
    from otolith.system.files import refuse_existing

    refuse_existing(out)
    progress = LiveProgress()
    loaded = bundle.load_model(model, device)
    sources = open_sources(recordings, data)
    for source in sources:
        refuse_removed_gravity(source.gravity, loaded.meta, loaded.encoder.scaler, source.name)
    opened = chosen(sources, only)
    predicted = predict_recordings(
        loaded, opened.recordings, smoothing=smoothing, dwell_s=dwell, started=opened.started
    )
    facts, terms = _facts(loaded, model, smoothing, dwell), results.terms_of(bundle.read_card(model))
    if out.suffix.lower() in tables.SUFFIXES:
        timelines, skipped = folder.collect(predicted, opened.n_recordings, progress)
        tables.write(tables.intervals(timelines), out)
        where = [("intervals", str(out))]
    else:
        timelines, skipped = folder.write(
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
        where = [("page", str(out / "timeline.html")), ("tables", str(out / f"{{windows,intervals,totals}}.{kind}"))]
    results.show(f"{model} on {opened.name}", [*_durations(timelines, skipped), *where, *(("terms", t) for t in terms)])


def _facts(model: Model, bundle: Path, smoothing: str, dwell_s: float) -> Lines:
    """Return the facts of a prediction for its page and its `about.json`."""
    meta, calibration = model.meta, model.calibration
    smoothed = "none" if smoothing == "none" else f"{smoothing}, an activity lasts {dwell_s:g} s on average"
    lines = [
        ("Model", str(bundle)),
        ("Trained on", meta.dataset),
        ("Windows", f"{meta.seconds:g} s at {meta.rate_hz:g} Hz, {meta.seconds * (1 - meta.overlap):g} s apart"),
        ("Smoothing", smoothed),
    ]
    if calibration is None:
        return [*lines, ("Unknown", "never: the model is not calibrated (otolith calibrate)")]
    share = f"{100 * calibration.false_unknowns:g} % of known windows of validation subjects exceed the threshold"
    return [*lines, ("Unknown", share), ("Temperature", f"{calibration.temperature:.3f}")]


def _durations(timelines: list[Timeline], skipped: list[str]) -> Lines:
    """Return how long each activity lasted in all recordings together, the longest first."""
    from otolith.cli.display import duration
    from otolith.prediction.folder import without

    seconds: dict[str, float] = {}
    for timeline in timelines:
        for each in timeline.intervals():
            seconds[each.activity] = seconds.get(each.activity, 0.0) + each.stop_s - each.start_s
    whole = sum(seconds.values())
    lines = [
        (name, f"{duration(part)}   {100 * part / whole:.1f} %")
        for name, part in sorted(seconds.items(), key=lambda item: -item[1])
    ]
    notices = [("note", sentence) for sentence in without(timelines)]
    return [*lines, *notices, *(("left out", reason) for reason in skipped)]
