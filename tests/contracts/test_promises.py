"""Promises that hold for all places of a kind: a new place without them fails here.

Files that appear whole are in tests/system/test_whole_folder.py, files of strangers in tests/system/test_reading.py,
what is printed in tests/cli/test_printing.py, commands whose disk or folder fails in tests/faults/test_faults.py.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import otolith
from otolith import pipeline, rows, splits
from otolith.errors import DataError
from otolith.export import export_onnx
from otolith.model import Model, PretrainedEncoder, bundle
from otolith.protocols import PROTOCOLS, ProtocolSpec
from otolith.protocols.cells.study import Study
from otolith.report.groups import told_apart
from otolith.splits import Split
from otolith.splits.base import SHARED
from otolith.streaming import StreamingRecogniser
from otolith.windows import Windows
from tests.helpers import tiny

HERE = Path(otolith.__path__[0])


def modules(*words: str) -> Iterator[tuple[str, ast.AST]]:
    """Name and tree of each module whose source has one of the words."""
    for path in sorted(HERE.rglob("*.py")):
        source = path.read_text("utf-8")
        if any(word in source for word in words):
            yield path.relative_to(HERE).as_posix(), ast.parse(source)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(per_activity=12)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def encoder(w: Windows, split: Split) -> PretrainedEncoder:
    return pipeline.pretrain(w, split, tiny.recipe(), "csshar", device="cpu")


@pytest.fixture(scope="module")
def model(w: Windows, split: Split, encoder: PretrainedEncoder) -> Model:
    return pipeline.finetune(encoder, w, split)


# Answers that are no numbers


@pytest.fixture(scope="module")
def diverged(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model whose weights are finite and whose features overflow, as it comes from a bundle with right checksums."""
    place = bundle.save(model, tmp_path_factory.mktemp("bad") / "model")
    bad = bundle.load_model(place, "cpu")
    with torch.no_grad():
        for name, weight in bad.encoder.network.named_parameters():
            if name.endswith("weight"):
                weight *= 1e30
    return bundle.load_model(bundle.save(bad, place), "cpu")


def test_no_answer_of_a_network_that_is_no_number_comes_out(
    diverged: Model, w: Windows, split: Split, tmp_path: Path
) -> None:
    """`predict` said "swing 100 %" of them, and the export blamed ONNX."""
    stream = StreamingRecogniser(diverged, w.meta.rate_hz)
    ways = {
        "features": lambda: diverged.encoder.features(w.x),
        "assess": lambda: diverged.assess(w.x),
        "predict": lambda: diverged.predict(w.x),
        "evaluate": lambda: pipeline.evaluate(diverged, w, split),
        "calibrate": lambda: pipeline.calibrate(diverged, w, split),
        "finetune": lambda: pipeline.finetune(diverged.encoder, w, split),
        "live": lambda: stream.push(np.zeros((6, 40)), np.arange(40) / w.meta.rate_hz),
        "export": lambda: export_onnx(diverged, tmp_path / "model.onnx"),
    }
    for way in ways.values():
        with pytest.raises(DataError, match="that the network computed are not all finite numbers"):
            way()
    assert list(tmp_path.iterdir()) == []


CHECKED = {
    "model/values.py": "by `encode`, which looks at all features, and `assessed`",
    "streaming/network.py": "by `assessed` in streaming/recogniser.py",
    "export/graph.py": "by onnxruntime, whose answers are compared with `Model.assess`",
    "export/mobile.py": "by the file's own runtime or evaluator, whose answers are compared with `Model.assess`",
    "jobs/finetune.py": "weights alone are compared",
    "pipeline/distillation.py": "by `encode`, which looks at all of them",
    "pipeline/teacher.py": "by the training of the student, which stops at a loss that is no number",
}
"""Modules that take a model's network, and how its answers are looked at."""


def test_whoever_runs_a_model_s_network_looks_at_its_answers() -> None:
    found = {
        name
        for name, tree in modules("network", "probabilities_and_score")
        for call in calls(tree)
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("network", "probabilities_and_score")
    }
    assert found - {"calibration/network.py"} == CHECKED.keys()


# Checksums that are written and read

DIGESTS = {
    "model/bundle.py": "weights; read by model/weights.py: tests/model/test_bundle.py",
    "model/hub.py": "of files of the Hub, compared with those that their commit names: tests/model/test_hub.py",
    "model/weights.py": "reads that of weights: tests/model/test_bundle.py",
    "training/checkpoint.py": "tensors and state; read by itself: tests/training/test_checkpoint.py",
    "rows/value.py": "rows, read by rows/log.py: tests/rows/test_rows.py",
    "windows/cache.py": "arrays and manifest, read by itself: tests/windows/test_cache.py",
    "windows/fingerprint.py": "names the entry of a cache: another one is another entry",
    "windows/value.py": "names content in keys",
    "live/exported.py": "names the file, read by itself: tests/live/test_live_exported.py",
    "live/runtime.py": "of the published package, read by itself: tests/live/test_live_runtime.py",
    "datasets/base.py": "of published files, read by datasets/checking.py: tests/datasets/test_checking.py",
    "datasets/usc_had.py": "the same",
    "datasets/watch.py": "of the published file, read by itself: tests/datasets/test_watch.py",
    "model/fingerprint.py": "identity of checkpoints, compared by training/checkpoint.py",
    "system/plugins.py": "of a plug-in's code, named in rows and models: tests/system/test_loading_plugins.py",
    "system/bringing.py": "the same",
    "system/registry.py": "names a module by its path",
    "windows/subjects.py": "names a split in keys: tests/splits/test_own_splits.py",
    "prediction/units.py": "names a unit: another one is another unit",
    "prediction/working.py": "of the model, compared by prediction/store.py: tests/prediction/test_batch.py",
    "prediction/page.py": "of the page's script, read by browsers",
}
"""Modules that compute digests: of what, who compares them, and the test of it."""


def test_every_digest_is_read_by_somebody() -> None:
    found = {
        name for name, tree in modules("hashlib") if any("hashlib." in ast.unparse(call.func) for call in calls(tree))
    }
    assert found == DIGESTS.keys()
    for what in DIGESTS.values():
        test = what.partition(": tests/")[2]
        assert not test or (Path(__file__).parents[1] / test).is_file()


# Folders that vanish, and modes

MAKERS = {
    "system/storage.py": "`make_folder`, before work begins",
    "datasets/download.py": "members of an archive, in a folder of its own",
}


def test_no_writer_makes_the_tree_that_it_writes_into() -> None:
    found = {
        f"{name}: {ast.unparse(call)}"
        for name, tree in modules("makedirs", "parents")
        for call in calls(tree)
        if name not in MAKERS
        and (
            "makedirs" in ast.unparse(call.func)
            or any(key.arg == "parents" and ast.unparse(key.value) != "False" for key in call.keywords)
        )
    }
    assert found == set()


def test_no_mode_is_hard_coded() -> None:
    """The umask decides who may read; what is private says so."""
    allowed = {0o666, 0o777}
    private = {("system/files.py", 0o700), ("serving/certificate.py", 0o600), ("serving/certificate.py", 0o700)}
    found = set()
    ends = ("chmod", "umask", "mkdir", "open", "write", "makedirs")
    for name, tree in modules(*ends):
        for call in calls(tree):
            if not getattr(call.func, "attr", getattr(call.func, "id", "")).endswith(ends):
                continue
            text = ast.unparse(call.func)
            if text.endswith((".chmod", ".umask", ".fchmod")):
                found.add(f"{name}: {ast.unparse(call)}")
            if text.endswith(("mkdir", "os.open", "write", "makedirs", "open")):
                given = [*call.args, *(key.value for key in call.keywords if key.arg == "mode")]
                modes = {each.value for each in given if isinstance(each, ast.Constant) and type(each.value) is int}
                odd = {mode for mode in modes if mode > 0o77} - allowed
                found |= {f"{name}: {ast.unparse(call)}" for mode in odd if (name, mode) not in private}
    assert found == set()


@pytest.mark.skipif(not hasattr(os, "umask"), reason="modes are a Unix thing")
@pytest.mark.parametrize("mask", [0o077, 0o007])
def test_what_is_written_has_the_mode_of_the_umask(mask: int, model: Model, tmp_path: Path) -> None:
    from otolith.system import claims, files

    before = os.umask(mask)
    try:
        bundle.save(model, tmp_path / "model")
        for _ in range(2):
            with files.whole_folder(tmp_path / "folder", replace=True) as place:
                (place / "sub").mkdir()
        files.write(tmp_path / "file", "text")
        rows.append(tmp_path / "rows.jsonl", rows.Row({}, {}))
        with claims.hold(tmp_path / "held"):
            modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "held").rglob("*")}
    finally:
        os.umask(before)
    paths = list(tmp_path.rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o777 & ~mask}
    assert modes | {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o666 & ~mask}


# Splits that leak


def test_a_split_that_shares_subjects_is_refused_or_named(w: Windows, encoder: PretrainedEncoder, model: Model) -> None:
    order = np.random.default_rng(0).permutation(len(w))
    third = len(w) // 3
    train, val, test = (np.sort(part) for part in (order[:third], order[third : 2 * third], order[2 * third :]))
    random = Split("holdout", train, val, test)
    for stage in (
        lambda split: pipeline.pretrain(w, split, tiny.recipe(), "random", device="cpu"),
        lambda split: pipeline.finetune(encoder, w, split),
        lambda split: pipeline.evaluate(model, w, split),
        lambda split: pipeline.calibrate(model, w, split),
    ):
        with pytest.raises(DataError, match=r"subject \d+ is in two of .* allow_shared_subjects=True"):
            stage(random)
    meant = dataclasses.replace(random, allow_shared_subjects=True)
    found = pipeline.evaluate(pipeline.finetune(encoder, w, meant), w, meant)
    assert SHARED in found["notes"]
    assert meant.warning == SHARED  # which `meta.warning` of every row says, and the report
    assert splits.by_time(tiny.windows(1, 40)).allow_shared_subjects


def test_every_stage_that_takes_windows_and_a_split_looks_for_shared_subjects() -> None:
    stages = [getattr(pipeline, name) for name in pipeline.__all__ if inspect.isfunction(getattr(pipeline, name))]
    taking = [stage for stage in stages if {"w", "split"} <= inspect.signature(stage).parameters.keys()]
    assert {stage.__name__ for stage in taking} == {"pretrain", "finetune", "evaluate", "calibrate"}
    for stage in taking:
        assert "refuse_shared(split, w)" in inspect.getsource(stage), stage.__name__


# Identity by name


@pytest.mark.parametrize("spec", list(PROTOCOLS), ids=lambda spec: spec.name)
def test_rows_of_two_data_sets_of_one_name_have_other_keys(spec: ProtocolSpec, tmp_path: Path) -> None:
    from otolith.datasets.synthetic import Synthetic

    def keys(seed: int) -> set[str]:
        w = tiny.windows(7, 12, seed=seed)
        if spec.name == "cross-dataset":  # a pool of two
            w = dataclasses.replace(w, subject=np.array([f"{'ab'[who % 2]}/{who}" for who in w.subject]))
        study = Study(w, Synthetic.info, tiny.recipe(), "tiny", tmp_path, "cpu")
        study = dataclasses.replace(study, source=study)
        options = spec.options(**({"k": (1,), "draws": 1} if spec.name == "few-labels" else {}))
        return {rows.key_hash(key) for unit in spec.units(study, ["random"], 1, options) for key in unit.keys}

    assert keys(0)
    assert not keys(0) & keys(1)
    assert keys(0) == keys(0)


def test_old_rows_are_found_and_stand_apart_where_it_is_not_known_of_what_they_are() -> None:
    new, other = {"dataset": "walks", "seed": 0, "data": "3fa2"}, {"dataset": "walks", "seed": 0, "data": "77e0"}
    old = rows.Row(rows.without_content(new), {"macro_f1": 0.5})
    assert rows.find([old], new) == old
    exact = rows.Row(new, {"macro_f1": 0.6})
    assert rows.find([exact, old], new) == exact
    assert rows.find([exact], other) is None
    both = told_apart([old, exact, rows.Row(other, {"macro_f1": 0.7})])
    assert len({row.key["dataset"] for row in both}) == 3
    assert told_apart([old, exact]) == [old, exact]
