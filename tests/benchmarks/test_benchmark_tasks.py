"""The measurements run, and compare like with like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import clock, files, fixtures, gpu, heads, losses, scale, steps, stock
from otolith.finetuning.settings import FinetuneSettings
from otolith.losses import ndt_xent, nt_xent

SMALL = {
    "encoder.maps": [8, 8, 16],
    "encoder.blocks": 2,
    "encoder.heads": 2,
    "encoder.feed_forward": 32,
    "projection.hidden": 16,
    "projection.out": 8,
    "pretrain.batch_size": 8,
    "autoencoder.latent": 8,
    "autoencoder.train.batch_size": 8,
}


@pytest.fixture(autouse=True)
def _small_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (steps, heads):
        monkeypatch.setattr(room, "matrix_rate", lambda: {"rate": 1e9})


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_a_step_has_the_same_loss_on_both_sides(kind: str) -> None:
    found = steps.step(kind, steps=1, overrides=SMALL)
    assert found["seconds"] > 0
    assert found["ours_loss"] == pytest.approx(found["stock_loss"], rel=1e-5)


def test_the_stock_encoder_is_ours_by_other_means() -> None:
    recipe = fixtures.recipe_of("paper", SMALL)
    ours = fixtures.encoder(recipe).eval()
    theirs = stock.StockEncoder(ours.n_channels, ours.n_steps, recipe.encoder).eval()
    theirs.take(ours)
    x = torch.from_numpy(fixtures.windows(5))
    with torch.no_grad():
        torch.testing.assert_close(theirs(x), ours(x), rtol=0, atol=1e-5)


def test_a_profile_tells_the_whole_step() -> None:
    shares = steps.profile(steps=1, overrides=SMALL)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["matrix products"] > 0
    assert set(shares) == {*steps.KINDS, "element-wise", "random numbers and Python"}


def test_arithmetic_is_counted_as_on_paper() -> None:
    recipe = fixtures.recipe_of("paper", SMALL)
    encoder = fixtures.encoder(recipe)
    projection = fixtures.projection(encoder, recipe)
    views, width, hidden = 6, 16, 32
    tokens = views * fixtures.STEPS
    convolutions = tokens * 3 * (6 * 8 + 8 * 8 + 8 * 16)
    block = tokens * (4 * width * width + 2 * width * hidden + 2 * fixtures.STEPS * width)
    head = views * (encoder.n_features * 16 + 16 * 8)
    expected = 3 * 2 * (convolutions + 2 * block + head)
    found = steps.training_flop(steps.StockModel(recipe, encoder, projection), torch.randn(views, 6, fixtures.STEPS))
    assert found == expected


def test_stock_losses_are_the_losses() -> None:
    generator = torch.Generator().manual_seed(3)
    z, h = torch.randn(24, 6, generator=generator), torch.randn(12, 4, generator=generator)
    torch.testing.assert_close(stock.ndt_xent(z, h), ndt_xent(z, h), rtol=1e-4, atol=0)
    torch.testing.assert_close(stock.nt_xent(z), nt_xent(z), rtol=1e-4, atol=0)


def test_losses_agree_and_memory_is_counted() -> None:
    values = {kind: losses.loss(kind, 64, repeat=1, width=8) for kind in ("ours", "stock", "ours-nt", "stock-nt")}
    values["metric-learning"] = losses.loss("metric-learning", 64, repeat=1, width=8)
    assert values["ours"]["loss"] == pytest.approx(values["stock"]["loss"], rel=1e-4)
    for kind in ("stock-nt", "metric-learning"):
        assert values["ours-nt"]["loss"] == pytest.approx(values[kind]["loss"], rel=1e-4)
    assert all(each["bytes"] >= 0 and each["seconds"] > 0 for each in values.values())


def test_methods_cost() -> None:
    found = steps.methods_cost(steps=2, rounds=1, overrides=SMALL)
    assert set(found) == {"csshar", "dynamic", "features", "teacher"}
    assert all(seconds > 0 for seconds in found.values())


@pytest.mark.parametrize("kind", ["ours", "shuffled", "loader"])
def test_head(kind: str) -> None:
    assert heads.head(kind, epochs=1, n=300, n_val=60, overrides=SMALL)["seconds"] > 0


@pytest.mark.parametrize("stop", ["last", "paper"])
def test_few_labels(stop: str) -> None:
    """Both ways learn: made-up activities that overlap, a few hundred features."""
    small = SMALL | {"finetune.lr": 1e-3, "finetune.epochs": 20}
    ours, theirs = (
        heads.few_labels(kind, stop, 3, ks=(2, 30), n_steps=40, n_val=60, n_test=120, overrides=small)
        for kind in ("ours", "stock")
    )
    assert ours["macro_f1"] == pytest.approx(theirs["macro_f1"], abs=0.05)
    assert 0.3 < ours["macro_f1"] < 0.98
    assert ours["flop"] == theirs["flop"] > 0


def test_rows_that_steps_pass_are_counted() -> None:
    settings = FinetuneSettings(batch_size=128)
    assert heads._rows_seen(6, settings, 250) == 6 * 250
    assert heads._rows_seen(300, settings, 4) == 300 + 128
    assert heads._rows_seen(300, settings, None) == 50 * 300


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path))
    found = files.windows("watch", csv=5)
    assert found["windows"] == 9556
    assert found["csv"] > found["read"]
    assert not list(tmp_path.iterdir()), "the user's own cache was used"


def test_scale_stops_after_its_steps() -> None:
    found = scale.scale(60, steps=13, overrides=SMALL)
    assert 13 * 8 <= found["windows"] <= 13 * 8 + 10 * 8
    assert found["seconds"] > 0


@pytest.mark.parametrize("kind", ["ours", "stock-tf32", "stock-bfloat16"])
def test_gpu_epoch_on_a_cpu(kind: str) -> None:
    found = gpu.epoch(kind, n=20, epochs=2, device="cpu", overrides=SMALL)
    assert found["windows"] == 16
    assert found["seconds"] > 0


def test_packed_runs_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"recipe": "compact", "n": 16, "epochs": 1, "device": "cpu", "overrides": SMALL}
    assert gpu._at_once(2, shared) > 0
    monkeypatch.setattr(gpu, "_at_once", lambda runs, given: float(runs))
    assert gpu.packed(8) == {"alone": 1.0, "together": 8.0}


def test_a_packed_run_that_fails_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="ended before it began"):
        gpu.packed(2, n=16, epochs=1, device="nowhere", overrides=SMALL)
    assert "nowhere" in capfd.readouterr().err


def test_matrix_rate_leaves_precision_alone() -> None:
    before = torch.backends.cuda.matmul.allow_tf32
    assert clock.matrix_rate(64, 1, precision="tf32")["rate"] > 0
    assert torch.backends.cuda.matmul.allow_tf32 == before


def test_start() -> None:
    assert clock.start(1)["seconds"] > 0


def test_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "benchmarks.child"]
    done = subprocess.run(
        [*command, "matrix_rate", '{"size": 64, "repeat": 1}'], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["rate"] > 0
    failed = subprocess.run(
        [*command, "cut", '{"root": "nowhere", "home": "nowhere", "workers": 1}'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 2
    assert "nowhere" in failed.stderr
    assert "Traceback" not in failed.stderr
