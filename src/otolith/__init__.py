"""otolith: an activity recogniser from unlabelled wearable recordings and a handful of labels.

    data = otolith.load("watch")
    w = data.windows()
    split = otolith.splits.holdout(w, seed=0)
    encoder = otolith.pretrain(w, split, recipe="best", method="dynamic", seed=0)
    model = otolith.finetune(encoder, w, split)
    print(otolith.evaluate(model, w, split)["macro_f1"])

Names are loaded when they are first used, so that importing otolith costs nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from otolith import augment, losses, methods, progress, splits
    from otolith.datasets import load
    from otolith.errors import OtolithError
    from otolith.estimator import Recogniser
    from otolith.importing import ImportOptions, import_recordings, read_recordings
    from otolith.model.bundle import load_encoder, load_model
    from otolith.model.bundle import save as save_model
    from otolith.model.features import features
    from otolith.pipeline import evaluate, finetune, pretrain
    from otolith.pipeline.calibration import calibrate
    from otolith.pipeline.distillation import distill
    from otolith.prediction import predict_recordings
    from otolith.recipes import load_recipe
    from otolith.recording import Recording, Segment, Stream
    from otolith.streaming import StreamingRecogniser
    from otolith.system.plugins import register
    from otolith.windows import WindowMeta, Windows, cut

_HOME = {
    "ImportOptions": "importing:ImportOptions",
    "OtolithError": "errors:OtolithError",
    "Recogniser": "estimator:Recogniser",
    "Recording": "recording:Recording",
    "Segment": "recording:Segment",
    "Stream": "recording:Stream",
    "StreamingRecogniser": "streaming:StreamingRecogniser",
    "WindowMeta": "windows:WindowMeta",
    "Windows": "windows:Windows",
    "augment": "augment:",
    "calibrate": "pipeline.calibration:calibrate",
    "cut": "windows:cut",
    "distill": "pipeline.distillation:distill",
    "evaluate": "pipeline:evaluate",
    "features": "model.features:features",
    "finetune": "pipeline:finetune",
    "import_recordings": "importing:import_recordings",
    "load": "datasets:load",
    "load_encoder": "model.bundle:load_encoder",
    "load_model": "model.bundle:load_model",
    "load_recipe": "recipes:load_recipe",
    "losses": "losses:",
    "methods": "methods:",
    "predict_recordings": "prediction:predict_recordings",
    "pretrain": "pipeline:pretrain",
    "progress": "progress:",
    "read_recordings": "importing:read_recordings",
    "register": "system.plugins:register",
    "save_model": "model.bundle:save",
    "splits": "splits:",
}

__all__ = [
    "ImportOptions",
    "OtolithError",
    "Recogniser",
    "Recording",
    "Segment",
    "Stream",
    "StreamingRecogniser",
    "WindowMeta",
    "Windows",
    "__version__",
    "augment",
    "calibrate",
    "cut",
    "distill",
    "evaluate",
    "features",
    "finetune",
    "import_recordings",
    "load",
    "load_encoder",
    "load_model",
    "load_recipe",
    "losses",
    "methods",
    "predict_recordings",
    "pretrain",
    "progress",
    "read_recordings",
    "register",
    "save_model",
    "splits",
]


if os.environ.get("OTOLITH_PLUGINS"):  # so that a process finds the modules of files that another has loaded
    importlib.import_module("otolith.system.plugins")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'otolith' has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    found = importlib.import_module(f"otolith.{module}")
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return __all__
