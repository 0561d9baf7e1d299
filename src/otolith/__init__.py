"""otolith: an activity recogniser from unlabelled wearable recordings and a handful of labels."""

__version__ = "0.1.0"
