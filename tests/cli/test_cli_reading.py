"""One set of options for every command that reads recordings of users' own."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from pathlib import Path

import pytest

from otolith.cli.commands import calibrate, import_, live, predict
from otolith.cli.reading import READING, Reading
from otolith.importing import ImportOptions
from otolith.importing.study import KEYS

COMMANDS = (import_.import_, predict.predict, live.live, calibrate.calibrate)
OWN = {"leave_out"}
"""Options of an import that a command decides by another name."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.__name__)
def test_each_command_takes_all_options(command: object) -> None:
    assert inspect.signature(command).parameters["reading"].default is READING  # type: ignore[arg-type]


def test_every_option_of_an_import_can_be_given() -> None:
    given = {
        "acc": "a,b,c", "gyro": "d,e,f", "rate": 50.0, "time_unit": "ms", "acc_unit": "g", "gyro_unit": "deg/s",
        "gravity": "included", "timezone": "UTC",
    }  # fmt: skip
    left_alone = set()
    for each in fields(Reading):
        if each.name in ("layout", "subject", "subject_column"):
            continue
        value = given.get(each.name, True if each.type == "Flag" else "x")
        if replace(READING, **{each.name: value}).options() == ImportOptions():
            left_alone.add(each.name)
    assert left_alone == set()
    assert len(fields(Reading)) == len(fields(ImportOptions)) - len(OWN)


def test_a_layout_knows_every_option_but_itself() -> None:
    assert {field for field, _, _ in KEYS.values()} == {each.name for each in fields(ImportOptions)} - OWN - {"layout"}


def test_a_layout_is_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("place = 'left wrist'")
    assert replace(READING, layout=tmp_path / "study.toml").options().place == "left wrist"
