"""Files of research devices, whose decoder runs in a process of its own; and tables in archives of every kind."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
import tempfile
import zipfile

import numpy as np

from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, register
from tests.fuzz.reading_imports import NAMES, Imported, written, zip_of
from tests.helpers import devices, exports
from tests.helpers.workbooks import workbook

S = exports.signal(4)


@register
class AxivityCwa(Imported):
    name, weight = "axivity_cwa", 5.0

    def valid(self) -> list[Files]:
        return [{"source/walk.cwa": devices.axivity(S, gyro=gyro)} for gyro in (False, True)]

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        out = fuzzmutate.bytes_of(rng, content)
        if rng.random() < 0.5:
            return out
        sectors = [bytearray(out[at : at + 512]) for at in range(1024, len(out) - 511, 512)]
        for sector in sectors:  # what the checksum would catch goes further
            sector[510:] = b"\0\0"
            sector[510:] = int(-int(np.frombuffer(bytes(sector), "<u2").sum()) % 65536).to_bytes(2, "little")
        return out[:1024] + b"".join(map(bytes, sectors))


@register
class GeneActivBin(Imported):
    name, weight = "geneactiv_bin", 5.0
    separator = ":"

    def valid(self) -> list[Files]:
        return [{"source/walk.bin": devices.geneactiv(S)}]

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        if rng.random() < 0.5:
            return fuzzmutate.table_of(rng, content, self.separator)
        return fuzzmutate.bytes_of(rng, content)


@register
class ActiGraphGt3x(Imported):
    name, weight = "actigraph_gt3x", 5.0

    def valid(self) -> list[Files]:
        kinds = ({}, {"wide": True}, {"stated": False}, {"asleep": (1,), "zeros": (2,)})
        return [{"source/walk.gt3x": devices.gt3x(S, **kind)} for kind in kinds]  # type: ignore[arg-type]

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        if rng.random() < 0.3:
            return fuzzmutate.bytes_of(rng, content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {each: archive.read(each) for each in archive.namelist()}
        changed = rng.choice(("log.bin", "info.txt"))
        members[changed] = fuzzmutate.bytes_of(rng, members[changed])
        if rng.random() < 0.1:
            del members[rng.choice(sorted(members))]
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for each, blob in members.items():
                archive.writestr(each, blob)
        return out.getvalue()


@register
class Containers(Imported):
    """gzip, tar, and archives within archives."""

    name, weight = "containers", 6.0

    def prepare(self) -> None:
        super().prepare()
        tempfile.tempdir = os.getcwd()  # where inner archives are unpacked, in files without a name

    def valid(self) -> list[Files]:
        (table,) = written(exports.physics_toolbox).values()
        (packed,) = written(exports.sensor_logger, zipped=True).values()
        return [
            {"source/walk.csv.gz": gzip.compress(table)},
            {"source/walk.zip": _zip(("day/walk.zip", packed))},
            {"source/walk.tar": _tar(("walk.csv", table))},
            {"source/walk.tgz": gzip.compress(_tar(("walk.csv.gz", gzip.compress(table)), ("in.zip", packed)))},
        ]

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        if rng.random() < 0.4:
            return fuzzmutate.bytes_of(rng, content)
        if name.endswith(".gz"):
            inner = gzip.decompress(content)
            return gzip.compress(rng.choice((fuzzmutate.table_of(rng, inner), inner + bytes(30 << 20))))
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                inner = archive.read("day/walk.zip")
            return _zip((rng.choice(("day/walk.zip", *NAMES)), zip_of(rng, inner)))
        if name.endswith(".tgz"):
            return gzip.compress(fuzzmutate.bytes_of(rng, gzip.decompress(content)))
        return _tar((rng.choice(("walk.csv", *NAMES)).replace("\0", ""), content[512:]), rng=rng)


@register
class Json(Imported):
    """Tables in JSON, of any app and of Sensor Logger."""

    name, weight = "json", 6.0

    def valid(self) -> list[Files]:
        at = [
            (f"{exports.START_NS + round(t * 1e9)}", *map(float, acc))
            for t, acc in zip(S.acc_times, S.acc.T, strict=True)
        ]
        rows = [{"time_ns": t, "acc": {"x": x, "y": y, "z": z}, "label": "up"} for t, x, y, z in at[:60]]
        of_app = [
            {"sensor": "TotalAcceleration", "time": t, "seconds_elapsed": "0", "x": f"{x}", "y": f"{y}", "z": f"{z}"}
            for t, x, y, z in at[:60]
        ]
        columns = {
            "time_ns": [row[0] for row in at],
            **{f"acc_{axis}": list(each) for axis, each in zip("xyz", S.acc.tolist(), strict=True)},
        }
        trees = [rows, of_app, {"data": rows}, columns]
        return [{"source/walk.json": fuzzmutate.dumps(tree).encode()} for tree in trees]

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        out = fuzzmutate.json_of(rng, content)
        if rng.random() < 0.2 and out.startswith(b"[{"):  # an object on each line
            out = out[1:].replace(b"}, {", b"}\n{").replace(b"},{", b"}\n{").rstrip(b"]")
        return out


@register
class Workbook(Imported):
    """Workbooks, in whose worker nothing but bytes and texts comes back."""

    name, weight = "workbook", 3.0

    def valid(self) -> list[Files]:
        rows = [
            ["time_s", "acc_x", "acc_y", "acc_z"],
            *([t, *acc] for t, acc in zip(S.acc_times.tolist(), S.acc.T.tolist(), strict=True)),
        ]
        return [
            {"source/walk.xlsx": workbook(sheets)} for sheets in ({"a": rows}, {"walk": rows[:90], "notes": [["x"]]})
        ]

    def change(self, rng: random.Random, name: str, content: bytes) -> bytes:
        if rng.random() < 0.3:
            return fuzzmutate.bytes_of(rng, content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {each: archive.read(each) for each in archive.namelist()}
        changed = rng.choice(sorted(parts))
        parts[changed] = fuzzmutate.bytes_of(rng, parts[changed])
        if rng.random() < 0.1:
            del parts[rng.choice(sorted(parts))]
        return _zip(*parts.items())


def _zip(*entries: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, blob in entries:
            entry = zipfile.ZipInfo(name)
            entry.filename = name
            archive.writestr(entry, blob)
    return out.getvalue()


def _tar(*entries: tuple[str, bytes], rng: random.Random | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, blob in entries:
            info = tarfile.TarInfo(name)
            info.size = len(blob)
            if rng is not None and rng.random() < 0.2:
                info.type, info.linkname = (
                    rng.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE)),
                    "/etc/passwd",
                )
            archive.addfile(info, io.BytesIO(blob))
    return out.getvalue()
