"""Windows as a prompt, a notebook and a table show them, and one window by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otolith import showing
from otolith.errors import DataError
from otolith.recording import sensors_of

if TYPE_CHECKING:
    import polars as pl

    from otolith.windows.meta import WindowMeta


class Held(Protocol):
    """The parts of `Windows` that are shown."""

    @property
    def x(self) -> NDArray[np.float32]: ...
    @property
    def y(self) -> NDArray[np.int64]: ...
    @property
    def subject(self) -> NDArray[Any]: ...
    @property
    def recording(self) -> NDArray[np.str_]: ...
    @property
    def start(self) -> NDArray[np.float64]: ...
    @property
    def meta(self) -> WindowMeta: ...


PICTURES = 4
"""Activities of which a card shows a window."""


@dataclass(frozen=True, eq=False)
class Window:
    """One window of `Windows`.

    Attributes:
        x: float32 (channels, time), unscaled, in m/s² and rad/s.
        activity: its name; None where it is unlabelled.
        subject, recording: who wore the device, and the recording's name.
        start_s: time of the first sample in seconds on the recording's clock.

    >>> Window(np.zeros((6, 30), np.float32), "walk", 3, "morning", 2.5)
    <Window 'morning': walk, of 3, from 2.5 s, 6 channels, 30 steps>
    """

    x: NDArray[np.float32]
    activity: str | None
    subject: int | str
    recording: str
    start_s: float

    def __repr__(self) -> str:
        facts = [showing.plain(self.activity or "unlabelled"), f"of {showing.plain(self.subject)}"]
        shape = [showing.count(self.x.shape[0], "channel"), showing.count(self.x.shape[1], "step")]
        return showing.line("Window", self.recording, [*facts, f"from {self.start_s:g} s", *shape])


def one(w: Held, at: int) -> Window:
    """Return the window of number `at`; negative numbers count from the end."""
    label = int(w.y[at])
    activity = w.meta.activities[label] if label >= 0 else None
    return Window(w.x[at], activity, w.subject[at].item(), str(w.recording[at]), float(w.start[at]))


def is_number(at: object) -> bool:
    """Return whether `at` asks for one window."""
    return isinstance(at, int | np.integer) and not isinstance(at, bool)


def rows(indices: slice | ArrayLike, n: int) -> slice | NDArray[Any]:
    """Return indices into n windows, or refuse them.

    Raises:
        DataError: neither a slice nor a row of whole numbers below n, nor a mask of n.
    """
    if isinstance(indices, slice):
        return indices
    found = np.asarray(indices)
    if found.shape == (0,) and found.dtype.kind == "f":  # an empty list
        return found.astype(np.int64)
    mask = found.dtype.kind == "b" and found.shape == (n,)
    inside = found.dtype.kind in "iu" and found.ndim == 1 and (not found.size or -n <= found.min() <= found.max() < n)
    if not (mask or inside):
        raise DataError(
            f"there are {n:,} windows; expected a slice, whole numbers from {-n} to {n - 1} or a mask ({n},), got "
            f"{found.dtype} of shape {found.shape}"
        )
    return found


def text(w: Held) -> str:
    """Return a line on windows."""
    found = facts(w)
    sensors = showing.plain(", ".join(found["sensors"]), 30)
    unlabelled = found["unlabelled"] and f"{found['unlabelled']} unlabelled"
    activities = showing.count(len(w.meta.activities), "activity", "activities")
    shown = [found["windows"], sensors, found["people"], found["length"], activities, unlabelled]
    return showing.line("Windows", w.meta.dataset, shown)


def page(w: Held) -> str:
    """Return a card on windows, with one of each of the first activities."""
    found = facts(w)
    shown = [number for number in range(len(w.meta.activities)) if (w.y == number).any()][:PICTURES]
    numbers = [int(np.argmax(w.y == number)) for number in shown] or [0][: len(w.x)]
    pictures = [showing.signal(w.x[i], w.meta.channels, one(w, i).activity or "") for i in numbers]
    activities = [f"{name} ({int((w.y == number).sum()):,})" for number, name in enumerate(w.meta.activities)]
    return showing.card("Windows", w.meta.dataset, found | {"activities": activities}, pictures)


def facts(w: Held) -> dict[str, Any]:
    """Return what is told of windows, in words; the length is that of the signal, overlaps counted once."""
    meta = w.meta
    return {
        "windows": f"{showing.count(len(w.x), 'window')} of {meta.seconds:g} s at {meta.rate_hz:g} Hz",
        "sensors": list(sensors_of(meta.channels)),
        "people": showing.count(showing.people(w.subject), "person", "people"),
        "length": showing.duration(len(w.x) * meta.seconds * (1 - meta.overlap)),
        "unlabelled": f"{int((w.y < 0).sum()):,}" if (w.y < 0).any() else "",
    }


def columns(w: Held) -> dict[str, NDArray[Any]]:
    """Return whose, when and what windows are, (n,) each; the label is None where there is none."""
    return {
        "subject": w.subject,
        "recording": w.recording,
        "start_s": w.start,
        "stop_s": w.start + w.meta.seconds,
        "label": np.array([*w.meta.activities, None], dtype=object)[w.y],  # -1 is the last
    }


def table(w: Held) -> pl.DataFrame:
    """Return a row for each window: its facts, and a column for each channel, whose cells are arrays (time,)."""
    import polars as pl

    found = columns(w)
    who = pl.Series("subject", w.subject.tolist(), pl.Int64 if w.subject.dtype.kind == "i" else pl.String)
    rest = [pl.Series(name, found[name]) for name in ("start_s", "stop_s")]
    names = [pl.Series(name, found[name].tolist(), pl.String) for name in ("recording", "label")]
    kind = pl.Array(pl.Float32, w.meta.n_steps)
    signals = [pl.Series(name, np.ascontiguousarray(w.x[:, i]), kind) for i, name in enumerate(w.meta.channels)]
    return pl.DataFrame([who, names[0], *rest, names[1], *signals])
