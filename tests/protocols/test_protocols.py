"""What each protocol promises: its subjects, its labels, its encoders, and that a stop costs nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from otolith import pipeline, rows, splits
from otolith.datasets import DatasetInfo
from otolith.errors import CheckpointError, DataError
from otolith.jobs import compare
from otolith.model import PretrainedEncoder
from otolith.progress import SILENT, Progress
from otolith.protocols import PROTOCOLS
from otolith.protocols.cells import learners
from otolith.protocols.cells.study import Study
from otolith.protocols.cells.unit import Unit, execute
from otolith.rows import Row
from otolith.system import claims
from otolith.training import state
from otolith.windows.subjects import Holdout
from tests.helpers import tiny
from tests.helpers.stops import StopIn, Stopped

W = tiny.windows(n_subjects=7, per_activity=10)


def info(name: str = "own") -> DatasetInfo:
    return DatasetInfo(
        name=name,
        title="Made by a test",
        rate_hz=tiny.RATE_HZ,
        activities=tiny.ACTIVITIES,
        n_subjects=7,
        n_recordings=7,
        licence="none",
        terms="Made by a test.",
        citation="none",
        homepage="none",
        how_to_get="none",
        default_split=Holdout(0),
    )


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(W, info(), tiny.recipe(), "tiny", tmp_path / "encoders", "cpu")


def units_of(protocol: str, study: Study, methods: Sequence[str], seeds: int = 1, **options: Any) -> Iterator[Unit]:
    spec = PROTOCOLS.get(protocol)
    return spec.units(study, methods, seeds, spec.options(**options))


def plain(found: Sequence[Row]) -> dict[str, Any]:
    return {rows.key_hash(row.key): row.result for row in found}


def test_an_encoder_is_trained_once_for_all_protocols(study: Study, tmp_path: Path, monkeypatch: Any) -> None:
    trained: list[str] = []
    original = pipeline.pretrain

    def counted(*args: Any, **options: Any) -> PretrainedEncoder:
        trained.append(args[3])
        return original(*args, **options)

    monkeypatch.setattr("otolith.protocols.cells.study.pretrain", counted)
    monkeypatch.setattr(learners, "STEPS", 2)
    first = list(execute(units_of("representation", study, ["csshar"], 1), tmp_path / "a.jsonl"))
    again = list(execute(units_of("representation", study, ["csshar"], 1), tmp_path / "b.jsonl"))
    list(execute(units_of("few-labels", study, ["csshar"], 1, k=(1,), draws=2), tmp_path / "c.jsonl"))
    assert trained == ["csshar"]
    assert plain(first) == plain(again)
    assert first[0].meta["seconds"]["pretrain"] == again[0].meta["seconds"]["pretrain"]


def test_an_encoder_of_other_data_of_the_same_name_is_not_taken(study: Study) -> None:
    split = splits.default(study.w, study.info)
    first = study.encoder(split, "random", 0)
    other = Study(tiny.windows(7, 10, seed=5), study.info, study.recipe, "tiny", study.folder, "cpu")
    assert other.encoder(split, "random", 0).scaler.to_dict() != first.scaler.to_dict()
    assert len(list(study.folder.iterdir())) == 2


def test_an_encoder_from_before_keys_named_content_is_taken_or_refused_by_its_scaler(study: Study) -> None:
    split = splits.default(study.w, study.info)
    study.encoder(split, "random", 0)
    (place,) = study.folder.iterdir()
    identity = study.key("encoder", split, "random", 0) | {"trained": False}
    place.rename(study.folder / rows.key_hash(rows.without_content(identity)))
    study.encoder(split, "random", 0)
    assert len(list(study.folder.iterdir())) == 1
    other = Study(tiny.windows(7, 10, seed=5), study.info, study.recipe, "tiny", study.folder, "cpu")
    with pytest.raises(CheckpointError, match="the data have changed"):
        other.encoder(split, "random", 0)


class Said(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize("damage", ["bit flipped", "weights missing", "epochs torn"])
def test_a_damaged_encoder_is_named_and_trained_again(damage: str, study: Study) -> None:
    split = splits.default(study.w, study.info)
    study.encoder(split, "csshar", 0)
    (place,) = study.folder.iterdir()
    weights, epochs = place / "model" / "weights.safetensors", place / "epochs.jsonl"
    blob = weights.read_bytes()
    if damage == "bit flipped":
        weights.write_bytes(blob[:-3] + bytes([blob[-3] ^ 1]) + blob[-2:])
    elif damage == "weights missing":
        weights.unlink()
    else:
        epochs.write_text(epochs.read_text()[:-20])
    said = Said()
    study.encoder(split, "csshar", 0, progress=said)
    assert weights.read_bytes() == blob
    assert f"The encoder in {place} is damaged and trained again: " in said.lines[0]
    assert sorted(path.name for path in place.iterdir()) == ["epochs.jsonl", "model"]


def test_an_encoder_that_another_process_trains_is_waited_for(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken as the other left it, and not trained a second time."""
    split = splits.default(study.w, study.info)
    expected = study.encoder(split, "csshar", 0)
    (place,) = study.folder.iterdir()
    place.rename(tmp_path / "made elsewhere")
    monkeypatch.setattr("otolith.protocols.cells.study.pretrain", None)
    said = Said()

    def finish() -> None:
        for path in (tmp_path / "made elsewhere").iterdir():
            path.rename(place / path.name)
        holding.close()

    with contextlib.ExitStack() as holding:
        holding.enter_context(claims.hold(place))
        timer = threading.Timer(0.3, finish)
        timer.start()
        found = study.encoder(split, "csshar", 0, progress=said)
        timer.join()
    assert len(said.lines) == 1
    assert f"Waiting for process {os.getpid()} on " in said.lines[0]
    mine, theirs = found.network.state_dict(), expected.network.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_damaged_row_is_named_and_its_cell_done_again(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    expected = plain(list(execute(units_of("representation", study, ["random"], 2), path)))
    first, second = path.read_text().splitlines()
    path.write_text(first.replace('"accuracy": 0', '"accuracy": 1') + "\n" + second + "\n")
    said = Said()
    again = list(execute(units_of("representation", study, ["random"], 2), path, said))
    assert len(again) == 1
    assert plain(rows.read(path)) == expected
    assert f"{path}, line 1, is not a readable row (its checksum does not match" in said.lines[0]


def test_every_subject_is_tested_once_in_cross_validation(study: Study, tmp_path: Path) -> None:
    found = list(execute(units_of("cross-validation", study, ["random"], 1, folds=3), tmp_path / "rows.jsonl"))
    people = [person for row in found for person in row.result["per_subject"]]
    assert sorted(people) == [str(n) for n in range(1, 8)]
    alone = list(units_of("cross-validation", study, ["random"], 1, leave_one_out=True))
    assert [unit.keys[0]["fold"] for unit in alone] == list(range(7))
    assert {unit.keys[0]["split"] for unit in alone} == {"subject"}


def test_few_labels_learn_from_k_windows_of_each_activity(study: Study, tmp_path: Path, monkeypatch: Any) -> None:
    seen: list[np.ndarray] = []
    split = splits.default(study.w, study.info)

    def spy(draws: Any, seeds: Any, settings: Any, n_classes: int, **options: Any) -> Any:
        assert "val" not in options
        seen.extend(draw.y.numpy() for draw in draws)
        return original(draws, seeds, settings, n_classes, **options)

    original = learners.train_many
    monkeypatch.setattr(learners, "train_many", spy)
    monkeypatch.setattr(learners, "STEPS", 2)
    found = list(execute(units_of("few-labels", study, ["random"], 1, k=(1, 3), draws=2), tmp_path / "rows.jsonl"))
    assert [np.bincount(y).tolist() for y in seen] == [[1, 1, 1]] * 2 + [[3, 3, 3]] * 2
    assert {(row.key["k"], row.key["draw"], row.key["stop"]) for row in found} == {
        (k, draw, "last") for k in (1, 3) for draw in (0, 1)
    }
    assert all(row.result["n_windows"] == len(split.test) for row in found)
    assert len({row.result["metrics"]["log_loss"] for row in found}) == 4  # each head's own
    with pytest.raises(DataError, match="windows, 99 were asked for"):
        list(units_of("few-labels", study, ["random"], 1, k=(99,)))


CHOICES = [
    {"name": "plain", "head": "linear", "least": 3},
    {"name": "few", "most": 2, "head": "vote", "standardise": True, "solver": "lbfgs", "unlabelled": "self-training"},
]


def test_few_labels_take_the_way_that_stands_for_their_number(study: Study, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(learners, "STEPS", 2)
    own = dataclasses.replace(study, recipe=tiny.recipe(choice=CHOICES, method__classical__trees=5))
    found = list(execute(units_of("few-labels", own, ["random"], 1, k=(1, 3), draws=2), tmp_path / "rows.jsonl"))
    assert [(row.key["k"], row.meta["choice"]["name"]) for row in found] == [(1, "few")] * 2 + [(3, "plain")] * 2
    assert all(row.meta["choice"]["by"] == "labels" and row.meta["choice"]["scores"] == {} for row in found)
    again = list(execute(units_of("few-labels", own, ["random"], 1, k=(1,), draws=1), tmp_path / "again.jsonl"))
    assert again[0].result == found[0].result
    assert all(0 < row.result["metrics"]["log_loss"] < 10 for row in found)


@pytest.mark.parametrize("method", ["csshar", "supervised"])
def test_each_draw_trains_a_copy_of_the_same_encoder(
    method: str, study: Study, tmp_path: Path, monkeypatch: Any
) -> None:
    began: list[dict[str, Any]] = []
    ended: list[dict[str, Any]] = []

    def spy(network: Any, *args: Any) -> None:
        began.append({name: value.clone() for name, value in network[0].state_dict().items()})
        assert args[-1].encoder is network[0]
        assert args[-1].change is not None
        original(network, *args)
        ended.append(network[0].state_dict())

    original = learners.train_steps
    monkeypatch.setattr(learners, "train_steps", spy)
    monkeypatch.setattr(learners, "STEPS", 2)
    recipe = tiny.recipe(finetune__encoder="trained", finetune__augment=True, method__supervised__augment=True)
    own = dataclasses.replace(study, recipe=recipe)
    list(execute(units_of("few-labels", own, [method], 1, k=(1, 2), draws=2), tmp_path / "rows.jsonl"))
    start = own.encoder(splits.default(own.w, own.info), method, 0).network.state_dict()
    assert len(began) == 4
    assert all(torch.equal(value, each[name]) for each in began for name, value in start.items())
    name = "conv.0.weight" if "conv.0.weight" in start else next(iter(start))
    assert len({float(each[name].sum()) for each in (start, *ended)}) == 5  # each learnt something of its own


@pytest.mark.parametrize("method", ["random", "supervised"])
def test_the_way_to_stop_decides_which_labels_are_used(
    method: str, study: Study, tmp_path: Path, monkeypatch: Any
) -> None:
    """With other labels on the validation subjects, `last` gives the same and `paper` does not."""
    monkeypatch.setattr(learners, "STEPS", 4)
    split = splits.default(study.w, study.info)
    y = np.array(study.w.y)
    y[split.val] = (y[split.val] + 1) % 3
    other = tiny.Windows.from_arrays(
        np.array(study.w.x),
        y,
        np.array(study.w.subject),
        channels=study.w.meta.channels,
        rate_hz=tiny.RATE_HZ,
        activities=tiny.ACTIVITIES,
        dataset="own",
        terms="Made by a test.",
    )
    recipe = tiny.recipe(
        finetune__epochs=40, finetune__lr=0.02, method__supervised__epochs=40, method__supervised__lr=0.003
    )
    results: dict[str, list[Any]] = {"last": [], "paper": []}
    for w in (study.w, other):
        same = Study(w, study.info, recipe, "tiny", tmp_path / f"{len(results['last'])}", "cpu")
        for stop, found in results.items():
            units = units_of("few-labels", same, [method], 1, k=(2,), draws=8, stop=stop)
            same.folder.mkdir(exist_ok=True)
            made = list(execute(units, same.folder / f"{stop}.jsonl"))
            found.append(plain([dataclasses.replace(row, key=rows.without_content(row.key)) for row in made]))
    assert results["last"][0] == results["last"][1]
    assert results["paper"][0] != results["paper"][1]


@pytest.mark.parametrize("kept", ["frozen", "trained"])
def test_transfer_takes_the_source_s_encoder_and_the_target_s_scaler(
    kept: str, study: Study, tmp_path: Path, monkeypatch: Any
) -> None:
    study = dataclasses.replace(study, recipe=tiny.recipe(finetune__encoder=kept))
    target = Study(
        tiny.windows(6, 9, seed=4, dataset="other"), info("other"), study.recipe, "tiny", study.folder, "cpu"
    )
    models: list[Any] = []

    def spy(*args: Any, **options: Any) -> Any:
        models.append(original(*args, **options))
        return models[-1]

    original = pipeline.finetune
    monkeypatch.setattr(pipeline, "finetune", spy)
    (row,) = execute(
        units_of("transfer", dataclasses.replace(target, source=study), ["supervised"], 1), tmp_path / "rows.jsonl"
    )
    assert (row.key["source"], row.key["dataset"]) == ("own", "other")
    at_home = splits.default(study.w, study.info)
    source = study.encoder(at_home, "supervised", 0, trained=True)
    untrained = study.encoder(at_home, "supervised", 0)
    (model,) = models
    assert model.settings.encoder == kept
    weights = model.encoder.network.state_dict()
    same = {name: torch.equal(value, weights[name]) for name, value in source.network.state_dict().items()}
    assert all(same.values()) if kept == "frozen" else not all(same.values())
    assert any(not torch.equal(value, weights[name]) for name, value in untrained.network.state_dict().items())
    split = splits.default(target.w, target.info)
    expected = target.w.x[split.train].mean((0, 2))
    np.testing.assert_allclose(model.encoder.scaler.mean, expected, rtol=1e-4)


def test_what_stopped_goes_on_without_losing_or_repeating_a_row(study: Study, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(learners, "STEPS", 3)

    def units(where: str) -> list[Unit]:
        own = Study(study.w, study.info, study.recipe, "tiny", tmp_path / where, "cpu")
        return list(units_of("few-labels", own, ["random", "supervised"], 1, k=(1, 2), draws=3))

    whole = plain(list(execute(units("whole"), tmp_path / "whole.jsonl")))
    path = tmp_path / "stopped.jsonl"
    for stop_after in (1, 4, 3):
        running = execute(units("stopped"), path)
        for _ in range(stop_after):
            next(running)
        running.close()
    list(execute(units("stopped"), path))
    found = rows.read(path)
    assert len(found) == len(whole) == 12
    assert plain(found) == whole


def test_each_end_to_end_draw_is_a_row_when_it_is_done(study: Study, tmp_path: Path, monkeypatch: Any) -> None:
    trained: list[int] = []
    original = learners.train_steps

    def counted(*args: Any, **options: Any) -> None:
        trained.append(1)
        original(*args, **options)

    monkeypatch.setattr(learners, "train_steps", counted)
    monkeypatch.setattr(learners, "STEPS", 2)
    units = list(units_of("few-labels", study, ["supervised"], 1, k=(1,), draws=3))
    path = tmp_path / "rows.jsonl"
    running = execute(units, path)
    next(running)
    running.close()
    assert (len(trained), len(rows.read(path))) == (1, 1)
    list(execute(units, path))
    assert (len(trained), len(rows.read(path))) == (3, 3)


@pytest.mark.parametrize("protocol", ["representation", "cross-validation", "transfer"])
def test_a_comparison_stopped_in_a_classifier_goes_on_from_its_epoch(
    protocol: str, study: Study, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(state, "EVERY_S", 0.0)

    def units(where: str, unfinished: Path | None) -> list[Unit]:
        own = Study(W, info(), study.recipe, "tiny", tmp_path / where, unfinished=unfinished)
        if protocol == "transfer":
            return list(units_of("transfer", dataclasses.replace(own, source=own), ["supervised"], 1))
        if protocol == "cross-validation":
            return list(units_of("cross-validation", own, ["supervised"], 1, folds=3))
        return list(units_of("representation", own, ["supervised"], 1))

    whole = plain(list(execute(units("whole", None), tmp_path / "whole.jsonl")))
    path = tmp_path / "stopped.jsonl"
    with pytest.raises(Stopped):
        list(execute(units("stopped", tmp_path / "left"), path, StopIn("finetune", 2)))
    kept = list(tmp_path.glob("*/*/**/epoch-00002"))  # the encoder's own training, or the row's
    assert len(kept) == 1
    saved = (kept[0] / "state.json").stat().st_mtime_ns
    found = list(execute(units("stopped", tmp_path / "left"), path))
    assert plain(found) == whole
    left = [entry for entry in (tmp_path / "left").glob("*/*/epoch-00002") if entry == kept[0]]
    assert all((entry / "state.json").stat().st_mtime_ns == saved for entry in left)  # not written again
    assert bool(left) == (protocol != "transfer")
    assert not list((tmp_path / "stopped").glob("*/checkpoints"))


def test_checkpoints_of_an_encoder_that_is_there_are_removed(study: Study, tmp_path: Path) -> None:
    own = Study(W, info(), study.recipe, "tiny", tmp_path / "encoders")
    split = splits.automatic(W, 0)
    own.encoder(split, "random", 0)
    (place,) = (tmp_path / "encoders").iterdir()
    (place / "checkpoints" / "pretrain" / "epoch-00001").mkdir(parents=True)  # killed while removing them
    own.encoder(split, "random", 0)
    assert not (place / "checkpoints").exists()


def test_what_a_plan_refuses(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown protocol 'tranfer'; did you mean 'transfer'"):
        compare.plan("tranfer")
    with pytest.raises(DataError, match="transfer needs a data set to pre-train on"):
        compare.plan("transfer", "watch")
    with pytest.raises(DataError, match="cost has no option 'source'"):
        compare.plan("cost", "watch", options={"source": "synthetic"})
    wrong = {"k": (5, "k of few-labels.*tuple; got 5"), "draws": (2.5, "draws"), "stop": ("never", "'last' or 'paper'")}
    for name, (value, said) in wrong.items():
        with pytest.raises(DataError, match=f"option .*{said}"):
            compare.plan("few-labels", "watch", options={name: value})
    with pytest.raises(DataError, match="at least 2 folds; got 1"):
        compare.plan("cross-validation", "watch", options={"folds": 1})
    with pytest.raises(DataError, match="every k and the number of draws"):
        compare.plan("few-labels", "watch", options={"k": (0, 5)})
    with pytest.raises(DataError, match="random is named more than once"):
        compare.plan("cost", "watch", ("random", "random"))
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(CheckpointError, match="holds no comparison"):
        compare.plan("cost", "watch", out=tmp_path)


def test_a_failing_cell_keeps_the_rows_before_it(study: Study, tmp_path: Path) -> None:
    def fails(missing: Any, progress: Any) -> Any:
        raise DataError("no")
        yield

    good = next(iter(units_of("representation", study, ["random"], 1)))
    bad = Unit("bad", ({"method": "bad"},), fails)
    with pytest.raises(DataError, match="no"):
        list(execute([good, bad], tmp_path / "rows.jsonl", SILENT))
    assert len(rows.read(tmp_path / "rows.jsonl")) == 1
