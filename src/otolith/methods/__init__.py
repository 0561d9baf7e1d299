"""Pretext tasks, one file each: what it is called and where it is from, its settings, and the loss it trains by.

A file of this folder with a module-level `SPEC`, a `MethodSpec`, is a method; `add_file` takes one from anywhere else.
Importing this package imports neither torch nor a method: descriptions are read from the files' text, and a file is
imported when its settings or its code are asked for. `base.py` holds the settings that methods share, `contrastive.py`
the loss on two views that most of them vary by a policy for temperature and negatives, `views.py` the two views.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from otolith.errors import RecipeError
from otolith.methods.spec import MethodSpec, Paper, read_spec
from otolith.system.registry import Registry

if TYPE_CHECKING:
    from otolith.methods.base import Settings, SharedSettings
    from otolith.methods.views import two_views
    from otolith.training.pretext import Batch, Method

__all__ = [
    "Batch",
    "Method",
    "MethodSpec",
    "Paper",
    "Settings",
    "SharedSettings",
    "add_file",
    "listed",
    "names",
    "register",
    "spec",
    "trainable",
    "two_views",
]

_HOME = {
    "Batch": "training.pretext",
    "Method": "training.pretext",
    "Settings": "methods.base",
    "SharedSettings": "methods.base",
    "two_views": "methods.views",
}

REGISTRY: Registry[MethodSpec] = Registry(
    "method",
    "otolith.methods",
    RecipeError,
    order=lambda spec: (spec.order, spec.name),
    read=read_spec,
    takes=lambda each: isinstance(each, MethodSpec),
    also=lambda spec: spec.also,
)

register, add_file = REGISTRY.register, REGISTRY.add_file


def names() -> tuple[str, ...]:
    """Return the names of all methods that a run can train, in the order of tables.

    >>> names()[:2], names()[-1]
    (('dynamic', 'angular'), 'random')
    """
    return tuple(each.name for each in REGISTRY if not each.made_by)


def listed() -> str:
    """Return the names of all methods as help texts list them.

    >>> listed().endswith("supervised, classical or random")
    True
    """
    *most, last = names()
    return f"{', '.join(most)} or {last}"


def spec(name: str) -> MethodSpec:
    """Return the method of that name.

    Raises:
        RecipeError: no method has that name; the message suggests the nearest.

    >>> spec("byol").label, str(spec("byol").paper)
    ('BYOL', 'Grill et al. 2020')
    """
    return REGISTRY.get(name)


def trainable(name: str) -> MethodSpec:
    """Return the method of that name, which a run can train.

    Raises:
        RecipeError: no method has that name, or another command makes its models.

    >>> trainable("distilled")
    Traceback (most recent call last):
    otolith.errors.RecipeError: no run trains the method distilled: `otolith distill` makes its models from a ...
    """
    found = spec(name)
    if found.made_by:
        raise RecipeError(
            f"no run trains the method {name}: `{found.made_by}` makes its models from a trained model. Choose another "
            "method."
        )
    return found


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'otolith.methods' has no attribute {name!r}")
    return getattr(importlib.import_module(f"otolith.{_HOME[name]}"), name)
