"""Plug-ins: what files, packages and `otolith.register` bring, what is refused, and who else loads the same."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import otolith
from otolith import augment, methods
from otolith.cli import without_plugins
from otolith.errors import PluginError, RecipeError
from otolith.metrics import METRICS, Metric, Predictions, further
from otolith.recipes.owed import plugins_of
from otolith.system import cluster, plugins
from tests.helpers import tiny

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
METRIC = "from otolith.metrics import Metric\n"
CONSTANT = "SPEC = Metric('constant', 'Constant', lambda p: {value}, 'always the same')\n"
ENCODER = """
from dataclasses import dataclass
from otolith.augment import Augmentation, register
from otolith.methods import MethodSpec
from otolith.nets import Encoder, EncoderSpec

@register
class Nothing2(Augmentation):
    name = "nothing2"

    def _sample(self, x, generator):
        return {}

    def _apply(self, x, params):
        return x.clone()

@dataclass(frozen=True)
class Options:
    times: float = 1.0

class Means(Encoder):
    def __init__(self, n_channels, n_steps, times):
        super().__init__(n_channels, n_steps, n_channels)
        self.times = times

    def forward(self, x):
        return self.times * x.mean(dim=2)

SPECS = [
    EncoderSpec(name="means2", title="Means", options=Options,
                build=lambda part, options, channels, steps: Means(channels, steps, options.times)),
    MethodSpec(name="untrained2", title="U", label="U", short="U", summary="nothing", paper=None, pretrained=False),
]
"""


@pytest.fixture(autouse=True)
def _as_if_none_were_there() -> Iterator[None]:
    with plugins.forgotten():
        yield


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_file_brings_entries_of_several_kinds(tmp_path: Path) -> None:
    path = written(tmp_path / "several.py", ENCODER)
    found = otolith.register(path)
    assert (found.name, found.path) == ("several.py", path)
    assert set(found.entries) == {("augmentation", "nothing2"), ("encoder", "means2"), ("method", "untrained2")}
    assert otolith.register(str(path)) is found
    assert plugins.behind([("method", "dynamic"), ("encoder", "means2")]) == {"several.py": found.digest}
    entry = {"name": "nothing2", "probability": 1.0}
    recipe = tiny.recipe(augment=[entry], encoder__kind="means2", encoder__options={"times": 3.0})
    assert plugins_of(recipe, "random") == {"several.py": found.digest}
    w = tiny.windows()
    encoder = otolith.pretrain(w, otolith.splits.holdout(w, 0), recipe, "untrained2")
    assert encoder.network.times == 3.0
    with pytest.raises(RecipeError, match=r"option of encoder 'means2': 'time'; did you mean 'times'"):
        tiny.recipe(encoder__kind="means2", encoder__options={"time": 3.0})
    with plugins.forgotten():
        assert plugins.loaded() == ()
        with pytest.raises(RecipeError, match=r"unknown encoder\.kind 'means2'"):
            tiny.recipe(encoder__kind="means2")
    assert "nothing2" in augment.names()


def test_a_model_names_its_plug_ins_and_asks_for_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path / "several.py", ENCODER)
    otolith.register(path)
    w = tiny.windows()
    encoder = otolith.pretrain(w, otolith.splits.holdout(w, 0), tiny.recipe(encoder__kind="means2"), "untrained2")
    folder = otolith.save_model(encoder, tmp_path / "encoder")
    with plugins.forgotten(), pytest.raises(otolith.OtolithError, match=r"several\.py \(\w{12}\).*--plugin FILE"):
        otolith.load_encoder(folder)
    with plugins.forgotten():
        written(path, ENCODER + "# another text\n")
        otolith.register(path)
        assert otolith.load_encoder(folder).network.n_features == 6
        assert re.search(r"several\.py was \w{12}, is \w{12}", caplog.text)


def test_a_text_that_changed_is_loaded_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = written(tmp_path / "constant.py", METRIC + CONSTANT.format(value=1.0))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    first = plugins.load(path)
    written(path, METRIC + CONSTANT.format(value=2.0))
    os.utime(path, (1_700_000_000, 1_700_000_000))  # within the same second, and of the same length
    assert plugins.load(path).digest != first.digest
    assert further(Predictions.of([0], [0], ["a"]), ["constant"]) == {"constant": 2.0}
    assert [each.name for each in plugins.loaded()] == ["constant.py"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", r"SyntaxError.*Mend that file"),
        ("import nothing_of_that_name", r"ModuleNotFoundError: .*Mend that file"),
        ("raise SystemExit(1)", "SystemExit"),
        ("x = 1", r"it brings nothing: expected a SPEC or SPECS.*augmentation, .*method"),
        ("SPEC = 3", r"3 is of no kind that otolith knows: .*metric"),
        (METRIC + CONSTANT.format(value=1).replace("'constant'", "'kappa'"), "named 'kappa' exists already, from otol"),
        (METRIC + CONSTANT.format(value=1) + "SPECS = [SPEC, 3]\ndel SPEC", "3 is of no kind"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path, text: str, message: str) -> None:
    before = METRICS.names()
    with pytest.raises(PluginError, match=message) as caught:
        plugins.load(written(tmp_path / "mine.py", text))
    assert "mine.py cannot be loaded" in str(caught.value)
    assert METRICS.names() == before
    assert plugins.loaded() == ()
    assert plugins.FILES not in os.environ


def test_names_that_other_plug_ins_have_are_refused(tmp_path: Path) -> None:
    plugins.load(written(tmp_path / "one.py", METRIC + CONSTANT.format(value=1)))
    with pytest.raises(PluginError, match=r"a metric named 'constant' exists already, from one\.py"):
        plugins.load(written(tmp_path / "two.py", METRIC + CONSTANT.format(value=2)))
    (tmp_path / "other").mkdir()
    with pytest.raises(PluginError, match=r"Two plug-ins are named one\.py"):
        plugins.load(written(tmp_path / "other" / "one.py", METRIC))
    with pytest.raises(PluginError, match=r"nowhere\.py cannot be read: No such file"):
        plugins.load(tmp_path / "nowhere.py")


def test_python_may_replace_what_it_registered_itself() -> None:
    def metric(value: float, name: str = "constant") -> Metric:
        return Metric(name, "Constant", lambda p: value, "always the same")

    assert otolith.register(metric(1.0)).name == "constant"
    (first,) = plugins.loaded()
    otolith.register(metric(2.0))
    otolith.register(metric(2.0, "constant2"))
    (found,) = plugins.loaded()
    assert further(Predictions.of([0], [0], ["a"]), ["constant"]) == {"constant": 2.0}
    assert found.entries == (("metric", "constant"), ("metric", "constant2"))
    assert found.digest != first.digest
    with pytest.raises(PluginError, match="'kappa' exists already"):
        otolith.register(metric(1.0, "kappa"))


@pytest.mark.parametrize(("value", "message"), [("float('nan')", "gives nan"), ("p.nothing", "fails: AttributeError")])
def test_a_metric_that_fails_is_named(tmp_path: Path, value: str, message: str) -> None:
    plugins.load(written(tmp_path / "constant.py", METRIC + CONSTANT.format(value=value)))
    with pytest.raises(otolith.OtolithError, match=f"the metric constant {message}"):
        further(Predictions.of([0], [0], ["a"]))


def test_other_processes_load_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "several.py", ENCODER)
    plugins.load(path)
    assert os.environ[plugins.FILES] == str(path)
    kind: Any = augment.registry.REGISTRY.get("nothing2")
    (tmp_path / "kind.pickle").write_bytes(pickle.dumps(kind))
    code = (
        "import pickle, sys, otolith\n"
        f"kind = pickle.load(open({str(tmp_path / 'kind.pickle')!r}, 'rb'))\n"
        "from otolith import augment, methods\n"
        "assert augment.registry.REGISTRY.get('nothing2') is kind\n"
        "assert 'untrained2' in methods.names()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_workers_of_a_cluster_hold_their_plug_ins_against_those_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "constant.py", METRIC + CONSTANT.format(value=1.0))
    asked = plugins.load(path)
    with plugins.forgotten():
        assert cluster._with_plugins([asked], METRICS.names) == METRICS.names()
        assert "constant" in METRICS
    with plugins.forgotten(), pytest.raises(PluginError, match="On the worker: The code of a plug-in has changed"):
        cluster._with_plugins([replace(asked, digest="0" * 12)], METRICS.names)
    with plugins.forgotten(), pytest.raises(PluginError, match=r"On the worker: .*mine \(0+\), which is not loaded"):
        cluster._with_plugins([plugins.Plugin("mine", "1.0", "0" * 12, ())], METRICS.names)


def test_every_command_takes_files() -> None:
    with pytest.raises(PluginError, match="--plugin takes a Python file"):
        without_plugins(["run", "--plugin", "--seed"])
    assert without_plugins(["run", "--", "--plugin", "a.py"]) == (["run", "--", "--plugin", "a.py"], [])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example package."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source")  # pip builds within it
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(folder / "site"), str(folder / "source")], check=True, timeout=120)
    return folder / "site"


def test_the_example_is_installed_and_run(site: Path, tmp_path: Path) -> None:
    code = f"""
import sys
sys.path += [{str(site)!r}, {str(EXAMPLE.parents[1])!r}]  # the tests' helpers lie in the latter
import otolith
from otolith.protocols.cells.study import key_of
from otolith.system import plugins
from tests.helpers import tiny
w = tiny.windows()
split = otolith.splits.holdout(w, 0)
recipe = tiny.recipe(augment=[{{"name": "drift", "probability": 1.0}}], method__order__share=0.4)
model = otolith.finetune(otolith.pretrain(w, split, recipe, "order"), w, split)
(found,) = plugins.loaded()
assert (found.name, found.version) == ("otolith-example", "1.0")
assert key_of("representation", w, split, recipe, "order", 0)["plugins"] == {{"otolith-example": found.digest}}
assert 0 <= otolith.evaluate(model, w, split)["metrics"]["worst_recall"] <= 1
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", {str(EXAMPLE / "tests")!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "order" not in methods.names()
