"""Invented weeks: timelines of people who sleep, sit, stand and walk, with a gap and time not worn, and signals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from otolith.prediction.moments import zone_of
from otolith.prediction.seen import stored_of
from otolith.prediction.store import Stored
from otolith.prediction.timeline import Timeline
from otolith.recording import CHANNELS, Recording, Stream

STATES = ("walking", "upstairs", "downstairs", "sitting", "standing", "laying", "unknown")
NIGHT = 5


def week(
    name: str = "ada", days: float = 7.0, rate_hz: float = 1.0, seed: int = 0, dated: bool = True, hop_s: float = 10.0
) -> Stored:
    """Return a predicted recording that begins on Friday evening before a change of clocks in Berlin."""
    rng = np.random.default_rng(seed)
    n = round(days * 86400 / hop_s)
    start = hop_s * np.arange(n)
    hour = (start / 3600 + 18.0) % 24
    states = np.empty(n, np.int64)
    at = 0
    while at < n:
        asleep = hour[at] >= 23 or hour[at] < 7
        state = NIGHT if asleep else int(rng.choice(7, p=[0.2, 0.04, 0.04, 0.4, 0.24, 0.03, 0.05]))
        length = max(1, int(rng.exponential((3600 if asleep else 420 if state > 2 else 60) / hop_s)))
        states[at : at + length] = state
        at += length
    gap = (start > 0.5 * n * hop_s) & (start < 0.53 * n * hop_s)
    begin, end = 0.75 * n * hop_s, 0.75 * n * hop_s + 9000
    t = Timeline(
        name, name, STATES, start[~gap], hop_s, hop_s, np.eye(7, dtype=np.float32)[states[~gap]][:, :6] * 0.9 + 0.01,
        np.zeros(int((~gap).sum()), np.float32), (states == 6)[~gap], None, np.array([""] * int((~gap).sum())),
        datetime(2026, 3, 27, 18, 0, tzinfo=zone_of("Europe/Berlin")) if dated else None,
    )  # fmt: skip
    m = round(days * 86400 * rate_hz)
    times = np.arange(m) / rate_hz
    now = np.minimum((times / hop_s).astype(np.int64), n - 1)
    strength = np.array([3, 4, 4, 0.3, 0.3, 0.15, 1.5])[states[now]]
    x = rng.normal(0, 1, (6, m)).astype(np.float32) * strength.astype(np.float32)
    lying = states[now] == NIGHT
    x[2] += np.where(lying, 0, 9.81)
    x[0] += np.where(lying, 9.81, 0)
    x[3:] *= 0.3
    off = (times >= begin) & (times < end)
    x[:, off] = np.array([0, 0, 9.81, 0, 0, 0], np.float32)[:, None]
    keep = ~gap[now]
    stored = stored_of(Recording(name, name, (Stream(CHANNELS, x[:, keep], rate_hz, times[keep]),)), t, f"{name}.csv")
    return replace(stored, timeline=replace(stored.timeline, not_worn=((begin, end),) if days > 1 else ()))
