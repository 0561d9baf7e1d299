"""Fast forms of what is written plainly elsewhere, one optimisation a file, and the switch that turns all of them off.

Code that has a plain form asks `is_on()` first; with `OTOLITH_FAST=0` in the environment, or inside `plain()`, the
plain form runs. Tests compare the two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_choice: ContextVar[bool | None] = ContextVar("otolith_fast", default=None)


def is_on() -> bool:
    """Return True where fast forms may be used."""
    choice = _choice.get()
    return os.environ.get("OTOLITH_FAST", "1") != "0" if choice is None else choice


@contextmanager
def plain(off: bool = True) -> Iterator[None]:
    """Run the plain forms within this context (with `off` False the fast ones, whatever the environment says).

    >>> with plain():
    ...     is_on()
    False
    """
    token = _choice.set(not off)
    try:
        yield
    finally:
        _choice.reset(token)
