"""The watch recordings, and the unpickler that reads them and nothing else."""

from __future__ import annotations

import io
import os
import pickle
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otolith.datasets import load
from otolith.datasets.watch import ArrayUnpickler, Watch, read_dictionary
from otolith.errors import DataError


class Evil:
    """Pickles into a call of the function with the arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def as_npy(value: object, protocol: int = 2) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pickle.dumps(value, protocol)


def test_what_the_set_is() -> None:
    recordings = list(load("watch").recordings())
    assert len(recordings) == 140
    by_subject: dict[Any, int] = {}
    for recording in recordings:
        by_subject[recording.subject] = by_subject.get(recording.subject, 0) + 1
    assert by_subject == dict.fromkeys(range(1, 11), 14)
    assert sum(recording.streams[0].n_samples for recording in recordings) == 244_102
    assert len({segment.activity for recording in recordings for segment in recording.segments}) == 7


def test_units() -> None:
    raw = np.concatenate([recording.streams[0].values for recording in Watch().recordings()], axis=1)
    gravity = np.median(np.linalg.norm(raw[:3], axis=0))
    assert 9.5 < gravity < 11.5  # m/s², of arms that mostly move slowly
    assert 1.0 < raw[3:].std(axis=1).max() < 5.0  # rad/s


def test_seglearn_is_not_imported() -> None:
    list(Watch().recordings())
    assert "seglearn" not in sys.modules


def test_package_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(DataError, match=r"seglearn is not installed.*python -m pip install"):
        next(Watch().recordings())
    (problem,) = Watch().check()
    assert "pip install" in problem.cure
    assert Watch().files() == []


@pytest.mark.parametrize("content", [b"", b"another file", None])
def test_other_file_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "watch_dataset.npy"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(Watch, "_path", lambda self: path)
    with pytest.raises(DataError, match="eb122f23cdf06ef6"):
        next(Watch().recordings())
    assert len(Watch().check()) == 1


@pytest.mark.parametrize(
    "evil",
    [
        Evil(os.system, "exit 3"),
        Evil(eval, "1"),
        Evil(getattr, "a", "b"),
        Evil(np.load, "x.npy"),
        Evil(Path, "x"),
        Evil(bytearray, 10),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_unpickler_refuses_every_other_constructor(evil: Evil, protocol: int) -> None:
    with pytest.raises(DataError, match="which is not part of a numpy array"):
        read_dictionary(as_npy({"X": [evil]}, protocol))


def test_malicious_code_does_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    with pytest.raises(DataError):
        read_dictionary(as_npy(Evil(os.mkdir, str(witness))))
    assert not witness.exists()


def test_codec_other_than_latin1_is_refused() -> None:
    pickled = b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00utf-8tR."
    with pytest.raises(pickle.UnpicklingError, match="utf-8"):
        ArrayUnpickler(io.BytesIO(pickled)).load()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x02\x00", as_npy([1, 2]), as_npy({"a": 1})[:-3]])
def test_damaged_content(content: bytes) -> None:
    with pytest.raises(DataError, match="watch: its file"):
        read_dictionary(content)
