"""What the fuzz harness asks of a reader of things from outside, and the registry of them (`reading_*.py`)."""

from __future__ import annotations

import importlib
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from otolith.errors import OtolithError

Files = dict[str, bytes]
"""One input: files by their path below the folder that the reader is given."""
Mutate = Callable[[random.Random, Files], Files]


class Reader(ABC):
    """One way in. An instance lives in one process, whose working folder is the box that examples lie in."""

    name: ClassVar[str]
    weight: ClassVar[float]
    """Its share of the examples, beside the others' weights."""
    refusals: tuple[type[Exception], ...] = (OtolithError,)

    def prepare(self) -> None:  # noqa: B027 - few have anything to do
        """Make what all examples share; once a process."""

    @abstractmethod
    def valid(self) -> list[Files]:
        """Sound inputs: each of them has to be read."""

    @abstractmethod
    def mutate(self, rng: random.Random, files: Files) -> Files:
        """Another input, which depends on the arguments alone."""

    @abstractmethod
    def read(self, box: Path, files: Files) -> None:
        """Read what lies in `box`, and assert that what comes out is sane; refuse with one of `refusals`."""


_READERS: dict[str, type[Reader]] = {}
Kind = TypeVar("Kind", bound=type[Reader])


def register(kind: Kind) -> Kind:
    """Class decorator."""
    _READERS[kind.name] = kind
    return kind


def readers() -> dict[str, type[Reader]]:
    """All readers by name, in the order of their files."""
    for path in sorted(Path(__file__).parent.glob("reading_*.py")):
        importlib.import_module(f"tests.fuzz.{path.stem}")
    return dict(_READERS)
