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
        reason = str(error).splitlines()[0]
        if "device type at start" in reason:  # PyTorch's list of all its backends
            reason = "PyTorch knows no such device"
        raise TrainingError(f"device {device!s} cannot be used here: {reason}. Choose auto, cpu or cuda.") from None
    return chosen
