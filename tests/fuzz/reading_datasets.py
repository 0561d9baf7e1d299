"""Data set folders, the files of the published sets, and the archives that they are downloaded in."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np

from otolith.datasets import DatasetInfo
from otolith.datasets.download import unpack
from otolith.datasets.folder import FolderDataset, write_folder
from otolith.datasets.mobiact import COLUMNS, MobiAct
from otolith.datasets.mobifall import MobiFall
from otolith.datasets.motionsense import read_trial
from otolith.datasets.sp_sw_har import SpSwHar
from otolith.datasets.uci_har import UciHar
from otolith.datasets.usc_had import read_readings
from otolith.datasets.watch import Watch
from otolith.datasets.wisdm_watch import WisdmWatch
from otolith.recording import CHANNELS, Recording, Segment, Stream
from otolith.windows import WindowMeta, cut
from otolith.windows.clock import contiguous
from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, register
from tests.fuzz.reading_imports import zip_of

RNG = np.random.default_rng(0)
SIGNAL = RNG.normal(size=(6, 60))


def sane(recordings: list[Recording]) -> None:
    assert recordings
    for recording in recordings:
        for stream in contiguous(recording):
            assert np.isfinite(stream.values).all()
            assert stream.n_samples < 10**7


@register
class Folder(Reader):
    """Card and Parquet files; what is read is also cut into windows."""

    name, weight = "dataset-folder", 8.0

    def valid(self) -> list[Files]:
        import tempfile

        texts = dict.fromkeys(("title", "licence", "terms", "citation", "homepage", "how_to_get"), "text")
        info = DatasetInfo(
            name="own", rate_hz=50.0, activities=("up", "down"), channels=CHANNELS, n_subjects=None, n_recordings=None, **texts
        )  # fmt: skip
        times = np.cumsum(RNG.uniform(0.01, 0.03, 60))
        streams = (Stream(CHANNELS, SIGNAL, 50.0),), (Stream(CHANNELS, SIGNAL, 50.0, times),)
        segments = (Segment(0.0, 0.5, "up"), Segment(0.6, None, "down"))
        recordings = [Recording(f"r{i}", i, each, segments) for i, each in enumerate(streams)]
        with tempfile.TemporaryDirectory() as folder:
            place = write_folder(Path(folder, "own"), info, recordings)
            found = sorted(path for path in place.rglob("*") if path.is_file())
            return [{path.relative_to(place).as_posix(): path.read_bytes() for path in found}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        name = "card.json" if rng.random() < 0.8 else rng.choice(sorted(files))
        change = fuzzmutate.json_of if name == "card.json" else fuzzmutate.bytes_of
        return files | {name: change(rng, files[name])}

    def read(self, box: Path, files: Files) -> None:
        data = FolderDataset(box)
        recordings = list(data.recordings())
        sane(recordings)
        w = cut(recordings, WindowMeta.of(data.info, 12.0, 0.5, 0.0), unlabelled=True)
        assert np.isfinite(w.x).all()
        str(data.info).encode()


@register
class UciHarFiles(Reader):
    name, weight = "uci-har", 3.0

    def valid(self) -> list[Files]:
        rows = "".join(f"{x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in SIGNAL[:3].T)
        signals = {f"{sensor}_exp01_user01.txt": rows.encode() for sensor in ("acc", "gyro")}
        return [signals | {"labels.txt": b"1 1 5 1 20\n1 1 7 21 30\n1 1 4 31 60\n"}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        name = rng.choice(sorted(files))
        return files | {name: fuzzmutate.table_of(rng, files[name], " ")}

    def read(self, box: Path, files: Files) -> None:
        sane(list(UciHar(box).recordings()))


@register
class UscHadFiles(Reader):
    name, weight = "usc-had", 5.0

    def valid(self) -> list[Files]:
        from scipy.io import savemat

        out = []
        for packed in (False, True):
            buffer = io.BytesIO()
            savemat(buffer, {"title": "x", "sensor_readings": SIGNAL.T.astype(np.float32)}, do_compression=packed)
            out.append({"a1t1.mat": buffer.getvalue()})
        return out

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {"a1t1.mat": fuzzmutate.bytes_of(rng, files["a1t1.mat"])}

    def read(self, box: Path, files: Files) -> None:
        found = read_readings(box / "a1t1.mat")
        assert found.shape[1] == 6
        assert np.isfinite(found).all()


@register
class MobiFallFiles(Reader):
    name, weight = "mobifall", 3.0

    def valid(self) -> list[Files]:
        head = "#Acceleration force.\r\n#timestamp(ns),x,y,z(m/s^2)\r\n\r\n@DATA\r\n"
        rows = "".join(
            f"{10**9 + 10**7 * i}, {x:.5f}, {y:.5f}, {z:.5f}\r\n" for i, (x, y, z) in enumerate(SIGNAL[:3].T)
        )
        return [{f"sub2/ADL/WAL/WAL_{sensor}_2_1.txt": (head + rows).encode() for sensor in ("acc", "gyro")}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        name = rng.choice(sorted(files))
        return files | {name: fuzzmutate.table_of(rng, files[name])}

    def read(self, box: Path, files: Files) -> None:
        sane(list(MobiFall(box).recordings()))


@register
class MotionSenseFiles(Reader):
    name, weight = "motionsense", 3.0

    def valid(self) -> list[Files]:
        kinds = ("gravity", "rotationRate", "userAcceleration")
        head = ",".join(["", "attitude.roll", *(f"{kind}.{axis}" for kind in kinds for axis in "xyz")])
        columns = np.concatenate([SIGNAL, SIGNAL[:3]]).T
        rows = "".join(",".join([str(i), "0.1", *(f"{v:.5f}" for v in row)]) + "\n" for i, row in enumerate(columns))
        return [{"wlk_7/sub_1.csv": f"{head}\n{rows}".encode()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {name: fuzzmutate.table_of(rng, content) for name, content in files.items()}

    def read(self, box: Path, files: Files) -> None:
        sane([read_trial(box / "wlk_7" / "sub_1.csv", 1, "walking")])


@register
class SpSwHarFiles(Reader):
    name, weight = "sp-sw-har", 3.0

    def valid(self) -> list[Files]:
        head = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label\n"
        rows = "".join(
            ",".join([*(f"{v:.5f}" for v in row), str(1657533977813 + 10 * i), "WALKING" if i > 30 else "SEATED"])
            + "\n"
            for i, row in enumerate(SIGNAL.T)
        )
        return [{"s01/s01_01_sp.csv": f"{head}{rows}".encode()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {name: fuzzmutate.table_of(rng, content) for name, content in files.items()}

    def read(self, box: Path, files: Files) -> None:
        sane(list(SpSwHar(box).recordings()))


@register
class WisdmWatchFiles(Reader):
    name, weight = "wisdm-watch", 3.0

    def valid(self) -> list[Files]:
        def rows(values: np.ndarray) -> bytes:
            lines = (
                ",".join(["1600", "A", str(90426708196641 + 50_000_000 * i), *(f"{v:.5f}" for v in row)]) + ";\n"
                for i, row in enumerate(values.T)
            )
            return "".join(lines).encode()

        return [
            {
                "accel/data_1600_accel_watch.txt": rows(SIGNAL[:3]),
                "gyro/data_1600_gyro_watch.txt": rows(SIGNAL[3:6]),
            }
        ]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {name: fuzzmutate.table_of(rng, content) for name, content in files.items()}

    def read(self, box: Path, files: Files) -> None:
        sane(list(WisdmWatch(box).recordings()))


@register
class MobiActFiles(Reader):
    name, weight = "mobiact", 3.0

    def valid(self) -> list[Files]:
        rows = "".join(
            ",".join([str(i), f"{i / 200:.4f}", *(f"{v:.5f}" for v in column), "WAL"]) + "\n"
            for i, column in enumerate(SIGNAL.T)
        )
        names = [name for name in COLUMNS if name != "rel_time"]
        text = ",".join(["timestamp", "rel_time", *names, "label"]) + "\n" + rows
        return [{"WAL/WAL_1_1_annotated.csv": text.encode()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {name: fuzzmutate.table_of(rng, content) for name, content in files.items()}

    def read(self, box: Path, files: Files) -> None:
        sane(list(MobiAct(box).recordings()))


@register
class WatchFile(Reader):
    """The one pickled file; only the published bytes are ever unpickled."""

    name, weight = "watch", 0.5

    def valid(self) -> list[Files]:
        path = Watch()._path()
        assert path is not None
        self.whole = path.read_bytes()
        return [{"watch.npy": b""}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        head = fuzzmutate.bytes_of(rng, self.whole[:3000])
        return {"watch.npy": head + (self.whole[3000:] if rng.random() < 0.1 else b"")}

    def read(self, box: Path, files: Files) -> None:
        if not files["watch.npy"]:
            return
        data: Any = Watch()
        data._path = lambda: box / "watch.npy"
        assert files["watch.npy"] == self.whole or not list(data.recordings())


@register
class Download(Reader):
    """Archives as they are downloaded, unpacked to files."""

    name, weight = "archive", 5.0

    def valid(self) -> list[Files]:
        import zipfile

        buffer, inner = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("RawData/labels.txt", "1 1 5 1 20\n")
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("RawData/acc.txt", "1 2 3\n" * 50)
            archive.writestr("inner.zip", inner.getvalue())
        return [{"set.zip": inner.getvalue()}, {"set.zip": buffer.getvalue()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {"set.zip": zip_of(rng, files["set.zip"], " ")}

    def read(self, box: Path, files: Files) -> None:
        unpack(box / "set.zip", box / "unpacked")
        assert {path.name for path in box.iterdir()} <= {"set.zip", "unpacked", "home"}
