"""Operations of Core ML's programs, as their documentation defines them, evaluated in PyTorch.

Apple's runtime runs on Apple's systems alone. This reads what a converter wrote with other eyes: an operation that was
converted to another one, or given another epsilon, axis or weight, changes the answer here as it would there. An
operation that is not in the table is an error, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from otolith.errors import DataError

Given = Mapping[str, Any]
"""Inputs of an operation by name: tensors, numbers, texts, or lists of tensors; those without a value are absent."""


class Program:
    """A program of Core ML with one input, ready to be evaluated.

    Args:
        program: `coremltools`' form of it, as `milproto.load` returns it.
        names: of the outputs wanted.

    Raises:
        DataError: it has an operation that is not in the table.
    """

    def __init__(self, program: Any, names: Sequence[str]) -> None:
        function = program.functions["main"]
        (self.input,) = function.inputs
        self.names = list(names)
        self.constants: dict[str, Any] = {}
        self.steps: list[tuple[str, dict[str, Any], list[str]]] = []
        for op in function.operations:
            outputs = [each.name for each in op.outputs]
            if op.op_type == "const":
                self.constants[outputs[0]] = _value(op.outputs[0].val)
                continue
            if op.op_type not in OPERATIONS:
                raise DataError(
                    f"the program for Core ML has the operation {op.op_type}, which otolith cannot check. Export the "
                    "model as ONNX (FILE.onnx)."
                )
            wanted = {name: _names(value) for name, value in op.inputs.items() if value is not None}
            self.steps.append((op.op_type, wanted, outputs))

    def __call__(self, window: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for a window (1, channels, time)."""
        known = {**self.constants, self.input: torch.from_numpy(window)}
        with torch.no_grad():
            for kind, wanted, outputs in self.steps:
                given = {
                    name: [known[each] for each in value] if isinstance(value, list) else known[value]
                    for name, value in wanted.items()
                }
                made = OPERATIONS[kind](given)
                known.update(zip(outputs, made if isinstance(made, (tuple, list)) else [made], strict=True))
        return [known[name].numpy() for name in self.names]


def _names(value: Any) -> Any:
    return [each.name for each in value] if isinstance(value, (tuple, list)) else value.name


def _value(value: Any) -> Any:
    """Return a constant as PyTorch takes it: a tensor, a number or a text."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value)) if value.dtype.kind in "fiub" else value.item()
    return value.item() if isinstance(value, np.generic) else value


def _ints(value: Any) -> list[int]:
    return [int(each) for each in value]


def _both(function: Callable[..., Any]) -> Callable[[Given], Any]:
    return lambda given: function(torch.as_tensor(given["x"]), torch.as_tensor(given["y"]))


def _one(function: Callable[..., Any]) -> Callable[[Given], Any]:
    return lambda given: function(torch.as_tensor(given["x"]))


def _reduced(function: Callable[[Tensor, list[int], bool], Tensor]) -> Callable[[Given], Tensor]:
    def reduce(given: Given) -> Tensor:
        x = given["x"]
        axes = _ints(given["axes"]) if "axes" in given else list(range(x.ndim))
        return function(x, axes, bool(given.get("keep_dims", False)))

    return reduce


def _slice(given: Given) -> Tensor:
    x, n = given["x"], given["x"].ndim
    no = [False] * n
    stride = _ints(given.get("stride", [1] * n))
    open_start, open_end, single = (given.get(name, no) for name in ("begin_mask", "end_mask", "squeeze_mask"))
    if min(stride) < 1:
        raise DataError("the program for Core ML slices backwards, which otolith cannot check; export as ONNX.")
    at: list[Any] = []
    for i, (begin, end) in enumerate(zip(_ints(given["begin"]), _ints(given["end"]), strict=True)):
        several = slice(None if open_start[i] else begin, None if open_end[i] else end, stride[i])
        at.append(begin if single[i] else several)
    return x[tuple(at)]


def _padding(given: Given, n: int, value: float) -> Tensor:
    """Return x with what `pad_type` adds in its last `n` dimensions."""
    kind = given.get("pad_type", "valid")
    if kind == "valid":
        return given["x"]
    if kind != "custom":
        raise DataError(f"the program for Core ML pads by {kind!r}, which otolith cannot check; export as ONNX.")
    pad = _ints(given.get("pad", [0] * (2 * n)))
    backwards = [each for i in reversed(range(n)) for each in pad[2 * i : 2 * i + 2]]
    return F.pad(given["x"], backwards, value=value)


def _conv(given: Given) -> Tensor:
    weight = given["weight"]
    n = weight.ndim - 2
    function: Any = (F.conv1d, F.conv2d)[n - 1]
    stride, dilation = (_ints(given.get(name, [1] * n)) for name in ("strides", "dilations"))
    x = _padding(given, n, 0.0)
    return function(x, weight, given.get("bias"), stride, 0, dilation, int(given.get("groups", 1)))


def _max_pool(given: Given) -> Tensor:
    size = _ints(given["kernel_sizes"])
    stride = _ints(given.get("strides", [1] * len(size)))
    function: Any = (F.max_pool1d, F.max_pool2d)[len(size) - 1]
    pad = _ints(given.get("pad", [0] * (2 * len(size)))) if given.get("pad_type") == "custom" else [0] * (2 * len(size))
    if bool(given.get("ceil_mode", False)):  # "same as PyTorch's", with the same padding on both sides
        return function(given["x"], size, stride, pad[::2], 1, True)
    return function(_padding(given, len(size), -torch.inf), size, stride)


def _linear(given: Given) -> Tensor:
    return F.linear(given["x"], given["weight"], given.get("bias"))


def _matmul(given: Given) -> Tensor:
    x, y = given["x"], given["y"]
    x = x.transpose(-1, -2) if given.get("transpose_x", False) else x
    return x @ (y.transpose(-1, -2) if given.get("transpose_y", False) else y)


def _attention(given: Given) -> Tensor:
    return F.scaled_dot_product_attention(given["query"], given["key"], given["value"], given.get("attn_mask"))


def _layer_norm(given: Given) -> Tensor:
    x, axes = given["x"], _ints(given["axes"])
    mean = x.mean(axes, keepdim=True)
    apart = x - mean
    z = apart / torch.sqrt(apart.square().mean(axes, keepdim=True) + given.get("epsilon", 1e-5))
    return z * given.get("gamma", 1.0) + given.get("beta", 0.0)


def _batch_norm(given: Given) -> Tensor:
    mean, variance = given["mean"], given["variance"]
    shape = [1, -1] + [1] * (given["x"].ndim - 2)
    z = (given["x"] - mean.view(shape)) / torch.sqrt(variance.view(shape) + given.get("epsilon", 1e-5))
    gamma, beta = (given.get(name) for name in ("gamma", "beta"))
    return (z if gamma is None else z * gamma.view(shape)) + (0 if beta is None else beta.view(shape))


def _gelu(given: Given) -> Tensor:
    mode = given.get("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        return given["x"] * torch.sigmoid(1.702 * given["x"])
    return F.gelu(given["x"], approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


def _select(given: Given) -> Tensor:
    return torch.where(torch.as_tensor(given["cond"]), given["a"], given["b"])


def _expand_dims(given: Given) -> Tensor:
    x = given["x"]
    n = x.ndim + len(given["axes"])
    for axis in sorted(each % n for each in _ints(given["axes"])):
        x = x.unsqueeze(axis)
    return x


def _squeeze(given: Given) -> Tensor:
    axes = _ints(given["axes"]) if "axes" in given else [i for i, size in enumerate(given["x"].shape) if size == 1]
    return given["x"].squeeze(axes)


def _reshape(given: Given) -> Tensor:
    x, shape = given["x"], _ints(given["shape"])
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])


def _concat(given: Given) -> Tensor:
    if given.get("interleave", False):
        raise DataError("the program for Core ML interleaves, which otolith cannot check; export as ONNX.")
    return torch.cat(given["values"], int(given["axis"]))


def _split(given: Given) -> tuple[Tensor, ...]:
    x, axis = given["x"], int(given["axis"])
    if "split_sizes" in given:
        return x.split(_ints(given["split_sizes"]), axis)
    return x.chunk(int(given["num_splits"]), axis)


OPERATIONS: dict[str, Callable[[Given], Any]] = {
    "abs": _one(torch.abs),
    "add": _both(torch.add),
    "batch_norm": _batch_norm,
    "concat": _concat,
    "conv": _conv,
    "equal": _both(torch.eq),
    "exp": _one(torch.exp),
    "expand_dims": _expand_dims,
    "gelu": _gelu,
    "greater": _both(torch.gt),
    "greater_equal": _both(torch.ge),
    "identity": _one(torch.clone),
    "inverse": lambda given: 1 / (given["x"] + given.get("epsilon", 1e-4)),
    "layer_norm": _layer_norm,
    "less": _both(torch.lt),
    "less_equal": _both(torch.le),
    "linear": _linear,
    "log": lambda given: torch.log(given["x"] + given.get("epsilon", 1e-45)),
    "logical_and": _both(torch.logical_and),
    "logical_not": _one(torch.logical_not),
    "logical_or": _both(torch.logical_or),
    "matmul": _matmul,
    "max_pool": _max_pool,
    "maximum": _both(torch.maximum),
    "minimum": _both(torch.minimum),
    "mul": _both(torch.mul),
    "not_equal": _both(torch.ne),
    "pow": _both(torch.pow),
    "real_div": _both(torch.true_divide),
    "reduce_log_sum_exp": _reduced(torch.logsumexp),
    "reduce_max": _reduced(torch.amax),
    "reduce_mean": _reduced(torch.mean),
    "reduce_min": _reduced(torch.amin),
    "reduce_sum": _reduced(torch.sum),
    "relu": _one(torch.relu),
    "reshape": _reshape,
    "rsqrt": lambda given: torch.rsqrt(given["x"] + given.get("epsilon", 1e-12)),
    "scaled_dot_product_attention": _attention,
    "select": _select,
    "sigmoid": _one(torch.sigmoid),
    "slice_by_index": _slice,
    "softmax": lambda given: torch.softmax(given["x"], int(given.get("axis", -1))),
    "split": _split,
    "sqrt": _one(torch.sqrt),
    "square": _one(torch.square),
    "squeeze": _squeeze,
    "stack": lambda given: torch.stack(given["values"], int(given["axis"])),
    "sub": _both(torch.sub),
    "tanh": _one(torch.tanh),
    "transpose": lambda given: given["x"].permute(_ints(given["perm"])),
}
