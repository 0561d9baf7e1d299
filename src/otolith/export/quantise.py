"""Quantise an ONNX file: eight-bit weights and, in the static form, eight-bit signals between the layers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.export.graph import INPUT, PROBABILITIES, SCORE, need, quiet

WAYS = ("static", "dynamic")
"""Ranges of signals: measured beforehand on some windows (static), or taken anew for each batch (dynamic)."""
CALIBRATION_WINDOWS = 512
_OPERATORS = ["Conv", "MatMul", "Gemm"]


def quantise(path: Path, out: Path, way: str, x: NDArray[np.float32]) -> None:
    """Write the float32 file `path` as int8 to `out`; `x` (n, channels, time) are the windows that ranges come from.

    Nodes that only the novelty score needs stay in float32: they are small, and a distance does not bear it. So do the
    products of hand-made features, which are no layers: a spectrum of eight bits would be another one.
    """
    need("onnxruntime")
    tools = need("onnxruntime.quantization")
    onnx = need("onnx")
    properties = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder, quiet(""):
        prepared = Path(folder) / "prepared.onnx"
        tools.shape_inference.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(str(prepared)).graph
        excluded = _only_for_the_score(graph) + _of_hand_made_features(graph)
        common: dict[str, Any] = {
            "op_types_to_quantize": _OPERATORS,
            "nodes_to_exclude": excluded,
            "weight_type": tools.QuantType.QInt8,
            "per_channel": True,
        }
        if way == "dynamic":
            common["op_types_to_quantize"] = ["MatMul", "Gemm"]  # onnxruntime has no dynamic form of a convolution
            tools.quantize_dynamic(str(prepared), str(out), **common)
        else:
            tools.quantize_static(
                str(prepared),
                str(out),
                _Reader(x[:CALIBRATION_WINDOWS]),
                quant_format=tools.QuantFormat.QDQ,
                activation_type=tools.QuantType.QUInt8,
                calibrate_method=tools.CalibrationMethod.MinMax,
                **common,
            )
    quantised = onnx.load(str(out))
    onnx.helper.set_model_props(quantised, properties)
    onnx.save(quantised, str(out))


class _Reader:
    """Windows in the form in which onnxruntime asks for them."""

    def __init__(self, x: NDArray[np.float32], batch: int = 64) -> None:
        self._batches = iter([np.ascontiguousarray(x[i : i + batch]) for i in range(0, len(x), batch)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _only_for_the_score(graph: Any) -> list[str]:
    """Return the names of the nodes that the score needs and the probabilities do not."""
    maker = {output: node for node in graph.node for output in node.output}

    def behind(name: str) -> set[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            node = maker.get(waiting.pop())
            if node is not None and node.name not in found:
                found.add(node.name)
                waiting.extend(node.input)
        return found

    return sorted(behind(SCORE) - behind(PROBABILITIES))


def _of_hand_made_features(graph: Any) -> list[str]:
    """Return the names of the nodes that multiply by a constant of hand-made features."""
    return [node.name for node in graph.node if any(".handmade." in name for name in node.input)]
