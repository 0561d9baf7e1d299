"""Hand-made features under trees: no pre-training, and a model in seconds.

The features are those of the field, with their sources in `otolith.nets.handmade`. The head is fitted at once, as
`[method.classical]` says (`otolith.finetuning.trees`): by scikit-learn, extra trees unless it says otherwise.
"""

from __future__ import annotations

from otolith.finetuning.settings import TreeSettings
from otolith.methods.spec import MethodSpec, Paper
from otolith.nets.handmade import HandmadeFeatures

SPEC = MethodSpec(
    name="classical",
    title="Hand-made features under trees",
    label="Hand-made features",
    short="Hand-made",
    summary="labels, by trees on hand-made features",
    paper=Paper("Geurts et al.", 2006, "Extremely Randomized Trees", "Machine Learning"),
    needs=("labels",),
    also=("random-forest", "extra-trees", "forest", "handmade"),
    order=185,
    colour="#8a5a2b",
    story="The features are moments, quantiles, differences, spectra and postures of each window, as the field "
    "computed them before networks learnt to.",
    own_encoder="hand-made features",
    pretrained=False,
    own_head=True,
    scaled=False,
    settings=TreeSettings,
    encoder=lambda shared, meta: HandmadeFeatures(meta.channels, meta.n_steps, meta.rate_hz),
)
