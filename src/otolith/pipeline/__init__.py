"""The three stages of the framework (Fig. 2) as functions: pre-train, fine-tune, evaluate."""

from otolith.pipeline.stages import OnEpoch, build_encoder, evaluate, finetune, pretrain

__all__ = ["OnEpoch", "build_encoder", "evaluate", "finetune", "pretrain"]
