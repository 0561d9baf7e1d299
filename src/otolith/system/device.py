"""Choice of the device on which tensors live."""

from __future__ import annotations

import torch

from otolith.errors import TrainingError


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device of that name; `auto` is the first CUDA GPU where there is one, else the CPU.

    Raises:
        TrainingError: it cannot be used here.
    """
    if str(device) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA fails by assertion
        raise TrainingError(f"device {device!s} cannot be used here: {str(error).splitlines()[0]}") from None
    return chosen
