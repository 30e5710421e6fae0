"""Runs daemons, and ends them with all that they have started as soon as its standard input closes.

That pipe closes however the process at its other end has ended. Usage: python keeper.py COMMAND -- COMMAND …
"""

import contextlib
import ctypes
import itertools
import os
import subprocess
import sys

import psutil

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    # Daemons of SLURM fork twice. Their orphans become children of this process, so they are found.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    groups = itertools.groupby(sys.argv[1:], lambda word: word == "--")
    daemons = [subprocess.Popen(list(words), stdin=subprocess.DEVNULL) for separates, words in groups if not separates]
    sys.stdin.read()
    # Processes of jobs may start others while they are ended.
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=1)
    for daemon in daemons:
        daemon.wait()
    # Orphans are waited for too, so that their time counts as that of this process.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


if __name__ == "__main__":
    main()
