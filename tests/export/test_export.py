"""ONNX files: the same answers as PyTorch, everything a program must know inside, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from otolith import methods, pipeline, splits
from otolith.calibration import Assessed
from otolith.errors import CheckpointError, DataError, RecipeError
from otolith.export import Trial, export_onnx, write_vectors
from otolith.export import check as checking
from otolith.export import graph as drawing
from otolith.export import write as writing
from otolith.export.rate import SourceRate
from otolith.export.trial import of_windows
from otolith.model import Model, PretrainedEncoder
from otolith.nets import MIN_STEPS
from otolith.prediction import predict_recordings
from otolith.prediction.run import hidden_markov
from otolith.prediction.smoothing import SMOOTHERS
from otolith.preprocessing.scaler import Scaler
from otolith.recording import CHANNELS, Recording, Stream
from otolith.splits import Split
from otolith.windows import Windows
from otolith.windows.resampling import resample
from tests.helpers import tiny
from tests.helpers.commandline import refused

pytest.importorskip("onnxruntime")

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_predict.py"


@pytest.fixture(scope="module")
def w() -> Windows:
    return tiny.windows(n_subjects=6)


@pytest.fixture(scope="module")
def split(w: Windows) -> Split:
    return splits.holdout(w, 0)


def model_of(name: str, w: Windows, split: Split, kind: str = "compact", **recipe: Any) -> Model:
    """A head on the untrained encoder of a method: the graph is the same as after training."""
    resolved = tiny.recipe(kind, **recipe)
    network = pipeline.build_encoder(name, resolved, w.meta, 3).eval()
    encoder = PretrainedEncoder(network, Scaler.fit(w.x, split.train), w.meta, resolved, name, 3)
    return pipeline.finetune(encoder, w, split, frozen=True)


@pytest.fixture(scope="module")
def model(w: Windows, split: Split) -> Model:
    torch.set_num_threads(1)
    return model_of("dynamic", w, split)


@pytest.fixture(scope="module", autouse=True)
def _graphs() -> Iterator[None]:
    """The graph of a model is drawn once; all that comes after it is done for each file."""
    drawn: list[tuple[Model, Any]] = []
    draw = drawing.graph_of

    def once(model: Model) -> Any:
        known = [graph for other, graph in drawn if other is model]
        if not known:
            known = [draw(model)]
            drawn.append((model, known[0]))
        return known[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "graph_of", once)
        yield


def trial(w: Windows, split: Split, **changes: Any) -> Trial:
    made = Trial(w.x[split.test], w.y[split.test], w.x[split.val], w.y[split.val], "test windows")
    return replace(made, **changes)


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """Structures of networks of which a graph was made."""
    return set()


OTHERS = [name for name in methods.names() if name != "classical"]
"""Methods, but for hand-made features, which tests/contracts/test_classical.py exports."""


@pytest.mark.parametrize("name", OTHERS)
def test_every_method_can_be_exported(
    name: str, exported: set[str], model: Model, w: Windows, split: Split, tmp_path: Path
) -> None:
    model = model if name == model.encoder.method else model_of(name, w, split)
    network = model.network()
    structure = f"{network} {[(name, values.shape) for name, values in network.state_dict().items()]}"
    if structure in exported:  # the graph of another method, which differs in its loss alone
        return
    exported.add(structure)
    done = export_onnx(model, tmp_path / "model.onnx", trial=trial(w, split))
    assert done.float32.largest < 1e-5
    assert done.float32.same == done.float32.same_unknown == 1
    said, ours = checking.run(done.path, model, w.x), model.assess(w.x)
    np.testing.assert_allclose(said.probabilities, ours.probabilities, atol=1e-5)
    assert ours.score is not None
    assert said.score is not None
    np.testing.assert_allclose(said.score, ours.score, rtol=1e-3, atol=1e-2)


POOLED = {"finetune__pool": True, "finetune__standardise": True}


@pytest.mark.parametrize(
    "changes",
    [{"finetune__head": "linear", "encoder__dropout": 0.3}, {"encoder__kernel": 5, "finetune__pool": True}, POOLED],
)
def test_other_sizes_can_be_exported(changes: dict[str, Any], w: Windows, split: Split, tmp_path: Path) -> None:
    done = export_onnx(model_of("csshar", w, split, **changes), tmp_path / "m.onnx", trial=trial(w, split))
    assert done.float32.largest < 1e-5
    assert done.float32.same_unknown == 1


def test_a_file_for_another_rate_resamples_as_predict_does(
    model: Model, w: Windows, split: Split, tmp_path: Path
) -> None:
    done = export_onnx(model, tmp_path / "m.onnx", trial=trial(w, split), int8=True, from_rate=50)
    assert done.float32.largest < 1e-5
    assert done.int8 is not None
    assert done.int8.same > 0.9
    card = checking.session(done.path).get_modelmeta().custom_metadata_map
    assert [json.loads(card[name]) for name in ("rate_hz", "steps", "model_rate_hz")] == [50, 50, tiny.RATE_HZ]
    values = np.random.default_rng(0).normal(0, 3, (6, 250)) + np.array([0, 0, 9.81, 0, 0, 0])[:, None]
    (found,) = predict_recordings(model, [Recording("r", 1, (Stream(CHANNELS, values, 50.0),))], smoothing="none")
    assert found.timeline is not None
    raw = np.stack([values[:, at : at + 50] for at in range(0, 201, 50)]).astype(np.float32)
    resampled = SourceRate.of(model.meta, 50).to_model(raw)
    ours = found.timeline.probabilities[:: max(1, round(1 / (1 - model.meta.overlap)))]
    np.testing.assert_allclose(model.predict_proba(resampled), ours, atol=1e-5)
    with pytest.raises(DataError, match="no resampling brings them back"):
        export_onnx(model, tmp_path / "slow.onnx", trial=trial(w, split), from_rate=2)


RATES = (50, tiny.RATE_HZ, 31, 24)


@pytest.fixture(scope="module")
def smoothing(model: Model, w: Windows, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes several rates, and smooths as predict does by default."""
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    return export_onnx(model, path, trial=trial(w, split), from_rate=RATES, smoothing="offline", dwell_s=2.0).path


def card_of(path: Path) -> dict[str, Any]:
    texts = checking.session(path).get_modelmeta().custom_metadata_map
    return {name: json.loads(text) for name, text in texts.items()}


def test_one_file_takes_several_rates_and_no_other(smoothing: Path, model: Model, w: Windows) -> None:
    opened, card = checking.session(smoothing), card_of(smoothing)
    assert (card["rate_hz"], card["rates_hz"], card["steps_of_rates"]) == (50, [50, 12, 31, 24], [50, 12, 31, 24])
    for rate in RATES:
        source = SourceRate.of(model.meta, rate)
        raw = source.to_source(w.x[:5])
        raw[0] += np.linspace(0, 1, source.steps, dtype=np.float32)
        given = {"windows": raw, "seconds_since": np.ones(5, np.float32)}
        np.testing.assert_allclose(opened.run(None, given)[0], model.predict_proba(source.to_model(raw)), atol=1e-5)
    for steps in (49, 51, 62):
        with pytest.raises(Exception, match=r"resampling\.matmul"):
            opened.run(None, {"windows": np.zeros((1, 6, steps), np.float32), "seconds_since": np.ones(1, np.float32)})


@pytest.mark.parametrize("way", ["offline", "causal"])
def test_a_file_smooths_as_predict_does(way: str, smoothing: Path, model: Model, tmp_path: Path) -> None:
    path = smoothing
    if way == "causal":
        path = export_onnx(model, tmp_path / "m.onnx", smoothing=way, dwell_s=2.0, from_rate=24).path
    rng = np.random.default_rng(0)
    values = 3 * np.sin(np.arange(24 * 40) * rng.uniform(0, 2, (6, 1))) + rng.normal(0, 1, (6, 24 * 40))
    kept = np.delete(np.arange(960), np.s_[480:600])
    recording = Recording("r", 1, (Stream(CHANNELS, values[:, kept], 24.0, kept / 24),))
    (found,) = predict_recordings(model, [recording], smoothing=way, dwell_s=2.0)
    timeline = found.timeline
    assert timeline is not None
    assert timeline.belief is not None
    starts = np.round(timeline.start_s * 24).astype(int)
    assert np.ptp(np.diff(starts)) > 0  # there is a gap
    raw = np.stack([values[:, start : start + 24] for start in starts]).astype(np.float32)
    opened, states = checking.session(path), card_of(path)["states"]
    assert states == list(timeline.states)
    given = {"windows": raw, "seconds_since": np.diff(timeline.start_s, prepend=0).astype(np.float32)}
    if way == "offline":
        (*_, beliefs) = opened.run(None, given)
    else:  # in two calls, the second of which goes on from the first
        before, parts = np.full(len(states), 1 / len(states), np.float32), []
        for rows in (slice(0, 9), slice(9, None)):
            (*_, part) = opened.run(None, {name: x[rows] for name, x in given.items()} | {"belief_before": before})
            before = part[-1]
            parts.append(part)
        beliefs = np.concatenate(parts)
    np.testing.assert_allclose(beliefs, timeline.belief, atol=1e-5)
    assert np.abs(beliefs[:, : len(model.activities)] - timeline.probabilities).max() > 0.05


def test_smoothing_that_disagrees_is_refused(smoothing: Path, model: Model, w: Windows, tmp_path: Path) -> None:
    assert writing._Around(model, {}, "offline", 2.0).why_refused(smoothing, w.x) == ""
    for way, dwell_s in (("offline", 2.1), ("causal", 2.0)):
        refused = writing._Around(model, {}, way, dwell_s).why_refused(smoothing, w.x)
        assert "a smoothed probability differs by" in refused
    with pytest.raises(RecipeError, match="unknown smoothing 'both'"):
        export_onnx(model, tmp_path / "m.onnx", smoothing="both")


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (("m.tgz", "--smooth", "causal"), "smooth by themselves"),
        (("m.onnx", "--dwell", "5"), "give both"),
        (("m.tgz", "--int8"), "leave --int8 out"),
        (("m.h", "--from-rate", "50"), "takes windows at the model's rate"),
        (("m.onnx", "--from-rate", "50", "--from-rate", "-3"), "give the Hz at which samples come"),
    ],
)
def test_options_that_a_form_does_not_have_are_refused(
    tokens: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused("export", "phone", *tokens)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["v.json", "v.npz"])
def test_vectors_are_what_the_model_makes_of_them(
    name: str, model: Model, w: Windows, split: Split, tmp_path: Path
) -> None:
    assert write_vectors(model, tmp_path / name, trial(w, split), 50) == min(32, len(split.test))
    if name == "v.json":
        found = {key: np.array(value) for key, value in json.loads((tmp_path / name).read_text("utf-8")).items()}
        assert found["activities"].tolist() == list(model.activities)
    else:
        found = dict(np.load(tmp_path / name))
        assert json.loads(str(found["facts"]))["rate_hz"] == 50
    assert found["raw"].shape[1:] == (6, 50)
    windows = resample(found["raw"].astype(np.float32), model.meta.n_steps).astype(np.float32)
    np.testing.assert_allclose(found["windows"], windows, atol=1e-5)
    np.testing.assert_allclose(found["features"], model.encoder.features(windows), atol=1e-4)
    said = model.assess(windows)
    np.testing.assert_allclose(found["probabilities"], said.probabilities, atol=1e-5)
    np.testing.assert_allclose(found["unknown_score"], said.score, rtol=1e-3, atol=1e-3)
    with pytest.raises(RecipeError, match=r"\.json or \.npz"):
        write_vectors(model, tmp_path / "v.csv", trial(w, split))


def test_any_batch_size(model: Model, w: Windows, tmp_path: Path) -> None:
    path = export_onnx(model, tmp_path / "m.onnx").path
    session = checking.session(path)
    ours = model.predict_proba(w.x)
    for n in (1, 2, 7, len(w)):
        (probabilities, _) = session.run(None, {"windows": w.x[:n]})
        np.testing.assert_allclose(probabilities, ours[:n], atol=1e-5)
    assert w.meta.n_steps > MIN_STEPS


def test_one_file_that_says_everything(model: Model, tmp_path: Path) -> None:
    done = export_onnx(model, tmp_path / "deep" / "m.onnx", terms=["Cite: Ünal."])
    assert [entry.name for entry in done.path.parent.iterdir()] == ["m.onnx"]
    assert done.n_bytes == done.path.stat().st_size
    meta = checking.session(done.path).get_modelmeta().custom_metadata_map
    card = {name: json.loads(text) for name, text in meta.items()}
    assert card["channels"] == list(model.meta.channels)
    assert card["units"] == ["m/s^2"] * 3 + ["rad/s"] * 3
    assert (card["rate_hz"], card["seconds"], card["steps"], card["overlap"]) == (12.0, 1.0, 12, 0.0)
    assert card["activities"] == ["still", "swing", "shake"]
    assert card["terms"] == ["Cite: Ünal."]
    assert model.calibration is not None
    assert card["unknown_above"] == model.calibration.threshold
    assert card["temperature"] == model.calibration.temperature


def test_noise_is_called_noise(model: Model, tmp_path: Path) -> None:
    done = export_onnx(model, tmp_path / "m.onnx")
    assert not done.trial.real
    assert "noise" in done.trial.source
    assert done.f1 is None
    z = model.encoder.scaler.transform(done.trial.x)
    assert abs(float(z.mean())) < 0.05
    assert float(z.std()) == pytest.approx(1, abs=0.05)


def test_an_uncalibrated_model_has_one_output(model: Model, w: Windows, split: Split, tmp_path: Path) -> None:
    plain = replace(model, calibration=None)
    done = export_onnx(plain, tmp_path / "m.onnx", trial=trial(w, split), smoothing="causal")  # without "unknown"
    session = checking.session(done.path)
    assert [output.name for output in session.get_outputs()] == ["probabilities", "beliefs"]
    assert card_of(done.path)["states"] == list(plain.activities)
    given = {"windows": w.x} | checking.smoothing_inputs(session, len(w), 1.0)
    np.testing.assert_allclose(session.run(None, given)[0], plain.predict_proba(w.x), atol=1e-5)


@pytest.fixture(scope="module")
def wide(w: Windows, split: Split) -> Model:
    return model_of("dynamic", w, split, "paper", finetune__hidden=[256])


@pytest.mark.parametrize("calibrated", [True, False])
def test_int8_is_smaller_and_tells_what_it_costs(
    calibrated: bool, wide: Model, w: Windows, split: Split, tmp_path: Path
) -> None:
    wide = wide if calibrated else replace(wide, calibration=None)
    done = export_onnx(wide, tmp_path / "m8.onnx", trial=trial(w, split), int8=True)
    assert done.way in ("static", "dynamic")
    assert done.int8 is not None
    assert 0 < done.int8.largest < 0.5
    assert done.f1_int8 is not None
    if calibrated:
        whole = export_onnx(wide, tmp_path / "m.onnx", trial=trial(w, split))
        assert done.n_bytes < 0.75 * whole.n_bytes
        assert done.f1 == whole.f1
    said = checking.run(done.path, wide, w.x[split.test])
    assert done.int8 == checking.agreement(wide.assess(w.x[split.test]), said)
    assert "activities" in checking.session(done.path).get_modelmeta().custom_metadata_map


def test_what_disagrees_is_refused_and_leaves_nothing(
    model: Model, w: Windows, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"the one before")
    real = checking.run

    def off(*args: Any) -> Any:
        said = real(*args)
        return replace(said, probabilities=said.probabilities + np.float32(2e-4))

    monkeypatch.setattr("otolith.export.write.run", off)
    with pytest.raises(CheckpointError, match=r"differs by 0\.0002.*Nothing was written"):
        export_onnx(model, tmp_path / "m.onnx", trial=trial(w, split))
    assert (tmp_path / "m.onnx").read_bytes() == b"the one before"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_answer_that_is_no_number_is_refused() -> None:
    ours = Assessed(np.array([[0.6, 0.4]], np.float32), None, np.zeros(1, bool))
    theirs = replace(ours, probabilities=np.array([[np.nan, 0.4]], np.float32))
    assert "differs" in checking.why_refused(checking.agreement(ours, theirs))
    assert checking.why_refused(checking.agreement(ours, ours)) == ""


def test_trees_may_turn_in_few_windows_and_by_little() -> None:
    ours = Assessed(np.tile(np.array([[0.6, 0.4]], np.float32), (400, 1)), None, np.zeros(400, bool))

    def refused(windows: int, by: float) -> str:
        shifted = ours.probabilities.copy()
        shifted[:windows] += np.float32(by) * np.array([1, -1], np.float32)
        return checking.why_refused(checking.agreement(ours, replace(ours, probabilities=shifted)), trees=True)

    assert refused(4, 0.01) == ""
    assert "differs by 0.01" in refused(5, 0.01)
    assert "differs by 0.11" in refused(1, 0.11)
    assert "nan" in refused(1, np.nan)
    assert refused(400, 5e-5) == ""


def test_int8_of_hand_made_features_is_refused_before_anything_is_written(
    w: Windows, split: Split, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"features come without any.*Export without --int8"):
        export_onnx(model_of("classical", w, split), tmp_path / "m.onnx", trial=trial(w, split), int8=True)
    assert list(tmp_path.iterdir()) == []


def test_bad_int8_is_refused(
    model: Model, w: Windows, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = checking.run

    def rough(path: Path, *args: Any) -> Any:
        said = real(path, *args)
        return replace(said, probabilities=np.roll(said.probabilities, 1, 1)) if "float32" not in path.name else said

    monkeypatch.setattr("otolith.export.write.run", rough)
    with pytest.raises(CheckpointError, match="keep their activity"):
        export_onnx(model, tmp_path / "m.onnx", trial=trial(w, split), int8=True)
    assert list(tmp_path.iterdir()) == []


def test_trial_windows_have_to_fit(model: Model, w: Windows, split: Split, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected windows \(n, 6, 12\)"):
        export_onnx(model, tmp_path / "m.onnx", trial=trial(w, split, x=w.x[:, :3]))


def test_missing_packages_are_named(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(RecipeError, match="exporting needs onnxscript") as caught:
        export_onnx(model, tmp_path / "m.onnx")
    assert 'python -m pip install "otolith[onnx]"' in str(caught.value)


def test_trials_of_other_labels_have_none(model: Model, w: Windows) -> None:
    from otolith.datasets import load

    info = replace(load("synthetic").info, own=True)
    same = of_windows(model, w, info)
    assert same.y is not None
    assert same.real
    assert not set(map(bytes, same.x)) & set(map(bytes, same.fit))
    other = replace(w, meta=replace(w.meta, activities=("x", "y", "z")))
    assert of_windows(model, other, info).y is None


def test_the_example_needs_numpy_and_onnxruntime_alone(
    model: Model, w: Windows, smoothing: Path, tmp_path: Path
) -> None:
    text = EXAMPLE.read_text("utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 45
    path = export_onnx(model, tmp_path / "m.onnx").path
    order = [3, 1, 0, 5, 4, 2]
    signal = np.concatenate(list(w.x[:5]), axis=1)
    header = ",".join(model.meta.channels[i] for i in order)
    np.savetxt(tmp_path / "s.csv", signal[order].T, delimiter=",", header=header, comments="")
    code = f"import sys; sys.modules['torch'] = sys.modules['otolith'] = sys.modules['onnx'] = None\n{text}"

    def ran(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert "at which rate" in ran(path, tmp_path / "s.csv").stderr
    assert "otolith export --from-rate 50" in ran(path, tmp_path / "s.csv", "50").stderr
    times = np.arange(signal.shape[1]) / tiny.RATE_HZ
    for name, rate in (("slow.csv", 0.5), ("gap.csv", 1.0)):
        times[-3:] += 2 * (name == "gap.csv")
        timed = np.c_[times * rate, signal[order].T]
        np.savetxt(tmp_path / name, timed, "%.6f", ",", header=f"time,{header}", comments="")
    assert "--from-rate 24" in ran(path, tmp_path / "slow.csv").stderr
    assert "gap" in ran(path, tmp_path / "gap.csv").stderr
    done = ran(path, tmp_path / "s.csv", f"{tiny.RATE_HZ:g}")
    assert done.returncode == 0, done.stderr
    ours = model.assess(w.x[:5])
    lines = [line.split() for line in done.stdout.splitlines()]
    expected = [model.activities[i] for i in ours.probabilities.argmax(1)]
    assert [line[2] for line in lines] == [
        "unknown" if flag else name for flag, name in zip(ours.unknown, expected, strict=True)
    ]
    assert [float(line[3]) for line in lines] == pytest.approx(ours.probabilities.max(1).tolist(), abs=1e-3)
    assert "acc_x in m/s^2" in ran(path).stderr
    assert "50 or 12 or 31 or 24 Hz" in ran(smoothing).stderr
    lines = [line.split() for line in ran(smoothing, tmp_path / "s.csv", f"{tiny.RATE_HZ:g}").stdout.splitlines()]
    machine = replace(hidden_markov(model), dwell_s=2.0)
    beliefs = SMOOTHERS["offline"](machine, ours.probabilities, ours.unknown, np.arange(5.0))  # type: ignore[misc]
    assert [float(line[3]) for line in lines] == pytest.approx(beliefs.max(1).tolist(), abs=1e-3)
    assert [line[2] for line in lines] == [card_of(smoothing)["states"][i] for i in beliefs.argmax(1)]


@pytest.mark.parametrize(
    ("f1", "same", "way"),
    [
        ({"static": 0.910, "dynamic": 0.909}, {"static": 0.99, "dynamic": 1.0}, "dynamic"),
        ({"static": 0.910, "dynamic": 0.900}, {"static": 0.99, "dynamic": 1.0}, "static"),
        ({"static": 0.900, "dynamic": 0.910}, {"static": 1.0, "dynamic": 0.9}, "dynamic"),
        ({"static": None, "dynamic": None}, {"static": 1.0, "dynamic": 0.9}, "static"),
    ],
)
def test_the_better_way_of_int8_is_kept(
    f1: dict[str, float | None],
    same: dict[str, float],
    way: str,
    model: Model,
    w: Windows,
    split: Split,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(writing, "quantise", lambda part, small, way, x: tried.append(way))
    monkeypatch.setattr(writing, "run", lambda path, model, x: model.assess(x))
    monkeypatch.setattr(writing, "macro_f1_of", lambda model, said, y: f1[tried[-1]])
    monkeypatch.setattr(writing, "agreement", lambda ours, theirs: checking.Agreement(1, 0.1, same[tried[-1]], 1.0))
    assert writing._better_way(model, Path("a"), Path("b"), trial(w, split), lambda: None) == way
