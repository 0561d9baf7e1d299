"""Files of public data sets in their publishers' layouts, tables with one value a row, and layouts of a study."""

from __future__ import annotations

import json
import random
from pathlib import Path

from otolith.importing.study import read_layout
from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, register
from tests.fuzz.reading_loggers import Logged, N, S, cells
from tests.helpers import exports

MS = [str(1_437_000_000_000 + 20 * n) for n in range(N)]


def text(header: str, *columns: list[str], between: str = ",") -> bytes:
    return "\n".join([*([header] if header else []), *map(between.join, zip(*columns, strict=True)), ""]).encode()


def how(place: str = "all") -> bytes:
    return json.dumps({"options": {"accept_guess": True, "place": place, "gyro_unit": "rad/s"}}).encode()


@register
class RealWorldHar(Logged):
    name, weight = "realworld_har", 2.0

    def valid(self) -> list[Files]:
        header = "id,attr_time,attr_x,attr_y,attr_z"
        files = {
            f"source/proband1/{sensor}_walking_{place}.csv": text(header, list(map(str, range(N))), MS, cells(values))
            for sensor, values in (("acc", S.acc), ("Gyroscope", S.gyro))
            for place in ("chest", "waist")
        }
        return [{**files, "how.json": how()}]


@register
class Harth(Logged):
    name, weight = "harth", 2.0

    def valid(self) -> list[Files]:
        times = [f"2019-01-12 00:00:{each:06.3f}" for each in S.acc_times]
        header = "timestamp,back_x,back_y,back_z,thigh_x,thigh_y,thigh_z,label"
        acc = cells(S.acc / exports.G)
        return [{"source/S006.csv": text(header, times, acc, acc, ["6"] * N), "how.json": how()}]


@register
class Hhar(Logged):
    name, weight = "hhar", 2.0

    def valid(self) -> list[Files]:
        header = "Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt"
        created = [str(1_424_696_631_913_248_572 + 20_000_000 * n) for n in range(N)]
        rest = ["a,m,d_1,walk"] * (N // 2) + ["b,m,d_2,null"] * (N - N // 2)
        files = {
            f"source/Phones_{sensor}.csv": text(header, list(map(str, range(N))), MS, created, cells(values), rest)
            for sensor, values in (("accelerometer", S.acc), ("gyroscope", S.gyro))
        }
        return [{**files, "how.json": how()}]


@register
class SleepAccel(Logged):
    name, weight = "sleep_accel", 2.0

    def valid(self) -> list[Files]:
        motion = text("", [f"{t - 1:.4f}" for t in S.acc_times], cells(S.acc / exports.G, " "), between=" ")
        files = {"source/motion/7_acceleration.txt": motion, "source/labels/7_labeled_sleep.txt": b"0 0\n30 5\n"}
        return [{**files, "how.json": how("wrist")}, files]


@register
class LongRows(Logged):
    name, weight = "long_rows", 3.0

    def valid(self) -> list[Files]:
        rows = [
            (f"{t:.3f}", sensor, axis, f"{value:.4f}")
            for at, t in enumerate(S.acc_times)
            for sensor, values in (("acc", S.acc), ("gyro", S.gyro))
            for axis, value in zip("xyz", values[:, at], strict=True)
        ]
        one = "\n".join(["time,sensor,axis,value", *map(",".join, rows), ""])
        other = "\n".join(["t;signal;wert", *(f"{t};{s}_{a};{v}" for t, s, a, v in rows), ""])
        return [{"source/a.csv": each.encode(), "how.json": how()} for each in (one, other)]


@register
class Layouts(Reader):
    """Layouts of a study."""

    name, weight = "layout", 1.0

    def valid(self) -> list[Files]:
        lines = [
            'time = "t"',
            'acc = ["a", "b", "c"]',
            'acc-unit = "4096/g"',
            "rate = 50",
            "yes = true",
            "[activities]",
        ]
        return [{"study.toml": "\n".join([*lines, '"1" = "walk"', ""]).encode()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {name: fuzzmutate.bytes_of(rng, content) for name, content in files.items()}

    def read(self, box: Path, files: Files) -> None:
        read_layout(box / "study.toml")
