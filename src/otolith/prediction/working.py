"""Prediction of one unit, in whichever process; the result is a folder of the store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otolith import __version__
from otolith.errors import DataError
from otolith.model import Model, bundle
from otolith.model.place import place_of
from otolith.prediction.matching import refuse_removed_gravity
from otolith.prediction.moments import placed, zone_of
from otolith.prediction.run import predict_recordings
from otolith.prediction.seen import levelled, stored_of
from otolith.prediction.smoothing import DWELL_S
from otolith.prediction.store import Outcome, Store, finish, save
from otolith.prediction.units import Given, Hints, Unit
from otolith.system.processes import end_with
from otolith.system.reading import read_bytes

if TYPE_CHECKING:
    from otolith.importing.questions import Ask
    from otolith.prediction.timeline import Timeline

PICTURED = 24
"""Units that are drawn as pictures of their own."""
PICTURED_S = 3 * 3600.0
"""Seconds of a recording that is not too long for a picture; the page shows any."""


@dataclass(frozen=True)
class Settings:
    """All that decides a unit's result besides the unit.

    Attributes:
        model: folder of the model, or its name.
        device: auto, cpu, cuda, ...
        smoothing, dwell_s: see `predict_recordings`.
        only: names of the recordings to predict; None: all.
        picture: "svg", "png" or None.
        calibrate: calibrate accelerometers to 1 g from their still moments.
    """

    model: Path
    device: str = "auto"
    smoothing: str = "offline"
    dwell_s: float = DWELL_S
    only: tuple[str, ...] | None = None
    picture: str | None = "svg"
    calibrate: bool = False

    def about(self) -> dict[str, Any]:
        """Return the settings with a fingerprint of the model, as a store keeps them."""
        parts = [read_bytes(place_of(self.model) / name) for name in (bundle.CARD, bundle.WEIGHTS)]
        content = hashlib.sha256(b"\0".join(parts)).hexdigest()
        chosen = asdict(replace(self, model=Path(self.model.name)))
        return {"version": __version__, "weights": content} | {k: str(v) for k, v in chosen.items()}


def predict_in_worker(number: int, unit: Unit, settings: Settings, store: Store, asker: int) -> tuple[str, Outcome]:
    import torch

    end_with(asker)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # the cores are taken by the other workers
    torch.set_num_threads(1)
    return unit.key, predict_unit(number, unit, settings, store, {}, None)


def predict_on_cluster(number: int, unit: Unit, settings: Settings, store: Store, folder: str) -> Outcome:
    """Predict one unit on a worker of a cluster, on which `folder` is where it was asked for."""
    import torch

    os.chdir(folder)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    torch.set_num_threads(1)
    return predict_unit(number, unit, settings, store, {}, None)


@lru_cache(maxsize=1)
def _loaded(folder: Path, device: str) -> Model:
    return bundle.load_model(folder, device)


def predict_unit(number: int, unit: Unit, settings: Settings, store: Store, hints: Hints, ask: Ask | None) -> Outcome:
    """Predict one unit, and leave the result in the store."""
    outcome = Outcome()
    with store.building(unit.key) as place:
        try:
            read = unit.read(hints, ask, place)
            outcome.passed_over = list(read.passed_over)
            outcome.hints = [[sensor, list(columns), *found] for (sensor, columns), found in read.hints.items()]
            for given in _chosen(read.given, outcome, settings.only):
                _predict_one(given, outcome, place, settings, drawn=number < PICTURED)
        except DataError as error:
            from otolith.importing.questions import Undecided

            outcome.left_out.append(str(error))
            if isinstance(error, Undecided):
                outcome.undecided.append(str(error))
        finish(place, outcome)
    return outcome


def _chosen(given: Iterator[Given], outcome: Outcome, only: tuple[str, ...] | None) -> Iterator[Given]:
    for each in given:
        outcome.seen.append(each.recording.name)
        if only is None or each.recording.name in only:
            yield each


def _predict_one(given: Given, outcome: Outcome, place: Path, settings: Settings, drawn: bool) -> None:
    model, name = _loaded(settings.model, settings.device), given.recording.name
    try:
        refuse_removed_gravity(given.gravity, model.meta, model.encoder.scaler, f"recording {name!r}")
    except DataError as error:
        outcome.left_out.append(str(error))
        return
    recording, level = given.recording, None
    if settings.calibrate:
        recording, level = levelled(recording, given.gravity)
    started = {} if given.started is None else {name: given.started}
    options: dict[str, Any] = {"smoothing": settings.smoothing, "dwell_s": settings.dwell_s, "started": started}
    (found,) = predict_recordings(model, [recording], **options)
    if found.timeline is None:
        outcome.left_out.append(found.why_not)
        return
    number = len(outcome.recordings)
    stored = stored_of(recording, found.timeline, given.file, given.gravity, level)
    outcome.recordings.append(save(place, number, stored) | {"timezone": given.timezone})
    if drawn and settings.picture and len(outcome.recordings) <= PICTURED:
        at = placed(stored.timeline.started, zone_of(given.timezone) if given.timezone else None)
        _draw(place / f"{number}.{settings.picture}", given, replace(stored.timeline, started=at), model)


def _draw(path: Path, given: Given, timeline: Timeline, model: Model) -> None:
    if not len(timeline) or timeline.start_s[-1] - timeline.start_s[0] > PICTURED_S:
        return
    from otolith.prediction.picture import draw
    from otolith.report import style

    figure = draw(given.recording, timeline, [c for c in model.meta.channels if c in given.recording.channels])
    if path.suffix == ".png":
        style.save_png(figure, path, dpi=150)
    else:
        path.write_text(style.svg(figure), "utf-8")
