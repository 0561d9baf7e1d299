"""C headers: compiled by the system's compiler, they answer as PyTorch's whole numbers do, which ONNX shares."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from otolith import pipeline, splits
from otolith.calibration.network import Assessed
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.export import Trial, export_c
from otolith.export import check as checking
from otolith.export.graph import metadata, write_graph
from otolith.export.integers import as_integers
from otolith.model import Distilled, Model, PretrainedEncoder
from otolith.nets import ResidualEncoder
from otolith.nets.integers import IntegerResidual, bytes_of, peaks
from otolith.pipeline.calibration import calibrate
from otolith.preprocessing.sensors import fit_scaler
from otolith.splits import Split
from otolith.windows import Windows
from tests.helpers import tiny

EXAMPLE = Path(__file__).parents[2] / "examples" / "recognise.c"
STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wno-sign-compare", "-Werror", "-pedantic"]
PROGRAM = """
#include <stdio.h>
#include "student.h"
int main(void) {
    static float window[OTOLITH_CHANNELS * OTOLITH_STEPS], p[OTOLITH_ACTIVITIES];
    while (fread(window, sizeof window, 1, stdin) == 1) {
        printf("%d", otolith_predict(window, p));
        for (int k = 0; k < OTOLITH_ACTIVITIES; k++) printf(" %.9g", p[k]);
        printf("\\n");
    }
    return 0;
}
"""
LINEAR = {"finetune__head": "linear", "finetune__solver": "lbfgs"}
KINDS: dict[str, dict[str, Any]] = {
    "plain": LINEAR,
    "standardised": LINEAR | {"finetune__standardise": True},
    "vertical, gyroscope may miss": LINEAR | {"windows__frame": "vertical", "robust__may_miss": ["gyro"]},
    "gravity, other kernels": LINEAR | {"windows__frame": "gravity", "encoder__kernels": [3, 7]},
}

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler `cc` here")


@pytest.fixture(scope="module")
def w() -> Windows:
    made = tiny.windows(n_subjects=6, seconds=1.25)  # an odd number of steps
    x = made.x.copy()
    x[:, 2] += 9.8
    return replace(made, x=x)


def student_of(w: Windows, split: Split, score: str = "both", **changes: Any) -> Model:
    recipe = tiny.recipe(encoder__kind="conv", encoder__width=8, **changes)
    network = pipeline.build_encoder("random", recipe, w.meta, 3).eval()
    assert isinstance(network, ResidualEncoder)
    generator = torch.Generator().manual_seed(0)
    for norm in network.norms:  # as after training
        assert isinstance(norm, torch.nn.BatchNorm1d)
        for tensor in (norm.running_mean, norm.bias.data):
            assert tensor is not None
            tensor.copy_(torch.randn(8, generator=generator) * 0.1)
    scaler = fit_scaler(w, split, recipe.sensor_settings)
    encoder = PretrainedEncoder(network, scaler, w.meta, recipe, "random", 3)
    model = calibrate(pipeline.finetune(encoder, w, split, frozen=True), w, split, score=score, false_unknowns=0.2)
    z = torch.from_numpy(scaler.transform(w.x[split.train]))
    told = Distilled("random", ("own",), (), 1, 1, 1, 1.0, 1.0, peaks(network, [z]))
    return replace(model, distilled=told)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


@pytest.fixture(scope="module")
def student(w: Windows, split: Split) -> Model:
    return student_of(w, split, **KINDS["plain"])


def compiled(model: Model, folder: Path, program: str = PROGRAM, **options: Any) -> Path:
    export_c(model, folder / "student.h", **options)
    (folder / "main.c").write_text(program, "utf-8")
    built = subprocess.run(
        ["cc", *STRICT, "main.c", "-o", "main", "-lm"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder / "main"


def answers(program: Path, x: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    done = subprocess.run([program], input=x.astype(np.float32).tobytes(), capture_output=True, check=True)
    rows = np.array([line.split() for line in done.stdout.decode().splitlines()], np.float64)
    return rows[:, 0].astype(int), rows[:, 1:]


@needs_cc
@pytest.mark.parametrize("kind", list(KINDS))
def test_c_answers_as_pytorch_in_whole_numbers(kind: str, w: Windows, split: Split, tmp_path: Path) -> None:
    model = student_of(w, split, **KINDS[kind])
    x = w.x.copy()
    if model.encoder.scaler.may_miss:
        x[::2, 3:] = np.nan
    x[0] *= 1e4  # beyond what sixteen bits hold
    said, probabilities = answers(compiled(model, tmp_path), x)
    ours = as_integers(model).assess(x)
    apart = np.abs(probabilities - ours.probabilities).max(1)
    if (
        model.encoder.scaler.turned
    ):  # the mean that is gravity is summed in another order: a value may round the other way
        assert (apart > 1e-4).mean() < 0.02
        assert apart.max() < 5e-3
    else:
        assert apart.max() < 1e-4
    assert model.calibration is not None
    assert ours.score is not None
    far = np.abs(ours.score - model.calibration.threshold) > 1e-3 * np.abs(ours.score)
    expected = np.where(ours.unknown, -1, ours.probabilities.argmax(1))
    assert 0 < ours.unknown.sum() < len(x)
    np.testing.assert_array_equal(said[far], expected[far])


@needs_cc
@pytest.mark.parametrize("score", ["probability", "energy", "distance", None])
def test_every_score_of_unknown(score: str | None, w: Windows, split: Split, tmp_path: Path) -> None:
    model = student_of(w, split, score or "both", **KINDS["plain"])
    model = model if score else replace(model, calibration=None)
    said, _ = answers(compiled(model, tmp_path), w.x)
    ours: Assessed = as_integers(model).assess(w.x)
    np.testing.assert_array_equal(said, np.where(ours.unknown, -1, ours.probabilities.argmax(1)))
    assert ours.unknown.any() == bool(score)


@needs_cc
def test_the_example_prints_activities(student: Model, w: Windows, tmp_path: Path) -> None:
    overlapping = replace(w.meta, overlap=0.5)
    model = replace(student, encoder=replace(student.encoder, meta=overlapping))
    program = compiled(model, tmp_path, EXAMPLE.read_text("utf-8"))
    signal = np.concatenate(list(w.x[:4]), axis=1)
    text = "\n".join(", ".join(f"{value:.9g}" for value in row) for row in signal.T)
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    steps, hop = w.meta.n_steps, round(w.meta.n_steps / 2)
    x = np.stack([signal[:, at : at + steps] for at in range(0, signal.shape[1] - steps + 1, hop)])
    ours = as_integers(model).assess(x)
    names = [model.activities[i] for i in ours.probabilities.argmax(1)]
    expected = ["unknown" if flag else name for flag, name in zip(ours.unknown, names, strict=True)]
    assert done.stdout.splitlines() == expected
    assert sum(line.strip() not in ("", "}") for line in EXAMPLE.read_text("utf-8").split("{", 1)[1].splitlines()) <= 12


def test_onnx_has_the_same_whole_numbers(student: Model, w: Windows, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path, whole = tmp_path / "m.onnx", as_integers(student)
    write_graph(whole, path, metadata(student, []))
    np.testing.assert_allclose(checking.run(path, student, w.x).probabilities, whole.predict_proba(w.x), atol=1e-4)
    sizes = student.encoder.recipe.encoder
    assert 0.8 < path.stat().st_size / bytes_of(sizes.width, 6, 3, sizes.kernels) < 1.2


def test_whole_numbers_are_near(student: Model, w: Windows) -> None:
    network = as_integers(student).encoder.network
    assert isinstance(network, IntegerResidual)
    assert network.weight_1.dtype == torch.int8  # type: ignore[union-attr]
    assert int(network.weight_1.abs().max()) == 127  # type: ignore[operator, arg-type, union-attr]
    near = np.abs(as_integers(student).predict_proba(w.x) - student.predict_proba(w.x)).max(1)
    assert np.median(near) < 0.05
    with pytest.raises(ValueError, match="expected 3 peaks above 0"):
        IntegerResidual(student.encoder.network, (1.0, 0.0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="would not fit into 32 bits"):
        IntegerResidual(ResidualEncoder(104, 8, 4), (1.0, 1.0, 1.0))


def test_the_header_says_what_it_expects(student: Model, tmp_path: Path) -> None:
    hostile = replace(student, activities=('a"\\\n', "b??/", "größer"))
    done = export_c(hostile, tmp_path / "deep" / "m.h", terms=["Cite */ us."])
    text = done.path.read_text("utf-8")
    assert "Cite * / us." in text
    assert '"a\\042\\134\\012", "b\\077\\077/", "gr\\303\\266\\303\\237er"' in text
    assert "acc_x (m/s^2)" in text
    assert "@" not in text
    assert done.n_bytes > 8 * 8 * (5 + 3 + 3)
    assert text == export_c(hostile, tmp_path / "m.h", terms=["Cite */ us."]).path.read_text("utf-8")


def test_what_cannot_be_written_is_refused(student: Model, w: Windows, split: Split, tmp_path: Path) -> None:
    out = tmp_path / "m.h"
    recipe = tiny.recipe()
    network = pipeline.build_encoder("random", recipe, w.meta, 3).eval()
    encoder = PretrainedEncoder(network, student.encoder.scaler, w.meta, recipe, "random", 3)
    with pytest.raises(RecipeError, match=r"TransformerEncoder with a PredictionMLP\. Distil a student first"):
        export_c(pipeline.finetune(encoder, w, split, frozen=True), out)
    normed = pipeline.build_encoder("random", tiny.recipe(encoder__kind="conv", encoder__layer_norm=True), w.meta, 3)
    with pytest.raises(RecipeError, match="ResidualEncoder with layer normalisation"):
        export_c(replace(student, encoder=replace(student.encoder, network=normed.eval())), out)
    other = replace(student, distilled=None)
    with pytest.raises(DataError, match="Name a data set"):
        export_c(other, out)
    trial = Trial(w.x[split.test], None, w.x[split.val], None, "windows")
    assert export_c(other, tmp_path / "other.h", trial=trial).agreement.same > 0.9
    assert student.distilled is not None
    coarse = replace(student, distilled=replace(student.distilled, peaks=(1e3, 1e3, 1e3)))
    with pytest.raises(CheckpointError, match="keep their activity"):
        export_c(coarse, out, trial=trial)
    assert not out.exists()
