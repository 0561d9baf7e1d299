"""What training leaves: the pre-trained encoder, the recogniser, and the folder that holds them."""

from otolith.model.values import Model, PretrainedEncoder, check_windows, must_fit

__all__ = ["Model", "PretrainedEncoder", "check_windows", "must_fit"]
