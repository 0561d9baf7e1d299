"""Labels as others take them: a table of intervals, or a copy of the data set that carries them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from otolith.datasets import Dataset
from otolith.datasets.folder import FolderDataset, write_folder
from otolith.errors import DataError
from otolith.labelling.intervals import Labelled, Span, painted, to_csv
from otolith.labelling.journal import Journal
from otolith.labelling.stretches import Signals
from otolith.labelling.work import labels_in
from otolith.recording import Recording, Segment
from otolith.system.files import write as write_file
from otolith.system.storage import make_place


def base_of(signals: Signals) -> dict[str, list[Span]]:
    """Return the spans that the recordings of a data set came with."""
    return {recording.name: spans for recording in signals if (spans := _spans(recording))}


def write(dataset: Dataset, journal: Journal, out: Path) -> str:
    """Write the labels of a journal over those of the data set, and return in words how many.

    Args:
        out: a file that ends in `.csv`, for a table of intervals; else a folder, for a labelled data set.

    Raises:
        DataError: there is no label, or the folder exists already.
        StorageError: it cannot be written.
    """
    own = list(labels_in(journal))
    signals = Signals(dataset)
    base = [Labelled(name, *span) for name, spans in base_of(signals).items() for span in spans]
    spans = painted([*base, *own])
    if not own or not spans:
        raise DataError(f"{journal.path} holds no label; label some stretches first: leave --export out")
    make_place(out)
    if out.suffix.lower() == ".csv":
        write_file(out, to_csv(spans))
    else:
        activities = tuple(dict.fromkeys(activity for each in spans.values() for _, _, activity in each))
        notes = dataset.notes if isinstance(dataset, FolderDataset) else {}
        provenance = dict(dataset.provenance) if isinstance(dataset, FolderDataset) else {}
        write_folder(
            out,
            replace(dataset.info, name=out.name, activities=activities),
            _relabelled(signals, spans),
            provenance=provenance | {"labelled": f"by {journal.path.stem}, with otolith label"},
            notes={name: each for name, each in notes.items() if each},
        )
    seconds = sum(stop - start for each in spans.values() for start, stop, _ in each)
    n = sum(map(len, spans.values()))
    return f"{n:,} interval{'s' if n > 1 else ''}, {seconds / 60:.1f} minutes of {len(spans)} recordings"


def _relabelled(signals: Signals, spans: dict[str, list[Span]]) -> Iterator[Recording]:
    for recording in signals:
        segments = tuple(Segment(*span) for span in spans.get(recording.name, []))
        yield replace(recording, segments=segments)


def _spans(recording: Recording) -> list[Span]:
    last = max((float(stream.sample_times[-1]) for stream in recording.streams if stream.n_samples), default=0.0)
    found = [(each.start_s, last if each.stop_s is None else each.stop_s, each.activity) for each in recording.segments]
    return [(start, stop, activity) for start, stop, activity in found if stop > start]
