"""A Python that starts fast: each of its processes is a fork of one that has imported the libraries of the workflow.

Torch alone takes two seconds of a core, and the tests of workflows start hundreds of jobs. Nothing of this project is
imported in advance, because each process imports the copy that it belongs to. A process differs from that of a plain
Python in one way: all have the same order of hashes. So `.ci/run` also runs the miniature with the plain one, and so do
tests of single steps (tests/faults/test_kills.py, tests/cluster).

`warm_python` starts it. `python warm_python.py DESCRIPTOR PROCESS` serves a listening socket as long as that process
lives, and warm_call.py is what a caller starts.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import uuid
import weakref
from pathlib import Path
from typing import NoReturn

# What the scripts of the workflow import, besides the project itself.
IMPORTS = ["torch._dynamo", "safetensors.torch", "simplejpeg", "PIL.Image", "pandas", "numba", "scipy.stats", "zarr"]
IMPORTS += ["matplotlib.pyplot", "jinja2", "pydantic", "pydensecrf.densecrf", "snakemake.script", "snakemake.logging"]
# What snakemake itself imports inside a job of SLURM.
IMPORTS += ["snakemake.cli", "snakemake.report.html_reporter", "snakemake.profiles", "snakemake.storage", "nbformat"]
# Standard input, output and errors, as in warm_call.py.
STREAMS = 3
CALL = Path(__file__).with_name("warm_call.py")


@functools.cache
def warm_python() -> Path:
    """The path of a program that takes what `python SCRIPT ARGUMENTS...` and `python [-P] -m MODULE ARGUMENTS...` take.

    The processes of a test run share it, and it works as long as that run lasts. Elsewhere it works as long as this
    process lives.
    """
    from filelock import FileLock

    # Processes of pytest-xdist know the run by this name, and are children of the one that lasts longest.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = Path(tempfile.gettempdir()) / f"warm-python-{run or uuid.uuid4().hex}"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "python").exists():
            _start(folder, os.getppid() if run else os.getpid())
    return folder / "python"


def _start(folder: Path, owner: int) -> None:
    """Write the program into a folder, and start what serves it as long as the process `owner` lives."""
    address, program = folder / "socket", folder / "python"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(64)
        command = [sys.executable, __file__, str(listener.fileno()), str(owner)]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[listener.fileno()])
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {CALL} {address} "$@"\n')
    program.chmod(0o755)


def serve(listener: socket.socket, owner: int) -> list[str]:
    """Fork for every call, as long as `owner` lives. Returns in the forks alone, with the arguments of each."""
    # Supervisors need not be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while lives(owner):
        ready, _, _ = select.select([listener], [], [], 1)
        if not ready:
            continue
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return supervised(connection)
        connection.close()
    shutil.rmtree(Path(listener.getsockname()).parent, ignore_errors=True)
    sys.exit()


def lives(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def supervised(connection: socket.socket) -> list[str]:
    """Start the process that a call asks for, wait for its end, and tell it. Returns in that process alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 8, STREAMS)
    request = b""
    while len(request) < int.from_bytes(head, "big"):
        request += connection.recv(1 << 16)
    child = os.fork()
    if child == 0:
        connection.close()
        return as_called(*json.loads(request), streams)
    for stream in streams:
        os.close(stream)
    threading.Thread(target=kill_without_caller, args=(connection, child), daemon=True).start()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(OSError):
        connection.sendall((code if code >= 0 else 128 - code).to_bytes(8, "big", signed=True))
    os._exit(0)


def kill_without_caller(connection: socket.socket, child: int) -> None:
    """Kill `child` when the process at the other end is gone."""
    with contextlib.suppress(OSError):
        connection.recv(1)
        os.kill(child, signal.SIGKILL)


def as_called(
    arguments: list[str], caller: int, folder: str, environment: dict[str, str], streams: list[int]
) -> list[str]:
    """Give this process the disks, folder, environment, streams and number of threads that a new one would have."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    see_disks_of(caller)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()
    threadpool_limits(int(environment.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    return arguments


def see_disks_of(caller: int) -> None:
    """See what the process `caller` has mounted for itself alone."""
    theirs = Path(f"/proc/{caller}/ns/mnt")
    if theirs.exists() and theirs.readlink() != Path("/proc/self/ns/mnt").readlink():
        with theirs.open() as mounts:
            assert ctypes.CDLL(None).setns(mounts.fileno(), 0) == 0


def run(arguments: list[str], program: Path) -> NoReturn:
    """Run a script or a module with its arguments, as Python does, and end without taking down what was imported."""
    code: object = 0
    try:
        if "-m" in arguments[:2]:
            # Snakemake starts its jobs with the program that it runs in.
            sys.executable, sys.argv = str(program), arguments[arguments.index("-m") + 1 :]
            folders = [] if arguments[0] == "-P" else [""]
            sys.path[:1] = [*folders, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv, sys.path[0] = arguments, str(Path(arguments[0]).parent)
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def without_farewells() -> None:
    """Let forks end without what torch does last: it takes down its libraries and tells times, in a quarter second."""
    from torch._dynamo.utils import dump_compile_times

    atexit.unregister(dump_compile_times)
    for finalizer in [*weakref.finalize._registry]:
        finalizer.atexit = False


if __name__ == "__main__":
    for name in IMPORTS:
        __import__(name)
    without_farewells()
    # A collection would copy what all processes share.
    gc.freeze()
    listener = socket.socket(fileno=int(sys.argv[1]))
    program = Path(listener.getsockname()).with_name("python")
    run(serve(listener, int(sys.argv[2])), program)
