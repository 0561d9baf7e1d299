"""Print the measured tables of docs/deploy.md:  python -m benchmarks.deploy MODEL [DATASET] [--data FOLDER]

Calibration and "unknown" on validation and test subjects, and the forms that a model takes on one recording of a test
subject, as Markdown. On `uci-har` also the postural transitions, which no training sees.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clock import times
from benchmarks.table import grid
from otolith import datasets, metrics, splits
from otolith.datasets.base import Dataset
from otolith.datasets.uci_har import RATE_HZ, UciHar
from otolith.errors import DataError, OtolithError
from otolith.export import export_onnx
from otolith.export.check import agreement, run, session
from otolith.export.graph import INPUT
from otolith.export.quantise import WAYS, quantise
from otolith.export.trial import of_windows
from otolith.model import Model, bundle
from otolith.prediction.matching import fitting
from otolith.recording import Recording, Segment
from otolith.splits import Split
from otolith.streaming import StreamingRecogniser
from otolith.windows import Windows, cut

TRANSITIONS = ("stand to sit", "sit to stand", "sit to lie", "lie to sit", "stand to lie", "lie to stand")
"""Labels 7 to 12 of `uci-har`."""
REPEATS = 300


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def unknown_table(model: Model, w: Windows, split: Split, moves: Windows | None) -> str:
    """Calibration error before and after, and the share called unknown of known activities and of transitions."""
    if model.calibration is None:
        raise DataError("the model is not calibrated; `otolith calibrate` does that")
    bare, rows = replace(model, calibration=None), []
    for part in ("val", "test"):
        at = getattr(split, part)
        at = at[w.y[at] >= 0]
        said = model.assess(w.x[at])
        errors = [
            metrics.expected_calibration_error(p, w.y[at]) for p in (bare.predict_proba(w.x[at]), said.probabilities)
        ]
        row = [part, f"{len(at):,}", *map(percent, errors), percent(said.unknown.mean())]
        if moves is not None:
            inside = np.flatnonzero(np.isin(moves.subject, np.unique(w.subject[at])))
            row += [f"{len(inside):,}", percent(model.assess(moves.x[inside]).unknown.mean())]
        rows.append(row)
    header = ["subjects", "windows", "ECE before", "ECE after", "known called unknown"]
    return grid([*header, *(["transition windows", "called unknown"] if moves is not None else [])], rows)


def transitions(found: Dataset, w: Windows) -> Windows | None:
    """Windows inside the postural transitions of `uci-har`; None for other data."""
    if not isinstance(found, UciHar):
        return None
    spans: dict[str, list[Segment]] = {}
    for _, experiment, user, label, first, last in sorted(found._label_rows(), key=lambda row: row[4]):
        if label > len(found.info.activities):
            activity = TRANSITIONS[label - len(found.info.activities) - 1]
            segment = Segment((first - 1) / RATE_HZ, last / RATE_HZ, activity)
            spans.setdefault(f"exp{experiment:02d}_user{user:02d}", []).append(segment)
    moved = [replace(r, segments=tuple(spans.get(r.name, ()))) for r in found.recordings()]
    return cut(moved, replace(w.meta, activities=TRANSITIONS))


def forms_table(model: Model, recording: Recording, w: Windows, found: Dataset, split: Split) -> str:
    """The forms of a model against PyTorch on the windows of a recording; macro F1 on all labelled test windows."""
    matched = replace(fitting(recording, model.meta, model.encoder.scaler), segments=())
    x = cut([matched], model.meta, unlabelled=True).x
    trial = of_windows(model, w, found.info)
    if trial.y is None:
        raise DataError(f"{found.info.name} has other activities than the model; no score can be made")
    y = trial.y
    ours = model.assess(x)

    def f1(probabilities: NDArray[np.float32]) -> str:
        return percent(metrics.macro_f1(y, probabilities.argmax(1), model.training_classes, len(model.activities)))

    one = x[:1]
    scaled = torch.from_numpy(model.encoder.scaler.transform(one))
    network = model.network()
    with torch.no_grad():
        bare = times(lambda: network(scaled), REPEATS, 20)
    whole = times(lambda: model.assess(one), REPEATS, 20)
    rows = []
    for title, stamped in (("one sample at a time", False), ("two sensors with time stamps", True)):
        probabilities, seconds = _streamed(model, recording, stamped)
        near = np.abs(probabilities - ours.probabilities).max()
        same = (probabilities.argmax(1) == ours.probabilities.argmax(1)).mean()
        rows.append([f"streaming, {title}", "", f"{near:.0e}", percent(same), "", f"{_ms(seconds)} a prediction"])
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model, path, trial=trial)
        files = {"ONNX": path}
        for way in WAYS:
            files[f"ONNX, int8 ({way})"] = Path(folder) / f"{way}.onnx"
            quantise(path, files[f"ONNX, int8 ({way})"], way, trial.fit)
        for name, file in files.items():
            near_by = agreement(ours, run(file, model, x))
            opened = session(file)
            seconds = times(lambda opened=opened: opened.run(None, {INPUT: one}), REPEATS, 20)  # type: ignore[misc]
            scores = f1(run(file, model, trial.x).probabilities)
            size = f"{file.stat().st_size / 1e6:.2f} MB"
            rows.append([name, size, f"{near_by.largest:.0e}", percent(near_by.same), scores, _ms(seconds)])
        bundle.save(model, Path(folder) / "model", found.info)
        n_bytes = sum(each.stat().st_size for each in (Path(folder) / "model").iterdir())
    first = ["PyTorch, offline", f"{n_bytes / 1e6:.2f} MB", "", "", f1(model.assess(trial.x).probabilities)]
    rows.insert(0, [*first, f"{_ms(bare)} the network, {_ms(whole)} `assess`"])
    heads = ("form", "size", "largest difference", "same activity", "macro F1", "one window, one core (median)")
    return f"{recording.name}, {len(x)} windows; macro F1 on {trial.source}\n\n" + grid(heads, rows)


def _streamed(model: Model, recording: Recording, stamped: bool) -> tuple[NDArray[np.float32], float]:
    """Probabilities (n, n_activities) of a regular recording that comes piece by piece, and seconds a prediction."""
    (stream,) = recording.streams
    start = np.arange(stream.n_samples) / stream.rate_hz
    order = [stream.channels.index(channel) for channel in model.meta.channels]
    values = stream.values[order]
    sensors = {"": list(range(len(order)))}
    live = StreamingRecogniser(model, stream.rate_hz)
    if stamped:
        kinds = dict.fromkeys(channel.partition("_")[0] for channel in model.meta.channels)
        sensors = {k: [i for i, c in enumerate(model.meta.channels) if c.startswith(k)] for k in kinds}
        names = {kind: [model.meta.channels[i] for i in rows] for kind, rows in sensors.items()}
        live = StreamingRecogniser(model, dict.fromkeys(names, stream.rate_hz), sensors=names)
    came = []
    for i in range(stream.n_samples):
        for kind, rows in sensors.items():
            came += live.push(values[rows, i : i + 1], start[i : i + 1] if stamped else None, kind)
    came += live.finish()
    return np.stack([each.probabilities for each in came]), float(np.median([each.compute_s for each in came]))


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2g} ms"


def pieces(
    model: Path, dataset: str | None = None, root: Path | None = None, recording: str | None = None
) -> Iterator[str]:
    """Both tables, one after the other; the second is on `recording`, by default the first of a test subject.

    Raises:
        DataError: the model is not calibrated, its data are not here, or no test subject has such a recording.
    """
    torch.set_num_threads(1)
    loaded = bundle.load_model(model, "cpu")
    meta = loaded.meta
    found = datasets.load(dataset or meta.dataset, root)
    w = found.windows(meta.rate_hz, meta.seconds, meta.overlap)
    split = splits.default(w, found.info)
    yield unknown_table(loaded, w, split, transitions(found, w))
    tested = set(np.unique(w.subject[split.test]).tolist())
    named = (each for each in found.recordings() if recording in (None, each.name))
    shown = next((each for each in named if each.subject in tested), None)
    if shown is None:
        raise DataError(f"{found.info.name} has no recording {recording!r} of a test subject")
    yield forms_table(loaded, shown, w, found, split)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deploy", description=__doc__)
    parser.add_argument("model", type=Path, help="calibrated model folder of a run")
    parser.add_argument("dataset", nargs="?", help="default: the one that the model was trained on")
    parser.add_argument("--data", type=Path, help="folder that holds the data set, or its parent")
    parser.add_argument("--recording", help="of a test subject; default: the first of any")
    given = parser.parse_args(arguments)
    try:
        for piece in pieces(given.model, given.dataset, given.data, given.recording):
            sys.stdout.write(piece + "\n")
            sys.stdout.flush()
    except OtolithError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
