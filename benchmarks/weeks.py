"""Files of days and weeks, imported and predicted: `python -m benchmarks.weeks`.

Writes invented signals of six channels as CSV, Parquet and CWA (of an AX6), imports each in a process of its own and
predicts it as it is in another, and prints seconds and memory: the most that no file backs, of the process and of its
decoder, and the most that was resident, with pages of files that the system may take back.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import predicting
from benchmarks.memory import MemoryWatch, peak_bytes
from benchmarks.tasks import fresh_processes
from otolith.recording import CHANNELS, STANDARD_GRAVITY

PIECE = 1 << 20
START = datetime(2026, 3, 2, tzinfo=UTC)
SAMPLES, SECTOR = 40, 512
"""Samples of six channels in a sector, and its bytes."""
KINDS = ("csv", "parquet", "cwa")


def signal(n: int, rate_hz: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield times (m,) in s and values (6, m), float32: nights of rest, days of movement and rest in turns."""
    rng = np.random.default_rng(0)
    for at in range(0, n, PIECE):
        number = np.arange(at, min(at + PIECE, n))
        second = number / rate_hz
        moving = (second % 86400 > 8 * 3600) & (second % 1200 < 400)
        values = rng.standard_normal((6, len(number)), np.float32) * np.where(moving, 3, 0.2).astype(np.float32)
        values[2] += STANDARD_GRAVITY
        yield second, values


def write(path: Path, hours: float, rate_hz: int) -> Path:
    """Write such a file; its ending says how."""
    import polars as pl

    n = round(hours * 3600 * rate_hz) // SAMPLES * SAMPLES
    if path.suffix == ".cwa":
        return _write_cwa(path, n, rate_hz)
    begin = int(START.timestamp() * 1000)

    def frame(second: np.ndarray, values: np.ndarray) -> pl.DataFrame:
        names = [f"{name} ({'m/s^2' if name.startswith('acc') else 'rad/s'})" for name in CHANNELS]
        return pl.DataFrame(
            {"time (ms)": begin + np.rint(1000 * second).astype(np.int64)} | dict(zip(names, values, strict=True))
        )

    if path.suffix == ".csv":
        with open(path, "wb") as file:
            for number, piece in enumerate(signal(n, rate_hz)):
                frame(*piece).write_csv(file, float_precision=4, include_header=not number)
        return path
    parts = []
    for number, piece in enumerate(signal(n, rate_hz)):
        parts.append(path.with_suffix(f".{number}"))
        frame(*piece).write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(path)
    for part in parts:
        part.unlink()
    return path


def _write_cwa(path: Path, n: int, rate_hz: int) -> Path:
    code = {50: 0x49, 100: 0x4A}[rate_hz]
    header = bytearray(b"\xff" * 1024)
    header[:4], header[4], header[13:25], header[36] = b"MD\xfc\x03", 0x64, bytes(12), code
    header[5:13], header[64:512] = struct.pack("<HIH", 777, 5, 0), b" " * 448
    with open(path, "wb") as file:
        file.write(header)
        left: np.ndarray = np.empty((0, 6), "<i2")
        done = 0
        for _, values in signal(n, rate_hz):
            acc = np.rint(values[:3] * (4096 / STANDARD_GRAVITY)).clip(-32768, 32767)
            turn = np.rint(np.degrees(values[3:]) * (32768 / 2000)).clip(-32768, 32767)
            rows = np.concatenate([left, np.concatenate([turn, acc]).T.astype("<i2")])
            whole = len(rows) // SAMPLES
            sectors = _sectors(rows[: whole * SAMPLES].reshape(whole, SAMPLES * 6), done, rate_hz, code)
            file.write(sectors.tobytes())
            done += whole
            left = rows[whole * SAMPLES :]
    return path


def _sectors(rows: np.ndarray, first: int, rate_hz: int, code: int) -> np.ndarray:
    out = np.zeros((len(rows), SECTOR), np.uint8)
    for number, sector in enumerate(out):
        begun = (first + number) * SAMPLES / rate_hz
        at = START + timedelta(seconds=int(begun))
        stamp = at.year - 2000 << 26 | at.month << 22 | at.day << 17 | at.hour << 12 | at.minute << 6 | at.second
        parts = round(begun % 1 * 65536) >> 1
        shift = -((parts << 1) * rate_hz >> 16)
        head = struct.pack(
            "<2sHHIIIHHBBBBhH", b"AX", 508, 0x8000 | parts, 5, first + number, stamp, 4 << 13 | 2 << 10 | 300, 250, 0,
            200, code, 0x62, shift, SAMPLES,
        )  # fmt: skip
        sector[: len(head)] = np.frombuffer(head, np.uint8)
    out[:, 30:510] = rows.view(np.uint8)
    total = -out[:, :510].view("<u2").sum(1, dtype=np.int64) % 65536
    out[:, 510:] = total.astype("<u2")[:, None].view(np.uint8)
    return out


def ran(arguments: list[str]) -> dict[str, float]:
    """Run a command of otolith in this process: seconds, and bytes of memory at their most."""
    from otolith.cli import main

    with MemoryWatch() as watch:
        began = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            code = main(arguments)
        seconds = time.perf_counter() - began
    if code:
        raise RuntimeError(f"otolith {' '.join(arguments)} ended with {code}")
    return {"seconds": seconds, "own": watch.own, "child": watch.child, "resident": peak_bytes()}


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weeks", description=__doc__)
    parser.add_argument("--hours", type=float, nargs="+", default=[24, 168])
    parser.add_argument("--rate", type=int, nargs="+", default=[50, 100], help="Hz, one for each of --hours")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--folder", type=Path, default=None, help="disk to work on; default: that of temporary files")
    parser.add_argument("--model", type=Path, default=None, help="default: an untrained one of the compact recipe")
    given = parser.parse_args(arguments)
    sys.stdout.write(
        "| file | size | | seconds | memory that no file backs | of the decoder | resident |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        model = given.model or predicting.model(folder)
        for hours, rate in zip(given.hours, given.rate, strict=True):
            for kind in given.kinds:
                path = write(folder / f"worn.{kind}", hours, rate)
                _row(path, hours, rate, "import", ["import", str(path), "--yes", "--out", str(folder / "set")])
                predict = ["predict", str(model), "--device", "cpu", "--out", str(folder / "out")]
                _row(path, hours, rate, "predict, as it is", [*predict, str(path), "--yes"])
                shutil.rmtree(folder / "out")
                _row(path, hours, rate, "predict, imported", [*predict, str(folder / "set")])
                shutil.rmtree(folder / "out")
                shutil.rmtree(folder / "set")
                path.unlink()


def _row(path: Path, hours: float, rate: int, what: str, arguments: list[str]) -> None:
    (found,) = fresh_processes(("ran", {"arguments": arguments}))
    size = path.stat().st_size
    megabytes: Any = (f"{found[key] / 1e6:.0f} MB" for key in ("own", "child", "resident"))
    sys.stdout.write(
        f"| {hours:g} h at {rate} Hz, {path.suffix[1:].upper()} | {size / 1e9:.2f} GB | {what} "
        f"| {found['seconds']:.0f} | {' | '.join(megabytes)} |\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
