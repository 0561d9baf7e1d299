"""Files of public data sets as their publishers lay them out: people, places and labels by names and columns."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.importing import ImportOptions, read_recordings
from otolith.importing.questions import Undecided
from otolith.recording import CHANNELS
from tests.helpers.exports import G, signal

S = signal(12)
N = len(S.acc_times)
YES = ImportOptions(accept_guess=True, leave_out=True)
PLACES = ("chest", "waist")


def csv(header: str, *columns: object, between: str = ",") -> str:
    cells = [[each if isinstance(each, str) else f"{each:.6g}" for each in column] for column in columns]  # type: ignore[attr-defined]
    return "\n".join([*([header] if header else []), *(between.join(row) for row in zip(*cells, strict=True))]) + "\n"


def packed(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def in_ms(first: int) -> list[str]:
    return [str(first + round(1000 * each)) for each in S.acc_times]


def realworld(values: np.ndarray) -> str:
    return csv("id,attr_time,attr_x,attr_y,attr_z", [str(n) for n in range(N)], in_ms(1_437_000_000_000), *values)


def proband(number: int) -> dict[str, str | bytes]:
    """Archives of one person, with acceleration of 0.1 m/s² more along z for each place."""
    out: dict[str, str | bytes] = {}
    for activity in ("walking", "climbingup"):
        at = dict(enumerate(PLACES))
        more = np.array([[0.0], [0.0], [0.1]])
        acc = {f"acc_{activity}_{place}.csv": realworld(S.acc + n * more) for n, place in at.items()}
        gyro = {f"Gyroscope_{activity}_{place}.csv": realworld(S.gyro) for place in PLACES}
        field = {f"MagneticField_{activity}_{place}.csv": realworld(20 * S.acc) for place in PLACES}
        for sensor, files in (("acc", acc), ("gyr", gyro), ("mag", field)):
            out[f"proband{number}/data/{sensor}_{activity}_csv.zip"] = packed({**files, "readMe": "a\n"})
    return out | {f"proband{number}/images/1.jpg": b"\xff\xd8\xff"}


@pytest.fixture(params=["zip", "folder"])
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    files = {f"realworld2016/{name}": content for number in (1, 2) for name, content in proband(number).items()}
    if request.param == "zip":
        (tmp_path / "realworld2016_dataset.zip").write_bytes(packed(files))
        return tmp_path / "realworld2016_dataset.zip"
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path


def test_realworld_har_asks_for_the_place_once(people: Path) -> None:
    with pytest.raises(Undecided, match=r"^RealWorld HAR: .*--place chest .*--place waist .*--place all") as error:
        read_recordings(people, YES)
    assert "have to be put right" not in str(error.value)


def test_realworld_har_at_a_place(people: Path) -> None:
    found = read_recordings(people, replace(YES, place="waist"))
    assert found.activities == ("climbing up", "walking")
    names = {each.name: each.subject for each in found.recordings}
    assert names == {f"proband{n}/{what}": f"proband{n}" for n in (1, 2) for what in ("walking", "climbingup")}
    (stream,) = found.recordings[0].streams
    assert stream.channels == CHANNELS
    np.testing.assert_allclose(stream.values[2], S.acc[2] + 0.1, atol=1e-3)
    assert found.left_out == ()
    assert any("MagneticField" in each for each in found.passed_over)


def test_parts_of_an_activity_in_archives_within_archives(tmp_path: Path) -> None:
    for sensor, name, values in (("acc", "acc", S.acc), ("gyr", "Gyroscope", S.gyro)):
        parts = {
            f"{sensor}_climbingup_{part}_csv.zip": packed({f"{name}_climbingup_waist.csv": realworld(values)})
            for part in (1, 2)
        }
        (tmp_path / "proband3" / "data").mkdir(parents=True, exist_ok=True)
        (tmp_path / "proband3" / "data" / f"{sensor}_climbingup_csv.zip").write_bytes(packed({**parts}))
    found = read_recordings(tmp_path, replace(YES, place="waist"))
    assert [each.name for each in found.recordings] == ["proband3/climbingup 1", "proband3/climbingup 2"]
    assert found.channels == CHANNELS


def test_realworld_har_at_all_places(people: Path) -> None:
    found = read_recordings(people, replace(YES, place="all"))
    assert len(found.recordings) == 8
    assert {each.subject for each in found.recordings} == {"proband1", "proband2"}


def harth(codes: list[str], count: bool = False) -> str:
    times = [f"2019-01-12 00:00:{each:06.3f}" for each in S.acc_times]
    header = "timestamp,back_x,back_y,back_z,thigh_x,thigh_y,thigh_z,label"
    columns = [times, *(S.acc / G), *(S.acc[[1, 2, 0]] / G), codes]
    return csv(f"index,{header}", map(str, range(N)), *columns) if count else csv(header, *columns)


def test_harth(tmp_path: Path) -> None:
    codes = ["6"] * 300 + ["130"] * 300
    (tmp_path / "S006.csv").write_text(harth(codes))
    (tmp_path / "S015.csv").write_text(harth(codes, count=True))
    with pytest.raises(Undecided, match=r"^HARTH: .*--place back .*--place thigh"):
        read_recordings(tmp_path, YES)
    found = read_recordings(tmp_path, replace(YES, place="thigh"))
    assert [(each.name, each.subject) for each in found.recordings] == [("S006", "S006"), ("S015", "S015")]
    assert found.activities == ("cycling (sit, inactive)", "standing")
    np.testing.assert_allclose(found.recordings[1].streams[0].values[0], S.acc[1], atol=1e-3)


def test_codes_that_harth_does_not_have_are_of_another_table(tmp_path: Path) -> None:
    (tmp_path / "S006.csv").write_text(harth(["99"] * N))
    assert read_recordings(tmp_path, replace(YES, place="back")).activities == ("99",)


def hhar(values: np.ndarray, *devices: str) -> str:
    blocks = [(user, device) for user in "ab" for device in devices]
    n, many = len(blocks), [str(each) for each in range(N)] * len(blocks)
    created = [str(1_424_696_631_913_248_572 + round(1e9 * each)) for each in S.acc_times]
    users, names = [user for user, _ in blocks for _ in range(N)], [name for _, name in blocks for _ in range(N)]
    said = (["stand"] * (N // 2) + ["null"] * (N - N // 2)) * n
    columns = (
        many,
        in_ms(1_424_696_633_908) * n,
        created * n,
        *np.tile(values, n),
        users,
        ["m"] * (n * N),
        names,
        said,
    )
    return csv("Index,Arrival_Time,Creation_Time,x,y,z,User,Model,Device,gt", *columns)


def test_hhar(tmp_path: Path) -> None:
    for prefix, devices in (("Phones", ("nexus4_1", "s3_2")), ("Watch", ("gear_1",))):
        for sensor, values in (("accelerometer", S.acc), ("gyroscope", S.gyro)):
            (tmp_path / f"{prefix}_{sensor}.csv").write_text(hhar(values, *devices))
    with pytest.raises(Undecided, match=r"^HHAR: .*3 places: gear_1, nexus4_1, s3_2"):
        read_recordings(tmp_path, YES)
    found = read_recordings(tmp_path, replace(YES, place="gear_1"))
    assert [(each.name, each.subject) for each in found.recordings] == [("a gear_1", "a"), ("b gear_1", "b")]
    assert found.activities == ("stand",)
    assert found.channels == CHANNELS
    assert found.left_out == ()


def test_sleep_accel(tmp_path: Path) -> None:
    files = {
        "motion/46343_acceleration.txt": csv("", S.acc_times - 4, *(S.acc / G), between=" "),
        "labels/46343_labeled_sleep.txt": "0 0\n30 -1\n",
        "heart_rate/46343_heartrate.txt": "0.5,70\n3.4,71\n",
        "steps/46343_steps.txt": "-604000,0\n-603400,3\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content)
    found = read_recordings(tmp_path, YES)
    (recording,) = found.recordings
    assert (recording.name, recording.subject) == ("46343", "46343")
    assert [(round(each.start_s), each.activity) for each in recording.segments] == [(4, "wake")]
    np.testing.assert_allclose(recording.streams[0].values, S.acc, atol=1e-3)
    assert len(found.passed_over) == 2


def test_capture24(tmp_path: Path) -> None:
    times = [f"2016-11-13 02:18:{each:09.6f}" for each in S.acc_times]
    said = ['"7030 sleeping;MET 0.95"'] * 300 + [""] * 200 + ["NA"] * 100
    (tmp_path / "P001.csv").write_text(csv("time,x,y,z,annotation", times, *(S.acc / G), said))
    (tmp_path / "metadata.csv").write_text("pid,age,sex\nP001,30-37,F\n")
    found = read_recordings(tmp_path, YES)
    (recording,) = found.recordings
    assert (recording.name, recording.subject) == ("P001", "P001")
    assert found.activities == ("7030 sleeping;MET 0.95",)
    assert recording.segments[0].stop_s == pytest.approx(6.0)


@pytest.mark.parametrize("folder", ["Protocol", "Optional"])
def test_one_person_of_pamap2_in_two_folders(tmp_path: Path, folder: str) -> None:
    from tests.importing.formats.test_known_tables import pamap2

    for each in ("Protocol", "Optional"):
        (tmp_path / each).mkdir()
        pamap2(tmp_path / each / "subject101.dat")
    found = read_recordings(tmp_path, replace(YES, place="hand"))
    assert {each.name: each.subject for each in found.recordings}[f"{folder}/subject101"] == "subject101"
