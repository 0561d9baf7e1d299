"""Files for ExecuTorch and Core ML: the answers of PyTorch, all a program must know inside, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from otolith import pipeline, splits
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.export import Trial, export_mobile, mil, mobile
from otolith.model import Model, PretrainedEncoder
from otolith.preprocessing.scaler import Scaler
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny


def small(name: str) -> tuple[Model, Trial]:
    """A head on an untrained encoder of windows that stand on gravity and may lack the gyroscope, and its trial."""
    w = tiny.windows(n_subjects=6)
    split: Split = splits.holdout(w, 0)
    recipe = tiny.recipe("compact", encoder__kind="conv", finetune__pool=True)
    network = pipeline.build_encoder(name, recipe, w.meta, 3).eval()
    encoder = PretrainedEncoder(network, scaler_of(w, split), w.meta, recipe, name, 3)
    model = pipeline.finetune(encoder, w, split, frozen=True)
    return model, Trial(w.x[split.test], w.y[split.test], w.x[split.val], w.y[split.val], "test windows")


def scaler_of(w: Windows, split: Split) -> Scaler:
    return Scaler.fit(w.x, split.train, turned=((0, 1, 2), (3, 4, 5)), may_miss=(3, 4, 5))


@pytest.fixture(scope="module")
def made() -> tuple[Model, Trial]:
    torch.set_num_threads(1)
    return small("dynamic")


def answers(model: Model, x: np.ndarray, run: mobile.Answer) -> None:
    """Hold a file to the model on single windows, with and without a gyroscope."""
    gone = x.copy()
    gone[:, 3:] = np.nan
    for windows in (x, gone):
        ours = model.assess(windows)
        said = [run(windows[i : i + 1]) for i in range(len(windows))]
        np.testing.assert_allclose(np.concatenate([each[0] for each in said]), ours.probabilities, atol=1e-5)
        assert ours.score is not None
        np.testing.assert_allclose(np.concatenate([each[1] for each in said]), ours.score, rtol=1e-3, atol=1e-2)


def test_a_package_for_core_ml_holds_the_model_and_one_that_differs_does_not_appear(
    made: tuple[Model, Trial], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct = pytest.importorskip("coremltools")
    from coremltools.converters.mil.frontend.milproto.load import load

    model, trial = made
    path = tmp_path / "m.mlpackage"
    path.mkdir()
    (path / "mine.txt").touch()
    with pytest.raises(DataError, match="is no package of Core ML"):
        export_mobile(model, path, trial=trial)
    (path / "mine.txt").unlink()
    done = export_mobile(model, path, trial=trial, terms=["ask first"])
    assert done.float32.largest < 1e-5
    assert done.float32.same == done.float32.same_unknown == 1
    assert sorted(each.name for each in path.iterdir()) == ["Data", "Manifest.json"]
    opened = ct.models.MLModel(str(path), skip_model_load=True)
    spec = opened.get_spec()
    card = {
        name: json.loads(text) for name, text in spec.description.metadata.userDefined.items() if "apple" not in name
    }
    assert (card["channels"], card["rate_hz"]) == (list(model.meta.channels), tiny.RATE_HZ)
    assert (card["may_miss"], card["terms"]) == (["gyro"], ["ask first"])
    assert model.calibration is not None
    assert card["unknown_above"] == pytest.approx(model.calibration.threshold)
    program = load(spec, specification_version=spec.specificationVersion, file_weights_dir=opened.weights_dir)
    answers(model, trial.x[:4], mil.Program(program, ["probabilities", "unknown_score"]))
    before = (path / "Manifest.json").read_bytes()
    monkeypatch.setitem(mil.OPERATIONS, "sqrt", mil.OPERATIONS["abs"])
    with pytest.raises(CheckpointError, match="disagrees with PyTorch on test windows"):
        export_mobile(model, path, trial=trial)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert (path / "Manifest.json").read_bytes() == before


def test_a_program_for_executorch_gives_the_answers_of_the_model(made: tuple[Model, Trial], tmp_path: Path) -> None:
    runtime = pytest.importorskip("executorch.runtime", reason="a large package, which CI does without")
    model, trial = made
    done = export_mobile(model, tmp_path / "m.pte", trial=trial)
    assert done.float32.largest < 1e-5
    program = runtime.Runtime.get().load_program(done.path.read_bytes())
    assert json.loads(program.load_method("activities").execute([])[0]) == list(model.activities)
    forward = program.load_method("forward")
    answers(model, trial.x[:4], lambda x: [each.numpy().copy() for each in forward.execute([torch.from_numpy(x)])])


@pytest.mark.parametrize(
    ("ending", "module", "extra"), [("pte", "executorch", "executorch"), ("mlpackage", "coremltools", "coreml")]
)
def test_the_extra_is_named_where_it_is_missing(
    made: tuple[Model, Trial], ending: str, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RecipeError, match=rf'"otolith\[{extra}\]"'):
        export_mobile(made[0], tmp_path / f"m.{ending}")
    assert not list(tmp_path.iterdir())


def test_hand_made_features_and_other_endings_are_refused(made: tuple[Model, Trial], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"the ending \.pte \(ExecuTorch\) or \.mlpackage"):
        export_mobile(made[0], tmp_path / "m.tflite")
    w = tiny.windows(n_subjects=6)
    recipe = tiny.recipe("compact")
    network = pipeline.build_encoder("classical", recipe, w.meta, 3).eval()
    split = splits.holdout(w, 0)
    encoder = PretrainedEncoder(network, Scaler.fit(w.x, split.train), w.meta, recipe, "classical", 3)
    model = pipeline.finetune(encoder, w, split, frozen=True)
    for ending in mobile.CHECKED_BY:
        with pytest.raises(DataError, match=r"trees or for features made by hand.*ONNX"):
            export_mobile(model, tmp_path / f"m{ending}")


def test_operations_are_what_core_ml_says_they_are() -> None:
    x = torch.tensor([[[1.0, -2.0, 3.0, 4.0]]])
    run = mil.OPERATIONS
    assert run["inverse"]({"x": torch.ones(1), "epsilon": 1.0}).item() == 0.5
    assert run["inverse"]({"x": torch.zeros(1)}).item() == pytest.approx(1e4)
    pool = {"x": x, "kernel_sizes": [2], "strides": [2], "pad_type": "custom", "pad": [1, 1]}
    assert run["max_pool"](pool).tolist() == run["max_pool"](pool | {"ceil_mode": True}).tolist() == [[[1, 3, 4]]]
    kernel = torch.tensor([[[1.0, 10.0]]])
    conv = {"x": x, "weight": kernel, "pad_type": "custom", "pad": [1, 0], "strides": [2], "dilations": [1]}
    assert run["conv"](conv).tolist() == [[[10, 28]]]
    cut = {"x": x, "begin": [0, 0, 1], "end": [1, 0, 3], "end_mask": [False, True, False]}
    assert run["slice_by_index"](cut).tolist() == [[[-2, 3]]]
    assert run["slice_by_index"](cut | {"squeeze_mask": [True, False, False]}).tolist() == [[-2, 3]]
    normed = run["layer_norm"]({"x": x, "axes": [-1], "gamma": torch.full((4,), 2.0), "epsilon": 0.0})
    np.testing.assert_allclose(normed, 2 * (x - 1.5) / x.std(correction=0), rtol=1e-6)
    strange = SimpleNamespace(op_type="gru", outputs=[SimpleNamespace(name="y")], inputs={})
    function = SimpleNamespace(inputs=["windows"], operations=[strange])
    with pytest.raises(DataError, match=r"has the operation gru, which otolith cannot check.*ONNX"):
        mil.Program(SimpleNamespace(functions={"main": function}), ["y"])
