"""An encoder and a head, trained end to end with labels, as the paper's supervised transformer is (Section V-A).

The defaults are the paper's training; the recipe `best` has AdamW, one cycle of the rate, smoothed labels and changed
batches in its place.
"""

from __future__ import annotations

from otolith.finetuning.settings import FinetuneSettings
from otolith.methods.spec import DYNAMIC_TEMPERATURE, MethodSpec

SPEC = MethodSpec(
    name="supervised",
    title="Supervised learning (end to end)",
    label="Supervised, end to end",
    short="Sup.",
    summary="labels, end to end",
    paper=DYNAMIC_TEMPERATURE,
    section="Section V-A",
    needs=("labels",),
    also=("cnn", "deep", "transformer"),
    order=180,
    colour="#4b5563",
    pretrained=False,
    end_to_end=True,
    settings=FinetuneSettings,
)
