"""Workbooks of spreadsheets (.xlsx), each worksheet as a text of cells between tabs.

`fastexcel` reads them, in the worker process, and comes with the extra `xlsx`.
"""

from __future__ import annotations

import importlib.util
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from otolith.errors import DataError
from otolith.importing.containers.members import DAMAGED, check_growth, check_size
from otolith.importing.containers.worker import Undecodable, in_worker
from otolith.system.reading import reason_of

if TYPE_CHECKING:
    from otolith.importing.containers.members import Member

XLSX = (".xlsx", ".xlsm")
CURE = 'python -m pip install "otolith[xlsx]"'
MAX_CELLS = 100_000_000


def installed() -> bool:
    """Tell if workbooks can be read here."""
    return importlib.util.find_spec("fastexcel") is not None


def worksheets(member: Member) -> list[tuple[str, OpenWorksheet]]:
    """Return the worksheets of a workbook, by names that can be those of files.

    Raises:
        DataError: it is damaged, breaks a limit, or what reads it is not installed.
    """
    if not installed():
        raise DataError(f"{member.where}: reading workbooks needs fastexcel, which is not installed: {CURE}")
    names: list[str] = _asked(member.where, "cannot be read as a workbook", names_of, _checked(member))
    if not names:
        raise DataError(f"{member.where}: cannot be read as a workbook, since it names no worksheet. Save it again.")
    last = _Last()
    return [
        (re.sub(r"[^\w .()-]", "_", name) or "sheet", OpenWorksheet(member, number, last))
        for number, name in enumerate(names)
    ]


def _checked(member: Member) -> bytes:
    """Read a workbook that keeps to the limits."""
    content, where = member.read(), member.where
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                check_growth(where, entry.compress_size, entry.file_size)
            check_size(where, sum(entry.file_size for entry in archive.infolist()))
    except DAMAGED as error:
        raise DataError(f"{where}: cannot be read as a workbook ({reason_of(error)}). Save it again.") from error
    return content


def _asked(where: str, what: str, work: object, *arguments: object) -> Any:
    try:
        return in_worker(work, *arguments)
    except Undecodable as reason:
        raise DataError(f"{where}: {what} ({reason}). Save it again.") from None


class _Last:
    """The worksheet that was read last, which is looked into several times; it stays in its process."""

    def __init__(self) -> None:
        self.number, self.text = -1, b""

    def __reduce__(self) -> tuple[type[_Last], tuple[()]]:
        return _Last, ()


@dataclass(frozen=True)
class OpenWorksheet:
    """Opens a worksheet as a text."""

    member: Member
    number: int
    last: _Last = field(repr=False)

    @contextmanager
    def __call__(self) -> Iterator[IO[bytes]]:
        if self.last.number != self.number:
            what = f"its worksheet {self.number + 1} cannot be read"
            self.last.text = _asked(self.member.where, what, text_of, _checked(self.member), self.number, MAX_CELLS)
            self.last.number = self.number
        yield io.BytesIO(self.last.text)


def names_of(content: bytes) -> list[str]:
    """Return the names of the worksheets; the worker runs this.

    Raises:
        Undecodable: the workbook is damaged.
    """
    import fastexcel

    try:
        return [str(name) for name in fastexcel.read_excel(content).sheet_names]
    except BaseException as error:
        raise _told(error) from None


def text_of(content: bytes, number: int, most_cells: int) -> bytes:
    """Return a worksheet's cells between tabs; the worker runs this.

    A row with nothing but its first cell is a line of its own, as above a table.

    Raises:
        Undecodable: the workbook is damaged, or has more cells.
    """
    import fastexcel
    import polars as pl

    try:
        sheet = fastexcel.read_excel(content).load_sheet(number, header_row=None, dtypes="string")
        assert isinstance(sheet, fastexcel.ExcelSheet)
        if sheet.height * sheet.width > most_cells:
            raise Undecodable(f"{sheet.height:,} rows of {sheet.width:,} cells, over the limit of {most_cells:,}")
        frame = sheet.to_polars()
        if not frame.width:
            return b""
        texts = pl.all().cast(pl.String).fill_null("").str.replace_all(r"[\t\r\n]+", " ")
        lines = frame.select(pl.concat_str(texts, separator="\t").alias("line"))["line"]
        lines = lines.str.replace(r"^([^\t]*)\t+$", "$1")
        return ("\n".join(lines.to_list()) + "\n").encode()
    except BaseException as error:
        raise _told(error) from None


def _told(error: BaseException) -> Undecodable:
    """Return why a decoder failed, a panic of Rust as well, which is no Exception."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    return error if isinstance(error, Undecodable) else Undecodable((str(error).splitlines() or ["damaged"])[0])
