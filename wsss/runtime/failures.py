"""What an error means for users: one line for what machines and libraries raise when something runs out or fails.

torch raises a plain RuntimeError for most of it, so its text is looked at. Nothing large is imported here.
"""

import errno
import re
from pathlib import Path
from traceback import extract_tb

from wsss.errors import WsssError, printable

MEMORY = "out of memory: lower the batch or the crop of this stage, or run fewer jobs at once (snakemake --cores)"
GPU_MEMORY = "out of GPU memory: lower this stage's batch or crop, or raise accumulate"
SHARED_MEMORY = (
    "shared memory (/dev/shm) is full: give the container more (docker run --shm-size=8g), or run the step with fewer "
    "than 4 threads, which needs none (snakemake --set-threads RULE=3)"
)
KILLED_LOADER = "a process that loads images was killed, mostly because memory ran out: run fewer jobs at once"
FULL_DISK = "no space left for a file of weights: free some space and run the same command again"
NO_DRIVER = "the NVIDIA driver does not fit this torch: update it, or put CUDA_VISIBLE_DEVICES= in front, for the CPU"
BROKEN_GPU = "the GPU failed: run the same command again; if it happens again, look at nvidia-smi and dmesg"
NUMBA_CACHE = "numba finds no folder for its compiled code: set NUMBA_CACHE_DIR to a folder that can be written"
# Regular expressions for texts of errors, and what they mean. The first that is found counts.
MEANINGS: tuple[tuple[str, str], ...] = (
    (r"CUDA out of memory|CUDA error: out of memory|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED", GPU_MEMORY),
    (r"DefaultCPUAllocator|enforce fail at alloc_cpu|std::bad_alloc|Unable to allocate .* for an array", MEMORY),
    (r"inline_container|PytorchStreamWriter failed|unexpected pos \d+ vs \d+", FULL_DISK),
    (r"Bus error|shared memory object|allocate shared memory|/dev/shm|/torch_\d+", SHARED_MEMORY),
    (r"DataLoader worker.*(killed|exited unexpectedly)", KILLED_LOADER),
    (r"no kernel image is available|NVIDIA driver|driver version is insufficient|forward compatibility", NO_DRIVER),
    (r"CUDA error|CUDNN_STATUS|CUBLAS_STATUS|cuDNN error|NCCL error", BROKEN_GPU),
    (r"no locator available for file", NUMBA_CACHE),
)
# What the system says about files and processes, and the way out.
SYSTEM = {
    errno.ENOSPC: "free some space (df) or inodes (df -i), and run the same command again",
    errno.EDQUOT: "the quota is used up: free some space, and run the same command again",
    errno.EROFS: "make it writable, or work in another folder (snakemake --directory)",
    errno.EACCES: "change its permissions",
    errno.EPERM: "change its permissions",
    errno.EMFILE: "raise the limit (ulimit -n), or run fewer jobs at once",
    errno.ENFILE: "run fewer jobs at once",
    errno.ENOMEM: "run fewer jobs at once",
    errno.EAGAIN: "raise the limit of processes (ulimit -u), or run fewer jobs at once",
    errno.EIO: "the disk fails: look at dmesg",
    errno.ESTALE: "the disk is no longer mounted: mount it, and run the same command again",
    errno.ENAMETOOLONG: "shorten names in the config, or work in a folder with a shorter path",
    errno.ENOTDIR: "something in its path is a file: move it away",
}
# An error of another process comes as a text that ends in that process's traceback.
LAST_OF_TRACEBACK = re.compile(r"(?:[A-Za-z_]\w*\.)*(?P<kind>[A-Za-z_]\w*)(?:: (?P<text>.*))?", re.DOTALL)


def one_line(error: BaseException) -> str | None:
    """What an error means for the user.

    Parameters
    ----------
    error : BaseException
        Any error, also one that another process has raised and a loader or a launcher passes on.

    Returns
    -------
    str or None
        The message, in one line unless a config has several mistakes; without control characters. None for an error
        that is not known, which may be a fault of this project.
    """
    kind, text = _of_other_process(str(error)) or (type(error).__name__, str(error))
    if isinstance(error, WsssError) or kind == WsssError.__name__:
        return "\n".join(map(printable, text.splitlines()))
    if kind == "DecompressionBombError":
        return f"a photograph is too large ({printable(text)}): make it smaller"
    meant = next((meaning for pattern, meaning in MEANINGS if re.search(pattern, text)), "")
    if kind == "OutOfMemoryError":
        meant = GPU_MEMORY
    elif isinstance(error, MemoryError) or kind.endswith("MemoryError"):
        meant = MEMORY
    if meant:
        detail = _first_line(text)
        return f"{meant} ({detail})" if detail else meant
    if _is_of_lost_process(error):
        return KILLED_LOADER
    return _of_system(error) if isinstance(error, OSError) else None


def unexpected(error: BaseException, log: str) -> str:
    """What is said of an error that is not known. `log` is the file with its traceback."""
    what = ": ".join(filter(None, [type(error).__name__, _first_line(str(error))]))
    return f"unexpected {what}; this is a fault of wsss: please report it with {log} and what `wsss info` tells"


def _of_other_process(text: str) -> tuple[str, str] | None:
    """The name and the text of an error that a text with a traceback tells of; None if it has none."""
    _, found, traceback = text.rpartition("Traceback (most recent call last):")
    if not found:
        return None
    # Lines of the traceback itself are indented. The error begins at the first line that is not.
    lines = traceback.strip("\n").splitlines()
    first = next((number for number, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    match = LAST_OF_TRACEBACK.fullmatch("\n".join(lines[first:]).strip())
    return (match["kind"], match["text"] or "") if match else None


def _is_of_lost_process(error: BaseException) -> bool:
    """Whether a connection to another process of this job broke off: its end is noticed in this way too."""
    if not isinstance(error, ConnectionError | EOFError | FileNotFoundError):
        return False
    return any("multiprocessing" in Path(frame.filename).parts for frame in extract_tb(error.__traceback__))


def _of_system(error: OSError) -> str | None:
    remedy = SYSTEM.get(error.errno or 0)
    if remedy is None:
        return None
    where = f"{printable(str(error.filename))}: " if error.filename else ""
    return f"{where}{error.strerror}: {remedy}"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[0][:200]) if lines else ""
