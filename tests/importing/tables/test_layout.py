"""Where a table begins in a text, and what its columns are called, in the layouts that devices write."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.errors import DataError
from otolith.importing.tables.layout import find_layout
from otolith.importing.tables.text import header_of, read_table

ROWS = [f"{step / 50:.2f},0.1,-0.2,{9.8 + step / 100:.2f}" for step in range(20)]
XYZ = ("t", "x", "y", "z")


def text_of(*lines: str) -> str:
    return "\n".join([*lines, ""])


@pytest.mark.parametrize(
    ("above", "names", "units", "preamble", "line"),
    [
        ((), (), (), (), 1),
        (("t,x,y,z",), XYZ, (), (), 2),
        (("t,x,y,z", "s,g,g,g"), XYZ, ("s", "g", "g", "g"), (), 3),
        (("t,x,y,z", "mSecs,m/(sec^2),m/(sec^2),m/(sec^2)"), XYZ, ("mSecs", *3 * ("m/(sec^2)",)), (), 3),
        (("dev,dev,dev,dev", "t,x,y,z", "CAL,CAL,CAL,CAL", "s,g,g,g"), XYZ, ("s", "g", "g", "g"), (), 5),
        (("sep=,", "t,x,y,z"), XYZ, (), (), 3),
        (('"sep=,"', "DeviceTag:,7", "Rate:,60Hz", " ", "t,x,y,z"), XYZ, (), ("DeviceTag:,7", "Rate:,60Hz"), 6),
        (("---- File of a device at 30 Hz ----", "Serial: 7", "-----", "t,x,y,z"), XYZ, (), (), 5),
        (("# made in 2024", "t,x,y,z"), XYZ, (), ("made in 2024",), 3),
        (("# t,x,y,z",), XYZ, (), (), 2),
        (("// Update Rate: 40.0Hz", "t,x,y,z"), XYZ, (), ("// Update Rate: 40.0Hz",), 3),
        (("", "", "t,x,y,z"), XYZ, (), (), 4),
        (("t,x,y,z", ""), XYZ, (), (), 3),
        (("t,x,y,z", *[",,,"] * 9), XYZ, (), (), 11),
        (("Serial: 7", "", "t,x,y,z", "", ""), XYZ, (), ("Serial: 7",), 6),
        (("t,x,y,z", "s,g,g,n/a"), XYZ, ("s", "g", "g", "n/a"), (), 3),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_lines_above_a_table(
    above: tuple[str, ...],
    names: tuple[str, ...],
    units: tuple[str, ...],
    preamble: tuple[str, ...],
    line: int,
    separator: str,
) -> None:
    text = text_of(*above, *ROWS).replace(",", separator)
    found = find_layout(text)
    assert found is not None
    assert (found.separator, found.names, found.units, found.line) == (separator, names, units, line)
    assert found.width == 4
    assert text[found.begin :].startswith("0.00")
    if preamble:
        assert found.preamble == tuple(each.replace(",", separator) for each in preamble)


def test_rows_between_blanks() -> None:
    table = read_table("t.dat", text_of(" 8.38   0 NaN 30.375 ", " 8.39 0 100 31", "8.40 1  NaN 31").encode())
    assert table.columns == ("column 1", "column 2", "column 3", "column 4")
    assert table.numbers("column 4").tolist() == [30.375, 31, 31]
    assert table.lines is not None
    assert table.lines.tolist() == [1, 2, 3]


def test_the_units_of_a_row_go_with_their_columns() -> None:
    table = read_table("t", text_of("t\tx\ty\tz\t", "ms\tg\tg\tg\t", "1\t2\t3\t4\t", "5\t6\t7\t8\t").encode())
    assert table.units == {"t": "ms", "x": "g", "y": "g", "z": "g"}
    assert table.only(table.numbers("t") > 1).units == table.units


def test_decimal_commas_do_not_separate() -> None:
    found = find_layout(text_of("Zeit;x", *(f"{n},5;{n},25" for n in range(9))))
    assert found is not None
    assert (found.separator, found.names) == (";", ("Zeit", "x"))


def test_empty_cells_at_the_end_are_cells() -> None:
    """Labels may begin late."""
    rows = [f"{n},1,2,3," + ("walk" if n > 50 else "") for n in range(100)]
    table = read_table("t", text_of("t,x,y,z,label", *rows).encode())
    assert (table.columns[-1], table.height, table.texts("label").count("walk")) == ("label", 100, 49)


@pytest.mark.parametrize("damage", ["3", "3,4,5,6,7", "broken"])
def test_a_damaged_first_row_does_not_hide_the_rows_before_the_next(damage: str) -> None:
    """The row is refused with its line; no row is passed over in silence."""
    found = find_layout(text_of("t,x,y,z", damage, *ROWS))
    assert found is not None
    assert (found.names, found.line) == (XYZ, 2)


AXES = ("Acc X", "Acc Y", "Acc Z", "Gyro X", "Gyro Y", "Gyro Z")


@pytest.mark.parametrize(
    ("above", "names"),
    [
        (["t,Acc,,,Gyro,,", ",X,Y,Z,X,Y,Z"], ("t", *AXES)),  # cells that a spreadsheet had merged
        ([",Acc,,,Gyro,,", "t,X,Y,Z,X,Y,Z"], ("t", *AXES)),
        ([",Acc,Acc,Acc,Gyro,Gyro,Gyro", ",X,Y,Z,X,Y,Z", "t,,,,,,"], ("t", *AXES)),  # names of pandas in two levels
        (["t,Acc,,,Gyro,,", "s,X [g],Y [g],Z [g],X [°/s],Y [°/s],Z [°/s]"],
         ("t s", "Acc X [g]", "Acc Y [g]", "Acc Z [g]", "Gyro X [°/s]", "Gyro Y [°/s]", "Gyro Z [°/s]")),
    ],
)  # fmt: skip
def test_names_of_sensors_stand_above_those_of_axes(above: list[str], names: tuple[str, ...]) -> None:
    rows = [f"{n}.5,1,2,3,4,5,6" for n in range(20)]
    found = find_layout(text_of(*above, *rows))
    assert found is not None
    assert (found.names, found.line) == (names, len(above) + 1)
    table = read_table("t", text_of(*above, *rows).encode())
    assert (table.columns, table.height) == (names, 20)


def test_a_name_of_many_characters_costs_no_time() -> None:
    began = time.process_time()
    find_layout(text_of("t,Acc,,", "s,X," + "rad per second " * 5000 + ",Z", *ROWS))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("n", [1, 5000])
def test_zero_bytes_after_the_last_row_are_left_out(n: int) -> None:
    table = read_table("t", text_of("t,x,y,z", *ROWS).encode() + b"\0" * n)
    assert table.height == len(ROWS)
    assert table.repairs == [(f"{n:,} NUL(s) at the end, as a lost power supply leaves them, were left out", n)]
    with pytest.raises(DataError, match="line 2: holds a NUL"):
        read_table("t", text_of("t,x,y,z", "\0" + ROWS[0], *ROWS).encode() + b"\0" * n)


@pytest.mark.parametrize("numbers", ["0,1,2,3", ",0,1,2"])
def test_numbers_of_columns_are_no_row(numbers: str) -> None:
    found = find_layout(text_of(numbers, *ROWS))
    assert found is not None
    assert (found.names, found.line) == ((), 2)


@pytest.mark.parametrize("hollow", ["2024-01-01 10:00:00.5,,,", "walk,nan,NaN,nan"])
def test_rows_without_a_value_at_the_beginning_do_not_hide_the_names(hollow: str) -> None:
    found = find_layout(text_of("t,x,y,z", *[hollow] * 9, *ROWS))
    assert found is not None
    assert (found.names, found.line) == (XYZ, 2)


def test_remarks_of_as_many_words_as_columns_name_none() -> None:
    """As where a device's format is called in as many words as a row has cells."""
    rows = [f"{n}\t0\t{33000 + n}\t{32800 - n}\t{37000 + n}\t" for n in range(20)]
    found = find_layout(text_of("# Text File Format of 7", '# {"rate": 100, "names": ["a"]}', "# End", *rows))
    assert found is not None
    assert (found.separator, found.names, found.line) == ("\t", (), 4)


def test_names_above_rows_with_empty_cells_beyond_them() -> None:
    found = find_layout(text_of("t,x,y,z", *(f"{row},,," for row in ROWS)))
    assert found is not None
    assert (found.names, found.line, found.width) == (XYZ, 2, 4)


def test_a_long_run_of_blanks_takes_no_long_time() -> None:
    rows = [row.replace(",", " ") for row in ROWS]
    begin = time.perf_counter()
    table = read_table("walk.txt", text_of(*rows, "1" + " " * 60_000 + "2 3 4").encode())
    assert table.texts("column 2")[-1] == "2"
    assert time.perf_counter() - begin < 2


@given(st.text(alphabet='a1,;\t |.\n"#-', max_size=200))
def test_any_text_has_a_layout_or_none(text: str) -> None:
    found = find_layout(text)
    if found is not None:
        assert found.line == text.count("\n", 0, found.begin) + 1 or found.begin >= len(text)
    assert isinstance(header_of(text.encode()), tuple)


def test_names_of_sensors_above_those_of_their_axes_are_joined() -> None:
    text = "time,acc,acc,acc,gyro,gyro,gyro\n,x,y,z,x,y,z\n" + "".join(f"{n},1,2,3,4,5,6\n" for n in range(20))
    found = find_layout(text)
    assert found is not None
    assert found.names == ("time", "acc x", "acc y", "acc z", "gyro x", "gyro y", "gyro z")
