"""Results of training: the pre-trained encoder and the recogniser (`values`), the folder that holds them (`bundle`, its
description in `card`, its tensors in `weights`), windows that fit them (`windows`), hand-made features beside
learned ones (`joining`), and the fingerprint by which a training is told from another (`fingerprint`).
"""

from otolith.model.values import Chosen, Distilled, Model, PretrainedEncoder, check_windows, must_fit

__all__ = ["Chosen", "Distilled", "Model", "PretrainedEncoder", "check_windows", "must_fit"]
