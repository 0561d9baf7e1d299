"""One set of options for every command that reads recordings of users' own."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from pathlib import Path

import pytest

from otolith import datasets
from otolith.cli.commands import calibrate, import_, live, predict
from otolith.cli.reading import READING, Reading, as_dataset
from otolith.importing import ImportOptions
from otolith.importing.study import KEYS
from otolith.progress.display import LiveProgress

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


def test_exports_are_a_data_set_for_as_long_as_they_are_needed(tmp_path: Path) -> None:
    rows = [f"{n / 50},0.1,{n % 7},9.8,{'walk' if n < 200 else 'sit'}" for n in range(400)]
    (tmp_path / "ada.csv").write_text("time,ax,ay,az,activity\n" + "\n".join(rows))
    with as_dataset(str(tmp_path / "ada.csv"), ImportOptions(accept_guess=True), LiveProgress()) as source:
        assert source is not None
        assert datasets.load(source).info.activities == ("sit", "walk")
    assert not Path(source).exists()
    for same in (None, "synthetic", str(tmp_path / "nowhere")):
        with as_dataset(same, ImportOptions(), LiveProgress()) as source:
            assert source == same
