"""The stages of the framework (Fig. 2) as functions: each takes windows and a split, and joins the rooms to its left.

`pretrain` gives a `PretrainedEncoder`, `finetune` makes a `Model` of it, `evaluate` scores that, and `calibrate` fits
its temperature and threshold of "unknown" anew.
"""

from otolith.pipeline.calibration import calibrate
from otolith.pipeline.evaluation import evaluate
from otolith.pipeline.finetuning import finetune
from otolith.pipeline.pretraining import OnEpoch, build_encoder, pretrain

__all__ = ["OnEpoch", "build_encoder", "calibrate", "evaluate", "finetune", "pretrain"]
