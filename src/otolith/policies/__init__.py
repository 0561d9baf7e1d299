"""What happens to negatives and temperature in a contrastive loss: one small file for each idea."""

from otolith.policies.base import Policy
from otolith.policies.cluster_negatives import ClusterNegatives
from otolith.policies.constant import ConstantTemperature
from otolith.policies.debiased import DebiasedNegatives
from otolith.policies.dynamic import DynamicTemperature
from otolith.policies.dystress import SimilarityTemperature
from otolith.policies.hard_negatives import HardNegatives
from otolith.policies.macl import ModelAwareTemperature
from otolith.policies.scheduled import ScheduledTemperature

__all__ = [
    "ClusterNegatives",
    "ConstantTemperature",
    "DebiasedNegatives",
    "DynamicTemperature",
    "HardNegatives",
    "ModelAwareTemperature",
    "Policy",
    "ScheduledTemperature",
    "SimilarityTemperature",
]
