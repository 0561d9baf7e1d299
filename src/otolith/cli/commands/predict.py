"""`otolith predict`: a timeline of activities from recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter, validators

from otolith.cli.reading import READING, Flat
from otolith.cli.shared import FILES, PARTLY, Data, Device, Flag, Interrupted
from otolith.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otolith.cli.results import Lines
    from otolith.model import Model
    from otolith.prediction.folder import Summary

MOST_LEFT_OUT = 50
"""Reasons that are printed."""


def predict(
    *given: Annotated[str, Parameter(metavar="[MODEL] RECORDING", required=True)],
    out: Annotated[Path, Parameter(metavar="DIR|FILE")] = Path("predictions"),
    kind: Annotated[Literal["csv", "parquet", "json"], Parameter(name="--format")] = "csv",
    windows: Flag = False,
    smoothing: Literal["offline", "causal", "none"] = "offline",
    dwell: Annotated[float, Parameter(metavar="SECONDS")] = 3.0,
    picture: Literal["svg", "png"] = "svg",
    calibrate_acc: Flag = False,
    only: Annotated[list[str] | None, Parameter(metavar="NAME", consume_multiple=True)] = None,
    data: Data = None,
    device: Device = "auto",
    workers: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    executor: Literal["here", "ray"] = "here",
    address: str | None = None,
    reading: Flat = READING,
) -> int | None:
    """Recognise activities in whole recordings: timeline, intervals, totals, and a picture over the signals.

    Recordings that cannot be read or that the model cannot be used on are left out and listed with the reasons; the
    others are done, and the exit code is 3. After a stop the same command goes on, and does nothing twice.

    Without a model, the one that comes with otolith for phones is taken (`otolith models`).

    Args:
        given: Folder of a model or of its run, the name of one that comes with otolith, or hf://USER/NAME; then
            recordings: imported data set folders, names of data sets, and what `otolith import` reads, files and
            folders.
        out: Folder to write; or a file ending in .csv, .parquet or .json for the intervals alone. Nothing that is
            there is replaced.
        kind: Format of the tables.
        windows: Write a table with a row for each window, too.
        smoothing: offline (looks both ways), causal (only back, as streaming does) or none.
        dwell: Seconds that an activity is expected to last; larger smooths more.
        picture: Format of the picture of each recording; the page shows them all.
        calibrate_acc: Calibrate accelerometers to 1 g from their still moments, where these lie in enough directions.
        only: Names of the recordings to take; default: all.
        workers: Processes that read and predict; default: one for each core where that is worth it.
        executor: here (processes of this machine) or ray (the workers of a Ray cluster, to which all folders have to
            mean the same).
        address: For ray: a running cluster, such as auto or ray://host:10001; default: one on this machine.
    """
    from otolith.cli import results
    from otolith.cli.terminal import terminal
    from otolith.model import bundle
    from otolith.model.place import called, pinned
    from otolith.prediction import batch, tables, units
    from otolith.prediction.matching import refuse_removed_gravity
    from otolith.prediction.run import hidden_markov
    from otolith.prediction.store import Store, remove_finished, unfinished
    from otolith.progress.display import LiveProgress
    from otolith.system import claims
    from otolith.system.files import make_place, refuse_existing

    if out.suffix.lower() in FILES - set(tables.SUFFIXES) and not out.is_dir():
        raise DataError(
            f"--out {out} is no kind of table that is written here: give a file ending in {', '.join(tables.SUFFIXES)} "
            "for the intervals alone, or a folder."
        )
    model, recordings = model_and_recordings(given)
    remove_finished(out)
    refuse_existing(out)
    progress = LiveProgress()
    model = pinned(model)
    loaded = bundle.load_model(model, device)
    hidden_markov(loaded, dwell)  # refuses a duration that is none
    options = reading.options()
    zone, planned = options.timezone, units.plan(recordings, data, options)
    for name, gravity in planned.gravity:
        refuse_removed_gravity(gravity, loaded.meta, loaded.encoder.scaler, name)
    settings = batch.Settings(model, device, smoothing, dwell, tuple(only) if only else None, picture, calibrate_acc)
    store, person = Store(unfinished(out)), terminal(progress)
    card = bundle.read_card(model)
    facts, terms = _facts(loaded, model, smoothing, dwell), results.terms_of(card)
    limits = [("cannot tell", card["about"]["cannot"])] if "cannot" in card.get("about", {}) else []
    facts += [(name.capitalize(), text) for name, text in limits]
    if len(recordings) == len(given):
        limits = [results.unnamed(model), *limits]
    try:
        make_place(out)
        with claims.hold(store.folder):
            refuse_existing(out)  # another process may have written it while this one got ready
            if store.start(settings.about()):
                progress.say(
                    f"{store.folder} held results of another model or other settings; they are predicted anew."
                )
            how = batch.How(workers, executor, address)
            done = batch.run(planned, settings, store, how, zone=zone, ask=person, progress=progress)
            summary = done.write(out, kind=kind, windows=windows, facts=facts, terms=terms, progress=progress)
    except KeyboardInterrupt:
        raise Interrupted(store.folder, resume=False) from None
    store.remove()
    if out.suffix.lower() in tables.SUFFIXES:
        where = [("intervals", str(out))]
    else:
        names = ",".join(["intervals", "hours", "days", "recordings", "totals", *(["windows"] if windows else [])])
        where = [("page", str(out / "timeline.html")), ("tables", str(out / f"{{{names}}}.{kind}"))]
    results.show(
        f"{called(model)} on {planned.name}",
        [*_durations(summary, done.left_out), *limits, *where, *(("terms", t) for t in terms)],
    )
    return PARTLY if done.left_out else None


def model_and_recordings(given: Sequence[str]) -> tuple[Path, list[str]]:
    """Return the model that the arguments begin with, or the one for phones, and the recordings.

    Raises:
        DataError: a model alone.

    >>> model_and_recordings(["walk.zip"])
    (PosixPath('phone'), ['walk.zip'])
    """
    from otolith.datasets.registry import names
    from otolith.model.place import DEFAULT, is_model

    first, *rest = given
    if is_model(first) or (rest and not Path(first).exists() and first not in names()):
        if not rest:
            raise DataError(f"{first} is a model; name recordings behind it, files or folders.")
        return Path(first), rest
    return Path(DEFAULT), list(given)


def _facts(model: Model, bundle: Path, smoothing: str, dwell_s: float) -> Lines:
    """Return the facts of a prediction for its page and its `about.json`."""
    from otolith.model.place import called

    meta, calibration = model.meta, model.calibration
    smoothed = "none" if smoothing == "none" else f"{smoothing}, an activity lasts {dwell_s:g} s on average"
    lines = [
        ("Model", called(bundle)),
        ("Trained on", meta.dataset),
        ("Windows", f"{meta.seconds:g} s at {meta.rate_hz:g} Hz, {meta.seconds * (1 - meta.overlap):g} s apart"),
        ("Smoothing", smoothed),
    ]
    if calibration is None:
        return [*lines, ("Unknown", "never: the model is not calibrated (otolith calibrate)")]
    share = f"{100 * calibration.false_unknowns:g} % of known windows of validation subjects exceed the threshold"
    return [*lines, ("Unknown", share), ("Temperature", f"{calibration.temperature:.3f}")]


def _durations(summary: Summary, left_out: Sequence[str]) -> Lines:
    """Return how long each activity lasted in all recordings together, the longest first."""
    from otolith.progress.display import duration

    whole = sum(summary.seconds.values())
    lines = [
        (name, f"{duration(part)}   {100 * part / whole:.1f} %")
        for name, part in sorted(summary.seconds.items(), key=lambda item: -item[1])
    ]
    if summary.not_worn_s:
        lines.append(("not worn", duration(summary.not_worn_s)))
    if summary.labelled:
        share = summary.agreed / summary.labelled
        lines.append(("agreement", f"{100 * share:.1f} % of {summary.labelled:,} windows that have a label"))
    notices = [("note", sentence) for sentence in summary.notes()]
    more = [("and", f"{len(left_out) - MOST_LEFT_OUT:,} more; about.json has them all")]
    listed = [("left out", reason) for reason in left_out[:MOST_LEFT_OUT]]
    return [*lines, *notices, *listed, *(more if len(left_out) > MOST_LEFT_OUT else [])]
