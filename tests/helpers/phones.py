"""Recordings rewritten as the exports of phones, and how their predictions compare with those of the native ones.

`python -m tests.helpers.phones MODEL --data FOLDER` prints it for all of UCI-HAR's test subjects in all formats.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from otolith import datasets, importing
from otolith.metrics import macro_f1
from otolith.model import Model, bundle
from otolith.prediction import Timeline, open_sources, predict_recordings
from otolith.prediction.sources import chosen
from otolith.recording import Recording
from tests.helpers.exports import phyphox, physics_toolbox, recorded, sensor_logger

FORMATS: dict[str, tuple[str, Callable[..., Path], dict[str, object]]] = {
    "sensor logger": ("zip", sensor_logger, {}),
    "sensor logger, gravity apart": ("zip", sensor_logger, {"total": False}),
    "phyphox": ("zip", phyphox, {}),
    "phyphox, German": ("zip", phyphox, {"separator": ";", "decimal": ","}),
    "physics toolbox, in g": ("csv", physics_toolbox, {}),
    "physics toolbox, modern and German": ("csv", physics_toolbox, {"separator": ";", "decimal": ",", "modern": True}),
}
MATCHED_WITHIN_S = 0.05


def exported(recordings: Sequence[Recording], form: str, folder: Path) -> list[Path]:
    """A file for each recording, named as it is: other units, clocks, rates, and samples missing."""
    suffix, write, options = FORMATS[form]
    paths = []
    for seed, each in enumerate(recordings):
        (stream,) = each.streams
        signal = recorded(stream.values[:3], stream.values[3:], stream.rate_hz, seed=seed)
        paths.append(write(folder / f"{each.name}.{suffix}", signal, **options))
    return paths


def timelines(model: Model, source: str | Path, only: Sequence[str], smoothing: str = "offline") -> dict[str, Timeline]:
    """Return the timelines of `otolith predict MODEL SOURCE --only ...`, by the name of the recording."""
    opened = chosen(open_sources([source]), list(only))
    found = list(predict_recordings(model, opened.recordings, smoothing=smoothing, started=opened.started))
    assert [each.why_not for each in found] == [""] * len(only)
    return {each.recording.name: each.timeline for each in found if each.timeline is not None}


def pairs(native: Timeline, phone: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both timelines whose windows start at the same time."""
    nearest = np.abs(phone.start_s[None] - native.start_s[:, None]).argmin(1)
    matched = np.abs(phone.start_s[nearest] - native.start_s) <= MATCHED_WITHIN_S
    return np.flatnonzero(matched), nearest[matched]


def compare(native: dict[str, Timeline], phone: dict[str, Timeline]) -> dict[str, float]:
    """Share of matched windows, of those with the same class ("unknown" is one), and macro F1 of labelled ones."""
    n, labels, said, heard = 0, [], [], []
    for name, one in native.items():
        a, b = pairs(one, phone[name])
        n += len(one)
        labels += one.labels[a].tolist()
        said += [one.activity[i] for i in a]
        heard += [phone[name].activity[i] for i in b]
    names = sorted({*labels, *said, *heard} - {""})
    truth, ours, theirs = (np.array([names.index(e) if e else -1 for e in each]) for each in (labels, said, heard))
    known, classes = truth >= 0, np.unique(truth[truth >= 0]).tolist()
    f1 = [macro_f1(truth[known], each[known], classes, len(names)) for each in (ours, theirs)]
    return {
        "windows": n,
        "matched": len(said) / n,
        "same": float(np.mean(ours == theirs)),
        "native F1": f1[0],
        "F1": f1[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, help="folder that holds UCI-HAR; default: $OTOLITH_DATA")
    asked = parser.parse_args()
    model = bundle.load_model(asked.model, "cpu")
    data = datasets.load("uci-har", asked.data)
    assert data.info.default_split is not None
    test = set(data.info.default_split.test)  # type: ignore[union-attr]
    people = [each for each in data.recordings() if each.subject in test]
    names = [each.name for each in people]
    print(
        "| smoothing | format | matched | same class | macro F1 native | macro F1 export |\n| --- | --- |"
        + " --- |" * 4
    )
    with tempfile.TemporaryDirectory() as folder:
        sets = {form: Path(folder, str(i), "set") for i, form in enumerate(FORMATS)}
        for form, out in sets.items():
            importing.import_recordings(exported(people, form, out.parent), out)
        for smoothing in ("offline", "none"):
            found = predict_recordings(model, people, smoothing=smoothing)
            native = {each.recording.name: each.timeline for each in found if each.timeline is not None}
            for form, out in sets.items():
                one = compare(native, timelines(model, out, names, smoothing))
                matched = f"{round(one['matched'] * one['windows']):,} of {one['windows']:,}"
                shares = " | ".join(f"{one[name]:.2%}" for name in ("same", "native F1", "F1"))
                print(f"| {smoothing} | {form} | {matched} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
