"""Nodes around the network in an ONNX file: resampling before it, smoothing over a sequence of windows behind it.

They are written as plain operators of ONNX, the same around a float32 and an int8 network. How many samples a window
has says which of the file's rates it has, since all windows last as long: a file for several rates holds the rows of
their matrices below each other, and takes those of the rate whose window has so many samples. Other lengths are an
error of the runtime, since no rows are left to multiply by.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith.export.graph import INPUT, PROBABILITIES, SCORE, need
from otolith.export.rate import SourceRate
from otolith.prediction.smoothing import FOUND, LEAST, HiddenMarkov

SECONDS, BEFORE, BELIEFS = "seconds_since", "belief_before", "beliefs"
"""Inputs and output of smoothing: seconds since the window before (windows,); the belief in each state after the last
window of the call before (states,), of causal smoothing; the belief in each state in each window (windows, states)."""
WAYS = ("offline", "causal")


class _Nodes:
    """Nodes that are to be added to a graph, and their constants, with names of their own."""

    def __init__(self, prefix: str) -> None:
        self.onnx = need("onnx")
        self.prefix, self.count = prefix, 0
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any] | float, name: str = "") -> str:
        """Add a constant; return its name."""
        array = np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
        self.constants.append(self.onnx.numpy_helper.from_array(array, self._name(name or "constant")))
        return str(self.constants[-1].name)

    def add(self, operator: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = self._name(operator.lower())
        made = self.onnx.helper.make_node(operator, list(inputs), [out or name], name=name, **attributes)
        self.nodes.append(made)
        return str(made.output[0])

    def _name(self, what: str) -> str:
        self.count += 1
        return f"{self.prefix}.{what}.{self.count}"


def surround(
    path: Path, sources: Sequence[SourceRate], machine: HiddenMarkov | None, way: str, unknown_above: float | None
) -> None:
    """Put resampling before the network in a file that `write_graph` or `quantise` wrote, and smoothing behind it.

    Args:
        sources: rates at which samples may come; none: those of the model alone.
        machine: hidden Markov model that smooths; None: windows stand alone.
        way: "offline" or "causal", as `otolith predict` smooths.
        unknown_above: score above which a window is flagged; None of a model that is not calibrated.
    """
    if not sources and machine is None:
        return
    onnx = need("onnx")
    model = onnx.load(str(path))
    if sources:
        _resample(model.graph, sources)
    if machine is not None:
        _smooth(model.graph, machine, way, unknown_above)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _resample(graph: Any, sources: Sequence[SourceRate]) -> None:
    nodes = _Nodes("resampling")
    inner = f"{nodes.prefix}.out"
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == INPUT:
                node.input[place] = inner
    matrix = nodes.constant(np.concatenate([each.matrix for each in sources]), "rows")
    samples = graph.input[0].type.tensor_type.shape.dim[2]
    if len(sources) == 1:
        samples.dim_value = sources[0].steps
    else:
        samples.dim_param = "samples"
        matrix = _rows(nodes, matrix, [each.steps for each in sources])
    nodes.add("MatMul", INPUT, matrix, out=inner)
    _insert(graph, nodes, first=True)


def _rows(nodes: _Nodes, matrix: str, steps: list[int]) -> str:
    """Add nodes that take the rows of a matrix that belong to a window's number of samples; return their output.

    Of a number that no rate has these are none, and no runtime multiplies a window by nothing.
    """
    found = nodes.add("Shape", INPUT, start=2, end=3)
    to = nodes.onnx.TensorProto.INT64
    same = nodes.add("Cast", nodes.add("Equal", found, nodes.constant(np.array(steps))), to=to)
    axes, ends = nodes.constant(np.array([0])), np.cumsum(steps)
    start, end = (
        nodes.add("ReduceSum", nodes.add("Mul", same, nodes.constant(each)), axes) for each in (ends - steps, ends)
    )
    return nodes.add("Slice", matrix, start, end, axes)


def _smooth(graph: Any, machine: HiddenMarkov, way: str, unknown_above: float | None) -> None:
    onnx = need("onnx")
    nodes = _Nodes("smoothing")
    n = machine.n_states
    seen = _evidence(nodes, machine, unknown_above)
    rate = n / (n - 1) / machine.dwell_s if n > 1 else 0.0
    since = nodes.add("Max", SECONDS, nodes.constant(0.0))
    kept = nodes.add("Exp", nodes.add("Mul", since, nodes.constant(-rate)))
    start = BEFORE if way == "causal" else nodes.constant(np.full(n, 1 / n, np.float32))
    _, belief = _scan(nodes, _forward(n), start, [seen, kept], BELIEFS if way == "causal" else "")
    if way == "offline":
        after = nodes.constant(np.ones(n, np.float32))
        _scan(nodes, _backward(n), after, [belief, seen, kept], BELIEFS, reverse=True)
    _insert(graph, nodes)
    one, batch = onnx.TensorProto.FLOAT, graph.input[0].type.tensor_type.shape.dim[0].dim_param
    graph.input.append(onnx.helper.make_tensor_value_info(SECONDS, one, [batch]))
    if way == "causal":
        graph.input.append(onnx.helper.make_tensor_value_info(BEFORE, one, [n]))
    graph.output.append(onnx.helper.make_tensor_value_info(BELIEFS, one, [batch, n]))


def _evidence(nodes: _Nodes, machine: HiddenMarkov, unknown_above: float | None) -> str:
    """Add the likelihoods (windows, states) of `HiddenMarkov.emissions`; return their name."""
    p = nodes.add("Max", PROBABILITIES, nodes.constant(LEAST))
    share, wrong = machine.share, machine.false_unknowns
    if wrong is not None and unknown_above is not None:
        raised = nodes.add("Greater", SCORE, nodes.constant(float(unknown_above)))
        raised = nodes.add("Unsqueeze", raised, nodes.constant(np.array([1])))

        def either(yes: float, no: float) -> str:
            return nodes.add("Where", raised, nodes.constant(yes), nodes.constant(no))

        n = machine.n_activities
        p = nodes.add("Mul", p, either(wrong, 1 - wrong))
        p = nodes.add("Concat", p, either(FOUND / n, (1 - FOUND) / n), axis=1)
    return p if share == 1 else nodes.add("Pow", p, nodes.constant(share))


def _scan(
    nodes: _Nodes, body: Any, start: str, given: list[str], out: str = "", reverse: bool = False
) -> tuple[str, str]:
    """Add a loop over windows; return the names of its last state and of what it gives for each window."""
    name = nodes._name("scan")
    outputs = [f"{name}.last", out or f"{name}.each"]
    directions = {"scan_input_directions": [1] * len(given), "scan_output_directions": [1]} if reverse else {}
    nodes.nodes.append(
        nodes.onnx.helper.make_node(
            "Scan", [start, *given], outputs, name=name, body=body, num_scan_inputs=len(given), **directions
        )
    )
    return outputs[0], outputs[1]


def _forward(n: int) -> Any:
    """Return the step of the filter: (belief, seen, kept) -> (belief, belief)."""
    nodes = _Nodes("forward")
    stay = nodes.add("Mul", "kept", "state")
    drawn = nodes.add("Mul", nodes.add("Sub", nodes.constant(1.0), "kept"), nodes.constant(1 / n))
    belief = _normalised(nodes, nodes.add("Mul", nodes.add("Add", stay, drawn), "seen"))
    return _body(nodes, "forward", n, ["seen", "kept"], belief, belief)


def _backward(n: int) -> Any:
    """Return the step back: (after, filtered, seen, kept) -> (after of the window before, smoothed)."""
    nodes = _Nodes("backward")
    smoothed = _normalised(nodes, nodes.add("Mul", "filtered", "state"))
    weighted = nodes.add("Mul", "state", "seen")
    mean = nodes.add("Mul", nodes.add("ReduceSum", weighted, keepdims=1), nodes.constant(1 / n))
    left = nodes.add("Mul", nodes.add("Sub", nodes.constant(1.0), "kept"), mean)
    after = _normalised(nodes, nodes.add("Add", nodes.add("Mul", "kept", weighted), left))
    return _body(nodes, "backward", n, ["filtered", "seen", "kept"], after, smoothed)


def _normalised(nodes: _Nodes, name: str) -> str:
    return nodes.add("Div", name, nodes.add("ReduceSum", name, keepdims=1))


def _body(nodes: _Nodes, name: str, n: int, given: list[str], state: str, each: str) -> Any:
    helper, one = nodes.onnx.helper, nodes.onnx.TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("state", one, [n])]
    inputs += [helper.make_tensor_value_info(key, one, [] if key == "kept" else [n]) for key in given]
    outputs = []
    for key, value in (("next", state), ("each", each)):
        nodes.add("Identity", value, out=key)
        outputs.append(helper.make_tensor_value_info(key, one, [n]))
    return helper.make_graph(nodes.nodes, name, inputs, outputs, nodes.constants)


def _insert(graph: Any, nodes: _Nodes, first: bool = False) -> None:
    there = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes.nodes, *there] if first else [*there, *nodes.nodes])
    graph.initializer.extend(nodes.constants)
