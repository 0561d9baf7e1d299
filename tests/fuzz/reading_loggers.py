"""Files of wearables and of programs that log sensors, and labels of programs for annotation."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.importing.formats import mhealth, pamap2
from otolith.importing.formats.known_tables import KnownTable
from otolith.importing.labels.intervals import read_intervals
from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, register
from tests.fuzz.reading_imports import Imported
from tests.helpers import exports

S = exports.signal(3.0)
N = len(S.acc_times)


def cells(values: np.ndarray, between: str = ",") -> list[str]:
    return [between.join(f"{v:.4f}" for v in row) for row in values.T]


class Logged(Imported):
    """Examples are one file of text each; options of places are among those that are given."""

    def mutate(self, rng: random.Random, files: Files) -> Files:
        out = super().mutate(rng, files)
        how = json.loads(out["how.json"])
        if rng.random() < 0.9:
            place = rng.choice(("all", "all", "all", "hand", "1"))
            how["options"] = {**how["options"], "place": place, "gyro_unit": "rad/s"}
        return out | {"how.json": json.dumps(how).encode()}


@register
class EmpaticaE4(Logged):
    name, weight = "empatica_e4", 3.0

    def valid(self) -> list[Files]:
        rows = [",".join(str(round(64 * v / exports.G)) for v in row) for row in S.acc.T]
        starts = "1544027337.000000", "2018-12-05 16:28:57"
        heads = [[", ".join([start] * 3), "50.000000, 50.000000, 50.000000"] for start in starts]
        beside = {"source/tags.csv": b"", "source/HR.csv": b"1544027337.000000\n1.000000\n70.0\n71.0\n"}
        return [{"source/ACC.csv": "\n".join([*head, *rows, ""]).encode(), **beside} for head in heads]


@register
class WisdmRaw(Logged):
    name, weight = "wisdm_raw", 3.0

    def valid(self) -> list[Files]:
        lines = [f"{33 + (i > 80)},Jogging,{10**13 + 20_000_000 * i},{row};" for i, row in enumerate(cells(S.acc))]
        return [{"source/raw.txt": "\n".join([*lines, ""]).encode()}]


@register
class SensorRows(Logged):
    name, weight = "sensor_rows", 6.0

    def valid(self) -> list[Files]:
        acc, gyro = cells(S.acc), cells(S.gyro)
        named = ["time,sensor,x,y,z"]
        bare, packed = [], ["user,time,sensor type,values"]
        for t, first, second in zip(S.acc_times, acc, gyro, strict=True):
            named += [f"{t:.3f},accelerometer,{first}", f"{t:.3f},gyroscope,{second}"]
            bare += [
                f"ACCE;{t:.3f};{first.replace(',', ';')};3",
                f"GYRO;{t:.3f};{second.replace(',', ';')};3",
                "LIGH;1;2",
            ]
            packed += [f'a,{t:.3f},1,"[{first}]"', f'a,{t:.3f},10,"[{second}]"', f'a,{t:.3f},9,"[{first}]"']
        how = json.dumps({"options": {"accept_guess": True, "gyro_unit": "rad/s"}}).encode()
        texts = ["\n".join([*lines, ""]).encode() for lines in (named, bare, packed)]
        return [{"source/log.txt": text, "how.json": how} for text in texts]


class Known(Logged):
    """A table without names, laid out as the format of that name says."""

    format: ClassVar[KnownTable]

    def valid(self) -> list[Files]:
        spec = self.format
        columns = np.zeros((spec.width, N))
        if spec.time:
            columns[spec.time - 1] = S.acc_times
        columns[spec.label - 1, N // 2 :] = min(spec.activities)
        for site in spec.sites.values():
            columns[site.acc - 1 : site.acc + 2] = S.acc
            if spec is pamap2.SPEC:
                columns[site.acc + 2 : site.acc + 5] = S.acc  # the accelerometer of the smaller range
            if site.gyro:
                columns[site.gyro - 1 : site.gyro + 2] = S.gyro
        texts = ["\n".join([*cells(columns, between), ""]).encode() for between in ("\t", " ")]
        how = json.dumps(
            {"options": {"accept_guess": True, "place": next(iter(spec.sites)), "gyro_unit": "rad/s"}}
        ).encode()
        return [{"source/subject1.log": text, "how.json": how} for text in texts]


@register
class MHealthLog(Known):
    name, weight, format = "mhealth", 3.0, mhealth.SPEC


@register
class Pamap2(Known):
    name, weight, format = "pamap2", 3.0, pamap2.SPEC


@register
class Places(Logged):
    """Tables with sensors at several places, and with gravity apart; tables without names of many columns."""

    name, weight = "places", 6.0

    def valid(self) -> list[Files]:
        acc, gyro = cells(S.acc / exports.G), cells(S.gyro)
        times = [f"{1_700_000_000_000 + 20 * (i - i % 4)}" for i in range(N)]  # that came in groups
        three = ",".join(f"{{0}}_{axis}" for axis in "xyz")
        texts = [
            [f"epoch,{three.format('back')},{three.format('hand')}", *map(",".join, zip(times, acc, acc, strict=True))],
            [
                f"time,{three.format('gravity')},{three.format('userAcceleration')},{three.format('rotationRate')},device",
                *(f"{t:.3f},{a},{g},{g},d{i % 2}" for i, (t, a, g) in enumerate(zip(S.acc_times, acc, gyro, strict=True))),
            ],
            [f"{t:.2f} 0 NaN " + " ".join(["30", a, a, g, g, "1 0 0 0"] * 3).replace(",", " ")
             for t, a, g in zip(S.acc_times, cells(S.acc), gyro, strict=True)],
        ]  # fmt: skip
        how = json.dumps({"options": {"accept_guess": True, "place": "all", "gyro_unit": "rad/s"}}).encode()
        return [{"source/walk.txt": "\n".join([*lines, ""]).encode(), "how.json": how} for lines in texts]


@register
class EdgeImpulse(Logged):
    name, weight = "edge_impulse", 3.0

    def valid(self) -> list[Files]:
        sensors = [
            {"name": f"{name}{axis}", "units": unit}
            for name, unit in (("acc", "m/s2"), ("gyr", "rad/s"))
            for axis in "XYZ"
        ]
        values = np.round(np.concatenate([S.acc, S.gyro]), 4).T.tolist()
        payload = {"device_type": "X", "interval_ms": 20, "sensors": sensors, "values": values}
        text = json.dumps({"protected": {"ver": "v1"}, "payload": payload}).encode()
        return [{f"source/{name}.json": text} for name in ("walk.4ab0.ingestion-77b-x1", "walk")]


@register
class GeneActivCsv(Logged):
    name, weight = "geneactiv_csv", 3.0

    def valid(self) -> list[Files]:
        above = ["Device Type,GENEActiv", "Device Location Code,left wrist", "Subject Code,P07", *30 * [""], "Units,g"]
        rows = [
            f"2024-03-05 09:00:{t:06.3f}".replace(".", ":") + f",{row},48,0,24.5"
            for t, row in zip(S.acc_times, cells(S.acc / exports.G), strict=True)
        ]
        return [{"source/P07.csv": "\r\n".join([*above, *rows, ""]).encode()}]


@register
class Annotations(Reader):
    """Labels of Audacity, ELAN and Label Studio, and marks that last until the next."""

    name, weight = "annotations", 4.0
    separator: ClassVar[str] = "\t"

    def valid(self) -> list[Files]:
        region = {"start": 1, "end": 2.5, "timeserieslabels": ["up"]}
        texts = (
            "1.000000\t2.500000\tup\n\\\t100.0\t200.0\n4.0\t6.0\tdown\n",
            "tier\t\t00:00:01.000\t00:00:02.500\t00:00:01.500\tup\ntier\t\t00:00:04.000\t00:00:06.000\t00:00:02.000\tdown\n",
            "\tBegin Time - ss.msec\tDuration - ss.msec\tactivity\n\t1\t1.5\tup\n\t4\t2\tdown\n",
            "time\ttext\n1\tup\n2\t\n3\tdown\n",
            json.dumps([{"data": {"csv": "walk.csv"}, "annotations": [{"result": [{"value": region}]}]}]),
            json.dumps([{"csv": "walk.csv", "label": [region, region]}]),
        )
        return [{"labels.txt": text.encode()} for text in texts]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        content = files["labels.txt"]
        if content.startswith(b"[") or rng.random() < 0.3:
            return {"labels.txt": fuzzmutate.bytes_of(rng, content)}
        return {"labels.txt": fuzzmutate.table_of(rng, content, self.separator)}

    def read(self, box: Path, files: Files) -> None:
        for each in read_intervals(box / "labels.txt"):
            assert np.isfinite(each.start)
            assert np.isfinite(each.end) or each.until_next
            assert each.start < each.end
            assert each.activity


@register
class BidsMotion(Logged):
    name, weight = "bids_motion", 3.0

    def valid(self) -> list[Files]:
        stem = "source/sub-01/motion/sub-01_task-walk_tracksys-imu"
        rows = cells(np.concatenate([S.acc, S.gyro]), "\t")
        named = [
            f"{kind}_{axis}\t{axis}\t{kind}\thip\t{unit}"
            for kind, unit in (("ACCEL", "m/s^2"), ("GYRO", "rad/s"))
            for axis in "xyz"
        ]
        channels = "\n".join(["name\tcomponent\ttype\ttracked_point\tunits", *named, ""])
        return [
            {
                f"{stem}_motion.tsv": "\n".join([*rows, ""]).encode(),
                f"{stem}_channels.tsv": channels.encode(),
                f"{stem}_motion.json": b'{"SamplingFrequency": 50}',
            }
        ]
