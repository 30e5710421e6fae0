"""Memory that a process frees is its own to use again."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import random, resource, sys, torch
from wsss.runtime.device import keep_freed_memory
assert sys.argv[1] == "as it is" or keep_freed_memory()
torch.set_num_threads(1)
random.seed(0)
maps = [torch.empty(0)] * 6
for turn in range(90):
    if turn == 60:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    maps[random.randrange(6)] = torch.ones(random.randrange(2**21, 2**24))  # 8 to 64 MiB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_cleared(how: str) -> int:
    ran = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_used_again() -> None:
    assert pages_cleared("kept") * 5 < pages_cleared("as it is")
