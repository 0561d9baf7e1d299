"""Core ML: a package whose program is read back from its files and evaluated, operation by operation, by `mil`.

Apple's runtime exists on macOS alone. What is compared with PyTorch is therefore the program as Core ML would read it,
with the weights of the package, as the documentation of its operations defines them.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from otolith import __version__
from otolith.errors import DataError
from otolith.export import mil
from otolith.export.graph import INPUT, quiet
from otolith.system import extras

PACKAGE = "coremltools"
CHECKED_BY = "the operations and weights in the package, evaluated by otolith; Core ML itself was not run"
MANIFEST = "Manifest.json"
_INNER = "model.mlpackage"
_NOT_OURS = "executorch_debug_handle_mapping.json"
"""A file that coremltools leaves in packages of exported programs, for a delegate of ExecuTorch."""


def _need(module: str) -> Any:
    return extras.need(module, "exporting for Core ML", "coreml")


def need_all() -> None:
    """Import all that writing needs; RecipeError where it is missing."""
    with _silent():
        _need("coremltools")


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Silence what coremltools says of versions and of its missing runtime, and its progress bars."""
    with quiet("coremltools"), contextlib.redirect_stderr(io.StringIO()):
        yield


def write(program: Any, place: Path, properties: dict[str, str], names: Sequence[str]) -> mil.Program:
    """Write a traced network into the folder `place`; return the program that was read back from it.

    Raises:
        DataError: the network has an operation that coremltools cannot convert or `mil` does not know.
    """
    with _silent():
        ct = _need("coremltools")
        try:
            model = ct.convert(
                _plain(program.run_decompositions({})),
                outputs=[ct.TensorType(name=name) for name in names],
                convert_to="mlprogram",
                minimum_deployment_target=ct.target.iOS16,
                compute_precision=ct.precision.FLOAT32,
                skip_model_load=True,
            )
        except Exception as error:  # of many kinds, none of which is documented
            raise DataError(
                f"coremltools cannot convert this network ({type(error).__name__}: {str(error).strip()[:200]}). Export "
                "it as ONNX (FILE.onnx)."
            ) from error
        model.short_description = "Activities of windows of wearable sensors, with a score by which they are unknown"
        model.version = __version__
        model.input_description[INPUT] = "one window (1, channels, time) in m/s² and rad/s, not scaled"
        model.user_defined_metadata.update(properties)
        model.save(str(place / _INNER))
        (place / _INNER / _NOT_OURS).unlink(missing_ok=True)
        opened = ct.models.MLModel(str(place / _INNER), skip_model_load=True)
        spec = opened.get_spec()
        load = _need("coremltools.converters.mil.frontend.milproto.load").load
        read = load(spec, specification_version=spec.specificationVersion, file_weights_dir=opened.weights_dir)
    said = dict(spec.description.metadata.userDefined)
    shape = list(program.example_inputs[0][0].shape)
    given = [(each.name, list(each.type.multiArrayType.shape)) for each in spec.description.input]
    if (
        any(said.get(name) != text for name, text in properties.items())
        or given != [(INPUT, shape)]
        or [each.name for each in spec.description.output] != list(names)
    ):
        raise DataError("coremltools wrote other names, shapes or properties than it was given; export as ONNX.")
    return mil.Program(read, names)


def finish(place: Path) -> None:
    """Take the package up into the folder that takes its name."""
    shutil.copytree(place / _INNER, place, dirs_exist_ok=True)
    shutil.rmtree(place / _INNER)


def _plain(program: Any) -> Any:
    """Write operations that coremltools lacks, or converts to something else, as those that it has.

    Its reciprocal is Core ML's `inverse`, 1 / (x + 1e-4): a division is exact.
    """
    aten, graph = torch.ops.aten, program.graph
    same = {
        aten.concatenate.default: aten.cat.default,
        aten.__and__.Tensor: aten.logical_and.default,
        aten.bitwise_and.Tensor: aten.logical_and.default,
        aten.__or__.Tensor: aten.logical_or.default,
        aten.bitwise_or.Tensor: aten.logical_or.default,
        aten.bitwise_not.default: aten.logical_not.default,
    }
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        if node.target in (aten.alias.default, aten.detach.default):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
        elif node.target == aten.reciprocal.default:
            node.target, node.args = aten.div.Tensor, (1.0, *node.args)
        elif node.target == aten.max_pool1d.default and len(node.args) == 2:
            node.args = (*node.args, node.args[1])  # a stride that is left out is the window's length
        elif node.target in same and (node.target == aten.concatenate.default or node.meta["val"].dtype == torch.bool):
            node.target = same[node.target]
    program.graph_module.recompile()
    return program
