"""Recordings that an import has read, with all that was found in them."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.importing.findings import Decision, Findings
from otolith.recording import Recording


@dataclass(frozen=True)
class Imported:
    """Recordings in m/s² and rad/s with true time stamps, and the findings on the way to them.

    Args:
        recordings: all with the same channels.
        findings: by the recording's name.
        gravity: "included" in all of them, or "removed" from all.
        passed_over: files in which there is no motion.
        left_out: sentences on files that could not be read or used, where `ImportOptions.leave_out` allows that.
        notes: on the whole: spellings of one activity, and whose recordings they are taken to be.

    >>> from otolith.recording import Stream
    >>> import numpy as np
    >>> walk = Recording("walk", "ada", (Stream(("acc_x", "acc_y", "acc_z"), np.zeros((3, 100)), 50.0),))
    >>> found = Imported([walk], {"walk": Findings(["walk.csv"], "table")}, "included")
    >>> found.channels, found.rate_hz, found.activities
    (('acc_x', 'acc_y', 'acc_z'), 50.0, ())
    """

    recordings: list[Recording]
    findings: dict[str, Findings]
    gravity: str
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels of every recording."""
        return self.recordings[0].channels

    @property
    def activities(self) -> tuple[str, ...]:
        """Activities in order of the alphabet."""
        return tuple(sorted({segment.activity for each in self.recordings for segment in each.segments}))

    @property
    def rate_hz(self) -> float:
        """The sensors' highest nominal rate."""
        return max(stream.rate_hz for each in self.recordings for stream in each.streams)

    def common_decisions(self) -> list[tuple[Decision, int]]:
        """Return every decision with the number of recordings that it was made for, in order of appearance.

        Where several recordings of one format came to the same for different reasons, the first stands for them.
        """
        reasons: dict[tuple[str, str, str], list[str]] = {}
        for found in self.findings.values():
            for each in found.decisions:
                reasons.setdefault((found.format, each.what, each.value), []).append(each.why)
        return [
            (Decision(what, value, whys[0] + (", and the like" if len(set(whys)) > 1 else "")), len(whys))
            for (_, what, value), whys in reasons.items()
        ]
