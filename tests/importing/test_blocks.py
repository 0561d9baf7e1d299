"""Long files, read in blocks, give what they give when read whole; where they would not, they are read whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, blocks, read_recordings
from otolith.importing import read as reading
from otolith.importing.containers import members
from otolith.importing.grouping.left_out import LeftOut
from otolith.importing.imported import Imported
from otolith.importing.joined import NotInBlocks
from otolith.importing.parts import list_parts, read_part
from otolith.importing.questions import Questions
from otolith.windows import pieces

N = 3000


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What became of each long file: "" where it was read in blocks, else the reason why not."""
    monkeypatch.setattr(blocks, "LONG_BYTES", dict.fromkeys(blocks.LONG_BYTES, 1000))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 30_000)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 700)
    monkeypatch.setattr(pieces, "AT_ONCE", 256)
    out: list[str] = []
    usual = blocks.read_in_blocks

    def spied(*arguments: object) -> object:
        try:
            found = usual(*arguments)  # type: ignore[arg-type]
        except NotInBlocks as reason:
            out.append(str(reason))
            raise
        out.append("")
        return found

    monkeypatch.setattr(reading, "read_in_blocks", spied)
    return out


def frame(start: float = 1.7e9, gap_at: int = 1500, n: int = N) -> pl.DataFrame:
    """Invented samples at 50 Hz with a gap, a stillness and rows without a value."""
    rng = np.random.default_rng(0)
    ms = np.round(1000 * start) + np.round(20 * np.arange(n) + rng.uniform(-3, 3, n))
    ms[gap_at:] += 60_000
    values = rng.normal(0, 2, (6, n))
    values[2] += 9.81
    values[:, 700:1100] = values[:, 700:701]
    columns = {name: values[row] for row, name in enumerate(("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"))}
    return pl.DataFrame({"time": ms.astype(np.int64), **columns})


OPTIONS = ImportOptions(accept_guess=True, gyro_unit="rad/s", subject="ada")


def text(table: pl.DataFrame, path: Path, above: str = "") -> Path:
    path.write_text(above + table.write_csv(float_precision=4))
    return path


def same(a: Imported, b: Imported) -> None:
    assert [each.name for each in a.recordings] == [each.name for each in b.recordings]
    for x, y in zip(a.recordings, b.recordings, strict=True):
        assert (x.subject, x.segments, x.channels) == (y.subject, y.segments, y.channels)
        for s, t in zip(x.streams, y.streams, strict=True):
            assert (s.rate_hz, s.start_s, s.values.dtype) == (t.rate_hz, t.start_s, t.values.dtype)
            np.testing.assert_array_equal(s.values, t.values)
            np.testing.assert_array_equal(s.sample_times, t.sample_times)
        f, g = a.findings[x.name], b.findings[y.name]
        assert (f.started, f.started_s, f.gaps, f.flags) == (g.started, g.started_s, g.gaps, g.flags)
        assert list(map(str, f.repairs)) == list(map(str, g.repairs))
        assert [(d.what, d.value) for d in f.decisions] == [(d.what, d.value) for d in g.decisions]


def both(path: Path, told: list[str], options: ImportOptions = OPTIONS) -> Imported:
    """Read whole and in blocks, and compare."""
    whole = read_recordings(path, options)
    assert told == []
    found = read_recordings(path, options, disk_buffer=path.parent)
    same(whole, found)
    return found


def holes(table: pl.DataFrame) -> pl.DataFrame:
    """Rows without a value, in several blocks."""
    empty = pl.int_range(pl.len()) % 500 == 7
    return table.with_columns(pl.when(empty).then(None).otherwise(pl.col("acc_y")).alias("acc_y"))


def dated(table: pl.DataFrame) -> pl.DataFrame:
    moments = pl.from_epoch("time", "ms").dt.to_string("%Y-%m-%dT%H:%M:%S%.3f")
    return table.with_columns(moments.alias("time"))


def seconds(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(time=(pl.col("time") - pl.col("time").first()) / 1000 + 12.345)


KINDS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "epoch": lambda table: table,
    "holes": holes,
    "dates": dated,
    "seconds": seconds,
    "acc only": lambda table: table.select("time", "acc_x", "acc_y", "acc_z"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_blocks_give_the_whole(kind: str, ending: str, tmp_path: Path, told: list[str]) -> None:
    table, path = KINDS[kind](frame()), tmp_path / f"week.{ending}"
    if ending == "csv":
        text(table, path)
    else:
        table.write_parquet(path, row_group_size=400)
    found = both(path, told)
    assert told == [""]
    stream, *others = found.recordings[0].streams
    assert stream.n_samples > 2900
    assert len(others) == (kind == "holes")
    assert any(gap.stop_s - gap.start_s > 50 for gap in found.findings["week"].gaps)
    assert any(flag.kind == "frozen" for flag in found.findings["week"].flags)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_rows_without_times_follow_their_rate(tmp_path: Path, told: list[str]) -> None:
    path = text(frame().drop("time"), tmp_path / "week.csv")
    found = both(path, told, ImportOptions(accept_guess=True, gyro_unit="rad/s", subject="ada", rate_hz=50.0))
    assert told == [""]
    assert found.recordings[0].streams[0].times is None


def test_lines_above_the_table_and_windows_line_ends(tmp_path: Path, told: list[str]) -> None:
    path = tmp_path / "week.csv"
    content = "Gerät: 7\nmade by hand\n\n" + frame().write_csv(float_precision=4)
    path.write_bytes(content.replace("\n", "\r\n").encode("cp1252"))
    both(path, told)
    assert told == [""]


def test_a_line_that_is_cut_off_at_the_end(tmp_path: Path, told: list[str]) -> None:
    path = text(frame(), tmp_path / "week.csv")
    path.write_bytes(path.read_bytes()[:-30])
    found = both(path, told)
    assert told == [""]
    assert f"line {N + 1}, the last, breaks off" in str(found.findings["week"].repairs[0])


def test_a_sensor_that_sleeps_for_blocks(tmp_path: Path, told: list[str]) -> None:
    """Zeros are left out where the format says that gravity is in the signal."""
    table = frame(gap_at=N).select(pl.col("acc_x", "acc_y", "acc_z") / 9.80665)
    table = table.with_columns(pl.when(pl.int_range(N).is_between(700, 2600)).then(0.0).otherwise(pl.all()).name.keep())
    table.columns = ["Accelerometer X", "Accelerometer Y", "Accelerometer Z"]
    above = (
        "------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.3 Firmware v2.5.0 date format M/d/yyyy "
        "at 50 Hz  Filter Normal -----------\nSerial Number: X\nStart Time 10:00:00\nStart Date 12/3/2024\n"
        "Epoch Period (hh:mm:ss) 00:00:00\nDownload Time 10:00:00\nDownload Date 12/4/2024\n"
        "Current Memory Address: 0\nCurrent Battery Voltage: 4.2     Mode = 12\n"
        "--------------------------------------------------\n"
    )
    both(text(table, tmp_path / "week.csv", above), told, ImportOptions(subject="ada"))
    assert told == [""]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda t: t.with_columns(
                pl.when(pl.int_range(N) > 2000).then(0.0).otherwise(pl.col("^acc.*$")).name.keep()
            ),
            "zeros",
        ),
        (lambda t: pl.concat([t[:1600], t[1200:]]), "do not follow each other|jumps back"),
        (lambda t: t.with_columns(time=pl.col("time") // 1000 * 1000), "clock needs repair"),
        (lambda t: t.with_columns(activity=pl.lit("walk")), "labels"),
        (lambda t: t.with_columns(person=pl.int_range(pl.len()) // 1500), "recordings"),
    ],
)
def test_what_blocks_would_change_is_read_whole(
    change: Callable[[pl.DataFrame], pl.DataFrame], reason: str, tmp_path: Path, told: list[str]
) -> None:
    table = change(frame())
    options = ImportOptions(
        accept_guess=True,
        gyro_unit="rad/s",
        label="activity" if "activity" in table.columns else None,
        subject_column="person" if "person" in table.columns else None,
    )
    both(text(table, tmp_path / "week.csv"), told, options)
    assert len(told) == 1
    assert pytest.importorskip("re").search(reason, told[0]), told


def test_damage_is_told_as_ever(tmp_path: Path, told: list[str]) -> None:
    path = text(frame(), tmp_path / "week.csv")
    lines = path.read_text().split("\n")
    lines[2000] = "1,2"
    path.write_text("\n".join(lines))
    found = read_recordings(path, OPTIONS, disk_buffer=tmp_path)
    assert "line 2001: 1 torn line(s) were left out" in str(found.findings["week"].repairs[0])
    lines[1000:2000] = ["1,2"] * 1000
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="line 1001: 2 cells"):
        read_recordings(path, OPTIONS, disk_buffer=tmp_path)
    assert len(told) == 2


def test_too_large_to_be_read_whole(tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_FILE_BYTES", 50_000)
    path = text(frame(), tmp_path / "week.csv")
    read_recordings(path, OPTIONS, disk_buffer=tmp_path)
    assert told == [""]
    text(pl.concat([frame()[:1600], frame()[1200:]]), path)
    with pytest.raises(DataError, match=r"over the limit of 50,000 for files that cannot be read in blocks \(its"):
        read_recordings(path, OPTIONS, disk_buffer=tmp_path)
    monkeypatch.setattr("otolith.importing.containers.sources.MAX_LONG_BYTES", 50_000)
    with pytest.raises(DataError, match="over the limit of 50,000 for one table"):
        read_recordings(path, OPTIONS, disk_buffer=tmp_path)


def test_a_file_beyond_two_gigabytes_is_opened(tmp_path: Path) -> None:
    path = text(frame(), tmp_path / "weeks.csv")
    whole = path.stat().st_size
    os.truncate(path, 3 << 30)  # a hole, which takes no room on the disk
    size = 3 << 30
    member = members.Member(path, PurePosixPath("weeks.csv"), str(path), size, size, members.OpenFile(path), path=path)
    assert len(member.read_some(whole)) == whole
    with pytest.raises(DataError, match=r"over the limit of|is needed at once|have to be read as a whole"):
        member.read()


def test_long_files_stand_beside_short_ones(tmp_path: Path, told: list[str]) -> None:
    text(frame(), tmp_path / "a.csv")
    text(frame(n=15), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").stat().st_size < 2000
    blocks.LONG_BYTES.update(dict.fromkeys(blocks.LONG_BYTES, 2000))
    found = both(tmp_path, told, ImportOptions(accept_guess=True, gyro_unit="rad/s", subject="ada", rate_hz=None))
    assert told == [""]
    assert len(found.recordings) == 2


def test_prediction_reads_a_part_in_blocks(tmp_path: Path, told: list[str]) -> None:
    path = text(frame(), tmp_path / "week.csv")
    (part,), _ = list_parts([path], LeftOut())
    (usual,) = read_part(part, Questions(OPTIONS)).recordings
    (found,) = read_part(part, Questions(OPTIONS), tmp_path).recordings
    assert told == [""]
    np.testing.assert_array_equal(usual[0].streams[0].values, found[0].streams[0].values)
