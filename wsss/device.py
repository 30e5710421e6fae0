"""Where networks run."""

import torch
from torch import nn


def pick_device() -> torch.device:
    """The GPU that this process may use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def place(network: nn.Module) -> torch.device:
    """Move `network` to that device, its convolutions laid out channels last; returns the device."""
    device = pick_device()
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return device
