"""Known signals, written as each phone app writes them, come back equal within the format's precision."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from otolith.importing.formats import FORMATS
from otolith.recording import CHANNELS, Recording
from otolith.windows.clock import contiguous
from tests.helpers.exports import (
    PHYPHOX_DIALECTS,
    START_NS,
    G,
    Signal,
    lines,
    phyphox,
    physics_toolbox,
    sensor_logger,
    signal,
    write,
)


def parts(recording: Recording) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times and values of accelerometer and gyroscope."""
    acc, gyro = recording.streams[0], recording.streams[-1]
    assert acc.times is not None
    assert gyro.times is not None
    return acc.times, acc.values[:3], gyro.times, gyro.values[-3:]


def check(
    found: Imported, s: Signal, gravity: str = "included", values: float = 1e-9, times: float = 1e-9
) -> Recording:
    """The one recording of `found` holds signal `s`, on a clock that starts with its first sample."""
    (recording,) = found.recordings
    assert recording.channels == CHANNELS
    assert found.gravity == gravity
    acc_times, acc, gyro_times, gyro = parts(recording)
    zero = min(s.acc_times[0], s.gyro_times[0])
    np.testing.assert_allclose(acc_times, s.acc_times - zero, rtol=0, atol=times)
    np.testing.assert_allclose(gyro_times, s.gyro_times - zero, rtol=0, atol=times)
    expected = s.acc if gravity == "included" else s.acc - s.gravity
    np.testing.assert_allclose(acc, expected, rtol=0, atol=values)
    np.testing.assert_allclose(gyro, s.gyro, rtol=0, atol=values)
    return recording


UNEQUAL = signal(acc_hz=50, gyro_hz=104, jitter=0.2)
TOGETHER = signal()


@pytest.mark.parametrize("name", ["walk.zip", "walk"])
def test_sensor_logger_prefers_total_acceleration(tmp_path: Path, name: str) -> None:
    found = read_recordings(sensor_logger(tmp_path / name, UNEQUAL))
    recording = check(found, UNEQUAL, times=1.1e-9)
    assert recording.name == "walk"
    assert [stream.rate_hz for stream in recording.streams] == [50, 104]
    findings = found.findings["walk"]
    assert findings.format == "sensor_logger"
    assert findings.started is not None
    assert findings.started.startswith("2026-03-01T09:00:00.0")
    assert findings.started.endswith("Z")
    assert not findings.repairs
    passed = {path.rsplit("/")[-1].split(": ")[-1] for path in findings.passed_over}
    assert passed == {"Accelerometer.csv", "Annotation.csv", "Gravity.csv", "Magnetometer.csv"}


def wrist_motion(folder: Path, s: Signal, unit: float = 1.0) -> Path:
    """Write an Apple Watch's file of a session, gravity in m/s² over `unit`, and one that says watch in its name."""
    names = [f"{what}{axis}" for what in ("rotationRate", "gravity", "acceleration") for axis in "XYZ"]
    values = np.r_[s.gyro, s.gravity / unit, (s.acc - s.gravity) / unit]
    rows = (
        [str(START_NS + round(t * 1e9)), repr(float(t)), *(repr(float(v)) for v in row)]
        for t, row in zip(s.acc_times, values.T, strict=True)
    )
    folder.mkdir(exist_ok=True)
    (folder / "WristMotion.csv").write_text(lines(",".join(["time", "seconds_elapsed", *names]), rows))
    (folder / "WatchLocation.csv").write_text("time,seconds_elapsed,latitude\n1,2,3\n")
    return folder


@pytest.mark.parametrize("unit", [1.0, G])
def test_sensor_logger_on_a_watch(tmp_path: Path, unit: float) -> None:
    found = read_recordings(wrist_motion(tmp_path / "walk", TOGETHER, unit))
    check(found, TOGETHER, times=1.1e-9)
    assert found.findings["walk"].format == "sensor_logger"


def test_sensor_logger_on_phone_and_watch_at_once(tmp_path: Path) -> None:
    """The place chooses, whatever the names of the files say; without it there is a question, and none by chance."""
    other = signal(seconds=16.0)
    folder = wrist_motion(sensor_logger(tmp_path / "study" / "walk", TOGETHER, total=False, ios=True), other)
    with pytest.raises(DataError, match=r"sensors at 2 places: phone, watch.*--place"):
        read_recordings(folder, ImportOptions(accept_guess=True))
    phone = read_recordings(folder, ImportOptions(place="phone"))
    check(phone, TOGETHER, times=1.1e-9)
    assert any(path.endswith("WristMotion.csv") for path in phone.findings["walk"].passed_over)
    turned = read_recordings(folder, ImportOptions(place="Watch"))
    check(turned, dataclasses.replace(other, acc=-other.acc), times=1.1e-9)
    both = read_recordings(tmp_path / "study", ImportOptions(place="all"))
    assert [each.name for each in both.recordings] == ["walk/phone", "walk/watch"]


def test_sensor_logger_adds_gravity_where_it_has_to(tmp_path: Path) -> None:
    found = read_recordings(sensor_logger(tmp_path / "walk.zip", UNEQUAL, total=False))
    check(found, UNEQUAL, times=1.1e-9)
    assert any("summed" in decision.why for decision in found.findings["walk"].decisions)


def test_sensor_logger_adds_gravity_that_was_sampled_at_other_times(tmp_path: Path) -> None:
    s = signal(jitter=0.2)
    folder = sensor_logger(tmp_path / "walk", s, total=False)
    text = (folder / "Gravity.csv").read_text().splitlines()
    (folder / "Gravity.csv").write_text("\n".join([text[0], *text[1::2]]) + "\n")
    found = read_recordings(folder)
    acc = found.recordings[0].streams[0]
    assert acc.n_samples == 999  # after the last sample of gravity there is nothing to add
    np.testing.assert_allclose(acc.values[:3], s.acc[:, :999], rtol=0, atol=0.02)
    assert [repair.count for repair in found.findings["walk"].repairs] == [1]


def test_sensor_logger_leaves_out_samples_in_a_gap_of_gravity(tmp_path: Path) -> None:
    folder = sensor_logger(tmp_path / "walk", TOGETHER, total=False)
    text = (folder / "Gravity.csv").read_text().splitlines()
    (folder / "Gravity.csv").write_text("\n".join(text[:301] + text[401:]) + "\n")
    found = read_recordings(folder)
    (gap,) = found.findings["walk"].gaps
    assert gap.sensor == "accelerometer"
    assert gap.stop_s - gap.start_s == pytest.approx(2.02)
    assert found.recordings[0].streams[0].n_samples == 900


def test_sensor_logger_without_gravity_says_so(tmp_path: Path) -> None:
    check(
        read_recordings(sensor_logger(tmp_path / "w.zip", UNEQUAL, total=False, gravity=False)),
        UNEQUAL,
        "removed",
        times=1.1e-9,
    )


def test_sensor_logger_on_ios_has_its_signs_turned(tmp_path: Path) -> None:
    found = read_recordings(sensor_logger(tmp_path / "w.zip", UNEQUAL, total=False, ios=True))
    check(found, UNEQUAL, times=1.1e-9)
    assert "accelerometer signs" in {decision.what for decision in found.findings["w"].decisions}


def test_sensor_logger_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    folder = sensor_logger(tmp_path / "w", TOGETHER, total=False, gravity=False)
    (folder / "Accelerometer.csv").write_bytes((folder / "Magnetometer.csv").read_bytes())
    with pytest.raises(DataError, match=r"Accelerometer\.csv.*--gravity included"):
        read_recordings(folder)
    assert read_recordings(folder, ImportOptions(gravity="included")).gravity == "included"


@pytest.mark.parametrize(("separator", "decimal"), PHYPHOX_DIALECTS)
@pytest.mark.parametrize("one_table", [False, True])
def test_phyphox_in_all_dialects(tmp_path: Path, separator: str, decimal: str, one_table: bool) -> None:
    s = TOGETHER if one_table else UNEQUAL
    found = read_recordings(phyphox(tmp_path / "walk.zip", s, separator, decimal, one_table=one_table))
    recording = check(found, s, values=2e-8, times=2e-8)
    assert recording.name == "walk"
    assert len(recording.streams) == (1 if one_table else 2)
    findings = found.findings["walk"]
    assert findings.format == "phyphox"
    assert findings.repairs[0].count == 3
    assert findings.repairs[0].where.endswith(f"line {s.acc.shape[1] + 2}")
    assert findings.started_s == pytest.approx(1_772_355_600 + s.acc_times[0].clip(max=s.gyro_times[0]), abs=1e-5)


def test_phyphox_without_gravity(tmp_path: Path) -> None:
    check(read_recordings(phyphox(tmp_path / "w.zip", UNEQUAL, linear=True)), UNEQUAL, "removed", 2e-8, 2e-8)


def test_phyphox_pauses_are_gaps(tmp_path: Path) -> None:
    found = read_recordings(phyphox(tmp_path / "w.zip", TOGETHER, pause=(10.0, 60.0)))
    spans = {gap.sensor: round(gap.stop_s - gap.start_s, 3) for gap in found.findings["w"].gaps}
    assert spans == {"accelerometer": 60.02, "gyroscope": 60.02}
    assert [round(stream.n_samples / stream.rate_hz) for stream in contiguous(found.recordings[0])] == [10, 10]


def test_phyphox_pauses_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    folder = phyphox(tmp_path / "w", TOGETHER)
    events = folder / "meta" / "time.csv"
    events.write_text(events.read_text().replace("system time text", "event"))
    passed = read_recordings(folder).findings["w"].passed_over
    assert [Path(where).name for where in passed] == ["time.csv"]


@pytest.mark.parametrize("clock", [False, True])
@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), ("\t", ".")])
def test_physics_toolbox_in_all_dialects(tmp_path: Path, separator: str, decimal: str, clock: bool) -> None:
    path = physics_toolbox(tmp_path / "walk.csv", UNEQUAL, separator, decimal, clock, blank_first=clock)
    found = read_recordings(path)
    recording = check(found, UNEQUAL, values=1e-5, times=1.1e-3 if clock else 1.1e-6)
    assert recording.name == "walk"
    assert found.findings["walk"].format == "physics_toolbox"
    assert {d.value for d in found.findings["walk"].decisions} >= {"g", "rad/s", "included"}


def test_physics_toolbox_with_comments_units_and_start(tmp_path: Path) -> None:
    found = read_recordings(physics_toolbox(tmp_path / "walk.csv", UNEQUAL, modern=True))
    check(found, UNEQUAL, values=1e-5, times=1.1e-6)
    assert (found.findings["walk"].started or "").startswith("2026-03-01T10:00:00.5")
    assert not (found.findings["walk"].started or "").endswith("Z")


def test_rows_of_one_sensor_each_are_nothing_to_repair(tmp_path: Path) -> None:
    path = physics_toolbox(tmp_path / "walk.csv", UNEQUAL)
    assert read_recordings(path).findings["walk"].repairs == []
    rows = path.read_text().splitlines()
    rows.insert(11, rows[10].partition(",")[0] + "," * rows[10].count(","))  # a time and nothing else
    path.write_text("\n".join(rows) + "\n")
    repairs = [str(repair) for repair in read_recordings(path).findings["walk"].repairs]
    assert [repair.rpartition("line ")[2] for repair in repairs] == [
        f"12: 1 row holds no value of the {sensor}" for sensor in ("accelerometer", "gyroscope")
    ]


def test_physics_toolbox_without_gravity(tmp_path: Path) -> None:
    found = read_recordings(physics_toolbox(tmp_path / "w.csv", UNEQUAL, linear=True))
    check(found, UNEQUAL, "removed", values=1e-5, times=1.1e-6)


def test_unicode_minus_and_infinity(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    rows = [f"0,{i:02d};0,01;−0,0{i % 7};1,0{i % 3};−∞" for i in range(100)]
    path.write_text("time;gFx;gFy;gFz;Gain\n" + "\n".join(rows) + "\n", encoding="utf-8")
    found = read_recordings(path)
    values = found.recordings[0].streams[0].values
    assert values[1, 3] == pytest.approx(-0.03 * G)
    assert found.channels == CHANNELS[:3]


def test_a_folder_of_several_exports(tmp_path: Path) -> None:
    sensor_logger(tmp_path / "all" / "ada" / "monday.zip", signal(19 + 1))
    phyphox(tmp_path / "all" / "ada" / "tuesday", signal(19 + 2))
    physics_toolbox(tmp_path / "all" / "bob" / "friday.csv", signal(19 + 3))
    (tmp_path / "all" / "notes.md").write_text("not a table")
    found = read_recordings(tmp_path / "all", ImportOptions(subject_folder=True))
    assert {each.name: each.subject for each in found.recordings} == {
        "ada/monday": "ada",
        "ada/tuesday": "ada",
        "bob/friday": "bob",
    }
    assert ["at the same time" in note for note in found.notes] == [True]  # all exports of the helpers start together
    assert len(read_recordings(tmp_path / "all").notes) == 1


def test_a_zip_that_wraps_its_files_in_a_folder(tmp_path: Path) -> None:
    folder = sensor_logger(tmp_path / "inner", TOGETHER)
    files: dict[str, str | bytes] = {f"inner/{path.name}": path.read_bytes() for path in folder.iterdir()}
    found = read_recordings(write(tmp_path / "outer.zip", files))
    assert [each.name for each in found.recordings] == ["outer"]


def test_two_sources_of_one_name_are_told_apart(tmp_path: Path) -> None:
    days = {"mon": TOGETHER, "tue": signal(21)}
    paths = [physics_toolbox(tmp_path / day / "walk.csv", each) for day, each in days.items()]
    with pytest.raises(DataError, match="Two recordings are called 'walk'"):
        read_recordings(paths)
    archives = [sensor_logger(tmp_path / day / "walk.zip", each) for day, each in days.items()]
    with pytest.raises(DataError, match="Two recordings are called"):
        read_recordings(archives)


def test_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'phyphox'"):
        read_recordings(tmp_path, ImportOptions(format="phyfox"))


def test_what_lies_beside_exports_is_passed_over_and_told(tmp_path: Path) -> None:
    sensor_logger(tmp_path / "in" / "walk.zip", TOGETHER)
    physics_toolbox(tmp_path / "in" / "ride.csv", TOGETHER)
    (tmp_path / "in" / "README.txt").write_text("Walks of March,\nby Ada\n")
    (tmp_path / "in" / "ride").mkdir()
    (tmp_path / "in" / "ride" / "people.csv").write_text("name,age\nAda,36\n")
    found = read_recordings(tmp_path / "in")
    assert [each.name for each in found.recordings] == ["ride", "walk"]
    passed = {path.replace(": ", "/").rsplit("/", 1)[-1] for path in found.passed_over}
    assert passed >= {"README.txt", "people.csv", "Magnetometer.csv"}
    for number, content in enumerate((b"", b"\n", b" \r\n\n")):  # such as the button that nobody pressed
        (tmp_path / "in" / "ride" / f"empty{number}.csv").write_bytes(content)
    passed = {path.replace(": ", "/").rsplit("/", 1)[-1] for path in read_recordings(tmp_path / "in").passed_over}
    assert passed >= {"empty0.csv", "empty1.csv", "empty2.csv"}
    with pytest.raises(DataError, match=r"empty0\.csv: the file is empty"):
        read_recordings(tmp_path / "in" / "ride" / "empty0.csv")
    only = tmp_path / "in" / "README.txt"
    with pytest.raises(DataError, match=r"README\.txt"):
        read_recordings(only)
    (tmp_path / "other").mkdir()
    only.rename(tmp_path / "other" / "README.txt")
    with pytest.raises(DataError, match=r"none of the 1 table\(s\) holds what looks like an accelerometer"):
        read_recordings(tmp_path / "other")


def test_a_plain_table_beside_an_export_is_read(tmp_path: Path) -> None:
    physics_toolbox(tmp_path / "a.csv", TOGETHER)
    frame = pl.DataFrame(
        {"time": TOGETHER.acc_times, **dict(zip(CHANNELS, (*TOGETHER.acc, *TOGETHER.gyro), strict=True))}
    )
    frame.write_csv(tmp_path / "b.csv")
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True))
    assert [each.name for each in found.recordings] == ["a", "b"]


def test_an_empty_gyroscope_is_no_missing_one(tmp_path: Path) -> None:
    folder = sensor_logger(tmp_path / "walk", TOGETHER)
    (folder / "Gyroscope.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"Gyroscope\.csv: the file is empty"):
        read_recordings(folder)
    assert read_recordings(folder, ImportOptions(acc_only=True)).channels == CHANNELS[:3]


def test_loose_tables_of_phyphox(tmp_path: Path) -> None:
    for name in ("mon", "tue"):
        source = phyphox(tmp_path / "out" / name, TOGETHER, one_table=True)
        (tmp_path / "loose").mkdir(exist_ok=True)
        (source / "Raw Data.csv").rename(tmp_path / "loose" / f"{name}.csv")
    found = read_recordings(tmp_path / "loose")
    assert [each.name for each in found.recordings] == ["mon", "tue"]
    assert found.findings["mon"].started is None
    split = phyphox(tmp_path / "split", TOGETHER)
    (split / "Gyroscope.csv").rename(tmp_path / "loose" / "Gyroscope.csv")
    with pytest.raises(DataError, match="which of the accelerometers beside it"):
        read_recordings(tmp_path / "loose")


def test_a_format_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "wrist_logger.py").write_text(
        "from otolith.importing.formats import Claim, Format\n"
        "from otolith.importing.session import ACC, Sensor, Session, axes\n"
        "from otolith.importing.times.timing import counted\n\n\n"
        "class WristLogger(Format):\n"
        "    name, title = 'wrist_logger', 'a table of Wrist Logger'\n\n"
        "    def sniff(self, folder):\n"
        "        ours = [sheet for sheet in folder.sheets if set(sheet.columns) == {'u', 'v', 'w'}]\n"
        "        return Claim(ours, 0.9, 'its columns are u, v and w') if ours else None\n\n"
        "    def sessions(self, folder, sheets, questions):\n"
        "        for sheet in sheets:\n"
        "            table = sheet.table()\n"
        "            values = axes(table, ('u', 'v', 'w'))\n"
        "            acc = Sensor(ACC, table, counted(table.height, 25), values, 'g', 'known', 'included', 'known')\n"
        "            yield Session(sheet.stem, [acc], self.findings(table))\n\n\n"
        "SPEC = WristLogger()\n"
    )
    (tmp_path / "walk.csv").write_text("u,v,w\n" + "0,0,1\n" * 100)
    with pytest.raises(DataError, match="cannot tell which columns"):
        read_recordings(tmp_path / "walk.csv")
    with FORMATS.preserved():
        assert FORMATS.add_file(tmp_path / "wrist_logger.py") == ["wrist_logger"]
        found = read_recordings(tmp_path / "walk.csv")
        assert (found.findings["walk"].format, found.rate_hz) == ("wrist_logger", 25.0)
        read_as = next(each for each in found.findings["walk"].decisions if each.what == "read as")
        assert (read_as.value, read_as.why) == ("a table of Wrist Logger", "its columns are u, v and w")
    with pytest.raises(DataError, match="unknown format 'wrist_logger'"):
        read_recordings(tmp_path / "walk.csv", ImportOptions(format="wrist_logger"))
