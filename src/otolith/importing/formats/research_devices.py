"""Research devices worn for days, in the files that come from the device: GT3X, CWA and GENEActiv .bin.

Accelerations are in g and show gravity, as the makers document; the gyroscope of an AX6 turns in deg/s. Times are the
device's own clock, which its software sets to local time. See `otolith.importing.devices.reading`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from otolith.importing.devices.reading import read_device, without_overlap
from otolith.importing.formats.base import OF_TABLES, Claim, Format
from otolith.importing.session import ACC, GYRO, Sensor, Session
from otolith.importing.tables.table import Table
from otolith.importing.times.timing import Clock

if TYPE_CHECKING:
    from otolith.importing.devices.reading import Piece
    from otolith.importing.questions import Questions
    from otolith.importing.session import Folder, Sheet

HEAD_BYTES = 512
Said = dict[str, dict[str, str]]


class ResearchDevice(Format):
    """Each file is a recording."""

    kind: ClassVar[str]
    maker: ClassVar[str]
    known_by: ClassVar[str]
    decided = "rate, start, units, gravity; the person, where the file names one"

    def sniff(self, folder: Folder) -> Claim | None:
        """Claim the files that begin as the device writes them, and those with its own ending."""
        ours = [sheet for sheet in folder.sheets if self._own(sheet)]
        return Claim(tuple(ours), 0.99, self.known_by) if ours else None

    def _own(self, sheet: Sheet) -> bool:
        kind = sheet.member.kind
        if kind in self.endings or kind in OF_TABLES:
            return kind in self.endings
        return self.recognises(sheet.member.read_some(HEAD_BYTES))

    def sessions(self, folder: Folder, sheets: Sequence[Sheet], questions: Questions) -> Iterator[Session]:
        for sheet in sheets:
            found, end = read_device(sheet.member, self.kind)
            yield self._session(folder, sheet, found, end, questions)

    def _session(self, folder: Folder, sheet: Sheet, found: Piece, end: str, questions: Questions) -> Session:
        table = Table.hollow(sheet.where, ("time", *"xyz"), "sample")
        findings = self.findings(table)
        if end:
            findings.repair(sheet.where, end, 1)
        if found.damage:
            what = f"{len(found.damage):,} damaged page(s) were left out: {found.damage[0]}"
            findings.repair(sheet.where, what, len(found.damage))
        times, moved = without_overlap(found.times)
        if moved:
            what = "samples lasted into the next page of a clock that runs fast, and were spread evenly until it"
            findings.repair(sheet.where, f"{moved:,} {what}", moved)
        findings.about = {name: text for name, text in self.about(found.about).items() if text}
        if len(found.temperature):
            findings.about["temperature"] = f"{found.temperature.min():.1f} to {found.temperature.max():.1f} °C"
        findings.decide("device", findings.about["device"], "its header")
        zone = findings.about.get("time zone", "")
        findings.decide("clock", "local time" + (f", {zone}" if zone else ""), f"{self.maker}'s software sets it so")
        origin = int(times[0])
        clock = Clock((times - origin) / 1e9, origin)
        why = f"{self.maker} documents it"
        sensors = [Sensor(ACC, table, clock, _axes(found.acc), "g", why, "included", why)]
        if found.gyro is not None and found.gyro.any():
            sensors.append(Sensor(GYRO, table, clock, _axes(found.gyro), "deg/s", why))
        person = "" if questions.options.subject_folder else findings.about.get("subject", "")
        return Session(folder.join(sheet.stem), sensors, findings, person or None, folder=folder.top)

    @abstractmethod
    def about(self, said: Said) -> dict[str, str]:
        """Return what the header says of device, serial number, subject and time zone; "" where it is silent."""


class ActiGraphGt3x(ResearchDevice):
    """GT3X: an archive of a log and of what the device says of itself."""

    name = "actigraph_gt3x"
    title = "a GT3X file of ActiGraph"
    device = "ActiGraph GT3X+, wGT3X-BT, GT9X"
    kind = "actigraph"
    maker = "ActiGraph"
    known_by = "it is an archive with a log of ActiGraph, or ends in .gt3x"
    endings = (".gt3x",)

    def recognises(self, head: bytes) -> bool:
        return head[:4] == b"PK\3\4" and head[30:].startswith((b"log.bin", b"info.txt", b"activity.bin"))

    def about(self, said: Said) -> dict[str, str]:
        info = said.get("info", {})
        return {
            "device": f"ActiGraph {info.get('Device Type', '')}".strip(),
            "serial": _text(info.get("Serial Number")),
            "subject": _text(info.get("Subject Name")),
            "time zone": _text(info.get("TimeZone")),
        }


class AxivityCwa(ResearchDevice):
    """CWA: sectors of an AX3 or AX6."""

    name = "axivity_cwa"
    title = "a CWA file of Axivity"
    device = "Axivity AX3, AX6"
    kind = "axivity"
    maker = "Axivity"
    decided = "rate, start, units, gravity"
    known_by = "it begins as CWA files do, or ends in .cwa"
    endings = (".cwa",)

    def recognises(self, head: bytes) -> bool:
        return head[:4] == b"MD\xfc\x03"

    def about(self, said: Said) -> dict[str, str]:
        info = said.get("device", {})
        return {
            "device": f"Axivity {info.get('hardware_type', '')}".strip(),
            "serial": _text(info.get("device_id")),
            "session": _text(info.get("session_id")),
            "annotation": _text(said.get("session", {}).get("annotation")),
        }


class GeneActivBin(ResearchDevice):
    """GENEActiv: a text of pages, whose samples are in hexadecimal."""

    name = "geneactiv_bin"
    title = "a .bin file of GENEActiv"
    device = "GENEActiv"
    kind = "geneactiv"
    maker = "GENEActiv"
    known_by = "it begins with 'Device Identity'"

    def recognises(self, head: bytes) -> bool:
        return head.startswith(b"Device Identity")

    def about(self, said: Said) -> dict[str, str]:
        identity, subject = said.get("Device Identity", {}), said.get("Subject Info", {})
        return {
            "device": f"GENEActiv {_text(identity.get('Device Model'))}".strip(),
            "serial": _text(identity.get("Device Unique Serial Code")),
            "subject": _text(subject.get("Subject Code")),
            "worn at": _text(subject.get("Device Location Code")),
            "time zone": _text(said.get("Configuration Info", {}).get("Time Zone")),
        }


def _text(said: str | None) -> str:
    return (said or "").strip("\0 \t")[:200]


def _axes(values: np.ndarray) -> np.ndarray:
    """Return (3, samples), as exact as the decoder gives them, which is half the memory of other formats."""
    return np.ascontiguousarray(values.T)


SPECS = (ActiGraphGt3x(), AxivityCwa(), GeneActivBin())
