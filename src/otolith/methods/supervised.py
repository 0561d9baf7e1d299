"""The supervised transformer, trained end to end with labels (Section V-A)."""

from __future__ import annotations

from otolith.finetuning.settings import FinetuneSettings
from otolith.methods.spec import DYNAMIC_TEMPERATURE, MethodSpec

SPEC = MethodSpec(
    name="supervised",
    title="Supervised transformer (end to end)",
    label="Supervised transformer",
    short="ST",
    summary="labels, end to end",
    paper=DYNAMIC_TEMPERATURE,
    section="Section V-A",
    needs=("labels",),
    order=180,
    colour="#4b5563",
    pretrained=False,
    end_to_end=True,
    settings=FinetuneSettings,
)
