"""The graph from unscaled windows to calibrated probabilities and the novelty score, and its properties."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otolith import __version__, fast
from otolith.calibration.network import RecognitionNet
from otolith.export import trees
from otolith.export.rate import SourceRate
from otolith.model import Model
from otolith.nets.integers import IntegerResidual
from otolith.preprocessing.gravity import align
from otolith.preprocessing.scaler import Scaler
from otolith.preprocessing.sensors import frame_of, may_miss
from otolith.recording import unit_of
from otolith.system import extras

INPUT = "windows"
PROBABILITIES, SCORE = "probabilities", "unknown_score"


def need(module: str) -> Any:
    """Import a package of the extra `onnx`; RecipeError, with the command that installs it, where it is missing."""
    return extras.need(module, "exporting", "onnx")


@contextlib.contextmanager
def quiet(logger_name: str) -> Iterator[None]:
    """Silence a logger and warnings: exporter and quantiser tell of their own future, and advise what is done."""
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


class ExportNet(nn.Module):
    """Map unscaled windows (batch, channels, time) in m/s² and rad/s to probabilities and the score, if there is one.

    It aligns and standardises as the scaler does, with 0 for NaN of a sensor that may be missing.
    """

    def __init__(self, network: RecognitionNet, scaler: Scaler) -> None:
        super().__init__()
        self.network = network
        self.turned, self.parts = scaler.turned, scaler.parts
        gone = torch.zeros(scaler.n_channels, dtype=torch.bool)
        gone[list(scaler.may_miss)] = True
        self.may_miss = bool(gone.any())
        self.register_buffer("mean", torch.tensor(scaler.shift, dtype=torch.float32)[:, None])
        self.register_buffer("std", torch.tensor(scaler.factor, dtype=torch.float32)[:, None])
        self.register_buffer("gone", gone[:, None])
        self.gone: Tensor
        self.mean: Tensor
        self.std: Tensor

    def forward(self, windows: Tensor) -> tuple[Tensor, ...]:
        if self.turned:
            windows = align(windows, self.turned, self.parts)
        z = (windows - self.mean) / self.std
        if self.may_miss:
            z = torch.where(torch.isnan(z) & self.gone, torch.zeros_like(z), z)
        probabilities, score = self.network.probabilities_and_score(z)
        return (probabilities,) if score is None else (probabilities, score)


def metadata(
    model: Model, terms: list[str], sources: Sequence[SourceRate] = (), smoothing: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return the file's properties: everything that a program has to know, each value as JSON.

    Args:
        sources: rates at which samples may come, the first of which is `rate_hz`; none: that of the model.
        smoothing: further properties, of a file that smooths.
    """
    meta, calibration = model.meta, model.calibration
    rates = [(each.rate_hz, each.steps) for each in sources] or [(meta.rate_hz, meta.n_steps)]
    values: dict[str, Any] = {
        "otolith": __version__,
        "method": model.encoder.method,
        "layout": "(batch, channels, time)",
        "channels": list(meta.channels),
        "units": [unit_of(channel) for channel in meta.channels],
        "rate_hz": rates[0][0],
        "seconds": meta.seconds,
        "overlap": meta.overlap,
        "steps": rates[0][1],
        "rates_hz": [rate for rate, _ in rates],
        "steps_of_rates": [steps for _, steps in rates],
        "model_rate_hz": meta.rate_hz,
        "frame": frame_of(model.encoder.scaler),
        "may_miss": list(may_miss(meta, model.encoder.scaler)),
        "activities": list(model.activities),
        "temperature": 1.0 if calibration is None else calibration.temperature,
        "unknown_above": None if calibration is None else calibration.threshold,
        "false_unknowns": None if calibration is None else calibration.false_unknowns,
        "dataset": meta.dataset,
        "terms": terms,
    } | dict(smoothing or {})
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def write_graph(model: Model, path: Path, properties: dict[str, str]) -> None:
    """Write the model as one ONNX file with its properties; the batch may have any size.

    Raises:
        RecipeError: the extra `onnx` is not installed.
    """
    need("onnxscript")
    onnx = need("onnx")
    proto = graph_of(model)
    onnx.helper.set_model_props(proto, properties)
    onnx.save(proto, str(path))


def graph_of(model: Model) -> Any:
    """Return the model as ONNX without properties."""
    device = model.encoder.device
    net = ExportNet(model.network(), model.encoder.scaler)
    whole = [module for module in net.modules() if isinstance(module, IntegerResidual)]
    example = torch.zeros(2, len(model.meta.channels), model.meta.n_steps)
    names = [PROBABILITIES] if model.calibration is None else [PROBABILITIES, SCORE]
    for module in whole:
        module.symbolic = True
    try:
        # plain forms: the fast ones are PyTorch functions with a backward pass of their own, which no graph knows
        with fast.plain(), torch.no_grad(), quiet("torch.onnx"), trees.as_operators(net) as ensembles:
            program = torch.onnx.export(
                net.cpu().eval(),
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=names,
                dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
                verbose=False,
            )
    finally:
        for module in whole:
            module.symbolic = False
        model.encoder.network.to(device)
        model.head.to(device)
    assert program is not None
    proto = program.model_proto
    trees.fill(proto, ensembles)
    _slim(proto)
    return proto


def _slim(proto: Any) -> None:
    """Take out of a model what no runtime reads: where in our source a node comes from, and shapes that follow."""
    graph = proto.graph
    graph.ClearField("value_info")
    for part in (proto, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *proto.functions):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
