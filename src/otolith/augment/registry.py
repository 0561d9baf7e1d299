"""Augmentations by name, as recipes ask for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from otolith.augment.base import Augmentation, Compose, SignalSpec
from otolith.augment.checks import NothingToChangeError, number
from otolith.errors import RecipeError, unknown
from otolith.system.registry import Registry

REGISTRY: Registry[type[Augmentation]] = Registry(
    "augmentation",
    "otolith.augment",
    RecipeError,
    takes=lambda each: isinstance(each, type) and issubclass(each, Augmentation),
)

register, add_file, names = REGISTRY.register, REGISTRY.add_file, REGISTRY.names


def options(name: str) -> dict[str, object]:
    """Return the options of a registered augmentation with their defaults; RecipeError for an unknown name.

    >>> options("jitter")
    {'sigma': 0.5}
    """
    parameters = inspect.signature(REGISTRY.get(name).__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def build(name: str, signal: SignalSpec, /, **chosen: object) -> Augmentation:
    """Return an augmentation for batches of `signal`, with its defaults where an option is not given.

    Args:
        name: of `names()`.
        signal: the channels of the batches.
        chosen: options of the augmentation; see `options`.

    Raises:
        RecipeError: an unknown name or option (suggests the nearest), a value out of range, or channels that the
            augmentation does not allow.

    >>> build("jitter", SignalSpec(("acc_x",), (0.0,), (1.0,), 30.0), sigma=0.1).sigma
    0.1
    """
    cls = REGISTRY.get(name)
    known = options(name)
    for option in chosen:
        if option not in known:
            raise RecipeError(unknown(f"option of augmentation {name!r}:", option, known))
    return cls(signal, **chosen)  # each class checks the values itself


def build_all(entries: Sequence[Mapping[str, object]], signal: SignalSpec, *, where_it_acts: bool = False) -> Compose:
    """Return the composition of recipe entries such as {"name": "jitter", "probability": 1.0, "sigma": 0.5}.

    Args:
        entries: each with a `name`, a `probability` (1 if not given), and options of the augmentation.
        signal: the channels of the batches.
        where_it_acts: whether to leave out what `signal` has nothing for, as turning where no sensor has three axes, as
            long as something is left; the composition has a line about it.

    Raises:
        RecipeError: as of `build`.

    >>> compose = build_all([{"name": "jitter"}], SignalSpec(("acc_x",), (0.0,), (1.0,), 30.0))
    >>> [(change.name, probability) for change, probability in compose.items]
    [('jitter', 1.0)]
    """
    items: list[tuple[Augmentation, float]] = []
    left_out: dict[str, RecipeError] = {}
    for i, entry in enumerate(entries):
        if "name" not in entry:
            raise RecipeError(f"augmentation {i + 1} has no name; give one of: {', '.join(names())}")
        chosen = {key: value for key, value in entry.items() if key not in ("name", "probability")}
        name = str(entry["name"])
        probability = number(name, "probability", entry.get("probability", 1.0), low=0.0, high=1.0)
        try:
            items.append((build(name, signal, **chosen), probability))
        except RecipeError as error:
            refused = RecipeError(f"augmentation {i + 1}: {error}")
            if not (where_it_acts and isinstance(error, NothingToChangeError)):
                raise refused from error
            left_out.setdefault(name, refused)
    if left_out and not items:
        raise next(iter(left_out.values()))
    lines = [f"augmentation {name!r} has nothing to change in {', '.join(signal.channels)}" for name in left_out]
    return Compose(items, lines)
