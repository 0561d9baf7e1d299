"""Augmentations: random changes of windows that keep what they mean, one file each.

    augment = build_all([{"name": "jitter"}, {"name": "scaling", "probability": 0.5}], signal)
    view_1, view_2 = augment(x, generator), augment(x, generator)

A file of this folder with a class under `@register` is an augmentation; `add_file` takes one from anywhere else.
`base.py` says what a class has to do and puts augmentations one after another; `checks.py` checks their options.
"""

from __future__ import annotations

from otolith.augment.base import Augmentation, Compose, Draw, Params, SignalSpec
from otolith.augment.registry import add_file, build, build_all, names, options, register

__all__ = [
    "Augmentation",
    "Compose",
    "Draw",
    "Params",
    "SignalSpec",
    "add_file",
    "build",
    "build_all",
    "names",
    "options",
    "register",
]
