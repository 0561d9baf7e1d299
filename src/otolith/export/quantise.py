"""Eight-bit weights and, in the static form, eight-bit signals between the layers."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.export.extra import need
from otolith.export.graph import INPUT, PROBABILITIES, SCORE

WAYS = ("static", "dynamic")
"""static: ranges of signals measured beforehand on calibration windows; dynamic: taken anew for each batch."""
CALIBRATION_WINDOWS = 512
_OPERATORS = ["Conv", "MatMul", "Gemm"]


def quantise(path: Path, out: Path, way: str, x: NDArray[np.float32]) -> None:
    """Write the float32 file `path` as int8 to `out`; `x` (n, channels, time) are the windows that ranges come from.

    The nodes behind the score of foreignness alone stay in float32: they are small, and a distance does not bear it.
    """
    need("onnxruntime")
    tools = need("onnxruntime.quantization")
    onnx = need("onnx")
    properties = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder, _quiet():
        prepared = Path(folder) / "prepared.onnx"
        tools.shape_inference.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        excluded = _of_the_score_alone(onnx.load(str(prepared)).graph)
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
    del quantised.metadata_props[:]
    for name, value in properties.items():
        entry = quantised.metadata_props.add()
        entry.key, entry.value = name, value
    onnx.save(quantised, str(out))


class _Reader:
    """Calibration windows, as onnxruntime asks for them."""

    def __init__(self, x: NDArray[np.float32], batch: int = 64) -> None:
        self._batches = iter([np.ascontiguousarray(x[i : i + batch]) for i in range(0, len(x), batch)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _of_the_score_alone(graph: Any) -> list[str]:
    """Names of the nodes that the score needs and the probabilities do not."""
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime advises to prepare the graph, which is done, and warns of what it skips."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
