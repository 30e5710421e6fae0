"""The device that networks run on."""

import ctypes
from functools import cache

import torch
from torch import nn

# Parameters of glibc's mallopt. TRIM_THRESHOLD: how much free memory at the top of the heap is kept. MAP_THRESHOLD: the
# size above which memory is mapped separately.
TRIM_THRESHOLD, MAP_THRESHOLD = -1, -3


def pick_device() -> torch.device:
    """The GPU that this process may use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def move_to_device(network: nn.Module) -> torch.device:
    """Move `network` to the device of `pick_device`, with convolutions in channels-last layout. Returns the device.

    On a CPU, the process then reuses memory that it frees (`keep_freed_memory`). On a GPU, convolutions are set to give
    the same bytes every time.
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
    """Make this process reuse memory that it has freed. Returns whether this worked; it needs glibc.

    By default, glibc returns blocks of more than 32 MiB to the system and requests them again, and the system clears
    each page. For CAMs of a ResNet50 this takes a tenth of the time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(MAP_THRESHOLD, 2**30)) and bool(mallopt(TRIM_THRESHOLD, 2**31 - 1))
