"""A newcomer's method, augmentation, data set or protocol is one file; nothing else has to know of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from otolith import augment, methods, pipeline, splits
from otolith.augment import SignalSpec
from otolith.augment.registry import REGISTRY as AUGMENTATIONS
from otolith.errors import RecipeError
from otolith.model import bundle
from otolith.recording import CHANNELS
from otolith.report import names
from tests.helpers import tiny

METHOD = '''
"""Tell each window's mean from its features."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from otolith.methods import Method, MethodSpec, Paper, Settings


@dataclass(frozen=True)
class MeansSettings(Settings):
    weight: float = 1.0

    def __post_init__(self):
        self.require(self.weight > 0, "weight > 0", "weight")


class Means(Method):
    def __init__(self, encoder, weight):
        super().__init__()
        self.encoder, self.weight = encoder, weight
        self.head = nn.Linear(encoder.n_features, encoder.n_channels)

    def loss(self, batch, generator):
        return {"loss": self.weight * (self.head(self.encoder(batch.x)) - batch.x.mean(2)).square().mean()}


SPEC = MethodSpec(
    name="means-2",
    title="Means (of a window, the second kind)",
    label="Means of the second kind",
    short="Means2",
    summary="the window's mean",
    paper=Paper("Nobody", 2020, "Means", "Nowhere"),
    settings=MeansSettings,
    build=lambda shared, settings, encoder, signal: Means(encoder, settings.weight),
)
'''

AUGMENTATION = '''
"""Add an offset to all channels."""

from __future__ import annotations

import torch

from otolith.augment import Augmentation, register


@register
class Offset2(Augmentation):
    name = "offset2"

    def __init__(self, signal, *, most=1.0):
        super().__init__(signal)
        self.most = float(most)

    def _sample(self, x, generator):
        return {"offset": self.most * torch.rand((len(x), 1, 1), generator=generator, device=x.device)}

    def _apply(self, x, params):
        return x + params["offset"]
'''

Plugin = Callable[[str], Path]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Plugin]:
    """Writes a plug-in's text to a file; after the test, the registries are as they were."""

    def write(text: str) -> Path:
        path = tmp_path / "plugin.py"
        path.write_text(text)
        return path

    with methods.REGISTRY.preserved(), AUGMENTATIONS.preserved():
        yield write


def test_a_method_of_one_file(file: Plugin, tmp_path: Path) -> None:
    path = file(METHOD)
    with pytest.raises(RecipeError, match="unknown method 'means-2'"):
        tiny.recipe(**{"method__means-2__weight": 2.0})
    assert methods.add_file(path) == ["means-2"]
    assert "means-2" in methods.names()
    assert (names.method_title("means-2"), names.method_short("means-2")) == ("Means of the second kind", "Means2")
    w = tiny.windows()
    split = splits.holdout(w, 0)
    recipe = tiny.recipe(**{"method__means-2__weight": 2.0})
    assert recipe.settings_of("means-2").weight == 2.0
    with pytest.raises(RecipeError, match="expected weight > 0; got weight -1"):
        tiny.recipe(**{"method__means-2__weight": -1.0})
    encoder = pipeline.pretrain(w, split, recipe, "means-2", seed=1)
    assert encoder.records[-1]["stage"] == "pretrain"
    assert np.isfinite(encoder.records[-1]["loss"])
    model = pipeline.finetune(encoder, w, split)
    loaded = bundle.load_model(bundle.save(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(w.x), model.predict_proba(w.x))


def test_help_lists_a_method_of_one_file(file: Plugin) -> None:
    code = (
        f"from otolith import methods\nmethods.add_file({str(file(METHOD))!r})\n"
        "import sys\nfrom otolith.cli import main\n"
        "try:\n    main(['run', '--help'])\nfinally:\n    assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "random or means-2." in " ".join(done.stdout.replace("│", " ").split()), done.stderr


def test_an_augmentation_of_one_file(file: Plugin) -> None:
    entry = {"name": "offset2", "probability": 1.0, "most": 0.25}
    signal = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, 12.0)
    assert augment.add_file(file(AUGMENTATION)) == ["offset2"]
    assert augment.options("offset2") == {"most": 1.0}
    recipe = tiny.recipe(augment=[entry])
    changed = recipe.augmentation(signal)(torch.zeros(4, 6, 12), torch.Generator().manual_seed(0))
    assert 0 < float(changed.min()) < float(changed.max()) < 0.25
    w = tiny.windows()
    encoder = pipeline.pretrain(w, splits.holdout(w, 0), recipe, "csshar", seed=1)
    assert np.isfinite(encoder.records[-1]["loss"])


def test_nothing_of_it_is_left() -> None:
    assert "means-2" not in methods.names()
    assert "offset2" not in augment.names()
