"""Augmentations by name, as recipes ask for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TypeVar

from otolith.augment.base import Augmentation, Compose, SignalSpec
from otolith.augment.checks import number
from otolith.errors import RecipeError, unknown

_REGISTRY: dict[str, type[Augmentation]] = {}

A = TypeVar("A", bound=type[Augmentation])


def register(cls: A) -> A:
    """Class decorator: make an augmentation known to recipes under its `name`, which must be free."""
    if cls.name in _REGISTRY:
        raise ValueError(f"two augmentations are named {cls.name!r}: {_REGISTRY[cls.name].__name__}, {cls.__name__}")
    _REGISTRY[cls.name] = cls
    return cls


def names() -> list[str]:
    """Names of all registered augmentations, sorted."""
    return sorted(_REGISTRY)


def options(name: str) -> dict[str, object]:
    """Options of a registered augmentation with their defaults; RecipeError for an unknown name."""
    parameters = inspect.signature(_class(name).__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def build(name: str, signal: SignalSpec, /, **chosen: object) -> Augmentation:
    """The augmentation `name` for batches of `signal`, with its defaults where an option is not given.

    Raises RecipeError for an unknown name or option (suggesting the nearest), for a value out of range, and
    for an augmentation that these channels do not allow.
    """
    cls = _class(name)
    known = options(name)
    for option in chosen:
        if option not in known:
            raise RecipeError(unknown(f"option of augmentation {name!r}:", option, known))
    return cls(signal, **chosen)  # each class checks the values itself


def build_all(entries: Sequence[Mapping[str, object]], signal: SignalSpec) -> Compose:
    """A composition from recipe entries such as {"name": "jitter", "probability": 1.0, "sigma": 0.5}.

    `name` is required, `probability` is 1 if not given, and the rest are options. Raises RecipeError as
    `build` does.
    """
    items = []
    for i, entry in enumerate(entries):
        if "name" not in entry:
            raise RecipeError(f"augmentation {i + 1} has no name; give one of: {', '.join(names())}")
        chosen = {key: value for key, value in entry.items() if key not in ("name", "probability")}
        name = str(entry["name"])
        probability = number(name, "probability", entry.get("probability", 1.0), low=0.0, high=1.0)
        try:
            items.append((build(name, signal, **chosen), probability))
        except RecipeError as error:
            raise RecipeError(f"augmentation {i + 1}: {error}") from error
    return Compose(items)


def _class(name: str) -> type[Augmentation]:
    if name not in _REGISTRY:
        raise RecipeError(unknown("augmentation", name, _REGISTRY))
    return _REGISTRY[name]
