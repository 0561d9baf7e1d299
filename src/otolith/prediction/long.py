"""Recordings too long for memory: their samples lie in a file without a name, and pieces of it are in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from otolith.datasets.card import CURE
from otolith.datasets.folder import TIME, FolderReader
from otolith.errors import DataError
from otolith.importing.disk_buffer import DiskBuffer
from otolith.recording import Recording, Segment, Stream
from otolith.system.memory import release
from otolith.system.reading import MOST_LONG, check_regular
from otolith.windows.pieces import where_step

LONG = 4_000_000
"""Samples from which a stream goes to disk: 22 hours at 50 Hz."""
AT_ONCE = 1 << 20


def is_long(reader: FolderReader) -> bool:
    """Tell if a recording of a data set folder is better read to disk."""
    return max(stream.samples for stream in reader.entry.streams) >= LONG


def read_long(reader: FolderReader, scratch: Path) -> Recording:
    """Read a recording as `reader` does, with its samples in a file in the folder `scratch`, gone with the arrays.

    What is in the samples is checked as they are used. Time stamps that do not increase are repaired in memory.

    Raises:
        DataError: a file is damaged or is not what the card says, or `scratch` has no room.
    """
    import polars as pl

    entry, buffer = reader.entry, DiskBuffer(scratch)
    streams = []
    for about in entry.streams:
        path = reader.root / about.file
        values = buffer.room((len(about.channels), about.samples), np.dtype(np.float64))
        times = buffer.room((about.samples,), np.dtype(np.float64)) if about.timed else None
        try:
            wanted = [*([TIME] if about.timed else []), *about.channels]
            table = pl.scan_parquet(check_regular(path, MOST_LONG)).select(wanted)
            for at in range(0, about.samples, AT_ONCE):
                n = min(AT_ONCE, about.samples - at)
                frame = table.slice(at, n).collect()
                if frame.height != n or any(not kind.is_float() for kind in frame.dtypes):
                    raise DataError(f"{path}: does not hold {about.samples} rows of numbers. {CURE}")
                if any(frame.null_count().row(0)):
                    raise DataError(f"{path}: holds values that are not numbers, expected floats only. {CURE}")
                values[:, at : at + n] = frame.select(about.channels).to_numpy().T
                release(values)
                if times is not None:
                    times[at : at + n] = frame[TIME].to_numpy()
                    release(times)
            if table.slice(about.samples, 1).collect().height:
                raise DataError(f"{path}: holds more than the {about.samples} samples that the card names. {CURE}")
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise DataError(
                f"{path}: is not a Parquet file with {', '.join(about.channels)} ({error}). {CURE}"
            ) from error
        values.flags.writeable = False
        if times is not None and len(where_step(times, lambda steps: ~(steps > 0))):
            return reader()
        streams.append(Stream(about.channels, values, about.rate_hz, times, about.start_s))
    segments = tuple(Segment(*segment) for segment in entry.segments)
    return Recording(entry.name, entry.subject, tuple(streams), segments)
