"""Every method under every protocol, on the synthetic recordings."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import otolith
from otolith import methods, rows
from otolith.cli.commands.compare import build
from otolith.datasets import DatasetInfo
from otolith.protocols import PROTOCOLS, ProtocolSpec, cost
from otolith.protocols.cells import learners
from otolith.protocols.cells.study import Study
from otolith.protocols.cells.unit import Unit, execute
from otolith.windows import Windows
from tests.helpers import tiny
from tests.helpers.commandline import call

NAMES = methods.names()
HOME = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def synthetic() -> tuple[Windows, DatasetInfo]:
    """Some windows of each subject and activity of the synthetic recordings."""
    data = otolith.load("synthetic")
    w = data.windows(rate_hz=12, seconds=1.0, overlap=0.0)
    kept: list[int] = []
    for subject in np.unique(w.subject):
        for label in np.unique(w.y):
            kept += np.flatnonzero((w.subject == subject) & (w.y == label))[:4].tolist()
    return w.take(np.array(sorted(kept))), data.info


@pytest.fixture
def study(synthetic: tuple[Windows, DatasetInfo], tmp_path: Path) -> Study:
    return Study(*synthetic, tiny.recipe(), "tiny", tmp_path / "encoders", "cpu")


SMALL: dict[str, dict[str, Any]] = {"cross-validation": {"folds": 2}, "few-labels": {"k": (1, 2), "draws": 2}}
COUNTS = {"cross-validation": 2, "few-labels": 4, "cross-dataset": 2}
COMMON = {"protocol", "dataset", "data", "split", "split_seed", "fold", "recipe", "method", "seed", "k", "unlabelled"}
SPECS = {spec.name: spec for spec in PROTOCOLS}


def units(protocol: str, study: Study, names: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Unit]:
    monkeypatch.setattr(learners, "STEPS", 3)
    monkeypatch.setattr(cost, "EPOCHS", 1)
    spec = PROTOCOLS.get(protocol)
    study = dataclasses.replace(study, source=study)
    if protocol == "cross-dataset":  # a pool of two
        who = np.array([f"{'first' if subject % 2 else 'second'}/{subject}" for subject in study.w.subject])
        study = dataclasses.replace(study, w=dataclasses.replace(study.w, subject=who))
    return spec.units(study, names, 1, spec.options(**SMALL.get(protocol, {})))


@pytest.mark.parametrize("protocol", SPECS)
@pytest.mark.parametrize("name", NAMES)
def test_a_method_under_a_protocol(
    name: str, protocol: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    found = list(execute(units(protocol, study, [name], monkeypatch), path))
    assert len(found) == COUNTS.get(protocol, 1)
    assert rows.read(path) == found
    spec = SPECS[protocol]
    for row in found:
        assert (row.key["protocol"], row.key["method"], row.key["dataset"]) == (spec.in_rows, name, "synthetic")
        assert set(row.key) == COMMON | set(spec.fields) | ({"source_data"} if "source" in spec.fields else set()) | (
            {"source_data"} if "source" in spec.fields else set()
        )
        if protocol == "cost":
            trained = row.meta["seconds_per_epoch"]
            assert "finetune" in trained
            assert ("pretrain" in trained) == (methods.spec(name).build is not None)
        else:
            assert 0 <= row.result["macro_f1"] <= 1
            assert row.result["n_windows"] == row.meta["split"]["test"]["windows"]
    assert list(execute(units(protocol, study, [name], monkeypatch), path)) == []


def test_methods_are_compared_on_the_same_subjects_labels_and_seeds(study: Study, monkeypatch: Any) -> None:
    pairs = (("csshar", "random"), ("random", "csshar"))
    for protocol in SPECS:
        keys: list[set[str]] = []
        for names in pairs:
            planned = [key for unit in units(protocol, study, list(names), monkeypatch) for key in unit.keys]
            keys += [
                {json.dumps({**key, "method": ""}, sort_keys=True) for key in planned if key["method"] == name}
                for name in names
            ]
        assert all(each == keys[0] for each in keys)


@pytest.mark.parametrize("spec", list(PROTOCOLS), ids=lambda spec: spec.name)
def test_a_protocol_says_what_commands_rows_and_docs_need(spec: ProtocolSpec) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.name)
    assert spec.title
    assert spec.line
    shown = call("compare", spec.name, "--help").out
    for field in dataclasses.fields(spec.options):
        assert f"--{field.name.replace('_', '-')}" in shown
    assert spec.name in call("compare", "--help").out
    page = (HOME / "docs/rows.md").read_text("utf-8")
    for name in (spec.in_rows, *spec.fields):
        assert f"`{name}`" in page


def test_options_and_cells_of_a_protocol_cost_no_import() -> None:
    code = "import sys; from otolith.protocols import PROTOCOLS; PROTOCOLS.names(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "otolith.protocols.few_labels" in loaded
    assert not {"torch", "numpy", "matplotlib"} & set(loaded)


def test_the_command_of_an_added_protocol_is_built_from_its_spec() -> None:
    with PROTOCOLS.preserved():
        PROTOCOLS.register(dataclasses.replace(SPECS["cross-validation"], name="folds-2", title="Folds again"))
        app = build()
    named = {option.name for option in app["folds-2"].assemble_argument_collection(parse_docstring=True)}
    assert {"--folds", "--leave-one-out", "--dataset", "--set"} <= named


@pytest.mark.parametrize("spec", list(PROTOCOLS), ids=lambda spec: spec.name)
def test_the_help_of_a_protocol_lists_options_alone(spec: ProtocolSpec, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build()([spec.name, "--help"])
    text = capsys.readouterr().out
    first = [line[2:].split()[0] for line in text.splitlines() if line.startswith("\u2502 ") and line[2] != " "]
    assert len(first) > 10
    assert all(word.startswith("--") for word in first), first
    assert all(f"--{field.name.replace('_', '-')} " in text for field in dataclasses.fields(spec.options))
