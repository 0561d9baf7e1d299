"""Run the load test of docs/live.md:  python -m benchmarks.streams MODEL [--streams 200] [--seconds 60] [--slow N]

Starts `otolith live` in a process of its own, connects as phones do (TLS, token, ten messages a second in real time),
and holds what comes back against the streaming recogniser offline. Latency is from sending the sample that completes a
window to receiving its state.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.table import grid
from otolith.errors import DataError, OtolithError
from otolith.model import Model, bundle
from otolith.progress import SILENT, Progress
from otolith.progress.display import LiveProgress
from otolith.system import extras

RATE_HZ = 60.0
"""What browsers send."""
PLAYED_S = 900.0


@dataclass(frozen=True)
class Options:
    """One measurement: streams at once, seconds, rate, and clients of each bad kind beside them (`slow`)."""

    streams: int = 200
    seconds: float = 60.0
    rate_hz: float = RATE_HZ
    slow: int = 0


HEADER = (
    *("streams", "samples sent", "dropped", "predictions", "lost", "doubled, disordered or different"),
    *("latency 50 %", "95 %", "99 %", "worst", "senders late, 99 %", "server, of one core"),
    *("server memory, before", "first half, most", "second half, most", "after"),
)
DISTINCT = 20_000
"""Seconds of signals that are made: of longer measurements several phones send the same ones."""


def measure(model: Model, path: Path, options: Options, progress: Progress = SILENT) -> tuple[list[str], bool, float]:
    """Return a row under `HEADER`, whether all was right, and the latency at 99 % in seconds.

    Raises:
        DataError: the server does not start, or ends.
    """
    from benchmarks.streams import bad_clients, fleet
    from benchmarks.streams.judge import judge
    from benchmarks.streams.script import answers, script
    from benchmarks.streams.server import Use, started
    from otolith.streaming.network import Network

    scripts = []
    with progress.stage("writing messages of phones", options.streams, "streams") as stage:
        distinct = max(1, min(options.streams, int(DISTINCT / options.seconds)))
        made = [script(model, options.seconds, options.rate_hz, seed) for seed in range(distinct)]
        for seed in range(options.streams):
            scripts.append(made[seed % distinct])
            stage.advance()
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        clients = options.streams + len(bad_clients.KINDS) * options.slow + 10
        given = ["--max-clients", str(clients)]
        if options.slow:
            given += ["--replay", str(_playable(Path(folder) / "played", model, options.rate_hz))]
        with started(path, given) as server:

            async def scene() -> tuple[list[fleet.Heard], dict[str, list[bad_clients.Ending]]]:
                bad = {
                    name: [
                        asyncio.create_task(bad_clients.misbehave(name, server, scripts[0], options.seconds + 60))
                        for _ in range(options.slow)
                    ]
                    for name in bad_clients.KINDS
                }
                heard = await fleet.drive(server, scripts, model.meta.seconds * (1 - model.meta.overlap), progress)
                for task in (task for tasks in bad.values() for task in tasks):
                    task.cancel()
                ended: dict[str, list[bad_clients.Ending]] = {}
                for name, tasks in bad.items():
                    found = await asyncio.gather(*tasks, return_exceptions=True)
                    ended[name] = [one for one in found if isinstance(one, bad_clients.Ending)]
                return heard, ended

            with Use(server.process) as use:
                heard, ended = asyncio.run(scene())
    network, right = Network(model), []
    with progress.stage("the same offline", options.streams, "streams") as stage:
        known = [answers(model, network, each) for each in made]
        for seed in range(options.streams):
            right.append(known[seed % distinct])
            stage.advance()
    verdict = judge(heard, right)
    wrong = verdict.doubled + verdict.disordered + verdict.different
    at = np.percentile(verdict.latency_s, [50, 95, 99, 100]) if verdict.latency_s else np.full(4, np.nan)
    half = len(use.rss_bytes) // 2
    most = [max(use.rss_bytes[: half + 1]), max(use.rss_bytes[half:])]
    memory = [f"{n / 1e6:.0f} MB" for n in (use.rss_bytes[0], *most, use.rss_bytes[-1])]
    row = [str(options.streams), f"{verdict.samples:,}", str(verdict.dropped)]
    row += [f"{verdict.received:,} of {verdict.expected:,}", str(verdict.lost), str(wrong)]
    row += [*map(_ms, at), _ms(np.percentile(verdict.late_s, 99)), f"{100 * use.cpu_share:.0f} %", *memory]
    for failure in sorted(set(verdict.failures)):
        progress.say(f"{verdict.failures.count(failure)} streams ended early: {failure}")
    progress.say(f"Largest difference of a probability from the offline one: {verdict.largest:.0e}")
    for name in ended if options.slow else ():
        progress.say(f"{options.slow} that {name}: {_summary(ended[name], options.slow)}")
    return row, verdict.clean, float(at[2])


def _summary(ended: Sequence[object], n: int) -> str:
    hows: dict[str, list[float]] = {}
    for one in ended:
        hows.setdefault(one.how, []).append(one.seconds)  # type: ignore[attr-defined]
    parts = [f"{len(at)} {how} after {min(at):.0f} to {max(at):.0f} s" for how, at in hows.items()]
    if len(ended) < n:
        parts.append(f"{n - len(ended)} connected to the end")
    return "; ".join(parts)


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.0f} ms"


def _playable(folder: Path, model: Model, rate_hz: float) -> Path:
    """Write a folder with one long recording, for clients that let it be played and do not read."""
    from benchmarks.streams.bad_clients import RECORDING
    from benchmarks.streams.script import signal
    from otolith.datasets import DatasetInfo
    from otolith.datasets.folder import write_folder
    from otolith.recording import Recording, Segment, Stream

    channels = model.meta.channels
    info = DatasetInfo(
        name="played",
        title="Made for a load test",
        licence="MIT",
        terms="For tests.",
        citation="",
        homepage="",
        how_to_get="It is computed.",
        n_subjects=None,
        n_recordings=None,
        rate_hz=rate_hz,
        activities=("moving",),
        channels=channels,
    )
    values = signal(model, round(PLAYED_S * rate_hz), rate_hz, 10**6)
    stream = Stream(channels, values, rate_hz)
    return write_folder(folder, info, [Recording(RECORDING, 1, (stream,), (Segment(0, PLAYED_S, "moving"),))])


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    progress = LiveProgress()
    try:
        for package in ("websockets", "uvicorn", "starlette", "cryptography", "segno"):
            extras.need(package, "the load test", "live")
        if min(given.streams, given.seconds, given.rate) <= 0 or given.slow < 0:
            raise DataError("--streams, --seconds and --rate have to be positive, and --slow not negative")
        torch.set_num_threads(1)
        model = bundle.load_model(given.model, "cpu")
        hop_s = model.meta.seconds * (1 - model.meta.overlap)
        if model.meta.seconds >= given.seconds:
            raise DataError(f"no window is complete within {given.seconds:g} s; give more than {model.meta.seconds:g}")
        rows, clean, streams = [], True, given.streams
        while True:
            options = Options(streams, given.seconds, given.rate, given.slow)
            row, right, late_s = measure(model, given.model, options, progress)
            rows.append(row)
            clean = clean and right
            if not (given.ramp and right and late_s <= hop_s):
                break
            streams *= 2
        sys.stdout.write(grid(HEADER, rows))
    except OtolithError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    return 0 if clean or given.ramp else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streams", description=__doc__)
    parser.add_argument("model", type=Path, help="model folder of a run")
    parser.add_argument("--streams", type=int, default=Options.streams, help="phones at once (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=Options.seconds, help="each of them (default %(default)s)")
    parser.add_argument("--rate", type=float, default=RATE_HZ, help="samples a second (default %(default)s)")
    parser.add_argument("--slow", type=int, default=0, help="clients of each bad kind beside them (default none)")
    parser.add_argument("--ramp", action="store_true", help="double --streams until 99 %% is later than a window's hop")
    return parser


if __name__ == "__main__":
    sys.exit(main())
