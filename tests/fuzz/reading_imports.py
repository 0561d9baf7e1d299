"""Exports of phones, tables and archives, through `otolith.importing`; and files of intervals."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from otolith.datasets.folder import FolderDataset, check_recording
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.labels.intervals import read_intervals
from otolith.importing.write import import_recordings
from otolith.windows.clock import contiguous
from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, register
from tests.helpers import exports

GUESS = {"accept_guess": True, "acc_unit": "g", "gyro_unit": "rad/s", "gravity": "included", "time_unit": "s"}
OPTIONS: tuple[dict[str, Any], ...] = (
    *({"accept_guess": True}, GUESS, GUESS, {}),
    {**GUESS, "subject_folder": True},
    {**GUESS, "labels": "labels.csv"},
    {**GUESS, "time_format": "%d.%m.%Y %H:%M:%S%.f"},
    {**GUESS, "rate_hz": 50.0, "time": "none"},
    {**GUESS, "acc_only": True},
)
S = exports.signal(0.6)


class Imported(Reader):
    """Examples lie in `source`; `how.json` has the options, and whether what was read is also written and read again."""

    separator: ClassVar[str] = ","

    def prepare(self) -> None:
        import matplotlib.font_manager  # noqa: F401 - lists the system's fonts by other programs, once

    def mutate(self, rng: random.Random, files: Files) -> Files:
        out = dict(files)
        for name in rng.sample(sorted(n for n in files if n.startswith("source/")), 1):
            out[name] = self.change(rng, name, files[name])
        how = {"options": rng.choice(OPTIONS), "write": rng.random() < 0.03}
        return out | {"how.json": json.dumps(how).encode(), "labels.csv": b"start,end,activity\n0.1,0.4,up\n"}

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        if name.endswith(".zip"):
            return zip_of(rng, content, self.separator)
        return fuzzmutate.table_of(rng, content, self.separator)

    def read(self, box: Path, files: Files) -> None:
        how = json.loads(files.get("how.json", json.dumps({"options": {"accept_guess": True, "gravity": "included"}})))
        given = dict(how["options"])
        if "labels" in given:
            given["labels"] = box / given["labels"]
        if how.get("write"):
            import_recordings(box / "source", box / "out", ImportOptions(**given))
            data = FolderDataset(box / "out")
            assert data.check(deep=True) == [], data.check(deep=True)
            assert "<script" not in (box / "out" / "quality.html").read_text("utf-8")
            return
        found = read_recordings(box / "source", ImportOptions(**given))
        info = type("Info", (), {"channels": found.channels, "activities": found.activities})
        for recording in found.recordings:
            check_recording(recording, info)  # type: ignore[arg-type]
            contiguous(recording)
            assert all(np.abs(stream.values).max() < 1e12 for stream in recording.streams)
        json.dumps([each.as_json() for each in found.findings.values()], allow_nan=False).encode()


def written(kind: Any, *, zipped: bool = False, **options: Any) -> Files:
    """What a writer of `exports` writes, as files below `source`."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "walk.zip") if zipped else Path(folder, "walk")
        if kind is exports.physics_toolbox:
            place = place.with_suffix(".csv")
        kind(place, S, **options)
        return {
            f"source/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }


def zip_of(rng: random.Random, content: bytes, separator: str = ",") -> bytes:
    """An archive whose members, names, sizes or bytes are changed."""
    if rng.random() < 0.3:
        return fuzzmutate.bytes_of(rng, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in rng.sample(sorted(members), min(len(members), rng.randint(0, 2))):
        members[name] = fuzzmutate.table_of(rng, members[name], separator)
    entries = list(members.items())
    if rng.random() < 0.4:
        entries.append((rng.choice(NAMES), rng.choice((entries[0][1], b"", b"x" * 1000, bytes(3 << 20)))))
    buffer = io.BytesIO()
    ways = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(buffer, "w", rng.choice(ways)) as archive:
        for name, blob in entries:
            entry = zipfile.ZipInfo(name)
            entry.filename = name  # as it is, with whatever is in it
            entry.compress_type = archive.compression
            if rng.random() < 0.03:
                entry.external_attr = 0o120777 << 16  # a link
            archive.writestr(entry, blob)
    out = buffer.getvalue()
    central = out.find(b"PK\x01\x02")
    if central >= 0 and rng.random() < 0.3:  # flags, way of packing and sizes as the directory declares them
        at = central + rng.choice((8, 10, 16, 20, 24, 28, 30, 42))
        out = out[:at] + struct.pack("<I", rng.choice(fuzzmutate.INTS) % 2**32) + out[at + 4 :]
    return out if rng.random() < 0.7 else fuzzmutate.bytes_of(rng, out)


NAMES = (
    *("../../outside/evil.csv", "/tmp/evil.csv", "a/../../evil.csv", "..\\evil.csv", "C:\\evil.csv", "C:evil.csv"),
    *("a\0.csv", "x.zip", "deep/" * 60 + "x.csv", "n" * 300 + ".csv", ".hidden.csv", "__MACOSX/x.csv", "walk.csv"),
    *(
        "<script>.csv",
        "Accelerometer.csv",
        "é.csv",
        "\u202e.csv",
        " .csv",
        "/",
        "./x.csv",
        "meta/time.csv",
        "x.parquet",
    ),
)


@register
class SensorLogger(Imported):
    name, weight = "sensor_logger", 9.0

    def valid(self) -> list[Files]:
        kinds = ({}, {"total": False}, {"total": False, "gravity": False, "ios": True})
        plain = [written(exports.sensor_logger, **kind) for kind in kinds]
        return [*plain, written(exports.sensor_logger, zipped=True)]


@register
class Phyphox(Imported):
    name, weight = "phyphox", 9.0

    def valid(self) -> list[Files]:
        kinds = ({}, {"linear": True}, {"pause": (0.2, 3.0)}, {"one_table": True})
        return [*(written(exports.phyphox, **kind) for kind in kinds), written(exports.phyphox, zipped=True)]


@register
class PhysicsToolbox(Imported):
    name, weight = "physics_toolbox", 9.0

    def valid(self) -> list[Files]:
        kinds = ({}, {"clock": True}, {"modern": True}, {"linear": True, "blank_first": True})
        return [written(exports.physics_toolbox, **kind) for kind in kinds]


@register
class ActiGraphCsv(Imported):
    name, weight = "actigraph_csv", 4.0

    def valid(self) -> list[Files]:
        about = [
            "-- Data File Created By ActiGraph GT3X+ date format M/d/yyyy at 50 Hz  Filter Normal --",
            "Serial Number: 1",
        ]
        about += ["Start Time 10:15:00", "Start Date 12/3/2024", "-" * 50]
        rows = [",".join(f"{v:.3f}" for v in acc) for acc in S.acc.T / exports.G]
        axes = "Accelerometer X,Accelerometer Y,Accelerometer Z"
        timed = [f"12/3/2024 10:15:{t:06.3f},{row}" for t, row in zip(S.acc_times, rows, strict=True)]
        texts = ["\n".join([*about, axes, *rows, ""]), "\n".join([*about, f"Timestamp,{axes}", *timed, ""])]
        return [{"source/walk RAW.csv": text.encode()} for text in texts]


@register
class Xsens(Imported):
    name, weight = "xsens", 4.0

    def valid(self) -> list[Files]:
        names = "Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z"
        rows = [",".join(f"{v:.5f}" for v in (*acc, *gyro)) for acc, gyro in zip(S.acc.T, S.gyro.T, strict=True)]
        dot = [f"{i},{(2**32 - 100_000 + 20_000 * i) % 2**32},{row}" for i, row in enumerate(rows)]
        head = f"PacketCounter,SampleTimeFine,{names}"
        about = ["sep=,", "DeviceTag:,7", "OutputRate:,50Hz", " ", head]
        packets = [f"{(65_500 + i) % 2**16},,{row}" for i, row in enumerate(rows)]
        units = [f"{name} (rad/s)" if name.startswith("Gyr") else name for name in head.split(",")]
        manager = "\n".join(["// Update Rate: 50.0Hz", ",".join(units), *packets, ""]).replace(",", "\t")
        texts = ["\n".join([*about, *dot, ""]), manager]
        return [{"source/walk.csv": text.encode()} for text in texts]


@register
class Table(Imported):
    """Plain tables, among them some of the least that is one."""

    name, weight = "table", 12.0

    def valid(self) -> list[Files]:
        rows = [
            [f"{t:.3f}", *(f"{v:.5f}" for v in (*acc, *gyro)), "up" if t < 0.3 else "down", "r1", "ada"]
            for t, acc, gyro in zip(S.acc_times, S.acc.T / exports.G, S.gyro.T, strict=True)
        ]
        header = "time,acc_x [g],acc_y [g],acc_z [g],gyro_x [rad/s],gyro_y [rad/s],gyro_z [rad/s]"
        texts = [exports.lines(f"{header},activity,recording,subject", rows)]
        texts.append(
            exports.lines("timestamp_ms,ax (g),ay (g),az (g)", [[f"{i * 20}", *r[1:4]] for i, r in enumerate(rows)])
        )
        iso = [[f"2026-03-01T10:00:00.{20 * i:03d}Z", *row[1:4]] for i, row in enumerate(rows)]
        texts.append(exports.lines('"time","acc_x (g)","acc_y (g)","acc_z (g)"', iso))
        return [{"source/walk.csv": text.encode()} for text in texts]


@register
class Parquet(Imported):
    name, weight = "parquet", 4.0

    def valid(self) -> list[Files]:
        import polars as pl

        columns = dict(zip(("acc_x (g)", "acc_y (g)", "acc_z (g)"), S.acc / exports.G, strict=True))
        frame = pl.DataFrame({"time": S.acc_times, **columns, "label": ["up"] * len(S.acc_times)})
        stamps = frame.with_columns(pl.from_epoch((pl.col("time") * 1e9).cast(pl.Int64), "ns"))
        lasting = frame.with_columns(pl.duration(milliseconds=(pl.col("time") * 1000).cast(pl.Int64)).alias("time"))
        out = []
        for each in (frame, stamps, lasting, frame.with_columns(pl.all().exclude("label").cast(pl.Float32))):
            buffer = io.BytesIO()
            each.write_parquet(buffer)
            out.append({"source/walk.parquet": buffer.getvalue()})
        return out

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        import polars as pl

        if rng.random() < 0.6:
            return fuzzmutate.bytes_of(rng, content)
        frame = pl.read_parquet(io.BytesIO(content))
        column = rng.choice(frame.columns)
        kinds = (
            pl.String,
            pl.Boolean,
            pl.Int8,
            pl.Int64,
            pl.Decimal(38, 5),
            pl.Date,
            pl.Time,
            pl.Categorical,
            pl.Binary,
        )
        odd: list[Any] = [[rng.choice((1.0, None, float("nan"), float("inf"), 1e300)) for _ in range(frame.height)]]
        odd += [[[1, 2]] * frame.height, [{"a": 1}] * frame.height, [None] * frame.height, [b"\xff"] * frame.height]
        try:
            kind = rng.choice(kinds)
            changed = (
                pl.Series(column, rng.choice(odd)) if rng.random() < 0.5 else frame[column].cast(kind, strict=False)
            )
            frame = frame.with_columns(changed.alias(column))
        except pl.exceptions.PolarsError:  # no such change of that column
            return fuzzmutate.bytes_of(rng, content)
        if rng.random() < 0.1:  # many rows that take no room
            frame = pl.concat([frame.head(1)] * rng.choice((1000, 20_000)))
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return buffer.getvalue()


@register
class Labels(Reader):
    """Files of intervals."""

    name, weight = "labels", 6.0

    def valid(self) -> list[Files]:
        texts = (
            "recording,start,end,activity\nwalk,0,12.5,up\nwalk,13,14,down\n",
            "start;stop;label\n00:00:01.5;00:00:03;up\n",
            "file,from,to,class\nw,2026-03-01T10:00:00Z,2026-03-01T10:01:00+01:00,x\n",
        )
        return [{"labels.csv": text.encode()} for text in texts[:2]]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        content = files["labels.csv"]
        return {"labels.csv": fuzzmutate.table_of(rng, content, ";" if b";" in content else ",")}

    def read(self, box: Path, files: Files) -> None:
        for each in read_intervals(box / "labels.csv"):
            assert np.isfinite(each.start)
            assert np.isfinite(each.end) or each.until_next
            assert each.start < each.end
            assert each.activity
