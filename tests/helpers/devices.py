"""Writes known signals in the files of research devices, as the makers document them."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np

from tests.helpers.exports import Signal

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def axivity(s: Signal, rate_hz: float = 50.0, gyro: bool = False, broken: int | None = None) -> bytes:
    """A CWA file of an AX6, or without `gyro` of an AX3; sector `broken` has a wrong checksum."""
    code = {50: 0x49, 100: 0x4A}[round(rate_hz)]
    header = bytearray(b"\xff" * 1024)
    header[:4], header[4] = b"MD\xfc\x03", 0x64 if gyro else 0
    header[5:7], header[7:11], header[11:13] = struct.pack("<H", 777), struct.pack("<I", 5), b"\0\0"
    header[13:25], header[36], header[64:512] = bytes(12), code, b"_s=ada".ljust(448)
    acc = np.rint(s.acc.T / 9.80665 * (4096 if gyro else 256)).astype(np.int64)
    turn = np.rint(np.degrees(s.gyro.T) / 2000 * 32768).astype(np.int64)
    per = 40 if gyro else 120
    out = [bytes(header)]
    for number, first in enumerate(range(0, len(acc), per)):
        rows = acc[first : first + per]
        begun = first / rate_hz
        whole, fraction = int(np.floor(begun)), begun % 1
        at = START + timedelta(seconds=whole)
        stamp = at.year - 2000 << 26 | at.month << 22 | at.day << 17 | at.hour << 12 | at.minute << 6 | at.second
        parts = round(fraction * 65536) >> 1
        shift = -((parts << 1) * int(rate_hz) >> 16)  # the stamp is then that of the first sample
        scales = (4 << 13 | 2 << 10) if gyro else 0
        sector = bytearray(struct.pack("<2sHHIIIHHBBBBhH", b"AX", 508, 0x8000 | parts, 5, number, stamp, scales | 300,
                                       250, 0, 200, code, 0x62 if gyro else 0x30, shift, len(rows)))  # fmt: skip
        for row, (x, y, z) in enumerate(rows.tolist()):
            if gyro:
                sector += struct.pack("<6h", *turn[first + row].tolist(), x, y, z)
            else:
                largest = max(abs(x), abs(y), abs(z))
                power = max(0, largest.bit_length() - 9)
                sector += struct.pack(
                    "<I", (x >> power & 1023) | (y >> power & 1023) << 10 | (z >> power & 1023) << 20 | power << 30
                )
        sector += bytes(510 - len(sector))
        total = -int(np.frombuffer(bytes(sector), "<u2").sum()) % 65536
        out.append(bytes(sector) + struct.pack("<H", (total + (number == broken)) % 65536))
    return b"".join(out)


def geneactiv(s: Signal, rate_hz: float = 50.0, pages: int | None = None) -> bytes:
    """A .bin file of a GENEActiv; the header claims `pages`."""
    acc = np.rint(s.acc.T / 9.80665 * 256).astype(int)
    blocks = [acc[first : first + 300] for first in range(0, len(acc), 300)]
    said = {
        "Device Identity": ["Device Unique Serial Code:012345", "Device Type:GENEActiv", "Device Model:1.1"],
        "Configuration Info": [f"Measurement Frequency:{rate_hz:g} Hz", "Time Zone:GMT +01:00"],
        "Subject Info": ["Device Location Code:left wrist", "Subject Code:ada"],
        "Calibration Data": [
            f"{axis} {what}:{value}" for axis in "xyz" for what, value in (("gain", 25600), ("offset", 0))
        ],
        "Memory Status": [f"Number of Pages:{len(blocks) if pages is None else pages}"],
    }
    said["Calibration Data"] += ["Volts:300", "Lux:800"]
    lines = [line for part, each in said.items() for line in (part, *each, "")]
    lines += [""] * (59 - len(lines))
    for number, rows in enumerate(blocks):
        at = START + timedelta(seconds=300 * number / rate_hz)
        lines += ["Recorded Data", "Device Unique Serial Code:012345", f"Sequence Number:{number}"]
        lines += [f"Page Time:{at:%Y-%m-%d %H:%M:%S}:{at.microsecond // 1000:03d}", "Unassigned:", "Temperature:31.5"]
        lines += ["Battery voltage:4.1", "Device Status:Recording", f"Measurement Frequency:{rate_hz:.1f}"]
        lines.append("".join(f"{x & 4095:03X}{y & 4095:03X}{z & 4095:03X}000" for x, y, z in rows.tolist()))
    return ("\n".join(lines) + "\n").encode()


def gt3x(
    s: Signal, rate_hz: int = 50, *, wide: bool = False, stated: bool = True, scale: float = 256.0,
    asleep: tuple[int, ...] = (), zeros: tuple[int, ...] = (),
) -> bytes:  # fmt: skip
    """A GT3X file of whole seconds; `asleep` are missing, `zeros` hold nothing but zeros.

    `wide` samples have 16 bits; without `stated` the log does not repeat rate and scale.
    """
    acc = np.rint(s.acc.T / 9.80665 * scale).astype(int)
    log = b""

    def record(kind: int, second: int, content: bytes) -> bytes:
        head = struct.pack("<BBIH", 0x1E, kind, int(START.timestamp()) + second, len(content))
        total = 0
        for byte in head + content:
            total ^= byte
        return head + content + bytes([~total & 255])

    if stated:
        fraction, power = np.frexp(scale)
        number = int(power) << 24 | int(fraction * 2**23)
        log += record(0x15, 0, struct.pack("<4I", 55 << 16, number, 10 << 16 | 1, rate_hz))
    for second in range(len(acc) // rate_hz):
        rows = acc[second * rate_hz : (second + 1) * rate_hz] * (second not in zeros)
        if second in asleep:
            log += record(0x03, second, b"\x0c")
        elif wide:
            log += record(0x1A, second, rows.astype("<i2").tobytes())
        else:
            bits = "".join(f"{value & 4095:012b}" for x, y, z in rows.tolist() for value in (y, x, z))
            log += record(0, second, int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8)))
    info = [f"Serial Number: MOS2E{777}", "Device Type: wGT3XBT", f"Sample Rate: {rate_hz}", "TimeZone: 01:00:00"]
    info += ["Start Date: 639079200000000000", "Last Sample Time: 639079201000000000"]
    info += [f"Acceleration Scale: {scale}", "Subject Name: ada"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.bin", log)
        archive.writestr("info.txt", "\n".join(info) + "\n")
    return out.getvalue()
