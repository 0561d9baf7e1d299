"""Tables of Xsens and Movella sensors: counters that begin again, rates above the table, units by device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from tests.helpers.exports import signal

S = signal(20, acc_hz=60, gyro_hz=60)
N = len(S.acc_times)
NAMES = "Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z"


def rows(counters: list[str], turn: float) -> list[str]:
    values = np.concatenate([S.acc, S.gyro * turn])
    return [f"{head},{','.join(f'{v:.6f}' for v in row)}" for head, row in zip(counters, values.T, strict=True)]


def dot(path: Path, first_us: int, last: str = "") -> Path:
    about = [
        "sep=,",
        "DeviceTag:,7",
        "OutputRate:,60Hz",
        "Measurement Mode:,Custom",
        "StartTime:,2023-04-23_11-17-45",
        " ",
    ]
    counters = [f"{i + 1},{(first_us + round(i * 1e6 / 60)) % 2**32}" for i in range(N)]
    table = [each + last for each in [f"PacketCounter,SampleTimeFine,{NAMES}", *rows(counters, 180 / np.pi)]]
    path.write_text("\n".join([*about, *table, ""]), "utf-8")
    return path


@pytest.mark.parametrize("last", ["", ","])
@pytest.mark.parametrize("first", [123_456, 2**32 - 5_000_000])
def test_a_dot(tmp_path: Path, first: int, last: str) -> None:
    found = read_recordings(dot(tmp_path / "w.csv", first, last))
    (recording,) = found.recordings
    values = np.concatenate([each.values for each in recording.streams])
    np.testing.assert_allclose(values, np.concatenate([S.acc, S.gyro]), atol=1e-5)
    times = recording.streams[0].sample_times
    np.testing.assert_allclose(np.diff(times), 1 / 60, atol=2e-6)
    told = [str(each) for each in found.findings["w"].repairs]
    assert any("32 bits" in each for each in told) == (first > 2**31)


@pytest.mark.parametrize("lost", [0, 3])
def test_mt_manager_has_its_rate_above_the_table(tmp_path: Path, lost: int) -> None:
    keep = [i for i in range(N) if not 600 <= i < 600 + lost]
    lines = rows([f"{(64_800 + i) % 2**16}," for i in range(N)], 1.0)
    about = ["// Start Time: Unknown", "// Update Rate: 60.0Hz"]
    table = [f"PacketCounter,SampleTimeFine,{NAMES}", *(lines[i] for i in keep)]
    (tmp_path / "MT_01.txt").write_text("\n".join([*about, *table, ""]).replace(",", "\t"))
    found = read_recordings(tmp_path / "MT_01.txt")
    (recording,) = found.recordings
    times = recording.streams[0].sample_times
    np.testing.assert_allclose(times - times[0], np.array(keep) / 60, atol=1e-9)
    units = {each.what: each.value for each in found.findings["MT_01"].decisions}
    assert units["gyroscope unit"] == "rad/s"


@pytest.mark.parametrize("first", [5_000, 2**32 - 50_000])
def test_mt_manager_counts_time_in_ticks_of_10_khz(tmp_path: Path, first: int) -> None:
    lines = rows([f"{i},{(first + round(i * 1e4 / 60)) % 2**32}" for i in range(N)], 1.0)
    (tmp_path / "m.txt").write_text(
        "\n".join(["// Update Rate: 60.0Hz", f"PacketCounter,SampleTimeFine,{NAMES}", *lines])
    )
    found = read_recordings(tmp_path / "m.txt")
    times = found.recordings[0].streams[0].sample_times
    np.testing.assert_allclose(times, np.arange(N) / 60, atol=1e-4)


@pytest.mark.parametrize("rate", ["0", "1.2.3", "999999999999"])
def test_a_rate_at_which_nothing_samples_is_asked_for(tmp_path: Path, rate: str) -> None:
    lines = rows([f"{i}," for i in range(N)], 1.0)
    about = f"// Update Rate: {rate}Hz"
    (tmp_path / "m.txt").write_text("\n".join([about, f"PacketCounter,SampleTimeFine,{NAMES}", *lines]))
    with pytest.raises(DataError, match="--rate"):
        read_recordings(tmp_path / "m.txt")


def test_packets_without_a_rate_ask_for_it(tmp_path: Path) -> None:
    lines = [f"PacketCounter,SampleTimeFine,{NAMES}", *rows([f"{i}," for i in range(N)], 1.0)]
    (tmp_path / "m.txt").write_text("\n".join(lines))
    with pytest.raises(DataError, match="--rate"):
        read_recordings(tmp_path / "m.txt")
    assert read_recordings(tmp_path / "m.txt", ImportOptions(rate_hz=60)).rate_hz == 60
