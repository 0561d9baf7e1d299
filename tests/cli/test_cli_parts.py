"""`pretrain`, `finetune`, `evaluate` and `report`: together they do what `run` does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.helpers.commandline import SET, Ended, call, make_set, refused, row_of

PRETRAIN = [*SET, "--set", "pretrain.epochs=3"]


@pytest.fixture(scope="session")
def encoder(moves: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder by the same settings as the fixture `finished`."""
    folder = tmp_path_factory.mktemp("parts") / "encoder"
    ended = call("pretrain", moves, *SET, "--out", folder)
    assert ended.code == 0, ended.err
    assert str(folder) in ended.out
    return folder


@pytest.fixture(scope="session")
def model(moves: Path, encoder: Path) -> Path:
    folder = encoder.with_name("model")
    ended = call("finetune", encoder, moves, "--out", folder)
    assert ended.code == 0, ended.err
    assert str(folder) in ended.out
    return folder


def as_json(*tokens: object) -> dict[str, Any]:
    ended = call("evaluate", *tokens, "--json")
    assert ended.code == 0, ended.err
    result: dict[str, Any] = json.loads(ended.out)
    return result


def test_the_parts_give_the_figures_of_the_whole(finished: tuple[Path, Ended], model: Path, moves: Path) -> None:
    whole = dict(row_of(finished[0]).result)
    del whole["val_macro_f1"]
    assert as_json(model, moves) == whole
    assert as_json(finished[0] / "model", moves) == whole


@pytest.mark.parametrize("unlabelled", ["true", "false"])
def test_unlabelled_stretches_leave_the_split_alone(unlabelled: str, tmp_path: Path) -> None:
    """One person's windows are split by time, where the stretches between the labelled ones count or not."""
    folder = make_set(tmp_path / "one person", n_subjects=1)
    options = [*SET, "--set", f"windows.unlabelled={unlabelled}", "--method", "random"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otolith.report.write", lambda folders, out, sections: out)
        ended = call("run", folder, *options, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert "warning" in ended.out
    row = row_of(tmp_path / "run")
    result = dict(row.result) | {"warning": row.meta["warning"]}
    del result["val_macro_f1"]
    assert as_json(tmp_path / "run" / "model", folder) == result


def test_evaluate_prints_percent(model: Path, moves: Path) -> None:
    result = as_json(model, moves)
    text = call("evaluate", model, moves).out
    assert f"{100 * result['macro_f1']:.1f} %" in text
    assert f"{100 * result['accuracy']:.1f} %" in text
    for name, score in result["per_class_f1"].items():
        assert f"{name} {100 * score:.1f}" in text


def test_parts_of_the_split(model: Path, moves: Path) -> None:
    counts = {part: as_json(model, moves, "--part", part)["n_subjects"] for part in ("train", "val", "test")}
    assert counts == {"train": 3, "val": 1, "test": 1}


def test_the_data_set_is_that_of_the_card(tmp_path: Path) -> None:
    tokens = [*SET, "--set", "windows.overlap=0", "--method", "random", "--out", tmp_path / "encoder"]
    assert call("pretrain", "synthetic", *tokens).code == 0
    assert call("finetune", tmp_path / "encoder", "--out", tmp_path / "model").code == 0
    assert as_json(tmp_path / "model") == as_json(tmp_path / "model", "synthetic")


def test_a_folder_as_data_set_has_to_be_named(encoder: Path, model: Path, tmp_path: Path) -> None:
    assert "'moves'" in refused("evaluate", model)
    assert "'moves'" in refused("finetune", encoder, "--out", tmp_path / "model")


def test_pretraining_needs_no_second_activity(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "one", activities=("swing",))
    assert call("pretrain", folder, *SET, "--out", tmp_path / "encoder").code == 0
    assert "at least 2" in refused("finetune", tmp_path / "encoder", folder, "--out", tmp_path / "model")
    assert not list(tmp_path.glob("model*"))


def test_another_seed_of_the_head(encoder: Path, model: Path, moves: Path, tmp_path: Path) -> None:
    assert call("finetune", encoder, moves, "--seed", 5, "--out", tmp_path / "other").code == 0
    first, second = (load_file(folder / "weights.safetensors") for folder in (model, tmp_path / "other"))
    same = {name for name in first if (first[name] == second[name]).all()}
    assert same >= {name for name in first if name.startswith("encoder.")}
    assert not any(name.endswith("weight") for name in same if name.startswith("head."))


def test_the_encoder_can_be_trained_with_the_head(encoder: Path, model: Path, moves: Path, tmp_path: Path) -> None:
    values = ["--set", "finetune.encoder=trained", "finetune.encoder_rate=0.1", "finetune.epochs=1"]
    assert call("finetune", encoder, moves, *values, "--out", tmp_path / "model").code == 0
    first, second = (load_file(folder / "weights.safetensors") for folder in (model, tmp_path / "model"))
    assert any((first[name] != second[name]).any() for name in first if name.startswith("encoder."))
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert (card["finetune"]["encoder"], card["recipe"]["finetune"]["encoder"]) == ("trained", "trained")
    assert as_json(tmp_path / "model", moves)["n_windows"] > 0


def test_only_values_of_fine_tuning_can_still_be_replaced(encoder: Path, moves: Path, tmp_path: Path) -> None:
    for key in ("encoder.blocks=2", "pretrain.epochs=3"):
        message = refused("finetune", encoder, moves, "--set", key, "--out", tmp_path / "model")
        assert (
            "the encoder is there already, so only values of finetune or choice or method.classical can be replaced"
            in message
        )
    message = refused("finetune", encoder, moves, "--set", "finetune.encodr=trained", "--out", tmp_path / "model")
    assert "unknown key 'encodr'; did you mean 'encoder'" in message


@pytest.mark.parametrize("command", ["pretrain", "finetune"])
def test_a_bundle_is_not_overwritten(command: str, encoder: Path, model: Path, moves: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    first = [moves, *SET] if command == "pretrain" else [encoder, moves]
    before = (model / "weights.safetensors").read_bytes()
    for out in (model, encoder, tmp_path / "file", tmp_path / "file" / "below"):
        message = refused(command, *first, "--out", out)
        assert str(out) in message
        assert "choose another folder" in message
    assert (model / "weights.safetensors").read_bytes() == before


def test_interrupted_pretraining_goes_on(moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from otolith.training.checkpoint import Checkpoint, CheckpointFolder

    tokens = ["pretrain", moves, *PRETRAIN, "--out"]
    assert call(*tokens, tmp_path / "whole").code == 0
    save = CheckpointFolder.save

    def save_and_stop(self: CheckpointFolder, checkpoint: Checkpoint) -> None:
        save(self, checkpoint)
        if self.folder.name == "pretrain":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", save_and_stop)
        ended = call(*tokens, tmp_path / "pieces")
    assert ended.code == 130
    assert ended.err.splitlines()[-1].endswith("--resume")
    kept = tmp_path / "pieces-checkpoints"
    assert str(kept) in refused(*tokens, tmp_path / "pieces")
    # Checkpoints of another recipe are refused and stay.
    message = refused(*tokens[:-1], "--set", "pretrain.epochs=4", "--out", tmp_path / "pieces", "--resume")
    assert "another job" in message
    ended = call(*tokens, tmp_path / "pieces", "--resume")
    assert ended.code == 0
    assert not kept.exists()
    whole, pieces = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "pieces"))
    assert whole.keys() == pieces.keys()
    assert all((whole[name] == pieces[name]).all() for name in whole)


def test_interrupted_fine_tuning_goes_on(
    encoder: Path, model: Path, moves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otolith.model import bundle
    from otolith.training import state
    from otolith.training.checkpoint import Checkpoint, CheckpointFolder

    monkeypatch.setattr(state, "EVERY_S", 0.0)

    tokens = ["finetune", encoder, moves, "--out", tmp_path / "pieces"]
    save, write = CheckpointFolder.save, bundle.save

    def save_and_stop(self: CheckpointFolder, checkpoint: Checkpoint) -> None:
        save(self, checkpoint)
        raise KeyboardInterrupt

    def write_and_stop(*given: Any) -> None:
        write(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", save_and_stop)
        ended = call(*tokens)
    assert ended.code == 130
    assert ended.err.splitlines()[-1].endswith("--resume")
    kept = tmp_path / "pieces-checkpoints"
    assert str(kept) in refused(*tokens)
    assert "this run has seed 5" in refused(*tokens, "--seed", 5, "--resume")
    with monkeypatch.context() as patch:
        patch.setattr(bundle, "save", write_and_stop)
        assert call(*tokens, "--resume").code == 130
    assert kept.exists()
    assert call(*tokens, "--resume").code == 0
    assert not kept.exists()
    assert (tmp_path / "pieces" / "weights.safetensors").read_bytes() == (model / "weights.safetensors").read_bytes()
    assert "exists already" in refused(*tokens, "--resume")


def test_an_encoder_is_no_model(encoder: Path, moves: Path) -> None:
    message = refused("evaluate", encoder, moves)
    assert "otolith finetune" in message


def test_a_run_folder_stands_for_its_model(finished: tuple[Path, Ended], moves: Path) -> None:
    ours, theirs = (call("evaluate", given, moves).out for given in (finished[0], finished[0] / "model"))
    assert ours.splitlines()[1:] == theirs.splitlines()[1:] != []


def test_a_bundle_of_another_version_is_refused(model: Path, moves: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(model, tmp_path / "model")
    card = json.loads((bundle / "card.json").read_text())
    (bundle / "card.json").write_text(json.dumps(card | {"format": 99}))
    message = refused("evaluate", bundle, moves)
    assert "format 99" in message
    assert "train again" in message


@pytest.mark.parametrize("file", ["card.json", "weights.safetensors"])
def test_a_truncated_bundle_is_refused(file: str, model: Path, moves: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(model, tmp_path / "model")
    damaged = bundle / file
    damaged.write_bytes(damaged.read_bytes()[:-50])
    assert str(damaged) in refused("evaluate", bundle, moves)
    damaged.unlink()
    assert file in refused("evaluate", bundle, moves)


def test_a_model_of_another_data_set_is_refused(model: Path, tmp_path: Path) -> None:
    others = make_set(tmp_path / "others", activities=("swing", "shake"))
    message = refused("evaluate", model, others)
    assert "still" in message
    channels = make_set(tmp_path / "channels", channels=("acc_x", "acc_y", "acc_z"))
    assert "gyro_x" in refused("evaluate", model, channels)
    assert "gyro_x" in refused("finetune", model, channels, "--out", tmp_path / "new")


def test_an_encoder_is_fine_tuned_on_other_data(encoder: Path, tmp_path: Path) -> None:
    others = make_set(tmp_path / "others", activities=("swing", "shake"))
    assert call("finetune", encoder, others, "--out", tmp_path / "model").code == 0
    assert as_json(tmp_path / "model", others)["activities"] == ["swing", "shake"]


def test_report_of_one_run_lies_in_it(finished: tuple[Path, Ended], tmp_path: Path) -> None:
    run = shutil.copytree(finished[0], tmp_path / "run")
    (run / "report.html").unlink()
    ended = call("report", run)
    assert ended.code == 0
    assert (run / "report.html").stat().st_size > 10_000
    for name in ("report.html", "report.md", "summary.csv"):
        assert str(run / name) in ended.out


def test_report_of_several_runs(finished: tuple[Path, Ended], moves: Path, tmp_path: Path) -> None:
    from otolith.jobs import run

    other = tmp_path / "other"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otolith.report.write", lambda folders, out, sections: out)
        patch.setattr(run, "_keep_arrays", lambda *_: None)
        assert call("run", moves, *SET, "--method", "random", "--out", other).code == 0
    page = tmp_path / "pages" / "both.html"
    assert call("report", finished[0], other, "--out", page).code == 0
    text = page.read_text("utf-8")
    assert "Random encoder" in text
    assert "Dynamic temperature" in text
    assert len((page.parent / "rows.csv").read_text().splitlines()) == 3


def test_report_names_what_is_no_run(finished: tuple[Path, Ended], tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere") in refused("report", finished[0], tmp_path / "nowhere", "--out", "x.html")
    assert "run folder" in refused("report")
    assert str(tmp_path / "report.html") in refused("report", finished[0], "--out", tmp_path)
