"""Every method under every protocol, on the synthetic recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import otolith
from otolith import methods, rows
from otolith.datasets import DatasetInfo
from otolith.protocols import cost, cross_validation, few_labels, representation, transfer
from otolith.protocols.study import Study
from otolith.protocols.unit import Unit, execute
from otolith.windows import Windows
from tests.helpers import tiny

NAMES = methods.names()


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


def units(protocol: str, study: Study, names: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Unit]:
    monkeypatch.setattr(few_labels, "STEPS", 3)
    monkeypatch.setattr(cost, "EPOCHS", 1)
    if protocol == "representation":
        return representation.units(study, names, 1)
    if protocol == "cross-validation":
        return cross_validation.units(study, names, 1, folds=2)
    if protocol == "few labels":
        return few_labels.units(study, names, 1, ks=(1, 2), draws=2)
    if protocol == "transfer":
        return transfer.units(study, study, names, 1)
    return cost.units(study, names, 1)


COUNTS = {"representation": 1, "cross-validation": 2, "few labels": 4, "transfer": 1, "cost": 1}


@pytest.mark.parametrize("protocol", COUNTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_method_under_a_protocol(
    name: str, protocol: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    found = list(execute(units(protocol, study, [name], monkeypatch), path))
    assert len(found) == COUNTS[protocol]
    assert rows.read(path) == found
    for row in found:
        assert (row.key["protocol"], row.key["method"], row.key["dataset"]) == (protocol, name, "synthetic")
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
    for protocol in COUNTS:
        keys: list[set[str]] = []
        for names in pairs:
            planned = [key for unit in units(protocol, study, list(names), monkeypatch) for key in unit.keys]
            keys += [
                {json.dumps({**key, "method": ""}, sort_keys=True) for key in planned if key["method"] == name}
                for name in names
            ]
        assert all(each == keys[0] for each in keys)
