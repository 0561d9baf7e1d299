"""`otolith data NAME --check --deep` names every file that cannot be read, whatever data set it belongs to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from otolith.datasets import checking, load, motionsense, sp_sw_har, usc_had, wisdm_watch
from otolith.datasets.base import Dataset, DatasetInfo
from otolith.datasets.registry import REGISTRY
from otolith.datasets.tables import read_numbers
from otolith.datasets.watch import Watch
from otolith.recording import Recording, Stream
from tests.helpers.commandline import call, make_set

NOISE = np.random.default_rng(0).bytes(700)


def cut(content: bytes) -> bytes:
    """End a text within its last row, another file after its first half."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content[: len(content) // 2]
    return text[: max(text.rfind(","), text.rfind(" "))].encode()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "noise": lambda content: NOISE,
    "other text": lambda content: b"<html>Please sign in</html>\n",
    "cut": cut,
    "begins with noise": lambda content: NOISE + content,
}


def uci_har(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("acc_exp01_user01", "gyro_exp01_user01"):
        (tmp_path / f"{name}.txt").write_text("".join(f"0.{i} 1.0 0.5\n" for i in range(100)))
    (tmp_path / "labels.txt").write_text("1 1 5 3 40\n1 1 1 51 90\n")
    return tmp_path


def usc_had_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, count in (("N_SUBJECTS", 1), ("N_ACTIVITIES", 1), ("N_TRIALS", 2)):
        monkeypatch.setattr(usc_had, name, count)
    (tmp_path / "Subject1").mkdir()
    for trial in (1, 2):
        values = np.random.default_rng(trial).normal(size=(100, 6))
        savemat(tmp_path / "Subject1" / f"a1t{trial}.mat", {"sensor_readings": values}, do_compression=True)
    return tmp_path


def mobifall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for sensor in ("acc", "gyro"):
        path = tmp_path / "sub2" / "ADL" / "WAL" / f"WAL_{sensor}_2_1.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#\n@DATA\n" + "".join(f"{5_000_000 * i}, 0.5, 9.81, 0.25\n" for i in range(100)))
    return tmp_path


def motionsense_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(motionsense, "N_SUBJECTS", 1)
    monkeypatch.setattr(motionsense, "TRIALS", {"sit": (5, 13)})
    names = [f"{kind}.{axis}" for kind in ("gravity", "rotationRate", "userAcceleration") for axis in "xyz"]
    rows = "".join(f"{i},0.0,0.0,1.0,0.1,0.2,0.3,0.01,0.02,0.03\n" for i in range(100))
    for trial in (5, 13):
        path = tmp_path / f"sit_{trial}" / "sub_1.csv"
        path.parent.mkdir()
        path.write_text(",".join(["", *names]) + "\n" + rows)
    return tmp_path


def sp_sw_har_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, count in (("N_SUBJECTS", 1), ("N_EXECUTIONS", 1)):
        monkeypatch.setattr(sp_sw_har, name, count)
    (tmp_path / "s01").mkdir()
    rows = "".join(f"0.1,9.8,0.5,0.1,0.2,0.3,{1657533977813 + 10 * i},SEATED\n" for i in range(100))
    for device in ("sp", "sw"):
        text = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label\n" + rows
        (tmp_path / "s01" / f"s01_01_{device}.csv").write_text(text)
    return tmp_path


def wisdm_watch_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(wisdm_watch, "SUBJECTS", range(1600, 1601))
    for sensor in ("accel", "gyro"):
        (tmp_path / sensor).mkdir()
        rows = "".join(
            f"1600,{letter},{n}{50_000_000 * i:09},0.5,9.81,0.25;\n"
            for n, letter in ((2, "A"), (1, "S"))
            for i in range(60)
        )
        (tmp_path / sensor / f"data_1600_{sensor}_watch.txt").write_text(rows)
    return tmp_path


def mobiact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "WAL" / "WAL_16_1_annotated.csv"
    path.parent.mkdir()
    rows = "".join(f"{i / 200},0.1,9.8,0.5,0.1,0.2,0.3,WAL\n" for i in range(100))
    path.write_text("rel_time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z,label\n" + rows)
    monkeypatch.setattr("otolith.datasets.mobiact.MobiAct.absences", lambda self: [])
    return tmp_path


def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "watch.npy"
    shutil.copyfile(Watch().files()[0], path)
    monkeypatch.setattr(Watch, "_path", lambda self: path)
    return tmp_path


def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_set(tmp_path / "set")


def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set that says no more than it must: no readers, no manifest, no check of its own."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text("1 2 3\n" * 100)

    @REGISTRY.register
    class Plain(Dataset):
        info = DatasetInfo("plain", "t", 50.0, (), 1, 2, "l", "t", "c", "h", "g", channels=("acc_x", "acc_y", "acc_z"))
        folder_names = ("plain",)

        @classmethod
        def recognise(cls, folder: Path) -> Path | None:
            return folder

        def files(self) -> list[Path]:
            return sorted(Path(str(self.root)).glob("*.txt"))

        def recordings(self) -> Iterator[Recording]:
            for path in self.files():
                values = read_numbers(path, ("x", "y", "z"), " ").to_numpy().T
                yield Recording(path.stem, 1, (Stream(self.info.channels, values, 50.0),))

    return tmp_path


KINDS = {
    "uci-har": uci_har,
    "usc-had": usc_had_,
    "mobifall": mobifall,
    "motionsense": motionsense_,
    "mobiact": mobiact,
    "sp-sw-har": sp_sw_har_,
    "wisdm-watch": wisdm_watch_,
    "watch": watch,
    "own": own,
    "plain": plain,
}


@pytest.mark.parametrize("name", KINDS)
def test_each_damaged_file_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "FOLDER", tmp_path / "no manifests")
    with REGISTRY.preserved():
        root = KINDS[name](tmp_path, monkeypatch)
        where = {"own": [root], "watch": ["watch"]}.get(name, [name, "--data", root])
        files = load(root if name == "own" else name, root if len(where) > 1 else None).files()
        assert files
        assert call("data", *where, "--check", "--deep").code == 0
        for path in files:
            content = path.read_bytes()
            for kind, damage in DAMAGE.items():
                path.write_bytes(damage(content))
                ended = call("data", *where, "--check", "--deep")
                assert ended.code == 2, (path.name, kind)
                assert path.name in ended.out + ended.err, (path.name, kind)
            path.write_bytes(content)
        assert call("data", *where, "--check", "--deep").code == 0


def test_every_damaged_file_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_set(tmp_path / "set")
    damaged = sorted((root / "signals").iterdir())[1:4]
    for path in damaged:
        path.write_bytes(NOISE)
    ended = call("data", root, "--check", "--deep")
    assert "3 problem(s), 3 of them serious" in ended.out
    assert all(path.name in ended.out for path in damaged)


def test_repairs_are_told_and_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = mobifall(tmp_path, monkeypatch)
    path = root / "sub2" / "ADL" / "WAL" / "WAL_acc_2_1.txt"
    path.write_text(path.read_text().replace("\n50000000,", "\n45000000,"))
    ended = call("data", "mobifall", "--check", "--deep", "--data", root)
    assert ended.code == 0
    assert "WAL_acc_2_1.txt, line 13: 1 row of the accelerometer repeats the row before" in ended.out
    assert "0 of them serious" in ended.out
