"""Recordings of research devices (ActiGraph, Axivity, GENEActiv), decoded by `actfast` in a process of their own.

https://github.com/childmindresearch/actfast. Its times are the device's own clock, which is set to local time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.importing.containers.worker import Undecodable, in_worker
from otolith.importing.devices.decoder import decode
from otolith.importing.devices.pieces import PIECES, Tail

if TYPE_CHECKING:
    from otolith.importing.containers.members import Member

MOST_DAMAGED = 0.05
"""Share of a file's pages or sectors that may be damaged, and are then left out."""
NEAR = 1e-3
"""Share by which a step of time may be off the usual one within a page or sector."""
MOST_OVERLAP = 0.1
"""Share of a page or sector by which it may last into the next one."""


@dataclass
class Piece:
    """Some time of a recording.

    Attributes:
        times: (samples,) in ns since 1970 on the device's clock.
        acc: (samples, 3) in g.
        gyro: (samples, 3) in deg/s, or none.
        temperature: in degrees Celsius, one for each page or sector, or none.
        about: what the header says, as {part: {name: text}}.
        damage: sentences on what was left out.
        pages: pages or sectors that were read.
    """

    times: NDArray[np.int64]
    acc: NDArray[np.float32]
    gyro: NDArray[np.float32] | None
    temperature: NDArray[np.float32]
    about: dict[str, dict[str, str]]
    damage: list[str] = field(default_factory=list)
    pages: int = 0


def device_pieces(member: Member, kind: str, tail: Tail) -> Iterator[Piece]:
    """Yield a device's recording piece by piece.

    Args:
        member: the file.
        kind: one of `PIECES`.
        tail: is told of an end that breaks off.

    Raises:
        DataError: it is damaged.
    """
    opened = member.seekable() if kind == "actigraph" else member.opened()
    with opened as stream:
        for content in PIECES[kind](member.where, stream, tail):
            yield _decoded(member.where, content)


def read_device(member: Member, kind: str) -> tuple[Piece, str]:
    """Return a device's whole recording, and a sentence on its end where that breaks off.

    Raises:
        DataError: it is damaged, or holds no sample.
    """
    tail = Tail()
    pieces = list(device_pieces(member, kind, tail))
    if not any(len(each.times) for each in pieces) and not any(each.damage for each in pieces):
        raise DataError(f"{member.where}: holds no sample of its accelerometer. Leave the file out.")
    whole = Piece(
        np.concatenate([each.times for each in pieces]),
        np.concatenate([each.acc for each in pieces]),
        None if any(each.gyro is None for each in pieces) else np.concatenate([each.gyro for each in pieces]),
        np.concatenate([each.temperature for each in pieces]),
        pieces[0].about,
        [sentence for each in pieces for sentence in each.damage],
        sum(each.pages for each in pieces),
    )
    if len(whole.damage) > MOST_DAMAGED * (whole.pages + len(whole.damage)):
        raise DataError(
            f"{member.where}: is damaged in {len(whole.damage):,} places, such as {whole.damage[0]}. Download it from "
            "the device again."
        )
    if not len(whole.times):
        raise DataError(f"{member.where}: holds no sample of its accelerometer. Leave the file out.")
    return whole, tail.broken


def without_overlap(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return times that increase where a device stamped its pages too closely, and how many samples that moved.

    A page's samples follow at the nominal rate. Where the device ran faster, a page ends after the next one begins; its
    samples are then spread evenly until that.

    >>> without_overlap(np.array([0, 10, 20, 30, 30, 40, 50, 60], np.int64))
    (array([ 0,  7, 15, 22, 30, 40, 50, 60]), 4)
    """
    steps = np.diff(times)
    if not (steps <= 0).any():
        return times, 0
    usual = np.median(steps)
    begins = np.concatenate([[0], 1 + np.flatnonzero(np.abs(steps - usual) > NEAR * abs(usual)), [len(times)]])
    out, moved = times.copy(), 0
    for first, last in zip(begins[:-2].tolist(), begins[1:-1].tolist(), strict=True):
        span, over, count = int(times[last] - times[first]), int(times[last - 1] - times[last]), last - first
        if 0 <= over <= MOST_OVERLAP * span:
            out[first:last] = times[first] + np.arange(count) * span // count
            moved += count
    return out, moved


def _decoded(where: str, content: bytes) -> Piece:
    try:
        about, pages, damage, *arrays = in_worker(decode, content)
    except Undecodable as reason:
        raise DataError(f"{where}: cannot be decoded ({reason}). Download it from the device again.") from None
    times, acc, gyro, temperature = (
        np.frombuffer(each, kind) for each, kind in zip(arrays, ("i8", "f4", "f4", "f4"), strict=True)
    )
    turning = gyro.reshape(-1, 3) if len(gyro) else None
    return Piece(times, acc.reshape(-1, 3), turning, temperature, about, damage, pages)
