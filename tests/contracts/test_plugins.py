"""A newcomer's method, augmentation, data set or protocol is one file; nothing else has to know of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch

from otolith import augment, datasets, methods, pipeline, splits
from otolith.augment import SignalSpec
from otolith.augment.registry import REGISTRY as AUGMENTATIONS
from otolith.cli.commands import compare as command
from otolith.datasets.registry import REGISTRY as DATASETS
from otolith.errors import DataError, RecipeError
from otolith.jobs import compare
from otolith.model import bundle
from otolith.protocols import PROTOCOLS
from otolith.recipes import load_recipe
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
        self.require("weight > 0", self.weight > 0)


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

DATASET = '''
"""Two movements of four made-up people."""

from __future__ import annotations

import numpy as np

from otolith.datasets import Dataset, DatasetInfo, register
from otolith.recording import CHANNELS, Recording, Segment, Stream


@register
class Waves2(Dataset):
    info = DatasetInfo(
        name="waves2",
        title="Waves of a test",
        short="Waves",
        rate_hz=20.0,
        activities=("slow", "fast"),
        n_subjects=4,
        n_recordings=4,
        licence="MIT",
        terms="Made by a test.",
        citation="None.",
        homepage="",
        how_to_get="It is computed.",
        recipes={"compact": {"pretrain.epochs": 3}},
    )

    def files(self):
        return []

    def recordings(self):
        time = np.arange(800) / 20
        rate = np.where(time < 20, 1.0, 3.0)
        for subject in range(1, 5):
            values = np.stack([np.sin(2 * np.pi * rate * time + subject + channel) for channel in range(6)])
            stream = Stream(CHANNELS, 5 * values, 20.0)
            yield Recording(f"walk{subject}", subject, (stream,), (Segment(0, 20, "slow"), Segment(20, 40, "fast")))
'''

PROTOCOL = '''
"""Score methods on some random hold-outs of subjects."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.protocols import ProtocolSpec


@dataclass(frozen=True)
class TurnsOptions:
    """Options of the protocol.

    Attributes:
        turns: Number of hold-outs.
    """

    turns: int = 2


def units(study, methods, seeds, options):
    from otolith import splits
    from otolith.protocols.cells.study import scored

    for turn in range(options.turns):
        for method in methods:
            yield scored(study, SPEC.in_rows, splits.holdout(study.w, turn), method, 0)


def sections(rows):
    from otolith.report.sections import Section, Words

    return [Section("Turns of a test", rows, [Words(f"{len(rows)} turns were taken.")])]


SPEC = ProtocolSpec(
    name="turns-2",
    title="Turns",
    line="some random hold-outs of subjects",
    section="",
    units=units,
    options=TurnsOptions,
    sections=sections,
)
'''

Plugin = Callable[[str], Path]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Plugin]:
    """Writes a plug-in's text to a file; after the test, the registries are as they were."""

    def write(text: str) -> Path:
        path = tmp_path / "plugin.py"
        path.write_text(text)
        return path

    with ExitStack() as stack:
        for registry in (methods.REGISTRY, AUGMENTATIONS, DATASETS, PROTOCOLS):
            stack.enter_context(registry.preserved())
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


def test_a_data_set_of_one_file(file: Plugin) -> None:
    with pytest.raises(DataError, match="waves2"):
        datasets.load("waves2")
    assert datasets.add_file(file(DATASET)) == ["waves2"]
    assert "waves2" in datasets.names()
    assert names.dataset_title("waves2") == "Waves"
    assert load_recipe("compact", "waves2").pretrain.epochs == 3
    data = datasets.load("waves2")
    w = data.windows(rate_hz=10, seconds=1.0, overlap=0.5)
    assert w.x.shape == (4 * 2 * 39, 6, 10)
    assert (w.meta.dataset, w.meta.activities) == ("waves2", ("slow", "fast"))
    assert len(splits.default(w, data.info).test) > 0


def test_a_protocol_of_one_file(file: Plugin, tmp_path: Path) -> None:
    datasets.add_file(file(DATASET))
    assert PROTOCOLS.add_file(file(PROTOCOL)) == ["turns-2"]
    assert "turns-2" in command.build()
    planned = compare.plan(
        "turns-2", "waves2", ("random",), options={"turns": 3}, overrides=tiny.SIZES, out=tmp_path / "out"
    )
    done = compare.run(planned)
    assert [row.key["protocol"] for row in done.rows] == ["turns-2"] * 3
    assert all(0 <= row.result["macro_f1"] <= 1 for row in done.rows)
    page = done.report.read_text("utf-8")
    assert "Turns of a test" in page
    assert "3 turns were taken." in page


def test_nothing_of_them_is_left() -> None:
    assert "means-2" not in methods.names()
    assert "offset2" not in augment.names()
    assert "waves2" not in datasets.names()
    assert "turns-2" not in PROTOCOLS
