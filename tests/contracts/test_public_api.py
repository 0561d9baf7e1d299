"""The names that users write, and what importing them costs."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import otolith


def python(code: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_otolith_imports_next_to_nothing() -> None:
    out = python(
        """
        import sys
        before = set(sys.modules)
        import otolith
        assert otolith.__version__
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
        """
    )
    heavy = {"torch", "numpy", "scipy", "sklearn", "polars", "pydantic", "requests", "cyclopts", "matplotlib", "rich"}
    assert not heavy & set(out.split())
    assert "otolith" in out.split()


BLOCKED = ("polars", "requests", "cyclopts", "platformdirs", "pydantic", "rich", "matplotlib", "jinja2", "tomli_w")
CORE = (
    "recording",
    "windows",
    "splits",
    "preprocessing.scaler",
    "augment",
    "nets",
    "losses",
    "methods",
    "training.loop",
    "training.optim",
    "training.checkpoint",
    "training.window_source",
    "finetuning.classifier",
    "finetuning.features",
    "pipeline",
    "metrics",
    "rows",
    "model.bundle",
    "protocols.representation",
)


def test_the_training_core_needs_no_reader_no_recipe_and_no_display() -> None:
    """Each named room imports, and methods are found, where none of the outer rooms' packages exists."""
    python(
        f"""
        import importlib, sys
        for name in {BLOCKED!r}:
            sys.modules[name] = None
        for name in {CORE!r}:
            importlib.import_module("otolith." + name)
        from otolith import methods
        assert {{"dynamic", "random"}} <= set(methods.names())
        """
    )


def test_blocking_works() -> None:
    """Otherwise the test above could not fail."""
    with pytest.raises(AssertionError, match="pydantic"):
        python("import sys; sys.modules['pydantic'] = None; import otolith.recipes")


def test_every_public_name_is_there_and_listed() -> None:
    assert otolith.__all__ == sorted(otolith.__all__, key=lambda n: (n.islower() or n.startswith("_"), n))
    for name in otolith.__all__:
        assert getattr(otolith, name) is not None
    assert dir(otolith) == otolith.__all__
    promised = {"load", "splits", "pretrain", "finetune", "evaluate", "load_model", "losses", "Recogniser"}
    assert promised <= set(otolith.__all__)
    assert otolith.losses.nt_xent
    assert otolith.losses.ndt_xent


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'otolith' has no attribute 'pretrian'"):
        otolith.pretrian  # noqa: B018


def test_every_module_imports_and_says_what_it_is() -> None:
    for info in pkgutil.walk_packages(otolith.__path__, "otolith."):
        if info.name != "otolith.__main__":
            assert importlib.import_module(info.name).__doc__, info.name


def test_the_ten_lines_of_the_issue(tmp_path: Path) -> None:
    """As a user writes them, with another recipe for speed; in a process and a folder of their own."""
    out = python(
        """
        import os
        os.environ["OTOLITH_HOME"] = os.path.abspath("home")
        import torch
        torch.set_num_threads(1)

        import otolith

        recipe = otolith.load_recipe("compact", "synthetic", {
            "pretrain.epochs": 1, "autoencoder.train.epochs": 1, "finetune.epochs": 2,
            "encoder.maps": [8, 8, 16], "encoder.blocks": 1, "encoder.heads": 2, "encoder.feed_forward": 32,
        })
        data = otolith.load("synthetic", root=None)
        w = data.windows(rate_hz=20, seconds=1.0, overlap=0.0, unlabelled=False)
        assert w.x.dtype == "float32" and w.x.shape[1:] == (6, 20), w.x.shape
        assert w.y.dtype == "int64" and set(w.y) == set(range(len(data.info.activities)))
        assert len(w.subject) == len(w.recording) == len(w.start) == len(w.x)
        for split in (otolith.splits.holdout(w, 0), otolith.splits.folds(w, 4, 0)[0]):
            assert len(split.train) > len(split.val) > 0 and len(split.test) > 0
        encoder = otolith.pretrain(w, split, recipe=recipe, method="dynamic", seed=0)
        model = otolith.finetune(encoder, w, split)
        score = otolith.evaluate(model, w, split)
        otolith.save_model(model, "model")
        again = otolith.evaluate(otolith.load_model("model"), w, split)
        assert again == score
        print(score["macro_f1"])
        """,
        tmp_path,
    )
    assert 0 <= float(out) <= 1
