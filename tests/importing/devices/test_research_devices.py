"""Files of ActiGraph, Axivity and GENEActiv: genuine ones as actfast reads them, written ones as they were meant."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import actfast
import numpy as np
import pytest

from otolith.datasets.folder import FolderDataset
from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, import_recordings, read_recordings
from otolith.importing.devices import decoder as device_decoder
from otolith.importing.devices import pieces as device_pieces
from otolith.prediction.units import plan
from otolith.recording import STANDARD_GRAVITY, Recording
from tests.helpers import devices
from tests.helpers.exports import signal

S = signal(12)
KINDS: dict[str, Any] = {
    "walk.cwa": devices.axivity,
    "turn.cwa": lambda s: devices.axivity(s, gyro=True),
    "walk.bin": devices.geneactiv,
    "walk.gt3x": devices.gt3x,
}


def put(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def axis(found: Imported, channel: str) -> np.ndarray:
    (recording,) = found.recordings
    for stream in recording.streams:
        if channel in stream.channels:
            return np.asarray(stream.values[stream.channels.index(channel)])
    raise AssertionError(channel)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("piece", [4 << 20, 2000])
def test_what_a_device_writes_is_what_is_read(
    tmp_path: Path, name: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in many pieces."""
    monkeypatch.setattr(device_pieces, "PIECE_BYTES", piece)
    found = read_recordings(put(tmp_path, name, KINDS[name](S)))
    (recording,), (told,) = found.recordings, found.findings.values()
    assert (recording.name, found.rate_hz, found.gravity) == (name.split(".")[0], 50.0, "included")
    assert told.started is not None
    assert told.started.startswith("2026-03-01T09:00:00.000")
    assert not told.repairs
    assert not told.gaps
    count = recording.streams[0].n_samples
    assert count == S.acc.shape[1]
    assert np.allclose(recording.streams[0].sample_times, np.arange(count) / 50, atol=1e-3)
    step = 9.80665 / 256 * (4 if name == "walk.cwa" else 1)  # an AX3 packs large values more coarsely
    for channel, values in zip(("acc_x", "acc_y", "acc_z"), S.acc, strict=True):
        assert np.abs(axis(found, channel) - values).max() < step
    assert ("gyro_x" in found.channels) == (name == "turn.cwa")
    if "gyro_x" in found.channels:
        assert np.abs(axis(found, "gyro_x") - S.gyro[0]).max() < 0.002
    assert told.about["serial"]
    assert recording.subject == (recording.name if name.endswith(".cwa") else "ada")


def test_an_ending_that_says_nothing(tmp_path: Path) -> None:
    for number, make in enumerate(KINDS.values()):
        content = make(signal(4))
        for name in ("data", "data.dat", "data.bin"):
            found = read_recordings(put(tmp_path / str(number), name, content))
            assert next(iter(found.findings.values())).format != "table"
        packed = put(tmp_path, f"{number}.zip", b"")
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("day/data.bin", content)
        assert read_recordings(packed).recordings[0].streams[0].n_samples == 200


def test_seconds_asleep_are_gaps(tmp_path: Path) -> None:
    """Whether the device leaves them out or fills them with zeros."""
    content = devices.gt3x(S, asleep=(3, 4), zeros=(8,))
    (told,) = read_recordings(put(tmp_path, "w.gt3x", content)).findings.values()
    assert [(round(gap.start_s, 1), round(gap.stop_s, 1)) for gap in told.gaps] == [(3.0, 5.0), (8.0, 9.0)]
    assert "as a sensor that sleeps gives" in str(told.repairs[0])


@pytest.mark.parametrize("how", [{"wide": True}, {"stated": False, "scale": 341.0}, {"scale": 341.0}])
def test_kinds_of_gt3x(tmp_path: Path, how: dict[str, Any]) -> None:
    found = read_recordings(put(tmp_path, "w.gt3x", devices.gt3x(S, **how)))
    assert found.rate_hz == 50
    assert np.abs(axis(found, "acc_z") - S.acc[2]).max() < 9.80665 / 256


def test_an_old_gt3x_is_named(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("activity.bin", b"")
        archive.writestr("info.txt", b"")
    with pytest.raises(DataError, match=r"w\.gt3x: holds no log\.bin and info\.txt"):
        read_recordings(put(tmp_path, "w.gt3x", out.getvalue()))


def test_a_clock_that_runs_fast_keeps_the_order(tmp_path: Path) -> None:
    """Pages are stamped for 50 Hz, and each says 49: its last samples would come after the next page begins."""
    content = devices.geneactiv(S).replace(b"Measurement Frequency:50.0", b"Measurement Frequency:49.0")
    found = read_recordings(put(tmp_path, "w.bin", content))
    (told,) = found.findings.values()
    assert "runs fast" in str(told.repairs[0])
    assert len(told.repairs) == 1
    assert np.abs(axis(found, "acc_z") - S.acc[2]).max() < 9.80665 / 256


def test_ends_that_break_off_and_damaged_sectors_are_told(tmp_path: Path) -> None:
    for number, (content, count, what) in enumerate(
        [
            (devices.axivity(S)[:-100], 480, "the last sector breaks off"),
            (devices.axivity(signal(120), broken=7), 5880, r"1 damaged page\(s\) were left out: sector 7"),
            (devices.geneactiv(S)[:-100], 300, "the last page breaks off"),
        ]
    ):
        found = read_recordings(put(tmp_path, f"{number}.bin", content))
        (told,) = found.findings.values()
        assert found.recordings[0].streams[0].n_samples == count
        assert any(what.replace("\\", "") in str(repair) for repair in told.repairs), told.repairs
    assert not list(Path(device_decoder.tempfile.gettempdir()).glob(".otolith-device-*"))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("w.gt3x", devices.gt3x(S)[:-30], "cannot be unpacked"),
        ("w.gt3x", b"", "cannot be unpacked"),
        ("w.gt3x", devices.gt3x(S, asleep=tuple(range(12))), "holds no sample"),
        ("w.cwa", devices.axivity(S)[:1100], "ends before the first samples"),
        ("w.cwa", b"time,x\n1,2\n" * 500, "cannot be decoded"),
        ("w.cwa", devices.axivity(S)[:1024] + bytes(512 * 9), "is damaged in 9 places"),
        ("w.bin", devices.geneactiv(S)[:300], "without the first page"),
        ("w.bin", devices.geneactiv(S)[:900], "holds no sample"),
        ("w.bin", devices.geneactiv(S).replace(b"Recorded", b"Recoded", 2)[:9000], "(a page begins|without the first)"),
        ("w.bin", devices.geneactiv(S).replace(b"Sequence", b"x" * 70_000, 1), "has a line of over"),
        ("w.bin", devices.geneactiv(S).replace(b"gain:25600", b"gain:0"), "(cannot|damaged|no sample|complete sample)"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        read_recordings(put(tmp_path, name, content))


def test_a_header_that_claims_endless_pages_takes_no_memory(tmp_path: Path) -> None:
    found = read_recordings(put(tmp_path, "w.bin", devices.geneactiv(S, pages=2**62)))
    assert found.recordings[0].streams[0].n_samples == 600


@pytest.fixture(scope="session")
def genuine() -> list[Path]:
    """Files of real devices; in CI a test fails without."""
    folder = os.environ.get("OTOLITH_DEVICES")
    if not folder:
        reason = "OTOLITH_DEVICES does not name the folder of the devices' files"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return sorted(path for path in Path(folder).iterdir() if path.suffix in (".gt3x", ".cwa", ".bin"))


def imported(path: Path, folder: Path) -> Iterator[Recording]:
    """As `otolith import` writes them and every command reads them."""
    import_recordings(path, folder)
    return FolderDataset(folder).recordings()


def predicted(path: Path, folder: Path) -> Iterator[Recording]:
    """As `otolith predict` reads them."""
    (unit,) = plan([path]).units
    return (given.recording for given in unit.read({}, None).given)


@pytest.mark.realdata
@pytest.mark.parametrize("read", [imported, predicted])
def test_genuine_files_agree_with_actfast(
    genuine: list[Path], tmp_path: Path, read: Callable[[Path, Path], Iterator[Recording]]
) -> None:
    """Sample by sample: the times to a nanosecond, the values to what a float holds."""
    assert len(genuine) >= 7
    for path in genuine:
        tables = actfast.read(path)["timeseries"]
        wanted = tables.get("high_frequency") or tables["acceleration"]
        (recording,) = read(path, tmp_path / path.stem)
        sensors = [("acc", "acceleration", STANDARD_GRAVITY), ("gyro", "gyroscope", np.pi / 180)]
        for kind, name, unit in sensors[: 1 + ("gyroscope" in wanted)]:
            stream = next(s for s in recording.streams if f"{kind}_x" in s.channels)
            assert np.abs(stream.sample_times - (wanted["datetime"] - wanted["datetime"][0]) / 1e9).max() < 1e-9
            rows = [stream.channels.index(f"{kind}_{letter}") for letter in "xyz"]
            assert np.allclose(stream.values[rows], wanted[name].T.astype(np.float64) * unit, rtol=1e-6, atol=0)
        assert len(recording.channels) == (6 if "gyroscope" in wanted else 3)


@pytest.mark.realdata
def test_genuine_files_of_two_devices_need_acc_only(genuine: list[Path], tmp_path: Path) -> None:
    paths = [path for path in genuine if path.suffix == ".cwa"]
    with pytest.raises(DataError, match="--acc-only"):
        read_recordings(paths)
    assert len(read_recordings(paths, ImportOptions(acc_only=True)).recordings) == len(paths)
