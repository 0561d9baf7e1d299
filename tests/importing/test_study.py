"""A layout names columns, units and times once; formats of other packages are found."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from otolith.errors import DataError, PluginError
from otolith.importing import ImportOptions, read_recordings
from otolith.importing.formats import FORMATS, about_formats
from otolith.importing.study import read_layout
from otolith.system import plugins
from tests.helpers.exports import G, signal
from tests.importing.sensors.test_places import write

S = signal(12)
LAYOUT = """
time = "moment"
time-unit = "ms"
acc = ["u", "v", "w"]
acc_unit = "2048/g"
gyro = "none"
gravity = "included"
subject = "ada"
timezone = "Europe/Berlin"
yes = true

[activities]
"1" = "walking"
"""


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    (tmp_path / "study.toml").write_text(LAYOUT)
    moments = 1_782_900_000_000 + np.round(S.acc_times * 1000)
    columns = dict(zip("uvw", np.round(S.acc / G * 2048), strict=True)) | {"activity": np.ones(len(moments))}
    return write(tmp_path / "a.csv", {"moment": moments} | columns)


def test_a_layout_answers_for_all_files(odd: Path) -> None:
    found = read_recordings(odd, ImportOptions(layout=odd.parent / "study.toml"))
    (recording,) = found.recordings
    np.testing.assert_allclose(recording.streams[0].values, S.acc, atol=0.01)
    assert recording.subject == "ada"
    assert found.findings["a"].timezone == "Europe/Berlin"


def test_what_is_given_beside_a_layout_holds(odd: Path) -> None:
    options = ImportOptions(layout=odd.parent / "study.toml", subject="bob", acc_unit="1024/g")
    assert (options.subject, options.acc_unit, options.time) == ("bob", "1024/g", "moment")
    assert ImportOptions(layout=odd.parent / "study.toml", subject_folder=True).subject is None


def test_paths_count_from_the_layout(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('labels = "l.csv"\n')
    assert read_layout(tmp_path / "study.toml")["labels"] == tmp_path / "l.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acc-units = 'g'", "has no key 'acc-units'; did you mean 'acc-unit'"),
        ("rate = 'fast'", "rate is 'fast', expected a number"),
        ("acc = [1, 2, 3]", "expected three columns"),
        ("acc = ", "is no layout in TOML"),
        ("acc-unit = 'kg'", "--acc-unit"),
        ("timezone = 'Here'", "is no zone"),
    ],
)
def test_other_layouts_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(DataError, match=message):
        ImportOptions(layout=tmp_path / "study.toml")


def test_times_without_a_zone_are_of_the_one_that_is_given(tmp_path: Path) -> None:
    rows = [f"2026-07-01 10:00:{n / 50:05.2f},0.1,{n % 7},9.8" for n in range(200)]
    (tmp_path / "t.csv").write_text("time,ax,ay,az\n" + "\n".join(rows))
    options = ImportOptions(accept_guess=True)
    assert read_recordings(tmp_path / "t.csv", options).findings["t"].started == "2026-07-01T10:00:00.000000"
    found = read_recordings(tmp_path / "t.csv", replace(options, timezone="Europe/Berlin")).findings["t"]
    assert (found.started, found.timezone) == ("2026-07-01T08:00:00.000000Z", "Europe/Berlin")


PLUGIN = """
from otolith.importing.formats import Claim, Format
from otolith.importing.session import ACC, Sensor, Session, axes
from otolith.importing.times.timing import counted


class Mine(Format):
    name, title, device = "mine", "a file of mine", "My logger"

    def sniff(self, folder):
        ours = tuple(sheet for sheet in folder.sheets if sheet.stem.startswith("mine"))
        return Claim(ours, 1.0, "it is called mine") if ours else None

    def sessions(self, folder, sheets, questions):
        for sheet in sheets:
            table = sheet.table()
            acc = Sensor(ACC, table, counted(table.height, 50.0), axes(table, ("p", "q", "r")))
            yield Session(folder.join(sheet.stem), [acc], self.findings(table))


SPEC = Mine()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that announces a format, as pip installs it."""
    site = tmp_path / "site"
    about = site / "my_logger-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-logger\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[otolith.plugins]\nmine = my_logger_format\n")
    (site / "my_logger_format.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "my_logger_format", raising=False)
    return site


def test_a_format_of_another_package_is_found(package: Path) -> None:
    path = write(package / "mine1.csv", dict(zip("pqr", S.acc, strict=True)))
    with plugins.forgotten():
        assert ("mine", "My logger") in [row[:2] for row in about_formats()]
        found = read_recordings(path)
        assert [d.value for d in found.findings["mine1"].decisions if d.what == "read as"] == ["a file of mine"]
    assert "mine" not in FORMATS


def test_a_package_that_fails_is_named_and_left_out(package: Path, caplog: pytest.LogCaptureFixture) -> None:
    (package / "my_logger_format.py").write_text("import nowhere_at_all")
    with plugins.forgotten():
        assert "phyphox" in FORMATS.names()  # which needs nothing of it
        assert "mine" not in FORMATS
    (told,) = [record.getMessage() for record in caplog.records]
    assert re.search(r"plug-in 'mine' of my-logger .*nowhere_at_all.*uninstall.*goes on without it", told)
    with plugins.forgotten(), pytest.raises(PluginError, match="nowhere_at_all"):
        plugins.load(package / "my_logger_format.py")  # what is asked for is an error
    with plugins.forgotten():
        assert re.search(r"made with the plug-in my-logger .*nowhere_at_all", plugins.missing({"my-logger": "0123"}))
