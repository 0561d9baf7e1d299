"""Files of research devices in pieces, each a small file of the same kind, so that any length takes little memory.

`actfast` decodes whole files, and takes room for what their headers claim. Here the bytes are only divided, at the ends
of what the device wrote in one go: sectors of Axivity, pages of GENEActiv, log records of ActiGraph.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from otolith.errors import DataError
from otolith.importing.containers.members import DAMAGED, check_growth

PIECE_BYTES = 4 << 20
"""Bytes of a file that make a piece; about a million samples of an AX3."""
CWA_HEADER, CWA_SECTOR = 1024, 512
PAGE, PAGE_LINES, HEADER_LINES = b"Recorded Data", 10, 59
MAX_LINE = 1 << 16
RECORD = struct.Struct("<BBIH")
"""Separator, type, time and size of a log record; its content follows, and a checksum of a byte."""
SEPARATOR, ACTIVITY, PARAMETERS, ACTIVITY_2 = 0x1E, 0x00, 0x15, 0x1A
INFO, LOG = "info.txt", "log.bin"
MOST_INFO = 1 << 20


@dataclass
class Tail:
    """Tells of the end of a file, once all pieces were taken.

    Attributes:
        broken: a sentence on what breaks off and was left out; "" where nothing does.
    """

    broken: str = ""


def axivity_pieces(where: str, stream: IO[bytes], tail: Tail) -> Iterator[bytes]:
    """Yield the sectors of a CWA file, header first.

    Raises:
        DataError: it holds no sector.
    """
    header = stream.read(CWA_HEADER)
    length = max(1, PIECE_BYTES // CWA_SECTOR) * CWA_SECTOR
    body = stream.read(length)
    if len(header) < CWA_HEADER or len(body) < CWA_SECTOR:
        raise DataError(f"{where}: ends before the first samples of a CWA file. Download it from the device again.")
    while body:
        rest = len(body) % CWA_SECTOR
        if rest:
            tail.broken = f"the last sector breaks off after {rest} of {CWA_SECTOR} bytes and was left out"
        if len(body) > rest:
            yield header + body[: len(body) - rest]
        body = stream.read(length)


def geneactiv_pieces(where: str, stream: IO[bytes], tail: Tail) -> Iterator[bytes]:
    """Yield the pages of a GENEActiv file, each piece with its header.

    Raises:
        DataError: it has no header, no page, or lines where none should be.
    """
    header: list[bytes] = []
    line = _line(where, stream)
    while line and not line.startswith(PAGE):
        header.append(_utf8(line))
        line = _line(where, stream)
        if len(header) > HEADER_LINES:
            break
    if not line.startswith(PAGE):
        raise DataError(
            f"{where}: ends, or goes on, without the first page of a GENEActiv file. Download it from the device again."
        )
    header += [b"\n"] * (HEADER_LINES - len(header))
    pages: list[bytes] = []
    size = 0
    while line:
        page = [line, *(_line(where, stream) for _ in range(PAGE_LINES - 1))]
        if not page[-1].endswith(b"\n") and (len(page[-1].strip()) % 12 or not page[-1].strip()):
            tail.broken = "the last page breaks off and was left out"
            break
        if not line.startswith(PAGE):
            raise DataError(
                f"{where}: a page begins with {line[:20]!r}, expected {PAGE.decode()!r}. Download it from the device "
                "again."
            )
        pages.append(b"".join(page))
        size += len(pages[-1])
        line = _line(where, stream)
        if size > PIECE_BYTES:
            yield _geneactiv(header, pages)
            pages, size = [], 0
    if pages:
        yield _geneactiv(header, pages)


def _geneactiv(header: list[bytes], pages: list[bytes]) -> bytes:
    count = b"Number of Pages:"
    lines = [count + b"%d\n" % len(pages) if line.startswith(count) else line for line in header]
    return b"".join([*lines, *pages])


def _line(where: str, stream: IO[bytes]) -> bytes:
    line = stream.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise DataError(f"{where}: has a line of over {MAX_LINE:,} characters. Download it from the device again.")
    return line


def _utf8(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace").encode()
    return line


def gt3x_pieces(where: str, file: IO[bytes], tail: Tail) -> Iterator[bytes]:
    """Yield the log of a GT3X file, each piece as an archive with what the file says of the device.

    Samples of 16 bits are written as those of 12 bits, which is what the range of such devices takes.

    Raises:
        DataError: it is no such archive, is damaged, or lacks the log.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            if not {INFO, LOG} <= names:
                raise DataError(
                    f"{where}: holds no {LOG} and {INFO}, as GT3X files have had since firmware 3. Export an older one "
                    "as CSV by ActiLife."
                )
            about, log = archive.getinfo(INFO), archive.getinfo(LOG)
            for entry in (about, log):
                if entry.flag_bits & 0x1:
                    raise DataError(f"{where}: is encrypted. Export it without a password.")
                check_growth(where, entry.compress_size, entry.file_size)
            with archive.open(about) as stream:
                info = _info(stream.read(MOST_INFO))
            with archive.open(log) as stream:
                yield from _logged(where, info, stream, tail)
    except DAMAGED as error:
        raise DataError(f"{where}: cannot be unpacked ({error}). Download it from the device again.") from error


def _info(content: bytes) -> bytes:
    """Return the lines on the device, without the moments by which a decoder reckons how much room to take."""
    lines = content.decode("utf-8-sig", "replace").splitlines()
    return "\n".join([line for line in lines if not line.startswith(("Start Date", "Last Sample"))] + [""]).encode()


def _logged(where: str, info: bytes, log: IO[bytes], tail: Tail) -> Iterator[bytes]:
    parameters, records = _stated(info), bytearray()
    begin, at = bytes(parameters), 0
    while head := log.read(RECORD.size):
        content = b""
        if len(head) == RECORD.size:
            separator, kind, moment, size = RECORD.unpack(head)
            if separator != SEPARATOR:
                raise DataError(f"{where}: {LOG} is damaged at byte {at:,}. Download it from the device again.")
            content = log.read(size + 1)
        if len(head) < RECORD.size or len(content) <= size:
            tail.broken = f"the last record of {LOG} breaks off and was left out"
            break
        at += RECORD.size + len(content)
        if kind == ACTIVITY_2 and size >= 6:
            content = _in_12_bits(content[:size]) + b"\0"
            head = RECORD.pack(SEPARATOR, ACTIVITY, moment, len(content) - 1)
        if kind == PARAMETERS:
            parameters = head + content
        records += head + content
        if len(records) > PIECE_BYTES:
            yield _gt3x(info, begin + bytes(records))
            begin, records = bytes(parameters), bytearray()
    yield _gt3x(info, begin + bytes(records))


def _gt3x(info: bytes, log: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(INFO, info)
        archive.writestr(LOG, log)
    return out.getvalue()


def _stated(info: bytes) -> bytes:
    """Return a record of the rate and scale that stand in info.txt, for logs that do not repeat them."""
    said = dict(line.split(": ", 1) for line in info.decode().splitlines() if ": " in line)
    content = b""
    for name, number in (("Sample Rate", 10 << 16 | 1), ("Acceleration Scale", 55 << 16)):
        try:
            value = float(said.get(name, ""))
        except ValueError:
            continue
        if 1 <= value <= 10_000:
            content += struct.pack("<II", number, round(value) if name == "Sample Rate" else _ssp(value))
    return RECORD.pack(SEPARATOR, PARAMETERS, 0, len(content)) + content + b"\0" if content else b""


def _ssp(value: float) -> int:
    """Return a number of at least 1 in the device's way: 24 bits of a fraction, 8 of a power of two."""
    fraction, power = np.frexp(value)
    return int(power) << 24 | min(int(fraction * (1 << 23)), (1 << 23) - 1)


def _in_12_bits(content: bytes) -> bytes:
    """Turn samples of x, y, z in 16 bits into y, x, z in 12."""
    whole = np.frombuffer(content[: len(content) // 6 * 6], "<i2").reshape(-1, 3)[:, [1, 0, 2]].ravel()
    values = np.clip(whole, -2048, 2047).astype(np.int32) & 0xFFF
    first, second = np.append(values, np.zeros(len(values) % 2, np.int32)).reshape(-1, 2).T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(np.uint8)
    return packed.tobytes()[: (len(values) * 3 + 1) // 2]


PIECES = {"axivity": axivity_pieces, "geneactiv": geneactiv_pieces, "actigraph": gt3x_pieces}
