"""Watch exercises: smartwatch recordings inside the package seglearn, so that no download is needed.

140 recordings at 50 Hz: ten subjects, seven shoulder exercises, both arms; each holds one set of repetitions.
The file is a pickled dictionary of arrays. It is read only if its checksum is that of seglearn 1.2.5, and
then by an unpickler that builds numpy arrays and nothing else.

Units: the file states none. The accelerometer's magnitude has its median near 1, so it is in g. Integrated as
rad/s, the gyroscope turns by about 165 degrees in a repetition of abduction or forward elevation, which is
the shoulder's range; as deg/s the arm would hardly move.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from otolith.datasets.base import Dataset, DatasetInfo, Problem
from otolith.datasets.registry import register
from otolith.datasets.tables import read_bytes
from otolith.errors import DataError
from otolith.recording import CHANNELS, STANDARD_GRAVITY, Recording, Segment, Stream

RATE_HZ = 50.0
PACKAGE, PACKAGE_VERSION = "seglearn", "1.2.5"
MEMBER = "seglearn/data/watch_dataset.npy"
SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"
CURE = f"Install it again: python -m pip install --force-reinstall --no-deps {PACKAGE}=={PACKAGE_VERSION}"
ACTIVITIES = {
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
    "ER": "external rotation",
    "TRAP": "trapezius extension",
    "ROW": "upright row",
}
NPY_MAGIC = b"\x93NUMPY\x01\x00"
"""Then come two bytes with the length of a header that says: one object, pickled."""
SIDES = {0.0: "left", 1.0: "right"}
TO_SI = np.array([STANDARD_GRAVITY] * 3 + [1.0] * 3)[:, None]


@register
class Watch(Dataset):
    """140 recordings of 10 subjects; see the module's docstring."""

    info = DatasetInfo(
        name="watch",
        short="Watch exercises",
        title="Watch exercises, shoulder physiotherapy with a smartwatch",
        rate_hz=RATE_HZ,
        activities=tuple(ACTIVITIES.values()),
        n_subjects=10,
        n_recordings=140,
        licence="BSD-3-Clause, as the package that carries it",
        terms="Free to use; publications should cite the authors.",
        models="any use",
        citation=(
            "D. M. Burns, N. Leung, M. Hardisty, C. M. Whyne, P. Henry, S. McLachlin: Shoulder physiotherapy "
            "exercise recognition: machine learning the inertial signals from a smartwatch. Physiological "
            "Measurement 39 (2018) 075007. arXiv:1802.01489"
        ),
        homepage="https://github.com/dmbee/seglearn",
        how_to_get=f"It comes with the package {PACKAGE} {PACKAGE_VERSION}, which otolith installs. {CURE}",
    )
    whole_s = 4_882.0

    def files(self) -> list[Path]:
        return [path for path in [self._path()] if path is not None and path.is_file()]

    def recordings(self) -> Iterator[Recording]:
        content = read_dictionary(self._content())
        rows = sorted(
            zip(
                content["subject"].tolist(),
                content["y"].tolist(),
                content["side"].tolist(),
                content["X"],
                strict=True,
            ),
            key=lambda row: row[:3],
        )
        for subject, label, side, signal in rows:
            code = content["y_labels"][label]
            yield Recording(
                name=f"{code}_{subject}_{SIDES[side]}",
                subject=int(subject),
                streams=(Stream(CHANNELS, signal.T * TO_SI, RATE_HZ),),
                segments=(Segment(0.0, None, ACTIVITIES[code]),),
            )

    def check(self, deep: bool = False) -> list[Problem]:
        try:
            self._content()
        except DataError as error:
            return [Problem(PACKAGE, f"does not offer {MEMBER} as expected", str(error))]
        return super().check(deep)

    def _path(self) -> Path | None:
        try:
            found = metadata.distribution(PACKAGE).locate_file(MEMBER)
        except metadata.PackageNotFoundError:
            return None
        return Path(str(found))

    def _content(self) -> bytes:
        """The file's bytes, verified."""
        path = self._path()
        if path is None:
            raise DataError(f"watch: the package {PACKAGE} is not installed. {CURE}")
        content = read_bytes(path) if path.is_file() else b""
        got = hashlib.sha256(content).hexdigest()
        if got != SHA256:
            state = f"has the SHA-256 {got}" if content else "is missing"
            raise DataError(f"{path}: {state}, expected that of {PACKAGE} {PACKAGE_VERSION}, {SHA256}. {CURE}")
        return content


def read_dictionary(content: bytes) -> dict[str, Any]:
    """Return the dictionary in the bytes of a `.npy` file that holds one pickled object.

    Raises:
        DataError: another header, a damaged pickle, or a pickle that asks for anything but numpy arrays.
    """
    if not content.startswith(NPY_MAGIC):
        raise DataError(f"watch: its file begins with {content[:8]!r}, expected {NPY_MAGIC!r}. {CURE}")
    pickled = len(NPY_MAGIC) + 2 + int.from_bytes(content[len(NPY_MAGIC) : len(NPY_MAGIC) + 2], "little")
    try:
        array = ArrayUnpickler(io.BytesIO(content[pickled:])).load()
    except (
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise DataError(f"watch: its file cannot be read ({error}). {CURE}") from error
    found = array.item() if isinstance(array, np.ndarray) and array.size == 1 else array
    if not isinstance(found, dict):
        raise DataError(f"watch: its file holds {type(found).__name__}, expected a dictionary. {CURE}")
    return found


def _dtype(kind: str, align: int, copy: int) -> np.dtype[Any]:
    """`numpy.dtype` as old pickles call it, with integers for flags."""
    return np.dtype(kind, align=bool(align), copy=bool(copy))


def _encode(text: str, encoding: str) -> bytes:
    """`_codecs.encode`, by which pickles of Python 2 spell bytes; the one codec they use, and no other."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"codec {encoding!r}")
    return text.encode("latin1")


ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    # numpy's own function, found without naming the module, whose name differs between numpy 1 and 2.
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],  # type: ignore[dict-item]
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
}
"""All that the pickle may name. Everything else is refused."""


class ArrayUnpickler(pickle.Unpickler):
    """Builds numpy arrays, numbers, strings, lists and dictionaries; refuses every other constructor."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not part of a numpy array")
        return ADMITTED[module, name]
