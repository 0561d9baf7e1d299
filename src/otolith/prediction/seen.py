"""What is kept of a recording's signals once it is predicted: epochs, and where the device was not worn."""

from __future__ import annotations

from dataclasses import replace

from otolith.prediction.epochs import epochs_of
from otolith.prediction.signals import signals_of
from otolith.prediction.store import Stored
from otolith.prediction.timeline import Timeline
from otolith.prediction.wear import not_worn
from otolith.recording import Recording


def stored_of(recording: Recording, timeline: Timeline, file: str, gravity: str | None = None) -> Stored:
    """Return a predicted recording without its samples, with the time marked in which the device was not worn.

    Args:
        gravity: "removed" where gravity is not in the accelerometer's signal.
    """
    epochs = epochs_of(recording, gravity != "removed")
    return Stored(replace(timeline, not_worn=not_worn(epochs)), file, epochs, signals_of(recording))
