"""The random transformer, frozen as it was initialised (Section V-B)."""

from __future__ import annotations

from otolith.methods.spec import DYNAMIC_TEMPERATURE, MethodSpec

SPEC = MethodSpec(
    name="random",
    title="Random transformer (frozen at initialisation)",
    label="Random encoder",
    short="Random",
    summary="nothing",
    paper=DYNAMIC_TEMPERATURE,
    section="Section V-B",
    order=190,
    colour="#9aa3ad",
    pretrained=False,
)
