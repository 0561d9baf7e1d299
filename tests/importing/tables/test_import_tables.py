"""Text tables: dialects, what is repaired, and which line is at fault."""

from __future__ import annotations

import io
from datetime import date, timedelta
from datetime import time as dtime
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from otolith.errors import DataError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.disk_buffer import in_memory
from otolith.importing.labels.activities import is_label
from otolith.importing.session import axes
from otolith.importing.tables.parquet_worker import columns_of, read_parquet
from otolith.importing.tables.text import MAX_LINE, header_of, read_table
from otolith.system import reading

ROWS = [(0.5, -1.25), (1.0, 2.5e-3), (1.5, 3.0)]


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", "."), ("\t", "."), (";", ","), ("\t", ",")])
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_dialects(separator: str, decimal: str, quoted: bool, newline: str) -> None:
    def cell(value: object) -> str:
        text = str(value).replace(".", decimal)
        return f'"{text}"' if quoted else text

    body = [separator.join(map(cell, ("time", "a x")))] + [separator.join(map(cell, row)) for row in ROWS]
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        content = newline.join(body).encode(encoding)
        table = read_table("t", content)
        assert table.columns == ("time", "a x")
        np.testing.assert_array_equal(table.numbers("time"), [0.5, 1.0, 1.5])
        np.testing.assert_array_equal(table.numbers("a x"), [-1.25, 0.0025, 3.0])
        assert table.repairs == []
        if newline != "\r":
            assert header_of(newline.join([*body, ""]).encode(encoding)) == table.columns


@pytest.mark.parametrize("first", ["x^", "x\x01"])
def test_a_text_that_begins_as_packed_bytes_do_is_a_text(first: str) -> None:
    table = read_table("t", f"name,x\n{first},2\n{first},3\n".encode())
    np.testing.assert_array_equal(table.numbers("x"), [2, 3])


def test_no_other_place_lets_polars_guess_whether_bytes_are_packed() -> None:
    source = Path(reading.__file__).parents[1]
    found = [path.name for path in source.rglob("*.py") if ".read_csv(" in path.read_text("utf-8")]
    assert found == ["reading.py"]


def test_decimal_commas_in_quotes() -> None:
    table = read_table("t", b'time,x\n"0,5","-1,25"\n')
    assert (table.numbers("time")[0], table.numbers("x")[0]) == (0.5, -1.25)


def test_lines_before_the_header() -> None:
    table = read_table("t", b"\n# made by; nobody\nsep=;\n\ntime;x\n1;2\n\n3;4\n")
    assert table.comments == ("made by; nobody",)
    assert (table.at(0), table.at(1)) == ("t, line 6", "t, line 8")


def test_a_table_without_a_header() -> None:
    table = read_table("t", b"0.0,1\n0.1,2\n")
    assert table.columns == ("column 1", "column 2")
    assert table.height == 2


def test_cells_that_hold_no_number() -> None:
    values = read_table("t", "x,y\n,1\nNaN,1\nnull,1\n−∞,1\n−2.5,1\n".encode()).numbers("x")
    np.testing.assert_array_equal(values, [np.nan] * 4 + [-2.5])


@pytest.mark.parametrize("cell", ["None", "#N/A", "<NA>", "nil", "-", "?", ".", "--", "*", "NaT", "#DIV/0!", "—",
                                  "1.#QNAN", "-nan(ind)", "missing", "NULL", "N.A.", r"\N", "+Infinity"])  # fmt: skip
def test_words_and_signs_for_what_is_missing(tmp_path: Path, cell: str) -> None:
    (tmp_path / "t.csv").write_text(f"t,x\n0,1.5\n1,{cell}\n2,2.5\n", encoding="utf-8")
    table = read_table("t", (tmp_path / "t.csv").read_bytes())
    np.testing.assert_array_equal(table.numbers("x"), [1.5, np.nan, 2.5])
    rows = [f"{i / 50:.2f},{'9.8,0.1,0.2' if i % 2 else ','.join([cell] * 3)},1,2,3" for i in range(200)]
    (tmp_path / "t.csv").write_text("\n".join(["time,ax,ay,az,wx,wy,wz", *rows]) + "\n", encoding="utf-8")
    found = read_recordings(tmp_path, ImportOptions(accept_guess=True, gyro_unit="deg/s"))
    assert found.recordings[0].streams[0].values[0].mean() == pytest.approx(9.8)
    assert not is_label(cell)


def test_a_last_line_that_breaks_off_is_dropped_and_told() -> None:
    table = read_table("t", b"a,b,c\n1,2,3\n4,5")
    assert table.height == 1
    assert table.repairs == [("line 3, the last, breaks off and was dropped", 1)]


def torn(*cuts: str) -> bytes:
    """A table of 300 rows as a serial line gives it: some of its lines hold only what is named."""
    rows = [f"{row},1.5,2.5" for row in range(300)]
    for at, cut in enumerate(cuts):
        rows[100 + 50 * at] = cut
    return "\n".join(["t,x,y", *rows, ""]).encode()


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_few_torn_lines_are_left_out_and_told(quote: bytes) -> None:
    table = read_table("t", torn("7", "8,9").replace(b"t,x", quote + b"t" + quote + b",x"))
    assert table.height == 298
    assert table.numbers("t")[98:102].tolist() == [98.0, 99.0, 101.0, 102.0]
    assert table.at(100) == "t, line 103"
    assert table.repairs == [
        ("line 102: 2 torn line(s) were left out, the first with 1 cells in place of 3", 2),
    ]


@pytest.mark.parametrize("cuts", [("7", "8", "9", "10"), ("7,8,9,10",)])
def test_many_torn_lines_or_lines_that_run_together_are_refused(cuts: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=r"line 102: . cells, expected 3"):
        read_table("t", torn(*cuts))


@pytest.mark.parametrize("quote", ["", '"'])
def test_empty_cells_at_the_ends_of_lines(quote: str) -> None:
    """As a spreadsheet leaves them where another table stood beside this one, or its columns were emptied."""
    rows = [f"{row},{quote}1.5{quote},2.5{',' * (3 if row % 2 else 0)}" for row in range(20)]
    table = read_table("t", "\n".join(["t,x,y", *rows, ""]).encode())
    assert table.columns == ("t", "x", "y")
    assert table.numbers("y").tolist() == [2.5] * 20


def test_columns_of_one_name_that_mean_nothing_are_numbered() -> None:
    table = read_table("t", b"t,Not Used,ax,Not Used\n1,2,3,4\n")
    assert table.columns == ("t", "Not Used (1)", "ax", "Not Used (2)")


@pytest.mark.parametrize(
    "content",
    [
        b"t,Not Used,ax,Not Used\n1,2,3,4\n",
        b"event;at;event\nSTART;1;START\n",
        b" t ,,ax,\n1,2,3,\n",
        b"t,ax,note,note,note\n1,2,a,b,c\n",
    ],
)
def test_the_first_lines_name_the_columns_that_the_whole_file_has(content: bytes) -> None:
    assert header_of(content) == read_table("t", content).columns


def test_a_column_that_is_not_there_is_told_of_with_those_that_are() -> None:
    table = read_table("t.csv", b"t,ax\n1,2\n")
    for look in (table.numbers, table.integers, table.texts, table.first, table.is_number):
        with pytest.raises(DataError, match=r"t\.csv: has no column 'event'.*t, ax"):
            look("event")


def test_windows_1252_is_told() -> None:
    table = read_table("t", "time,gyro (°/s)\n1,2\n".encode("cp1252"))
    assert table.columns == ("time", "gyro (°/s)")
    assert "Windows-1252" in table.repairs[0][0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t: the file is empty"),
        (b"\n \n", "t: the file is empty"),
        (b"# only a comment", "t: the file is empty"),
        (b"a,b\n", "t: has a header and no complete row"),
        (b"a,b\n1,2\n3\n4,5\n", "t, line 3: 1 cells, expected 2"),
        (b"a,b\n1,2\n3,4,5\n", "t, line 3: 3 cells, expected 2"),
        (b'a,b\n1,"2\n3,4\n', "t, line"),
        (b"a,a\n1,2\n", "t, line 1: two columns are called 'a'"),
        (b"acc_x,acc_x\n1,2\n", "t, line 1: two columns are called 'acc_x'"),
        (b"activity,activity\n1,2\n", "t, line 1: two columns are called 'activity'"),
        (b"a,b\n1,2\0\n", "t, line 2: holds a NUL"),
        (b"a,b\n1,\x81\n", "t, line 2: is neither UTF-8 nor Windows-1252"),
        (b"\xff\xfea\x00,\x00\x00\xd8", "t: begins as UTF-16"),
        (b"a,b\n1," + b"2" * (MAX_LINE + 1) + b"\n", "t, line 2: 65,539 characters"),
        (b",".join(b"c%d" % i for i in range(3000)) + b"\n", "t, line 1: 3,000 columns"),
    ],
)
def test_damage_is_named_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table("t", content)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("cell", ["fast", "1.2.3", "0x10", "1 2", "1_000", "1,5,2"])
def test_a_cell_that_is_no_number_is_named(cell: str) -> None:
    table = read_table("t", f"x;y\n1;2\n{cell};2\n".encode())
    with pytest.raises(DataError, match="t, line 3: x is"):
        table.numbers("x")


def test_two_decimal_signs_in_one_column_are_refused() -> None:
    table = read_table("t", b"x;y\n1.5;1\n2;1\n1,234;1\n")
    with pytest.raises(DataError, match=r"t, line 4: x is '1,234', but '1\.5' elsewhere"):
        table.numbers("x")


@pytest.mark.parametrize("sign", [",", "."])
@pytest.mark.parametrize(
    "cells", ["262 -425 -998 1,006", "4,192 -592 13,952 16 112", "998 997 -1,002 996 None", "12 13 14 1,000 1,010"]
)
def test_signs_between_thousands_are_refused(cells: str, sign: str) -> None:
    each = cells.replace(",", sign).split()
    line = next(number for number, cell in enumerate(each, 2) if sign in cell)
    table = read_table("t", ("x;y\n" + "".join(f"{cell};1\n" for cell in each)).encode())
    with pytest.raises(DataError, match=rf"t, line {line}: x is '.*thousands\. Write thousands without a sign"):
        table.numbers("x")


@pytest.mark.parametrize(
    "cells",
    ["0 1,006 -0,425", "0,123 9,806 12,001", "9,806 9,812 10,001", "-999 9,806 9,804 9,811 -999",
     "16 -16 9,806 0 12,001", "10 11 12 9,81 9,806", "10 11 12 9,806 0,125", "10 11 1012 9,806", "10 11 12 9,8065",
     "262 -425 998", "1 2 3 1,125"],
)  # fmt: skip
@pytest.mark.parametrize("sign", [",", "."])
def test_usual_decimals_are_no_thousands(cells: str, sign: str) -> None:
    table = read_table("t", ("x;y\n" + "".join(f"{c.replace(',', sign)};1\n" for c in cells.split())).encode())
    expected = [float(cell.replace(",", ".")) for cell in cells.split()]
    np.testing.assert_array_equal(table.numbers("x"), expected)


def test_signs_between_thousands_of_one_axis_tell_of_all() -> None:
    rows = [f"{262 + i};{i};1,0{i:02}" for i in range(10, 40)]
    table = read_table("t", "\n".join(["x;y;z", *rows, ""]).encode())
    assert table.numbers("z")[0] == 1.01
    with pytest.raises(DataError, match=r"t, line 2: z is '1,010' beside whole numbers below 1000"):
        axes(table, ("x", "y", "z"))


def test_an_unknown_column_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError, match=r"t: has no column 'z'. Name one of its columns: x, y"):
        read_table("t", b"x,y\n1,2\n").require("x", "z")


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def test_parquet() -> None:
    content = parquet(pl.DataFrame({"x": [1, None, 3], "y": ["1,5", "2", ""], "z": [[1], [2], [3]]}))
    assert columns_of(content) == ("x", "y", "z")
    table = read_parquet("t", content)
    np.testing.assert_array_equal(table.numbers("x"), [1, np.nan, 3])
    np.testing.assert_array_equal(table.numbers("y"), [1.5, 2, np.nan])
    with pytest.raises(DataError, match="t: column 'z' holds List"):
        table.numbers("z")


@pytest.mark.parametrize("cells", [[[1], [2]], [b"\xff", b"a"]])
def test_a_column_that_has_no_text(cells: list[object]) -> None:
    table = read_parquet("t", parquet(pl.DataFrame({"time": cells, "x": [1, 2]})))
    for read in (table.text, table.texts):
        with pytest.raises(DataError, match=r"t: column 'time' of type .* cannot be read as text"):
            read("time")


def test_damaged_and_huge_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    content = parquet(pl.DataFrame({"x": np.zeros(1000)}))
    for bad in (b"", b"PAR1", content[:-9], content[:40] + content[60:], b"PAR1" + b"\xff" * 200 + b"PAR1"):
        with pytest.raises(DataError, match=r"^t: "):
            read_parquet("t", bad)
    with pytest.raises(DataError, match="has no row"):
        read_parquet("t", parquet(pl.DataFrame({"x": np.zeros(0)})))
    monkeypatch.setattr("otolith.importing.tables.parquet_worker.MAX_CELLS", 999)
    with pytest.raises(DataError, match="1,000 rows of 1 columns, over the limit"):
        read_parquet("t", content)


def test_an_outline_names_the_same_rows() -> None:
    text = read_table("t", b"# comment\ntime,x\n\n1,2\n\n3,4\n")
    whole = io.BytesIO()
    pl.DataFrame({"time": [1.0, 2.0], "x": [3.0, 4.0]}).write_parquet(whole)
    for table in (text, text.only(np.array([False, True])), read_parquet("p", whole.getvalue())):
        outline = table.outline(in_memory)
        assert (outline.where, outline.columns, outline.height) == (table.where, table.columns, 0)
        assert [outline.at(row) for row in range(table.height)] == [table.at(row) for row in range(table.height)]


def test_quoted_cells_over_several_lines() -> None:
    rows = [f"{n / 50},{n % 7}," + ('"slow\nand, fast"' if n % 9 == 3 else "") for n in range(40)]
    for names in ('time,"x\n(g)",note', 'time,x,"note\n(free)"', '"time\n(s)","x\n(g)","note, by\nhand"'):
        table = read_table("t.csv", "\n".join([names, *rows, ""]).encode())
        assert len(table.columns) == 3
        assert all("\n" not in name for name in table.columns)
        assert table.height == 40
        assert table.texts(table.columns[2])[12] == "slow\nand, fast"
        assert table.at(0) == f"t.csv, line {names.count(chr(10)) + 2}"


@pytest.mark.parametrize(("between", "quote"), [(",", ""), ("\t", ""), (" ", ""), (";", '"')])
def test_names_within_the_table_are_left_out(between: str, quote: str) -> None:
    names = between.join(f"{quote}{name}{quote}" for name in ("t", "x", "y"))
    rows = [f"{n}.5{between}1{between}{n}" for n in range(30)]
    text = "\n".join(["# made by hand", names, *rows[:20], "# made by hand", names, *rows[20:]])
    found = read_table("walk.csv", text.encode())
    assert found.numbers("y").tolist() == list(range(30))
    assert found.at(20) == "walk.csv, line 25"
    assert [count for _, count in found.repairs] == [2]


def test_columns_of_any_type_may_stand_beside_the_signals(tmp_path: Path) -> None:
    n = 200
    t = np.arange(n) / 50
    signals = pl.DataFrame({"time_s": t, "acc_x": np.sin(t), "acc_y": np.cos(t), "acc_z": 9.8 + 0 * t})
    beside = {
        "since": pl.Series([timedelta(seconds=1)] * n),
        "raw": pl.Series([b"\0\1"] * n),
        "both": pl.Series([[1, 2]] * n),
        "fixed": pl.Series([[1.0, 2.0]] * n, dtype=pl.Array(pl.Float64, 2)),
        "device": pl.Series([{"a": 1}] * n),
        "born": pl.Series([date(2000, 1, 1)] * n),
        "awake": pl.Series([dtime(7, 30)] * n),
        "weight": pl.Series([Decimal("70.5")] * n),
        "side": pl.Series(["left"] * n, dtype=pl.Categorical),
        "hand": pl.Series(["left"] * n, dtype=pl.Enum(["left", "right"])),
        "worn": pl.Series([True] * n),
        "nothing": pl.Series([None] * n),
    }
    options = ImportOptions(accept_guess=True, subject="ada")

    def read(name: str, frame: pl.DataFrame) -> np.ndarray:
        frame.write_parquet(tmp_path / name)
        return read_recordings(tmp_path / name, options).recordings[0].streams[0].values

    plain = read("plain.parquet", signals)
    for name, column in beside.items():
        np.testing.assert_array_equal(read(f"{name}.parquet", signals.with_columns(column.alias(name))), plain)
