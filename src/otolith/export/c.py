"""`export_c`: a model as one header of C99, for devices without an operating system."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otolith import __version__
from otolith.calibration.value import Calibration
from otolith.errors import CheckpointError
from otolith.export.check import Agreement, agreement
from otolith.export.integers import as_integers, linear_of
from otolith.export.trial import Trial
from otolith.export.write import MIN_AGREEMENT, macro_f1_of
from otolith.model import Model, check_windows
from otolith.nets import StandardisedHead
from otolith.nets.integers import INPUT_STEP, IntegerResidual
from otolith.nets.residual import EPSILON
from otolith.preprocessing.gravity import FACING_DOWN, LEAST
from otolith.recording import unit_of
from otolith.system.files import make_place, whole_file

_HERE = Path(__file__).parent
_KINDS = {np.dtype(np.int8): "int8_t", np.dtype(np.float32): "float"}


@dataclass(frozen=True)
class Header:
    """The header that was written, and how its whole numbers agree with the model.

    Attributes:
        path: the file.
        n_bytes: of the constants in a compiled program; buffers: of the static memory that it works in.
        trial: the windows on which whole numbers were compared with float32.
        agreement: of the two.
        f1, f1_int8: macro F1 of both on the trial windows, as fractions; None without labels.

    >>> x = np.zeros((4, 6, 50), np.float32)
    >>> done = Header(Path("m.h"), 90_000, 13_000, Trial(x, None, x, None, "silence"), Agreement(4, 0.01, 1.0, 1.0))
    >>> done.f1 is None
    True
    """

    path: Path
    n_bytes: int
    buffers: int
    trial: Trial
    agreement: Agreement
    f1: float | None = None
    f1_int8: float | None = None


def export_c(model: Model, path: str | Path, *, trial: Trial | None = None, terms: Sequence[str] = ()) -> Header:
    """Write a model as a header of C99 with a function `otolith_predict`, which needs nothing but `math.h`.

    The convolutions are in whole numbers (`otolith.nets.integers`), with which PyTorch gives the same probabilities to
    1e-4; scaler, gravity alignment, pooling, head and "unknown" are in float32. docs/distill.md describes it.

    Args:
        model: residual convolutions with a linear head: a student of `otolith.distill`, or a model like `phone`.
        path: the file; an existing one is replaced.
        trial: windows to compare with float32 and, for a model that is no student, to measure ranges on; None: noise.
        terms: terms of the data that the model has seen, for the file's head.

    Raises:
        RecipeError: another encoder or head.
        DataError: nothing says the ranges of a model that is no student.
        CheckpointError: in whole numbers less than 90 % of real windows keep their activity.
        StorageError: the file cannot be written.

    >>> import otolith
    >>> student = otolith.load_model("student")  # doctest: +SKIP
    >>> export_c(student, "student.h").n_bytes < 100_000  # doctest: +SKIP
    True
    """
    path = Path(path)
    trial = trial or Trial.noise(model)
    x = check_windows(trial.x, model.meta, model.encoder.scaler.may_miss)
    whole = as_integers(model, trial)
    ours, theirs = model.assess(x), whole.assess(x)
    found = agreement(ours, theirs)
    if trial.real and found.same < MIN_AGREEMENT:
        raise CheckpointError(
            f"in whole numbers only {100 * found.same:.1f} % of {found.n_windows} windows ({trial.source}) keep their "
            f"activity; at least {100 * MIN_AGREEMENT:g} % have to. Nothing was written. Distil a wider student "
            "(--kilobytes)."
        )
    arrays = _arrays(whole)
    with whole_file(make_place(path)) as part:
        part.write_text(_text(whole, arrays, terms), "utf-8")
    network = whole.encoder.network
    assert isinstance(network, IntegerResidual)
    steps, n_channels = model.meta.n_steps, len(model.meta.channels)
    buffers = 4 * n_channels * steps + 4 * steps * network.maps + 2 * steps * max(network.maps, n_channels)
    f1 = [macro_f1_of(model, said, trial.y) for said in (ours, theirs)]
    n_bytes = sum(array.nbytes for array in arrays.values())
    return Header(path, n_bytes, buffers + 12 * network.maps, trial, found, *f1)


def _arrays(model: Model) -> dict[str, NDArray[Any]]:
    """Return the constants of the header by name."""
    network, scaler, head = model.encoder.network, model.encoder.scaler, model.head
    assert isinstance(network, IntegerResidual)
    linear = linear_of(head)
    assert linear is not None
    found: dict[str, NDArray[Any]] = {"mean": scaler.shift.astype(np.float32), "std": scaler.factor.astype(np.float32)}
    for i in range(len(network.kernels)):
        for name, tensor in zip(("weight", "factor", "offset"), network.tensors(i), strict=True):
            found[f"{name}_{i}"] = tensor.cpu().numpy()
    if isinstance(head, StandardisedHead):
        found |= {"feature_mean": head.mean.cpu().numpy(), "feature_std": head.std.cpu().numpy()}
    found |= {"head": linear.weight.detach().cpu().numpy(), "bias": linear.bias.detach().cpu().numpy()}
    if model.calibration is not None and "distance" in model.calibration.weights:
        found |= {name: tensor.cpu().numpy() for name, tensor in model.calibration.tensors().items()}
    return found


def _text(model: Model, arrays: dict[str, NDArray[Any]], terms: Sequence[str]) -> str:
    network, meta, scaler, calibration = model.encoder.network, model.meta, model.encoder.scaler, model.calibration
    assert isinstance(network, IntegerResidual)
    before = [len(meta.channels), *[network.maps] * (len(network.kernels) - 1)]
    layers = []
    for i, kernel in enumerate(network.kernels):
        if i:
            layers.append(f"otolith_round(steps * OTOLITH_WIDTH, {_float(network.steps_in[i])});")
        given = f"otolith_weight_{i}, otolith_factor_{i}, otolith_offset_{i}, {int(i == 0)}"
        layers.append(f"otolith_convolve(steps, {before[i]}, {kernel}, {given});")
        if i + 1 == network.pool_after:
            layers.append("steps = otolith_halve(steps);")
    defines = {
        "CHANNELS": len(meta.channels),
        "STEPS": meta.n_steps,
        "HOP": max(1, round(meta.n_steps * (1 - meta.overlap))),
        "RATE_HZ": _float(meta.rate_hz),
        "ACTIVITIES": len(model.activities),
        "WIDTH": network.maps,
        "INPUT_STEP": _float(INPUT_STEP),
        "TEMPERATURE": _float(1.0 if calibration is None else calibration.temperature),
    }
    units = [f"{channel} ({unit_of(channel)})" for channel in meta.channels]
    about = [f"Windows of {meta.seconds:g} s at {meta.rate_hz:g} Hz of {', '.join(units)}.", *terms]
    filled = {
        "title": f"An activity recogniser, written by otolith {__version__}.",
        "about": _comment(about),
        "steps": str(meta.n_steps),
        "channels": ", ".join(meta.channels),
        "defines": "\n".join(f"#define OTOLITH_{name} {value}" for name, value in defines.items()),
        "activities": ", ".join(map(_quoted, model.activities)),
        "arrays": "\n".join(_array(name, array) for name, array in arrays.items()),
        "align": _align(scaler.turned, scaler.parts) if scaler.turned else "",
        "align_call": "    otolith_align();\n" if scaler.turned else "",
        "may_miss": ", ".join(str(int(i in scaler.may_miss)) for i in range(len(meta.channels))),
        "layers": "\n".join("    " + line for line in layers),
        "epsilon": _float(EPSILON),
        "standardise": _STANDARDISE if "feature_mean" in arrays else "",
        "unknown": "" if calibration is None else _unknown(calibration),
    }
    return _fill((_HERE / "model.h.in").read_text("utf-8"), filled)


_STANDARDISE = """\
    for (int i = 0; i < 3 * OTOLITH_WIDTH; i++)
        features[i] = (features[i] - otolith_feature_mean[i]) / otolith_feature_std[i];
"""
_DISTANCE = """\
    float nearest = INFINITY, at[@axes@];
    for (int j = 0; j < @axes@; j++) {
        at[j] = -otolith_offset[j];
        const float *axis = otolith_projection + j * 3 * OTOLITH_WIDTH;
        for (int i = 0; i < 3 * OTOLITH_WIDTH; i++) at[j] += axis[i] * features[i];
    }
    for (int centre = 0; centre < @centres@; centre++) {
        float square = 0.0f;
        for (int j = 0; j < @axes@; j++) {
            const float apart = at[j] - otolith_centres[centre * @axes@ + j];
            square += apart * apart;
        }
        if (square < nearest) nearest = square;
    }
    score += @weight@ * sqrtf(nearest);
"""


def _unknown(calibration: Calibration) -> str:
    """Return the statements that tell whether a window is unknown (`otolith.calibration.scores`)."""
    parts = ["    float score = 0.0f;\n"]
    for name, weight in calibration.weights.items():
        if name == "distance":
            k, m = len(calibration.offset), len(calibration.centres)
            given = {"axes": str(k), "centres": str(m), "weight": _float(weight)}
            parts.append(_fill(_DISTANCE, given))
        elif name == "energy":
            parts.append(f"    score -= {_float(weight)} * OTOLITH_TEMPERATURE * (largest + logf(total));\n")
        else:
            parts.append(f"    score -= {_float(weight)} * probabilities[best];\n")
    return "".join(parts) + f"    if (score > {_float(calibration.threshold)}) return -1;\n"


def _align(turned: Sequence[Sequence[int]], parts: bool) -> str:
    given = {
        "turned": ", ".join("{" + ", ".join(map(str, triad)) + "}" for triad in turned),
        "least": _float(LEAST),
        "facing_down": _float(FACING_DOWN),
        "parts": str(int(parts)),
    }
    return _fill((_HERE / "align.h.in").read_text("utf-8"), given)


def _fill(text: str, given: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda found: given[found[1]], text)


def _float(value: float) -> str:
    """Return the shortest literal that is this float32 again."""
    return np.format_float_scientific(np.float32(value), unique=True, trim="0") + "f"


def _array(name: str, array: NDArray[Any]) -> str:
    values = array.reshape(-1)
    words = map(str, values.tolist()) if array.dtype == np.int8 else map(_float, values)
    lines = textwrap.wrap(", ".join(words), 116, break_long_words=False, break_on_hyphens=False)
    return f"static const {_KINDS[array.dtype]} otolith_{name}[{len(values)}] = {{\n" + "\n".join(lines) + "\n};"


def _comment(lines: Sequence[str]) -> str:
    """Return texts for the inside of a comment, which they cannot end."""
    safe = [" ".join(line.split()).replace("*/", "* /").replace("/*", "/ *") for line in lines]
    return "\n   ".join(piece for line in safe for piece in textwrap.wrap(line, 110))


def _quoted(name: str) -> str:
    """Return a string of C; what is not plain ASCII, as the bytes of UTF-8."""
    plain = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in name.encode())
    return '"' + "".join(plain) + '"'
