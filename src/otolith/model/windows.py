"""Windows of a data set with the channels, rate and length that an encoder expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otolith.errors import DataError
from otolith.preprocessing.sensors import usable, widened

if TYPE_CHECKING:
    from otolith.datasets.base import Dataset
    from otolith.model.values import PretrainedEncoder
    from otolith.windows import Windows


def windows_for_encoder(dataset: Dataset, encoder: PretrainedEncoder, unlabelled: bool = False) -> Windows:
    """Return a data set's windows as an encoder expects them.

    Channels that it does not know are left out; a missing sensor that may be missing is NaN throughout.

    Args:
        unlabelled: with the windows of unlabelled stretches, whose label is -1.

    Raises:
        DataError: a channel is missing, or the recordings cannot be read or give no window.
    """
    meta = encoder.meta
    channels = usable(dataset.info.channels, meta, encoder.scaler)
    missing = [channel for channel in channels if channel not in dataset.info.channels]
    if missing:
        raise DataError(
            f"{dataset.info.name} has no {', '.join(missing)}: it has {', '.join(dataset.info.channels)}, and the "
            f"model expects {', '.join(meta.channels)}. Record the missing sensor too, or train a model on the sensors "
            f"that there are (windows.sensors in its recipe) or one that may miss some (robust.may_miss)."
        )
    return widened(dataset.windows(meta.rate_hz, meta.seconds, meta.overlap, unlabelled, channels), meta)
