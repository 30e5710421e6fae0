"""Where networks run."""

import ctypes
from functools import cache

import torch
from torch import nn

# Parameters of glibc's mallopt: what a freed top of the heap may keep, and the size above which memory is mapped anew.
TRIM_THRESHOLD, MAP_THRESHOLD = -1, -3


def pick_device() -> torch.device:
    """The GPU that this process may use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def move_to_device(network: nn.Module) -> torch.device:
    """Move `network` to that device, its convolutions laid out channels last; returns the device.

    On a CPU the process keeps the memory that it frees from then on: `keep_freed_memory`. On a GPU convolutions are to
    give the same bytes every time.
    """
    device = pick_device()
    if device.type == "cpu":
        keep_freed_memory()
    else:
        torch.backends.cudnn.deterministic = True
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return device


@cache
def keep_freed_memory() -> bool:
    """Let this process use memory again that it has freed, where the C library is glibc; whether it now does.

    As it is, glibc returns feature maps of more than 32 MiB to the system and asks for them anew, and the system clears
    each page again: a tenth of the time that a ResNet50 takes for CAMs.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(MAP_THRESHOLD, 2**30)) and bool(mallopt(TRIM_THRESHOLD, 2**31 - 1))
