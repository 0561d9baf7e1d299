"""Augmentations by name, as recipes ask for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from otolith.augment.base import Augmentation, Compose, SignalSpec
from otolith.augment.checks import number
from otolith.errors import RecipeError, unknown
from otolith.system.registry import Registry

REGISTRY: Registry[type[Augmentation]] = Registry("augmentation", "otolith.augment", RecipeError)

register, add_file, names = REGISTRY.register, REGISTRY.add_file, REGISTRY.names


def options(name: str) -> dict[str, object]:
    """Options of a registered augmentation with their defaults; RecipeError for an unknown name."""
    parameters = inspect.signature(REGISTRY.get(name).__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def build(name: str, signal: SignalSpec, /, **chosen: object) -> Augmentation:
    """The augmentation `name` for batches of `signal`, with its defaults where an option is not given.

    Raises RecipeError for an unknown name or option (suggesting the nearest), for a value out of range, and
    for an augmentation that these channels do not allow.
    """
    cls = REGISTRY.get(name)
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
