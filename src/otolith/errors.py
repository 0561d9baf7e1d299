"""Errors that a user can cure. The command line prints their text and exits with code 2; it never shows a trace."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OtolithError(Exception):
    """Something outside the code is wrong: the message says what came, what was expected and what to do next.

    >>> issubclass(DataError, OtolithError)
    True
    """


class DataError(OtolithError):
    """A recording, a data set folder or an array cannot be used as it is."""


class RecipeError(OtolithError):
    """A recipe or an option of one is unknown, malformed or contradictory."""


class ArrayError(DataError, ValueError):
    """An array that was handed to `Recogniser` cannot be used; a ValueError, too, as callers of scikit-learn expect.

    >>> issubclass(ArrayError, ValueError) and issubclass(ParameterError, ValueError)
    True
    """


class ParameterError(RecipeError, ValueError):
    """A parameter that was handed to `Recogniser` cannot be used; a ValueError, too."""


class CheckpointError(OtolithError):
    """A checkpoint, run folder or model bundle is damaged or belongs to something else."""


class PluginError(OtolithError):
    """A plug-in is not there, cannot be loaded, or takes a name that exists."""


class TrainingError(OtolithError):
    """Training cannot go on: the loss is not finite, memory does not suffice, or the data are too few for the batch."""


class StorageError(OtolithError):
    """A file cannot be written: the disk is full, a limit is reached, or a permission is missing."""


class InUseError(OtolithError):
    """Another process works in a folder that only one may write to."""


def unknown(kind: str, name: object, known: Iterable[str], meant: str = "") -> str:
    """Return the message for a name that is not registered, with the nearest one that is, or the one that is meant.

    >>> unknown("method", "dynamc", ["dynamic", "random"])
    "unknown method 'dynamc'; did you mean 'dynamic'? Known: dynamic, random"
    """
    names = sorted(known)
    near = [meant] if meant else difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return f"unknown {kind} {str(name)!r}{hint} Known: {', '.join(names)}"


def not_finite(what: str) -> str:
    """Return the message for answers of a network that are no numbers.

    >>> not_finite("features").split(":")[0]
    'the features that the network computed are not all finite numbers'
    """
    return (
        f"the {what} that the network computed are not all finite numbers: its weights are damaged or diverged, or the "
        "samples are far beyond what a sensor measures. Look at the recordings, and train the model again if they are "
        "as they should be."
    )
