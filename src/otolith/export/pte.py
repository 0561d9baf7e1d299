"""ExecuTorch: a program of one window with the XNNPACK backend, run by ExecuTorch's own runtime before it appears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from otolith.errors import DataError
from otolith.export.graph import quiet
from otolith.system import extras

PACKAGE = "executorch"
CHECKED_BY = "ExecuTorch's runtime on this machine ran the file"


def _need(module: str) -> Any:
    return extras.need(module, "exporting for ExecuTorch", "executorch")


def need_all() -> None:
    """Import all that writing needs; RecipeError where it is missing."""
    with quiet("torchao"), quiet("torch.utils._pytree"):
        _need("executorch.exir")


def write(program: Any, place: Path, properties: dict[str, str], names: Sequence[str]) -> Any:
    """Write a traced network to the file `place`; return a function that runs it on a window.

    Each of the properties becomes a method without arguments that returns its text. Outputs have no names in this
    format: their order is that of `names`.

    Raises:
        DataError: the network has an operation that ExecuTorch lacks.
    """
    with quiet("torchao"), quiet("torch.utils._pytree"):
        exir = _need("executorch.exir")
        xnnpack = _need("executorch.backends.xnnpack.partition.xnnpack_partitioner")
        try:
            lowered = exir.to_edge_transform_and_lower(
                program, partitioner=[xnnpack.XnnpackPartitioner()], constant_methods=properties
            )
            content = lowered.to_executorch().buffer
        except Exception as error:  # of many kinds, none of which is documented
            raise DataError(
                f"ExecuTorch cannot hold this network ({type(error).__name__}: {str(error).strip()[:200]}). Export it "
                "as ONNX (FILE.onnx)."
            ) from error
        place.write_bytes(content)
        loaded = _need("executorch.runtime").Runtime.get().load_program(place)
    kept = {name: loaded.load_method(name).execute([])[0] for name in properties}
    if kept != properties:
        raise DataError("ExecuTorch gives other properties back than were written. Export as ONNX (FILE.onnx).")
    return _Loaded(loaded)


class _Loaded:
    """A program under ExecuTorch's runtime; a method reads the memory of its program, which has to live as long."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.forward = program.load_method("forward")

    def __call__(self, window: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return [out.numpy().copy() for out in self.forward.execute([torch.from_numpy(window)])]


def finish(place: Path) -> None:
    """Leave the file as it is."""
