"""Memory that a process frees is its own to use again."""

import platform
import subprocess
import sys

import pytest

# Of 64 MiB, and after they are freed: whether they lie on the heap, which stays, and not in pages of their own, which
# would be given back.
WHERE_MEMORY_LIES = """
import ctypes, sys
from wsss.runtime.device import keep_freed_memory

assert sys.argv[1] == "as it is" or keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def heap():
    lines = [line.split()[0] for line in open("/proc/self/maps") if line.rstrip().endswith("[heap]")]
    starts, ends = zip(*(line.split("-") for line in lines))
    return min(int(one, 16) for one in starts), max(int(one, 16) for one in ends)

size = 64 * 2**20
place = libc.malloc(size)
start, end = heap()
libc.free(place)
print(start <= place and place + size <= end, heap()[1] >= end)
"""


def where_memory_lies(how: str) -> list[str]:
    ran = subprocess.run([sys.executable, "-c", WHERE_MEMORY_LIES, how], capture_output=True, text=True, check=True)
    return ran.stdout.split()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or sys.platform != "linux", reason="needs glibc on Linux")
def test_freed_memory_stays_with_the_process() -> None:
    assert where_memory_lies("kept") == ["True", "True"]
    assert where_memory_lies("as it is")[0] == "False"
