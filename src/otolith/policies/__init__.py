"""What happens to negatives and temperature in a contrastive loss: one small file for each idea."""

from otolith.policies.base import Policy
from otolith.policies.constant import ConstantTemperature
from otolith.policies.dynamic import DynamicTemperature

__all__ = ["ConstantTemperature", "DynamicTemperature", "Policy"]
