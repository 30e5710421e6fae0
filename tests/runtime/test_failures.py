"""What errors mean: those that torch, the system and other processes raise, provoked here, and their one line."""

import errno
import multiprocessing
import os
import re
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from tests.conftest import PROJECT
from wsss.errors import WsssError
from wsss.runtime import failures
from wsss.runtime.failures import one_line, unexpected


class Failing(Dataset[torch.Tensor]):
    """Samples of which one raises an error, or ends its process."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        if index == 2:
            if self.error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                raise self.error
        return torch.zeros(2)


def told_in_a_fork(work: Callable[[], object], folder: Path) -> str:
    """What is told of the error that some work raises. A fork keeps limits and handlers of signals out of here."""

    def run() -> None:
        try:
            work()
        except Exception as error:
            # torch raises another error when a loader process ends.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            (folder / "told.txt").write_text(str(one_line(error)))

    with warnings.catch_warnings():
        # Forks of a process with threads may hang; the threads here wait.
        warnings.simplefilter("ignore")
        process = multiprocessing.get_context("fork").Process(target=run)
        process.start()
    process.join(120)
    return (folder / "told.txt").read_text()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (WsssError("damaged image: x.jpg (broken); replace the file"), r"damaged image: x\.jpg \(broken\); replace.*"),
        (WsssError("a: b\nc: d"), r"a: b\nc: d"),
        (MemoryError(), re.escape(failures.MEMORY)),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't"), "out of memory: .*"),
        (None, r"a process that loads images was killed, mostly because memory ran out: .*"),
    ],
)
def test_an_error_in_a_loader_process_is_told_as_it_is(tmp_path: Path, error: BaseException | None, line: str) -> None:
    loader = DataLoader(Failing(error), batch_size=1, num_workers=1, multiprocessing_context="fork")
    found = told_in_a_fork(lambda: list(loader), tmp_path)
    assert re.fullmatch(line, found, re.DOTALL), found


def test_an_error_of_a_rank_is_told_as_it_is() -> None:
    text = (
        "\n\n-- Process 1 terminated with the following error:\nTraceback (most recent call last):\n"
        '  File "x.py", line 3, in run\n    raise WsssError()\nwsss.errors.WsssError: segmentation: lower it\n'
    )
    assert one_line(RuntimeError(text)) == "segmentation: lower it"


def test_torchs_own_errors_are_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46)
    found = one_line(caught.value)
    assert found is not None
    assert found.startswith(failures.MEMORY)
    with pytest.raises(MemoryError) as numpys:
        np.empty(2**46, np.uint8).fill(1)
    assert str(one_line(numpys.value)).startswith(failures.MEMORY)


def test_a_full_disk_while_weights_are_written_is_told(tmp_path: Path) -> None:
    """The size that this process may write is bounded, as a full disk bounds it."""

    def write() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        torch.save({"x": torch.zeros(1_000_000)}, tmp_path / "x.pt")

    assert told_in_a_fork(write, tmp_path).startswith(failures.FULL_DISK)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has", failures.GPU_MEMORY),
        ("CUDA error: out of memory\nCUDA kernel errors might be", failures.GPU_MEMORY),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", failures.GPU_MEMORY),
        ("CUDA error: uncorrectable ECC error encountered", failures.BROKEN_GPU),
        ("CUDA error: an illegal memory access was encountered", failures.BROKEN_GPU),
        ("CUDA error: no kernel image is available for execution on the device", failures.NO_DRIVER),
        ("The NVIDIA driver on your system is too old (found version 11040).", failures.NO_DRIVER),
        ("DataLoader worker (pid 3) is killed by signal: Bus error. It is possible", failures.SHARED_MEMORY),
        ("DataLoader worker (pid 3) is killed by signal: Killed. ", failures.KILLED_LOADER),
        ("DataLoader worker (pid(s) 3, 4) exited unexpectedly", failures.KILLED_LOADER),
        ("unable to write to file </torch_12_3_0>: No space left on device (28)", failures.SHARED_MEMORY),
        ("unable to allocate shared memory(shm) for file </torch_1>: Success (0)", failures.SHARED_MEMORY),
        ("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0", failures.FULL_DISK),
        ("cannot cache function '_step': no locator available for file 'x.py'", failures.NUMBA_CACHE),
    ],
)
def test_what_cannot_be_provoked_here_is_known_by_its_text(text: str, meaning: str) -> None:
    found = str(one_line(RuntimeError(text)))
    assert found.startswith(meaning)
    assert len(found.splitlines()) == 1


def test_files_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory") as caught:
        (tmp_path / "file" / "x").write_text("")
    assert (
        one_line(caught.value) == f"{tmp_path}/file/x: Not a directory: something in its path is a file: move it away"
    )
    full = OSError(errno.ENOSPC, "No space left on device", "a/b")
    assert str(one_line(full)).startswith("a/b: No space left on device: free some space")


def test_a_broken_connection_to_a_process_that_was_killed_is_told() -> None:
    """A loader that dies while its batch is taken over is noticed as a connection that breaks off."""
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    with pytest.raises(EOFError) as caught:
        ours.recv()
    assert one_line(caught.value) == failures.KILLED_LOADER
    assert one_line(EOFError()) is None


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("shape mismatch"), ValueError(""), OSError("odd")])
def test_a_fault_of_ours_is_not_explained_away(error: Exception) -> None:
    assert one_line(error) is None
    told = unexpected(error, "logs/x.log")
    assert told.startswith(f"unexpected {type(error).__name__}")
    assert "logs/x.log" in told
    assert len(told.splitlines()) == 1


def test_messages_hold_no_control_characters() -> None:
    assert one_line(WsssError("class '\x1b[31mred' \u202e")) == "class '\\x1b[31mred' \\u202e"


def test_the_table_loads_nothing_large() -> None:
    code = "import sys, wsss.runtime.failures; print({'torch', 'numpy', 'PIL'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
